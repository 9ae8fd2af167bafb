"""Read, decide, act, and again until nothing is left to do: for each account of a batch.

Nothing stops Alert Logic from making two deployments of one account, so whoever makes one looks again afterwards, and
everyone who sees two keeps the same one of them.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from alertlogic_api import AlertLogicError, ConflictError, RejectedError
from aws.custom_resource import RequestRefusedError
from aws.queue import NotYet

from .census import Census
from .central_logs import CREDENTIAL_NAME, shared_credential
from .effort import Effort
from .entries import CENTRAL_LOGS
from .inventory import Inventory
from .order import Registration
from .registration import State

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Protocol

    from alertlogic_api import AlertLogic, Credential
    from aws.organizations import AwsAccountId

    from . import census, inventory
    from .effort import Names, Outcome, Vpcs
    from .order import Order

    class Index(inventory.Index, census.Index, Protocol):
        """What is known of Alert Logic, as `aws.index.Index` holds it."""


ROUNDS: Final = 8


class Convergence:
    """Brings Alert Logic to what is ordered. Make one per container: it remembers what all accounts share.

    Args:
        alert_logic: Where it is to be.
        vpcs: Sees the VPCs that tags put into scope.
        names: Knows the accounts' names.
        index: What is known of Alert Logic.
        central_logs_role_arn: The role with which Alert Logic reads the central logs; empty if there is none.
        clock: The time in Unix seconds.
    """

    def __init__(
        self,
        alert_logic: AlertLogic,
        vpcs: Vpcs,
        names: Names,
        index: Index,
        *,
        central_logs_role_arn: str,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._alert_logic = alert_logic
        self._census = Census(alert_logic, index, central_logs_role_arn=central_logs_role_arn, clock=clock)
        self._inventory = Inventory(
            alert_logic, index, self._census, central_logs_role_arn=central_logs_role_arn, clock=clock
        )
        self._vpcs = vpcs
        self._names = names
        self._central_logs_role_arn = central_logs_role_arn
        self._policy_ids: dict[str, str] = {}
        self._has_central_credential = False

    def refresh(self, sweep_id: str) -> None:
        """List all that Alert Logic holds, once for each sweep, so that the sweep finds what the index misses.

        That costs as much as there are accounts: call it for what looks at the whole organization, or much of it.

        Raises:
            AlertLogicError: It cannot be listed now. The next call for the sweep tries again.
            Busy: Somebody else is at it, or the table does not take what is listed.
        """
        self._census.refresh(sweep_id)

    def converge(
        self, orders: Sequence[Order], *, about: Callable[[AwsAccountId], None] = lambda _: None
    ) -> dict[AwsAccountId, Outcome]:
        """Return what became of each order.

        Args:
            orders: One for an account at most.
            about: Told of each account before Alert Logic is asked about it.
        """
        outcomes: dict[AwsAccountId, Outcome] = {}
        try:
            open_orders = self._without_unknown_policies(orders, outcomes)
            if open_orders:
                self._census.require()
            self._converge(open_orders, outcomes, about)
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

    def _converge(
        self, orders: Sequence[Order], outcomes: dict[AwsAccountId, Outcome], about: Callable[[AwsAccountId], None]
    ) -> None:
        # As it was in the batch before.
        is_central_settled = self._has_central_credential
        open_orders = self._with_central_credential(orders, outcomes)
        efforts = [
            Effort(order, self._alert_logic, self._inventory, self._vpcs, self._names, self._policy_ids)
            for order in open_orders
        ]
        central: list[Credential] | None = None
        for _ in range(ROUNDS):
            if not efforts:
                return
            # What each of them may have to link, or to unlink. Where it was just made, others may have made one, too.
            if central is None or not is_central_settled or any(effort.was_rejected for effort in efforts):
                is_any_registered = any(isinstance(effort.order, Registration) for effort in efforts)
                central = self._inventory.central_credentials() if is_any_registered else []
            for effort in efforts:
                about(effort.order.account_id)
                outcome = self._advance(effort, central)
                if outcome:
                    outcomes[effort.order.account_id] = outcome
            efforts = [effort for effort in efforts if effort.order.account_id not in outcomes]
        for effort in efforts:
            outcomes[effort.order.account_id] = ConflictError(f"others kept changing it for {ROUNDS} rounds")

    def _advance(self, effort: Effort, central: Sequence[Credential]) -> Outcome | None:
        try:
            found = self._inventory.holdings(effort.order.account_id, effort.made)
        except Exception as error:  # noqa: BLE001 - one account must not fail the others
            return error
        state = State(
            credentials=[*found.credentials, *central],
            deployments=found.deployments,
            policy_ids=self._policy_ids,
            central_logs_role_arn=self._central_logs_role_arn,
            known_ours=found.known_ours,
            linked_elsewhere=found.linked_elsewhere,
        )
        return effort.advance(state)

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
            except (AlertLogicError, NotYet, RequestRefusedError) as error:
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
        if shared_credential(self._inventory.central_credentials(must_be_certain=True), role_arn) is None:
            # Others may do so at the same time: each round looks at them anew, and everyone links the earliest.
            with self._inventory.making() as made:
                self._inventory.create_credential(CENTRAL_LOGS, made, name=CREDENTIAL_NAME, role_arn=role_arn)
        self._has_central_credential = True
