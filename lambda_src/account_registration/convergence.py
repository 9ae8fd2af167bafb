"""Read, decide, act, and again until nothing is left to do: for all accounts of a batch at once.

Nothing stops Alert Logic from making two deployments of one account, so whoever makes one looks again afterwards, and
everyone who sees two keeps the same one of them.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from alertlogic_api import AlertLogicError, ConflictError, RejectedError

from .registration import (
    AmendDeployment,
    CreateCredential,
    CreateDeployment,
    DeleteCredential,
    DeleteDeployment,
    DisableDeployment,
    Registration,
    State,
    amended,
    decide,
    deployment_of,
    disabled,
    new_document,
    withdraw,
)
from .request import RequestRefusedError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import TypedDict

    from alertlogic_api import AlertLogic
    from aws.organizations import AwsAccountId

    from .registration import Change, Order

    class _References(TypedDict):
        credential_id: str
        policy_ids: Mapping[str, str]


ROUNDS: Final = 8


@dataclass(frozen=True, slots=True)
class Settled:
    """An account is as ordered; `deployment_id` is None where no deployment is left."""

    deployment_id: str | None


Outcome = Settled | Exception


class Convergence:
    """Brings Alert Logic to what is ordered. Make one per container: it remembers the policies."""

    def __init__(self, alert_logic: AlertLogic) -> None:
        self._alert_logic = alert_logic
        self._policy_ids: dict[str, str] = {}

    def converge(self, orders: Sequence[Order]) -> dict[AwsAccountId, Outcome]:
        """Return what became of each order; there must be one for an account at most."""
        outcomes: dict[AwsAccountId, Outcome] = {}
        try:
            open_orders = self._without_unknown_policies(orders, outcomes)
            self._converge(open_orders, outcomes)
            if any(isinstance(outcome, RejectedError) for outcome in outcomes.values()):
                # Perhaps for a policy that has another id by now.
                self._policy_ids = {}
        except Exception as error:  # noqa: BLE001 - an outcome like any other
            # What all accounts share could not be read.
            for order in orders:
                outcomes.setdefault(order.account_id, error)
        return outcomes

    def _converge(self, orders: Sequence[Order], outcomes: dict[AwsAccountId, Outcome]) -> None:
        efforts = [_Effort(order, self._alert_logic, self._policy_ids) for order in orders]
        for _ in range(ROUNDS):
            if not efforts:
                return
            # Credentials first, since one is there before the deployment that links it.
            credentials = self._alert_logic.credentials.list()
            state = State(credentials, self._alert_logic.deployments.list(), self._policy_ids)
            for effort in efforts:
                outcome = effort.advance(state)
                if outcome:
                    outcomes[effort.order.account_id] = outcome
            efforts = [effort for effort in efforts if effort.order.account_id not in outcomes]
        for effort in efforts:
            outcomes[effort.order.account_id] = ConflictError(f"others kept changing it for {ROUNDS} rounds")

    def _without_unknown_policies(self, orders: Sequence[Order], outcomes: dict[AwsAccountId, Outcome]) -> list[Order]:
        wanted = {order.policy_name for order in orders if isinstance(order, Registration)}
        if not wanted.issubset(self._policy_ids):
            self._policy_ids = {policy.name: policy.id for policy in self._alert_logic.policies.list()}
        known: list[Order] = []
        for order in orders:
            if isinstance(order, Registration) and order.policy_name not in self._policy_ids:
                outcomes[order.account_id] = RequestRefusedError(
                    f"Alert Logic has no policy {order.policy_name!r} for this customer, only "
                    f"{', '.join(sorted(self._policy_ids)) or 'none at all'}: "
                    "choose one of these, or have the entitlement added and deploy again"
                )
            else:
                known.append(order)
        return known


@dataclass(slots=True)
class _Effort:
    """What one loop does about one account, and remembers of it."""

    order: Order
    alert_logic: AlertLogic
    policy_ids: Mapping[str, str]
    made_here: set[str] = field(default_factory=set[str])
    credential_made_here: str | None = None
    written: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    was_rejected: bool = False

    def advance(self, state: State) -> Outcome | None:
        """Do what is left to do; return the outcome once nothing is left, or nothing can be done."""
        try:
            changes = decide(self.order, replace(state, made_here=self.made_here))
            has_written = [self._apply(change) for change in changes]
        except ConflictError:
            return None
        except RejectedError as error:
            # The first time, somebody may merely have taken away what this refers to.
            if self.was_rejected:
                return self._withdraw(state) or error
            self.was_rejected = True
            return None
        except Exception as error:  # noqa: BLE001 - one account must not fail the others
            return error
        self.was_rejected = False
        if any(has_written):
            return None
        deployment = deployment_of(self.order, state)
        return Settled(deployment.id if deployment else None)

    def _apply(self, change: Change) -> bool:
        match change:
            case CreateCredential(name, role_arn):
                self.credential_made_here = self.alert_logic.credentials.create(name=name, role_arn=role_arn).id
            case CreateDeployment(registration, credential_id):
                document = new_document(registration, **self._references(credential_id))
                self.made_here.add(self.alert_logic.deployments.create(document).id)
            case AmendDeployment(deployment_id, registration, credential_id):
                references = self._references(credential_id)
                return self._put(deployment_id, lambda document: amended(document, registration, **references))
            case DisableDeployment(deployment_id):
                return self._put(deployment_id, disabled)
            case DeleteDeployment(deployment_id):
                self.alert_logic.deployments.delete(deployment_id)
            case DeleteCredential(credential_id):
                self.alert_logic.credentials.delete(credential_id)
        return True

    def _references(self, credential_id: str | None) -> _References:
        return {"credential_id": credential_id or self.credential_made_here or "", "policy_ids": self.policy_ids}

    def _put(self, deployment_id: str, amend: Callable[[Mapping[str, Any]], dict[str, Any]]) -> bool:
        # Read anew, so that what others changed since the list was read survives.
        document = self.alert_logic.deployments.get(deployment_id).update_document()
        wanted = amend(document)
        # What Alert Logic did not keep when it was written will not be kept the second time.
        if wanted in (document, self.written.get(deployment_id)):
            return False
        version = self.alert_logic.deployments.update(deployment_id, wanted).version
        self.written[deployment_id] = {**wanted, "version": version}
        return True

    def _withdraw(self, state: State) -> AlertLogicError | None:
        try:
            for change in withdraw(self.order, state):
                self._apply(change)
        except AlertLogicError as error:
            # Then the message waits, is rejected again, and this is tried again.
            return error
        return None
