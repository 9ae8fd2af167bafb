"""Read, decide, act, and again until nothing is left to do: for all accounts of a batch at once.

Nothing stops Alert Logic from making two deployments of one account, so whoever makes one looks again afterwards, and
everyone who sees two keeps the same one of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from alertlogic_api import AlertLogicError, ConflictError, RejectedError
from protection.ownership import discover_credentials

from .central_logs import CREDENTIAL_NAME, shared_credential
from .effort import Effort
from .order import Registration
from .registration import State
from .request import RequestRefusedError

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from alertlogic_api import AlertLogic
    from aws.organizations import AwsAccountId

    from .effort import Names, Outcome, Vpcs
    from .order import Order

ROUNDS: Final = 8


class Convergence:
    """Brings Alert Logic to what is ordered. Make one per container: it remembers what all accounts share.

    Args:
        alert_logic: Where it is to be.
        vpcs: Sees the VPCs that tags put into scope.
        names: Knows the accounts' names.
        central_logs_role_arn: The role with which Alert Logic reads the central logs; empty if there is none.
    """

    def __init__(self, alert_logic: AlertLogic, vpcs: Vpcs, names: Names, *, central_logs_role_arn: str) -> None:
        self._alert_logic = alert_logic
        self._vpcs = vpcs
        self._names = names
        self._central_logs_role_arn = central_logs_role_arn
        self._policy_ids: dict[str, str] = {}
        self._has_central_credential = False

    def converge(self, orders: Sequence[Order]) -> dict[AwsAccountId, Outcome]:
        """Return what became of each order; there must be one for an account at most."""
        outcomes: dict[AwsAccountId, Outcome] = {}
        try:
            open_orders = self._without_unknown_policies(orders, outcomes)
            self._converge(self._with_central_credential(open_orders, outcomes), outcomes)
            if any(isinstance(outcome, RejectedError) for outcome in outcomes.values()):
                # Perhaps for a policy that has another id by now.
                self._policy_ids = {}
        except Exception as error:  # noqa: BLE001 - an outcome like any other
            # What all accounts share could not be read.
            for order in orders:
                outcomes.setdefault(order.account_id, error)
        if any(isinstance(outcome, Exception) for outcome in outcomes.values()):
            # Perhaps for want of the credential, which somebody deleted.
            self._has_central_credential = False
        return outcomes

    def _converge(self, orders: Sequence[Order], outcomes: dict[AwsAccountId, Outcome]) -> None:
        efforts = [Effort(order, self._alert_logic, self._vpcs, self._names, self._policy_ids) for order in orders]
        for _ in range(ROUNDS):
            if not efforts:
                return
            state = self._state({effort.order.account_id for effort in efforts})
            for effort in efforts:
                outcome = effort.advance(state)
                if outcome:
                    outcomes[effort.order.account_id] = outcome
            efforts = [effort for effort in efforts if effort.order.account_id not in outcomes]
        for effort in efforts:
            outcomes[effort.order.account_id] = ConflictError(f"others kept changing it for {ROUNDS} rounds")

    def _state(self, account_ids: Collection[AwsAccountId]) -> State:
        # Credentials first, since one is there before the deployment that links it.
        credentials = self._alert_logic.credentials.list()
        deployments = self._alert_logic.deployments.list()
        own = [deployment for deployment in deployments if deployment.account_id in account_ids]
        unlisted = set[str]().union(*map(discover_credentials, own)) - {credential.id for credential in credentials}
        if unlisted:
            # One that was made meanwhile tells whose the deployment is; what is not listed now either is gone.
            credentials += [it for it in self._alert_logic.credentials.list() if it.id in unlisted]
        return State(credentials, deployments, self._policy_ids, self._central_logs_role_arn)

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

    def _with_central_credential(self, orders: Sequence[Order], outcomes: dict[AwsAccountId, Outcome]) -> list[Order]:
        """Have the credential of the central logs there, once for all orders that need it; return what can go on."""
        needing = [order.account_id for order in orders if isinstance(order, Registration) and order.central_logs]
        if needing:
            try:
                self._require_central_credential()
            except (AlertLogicError, RequestRefusedError) as error:
                outcomes.update(dict.fromkeys(needing, error))
        return [order for order in orders if order.account_id not in outcomes]

    def _require_central_credential(self) -> None:
        role_arn = self._central_logs_role_arn
        if not role_arn:
            raise RequestRefusedError(
                "CentralLogs is true, but this service knows no role that reads the central logs: "
                "register through the hub of a landing zone, or leave central logs out"
            )
        if self._has_central_credential:
            return
        if shared_credential(self._alert_logic.credentials.list(), role_arn) is None:
            # Others may do so at the same time: each round lists them anew, and everyone keeps the earliest.
            self._alert_logic.credentials.create(name=CREDENTIAL_NAME, role_arn=role_arn)
        self._has_central_credential = True
