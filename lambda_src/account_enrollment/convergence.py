"""Read, decide and begin, for some accounts at a time.

Any number of workers do this at once. What begins an operation twice is refused by its id, and what reads too old a
state is decided again, by a later delivery or by the next sweep.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from aws.measures import emit
from aws.queue import NotYet

from .enrollment import Create, LetGo, Release, Remove, Situation, Trim, Update, decide, needs_operations
from .hub import standing
from .operations import group, operation_id

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from aws_lambda_powertools.logging import Logger

    from aws.organizations import Account, AwsAccountId
    from aws.stack_sets import StackSet

    from .enrollment import Decision, Departure, EnrollmentScope, Operate
    from .guard import DeletionGuard, Leave
    from .hub import Hub

HELD_BACK_METRIC: Final = "RemovalsHeldBack"
CENSUS_SECONDS: Final = 900


class Census:
    """How many accounts are enrolled. Make one per container: it counts anew after a quarter of an hour.

    Args:
        clock: Seconds, of which only differences count.
    """

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._count = 0
        self._counted_at: float | None = None

    def enrolled(self, stack_set: StackSet) -> int:
        """Count the accounts with instances."""
        if self._counted_at is None or self._clock() - self._counted_at >= CENSUS_SECONDS:
            self._count = len(stack_set.accounts())
            self._counted_at = self._clock()
        return self._count


@dataclass(frozen=True, slots=True)
class Occasion:
    """What accounts are looked at for.

    Attributes:
        event_id: The event, or that which began the sweep.
        attempt: How often the message was delivered, this time included.
        is_sweep: Whether the hub is told of every account, not only of those that go or are gone.
    """

    event_id: str
    attempt: int
    is_sweep: bool


@dataclass(frozen=True, slots=True)
class Outcome:
    """What is left of some accounts once all has begun that could.

    Attributes:
        nothing: Why there was nothing to be done about an account.
        waits: Why accounts must be looked at again.
    """

    nothing: Mapping[AwsAccountId, str]
    waits: tuple[str, ...]


class Convergence:
    """Brings the instances of accounts to what they should be. Make one per batch: it lists operations once.

    Args:
        scope: Which accounts get instances.
        guard: How many may go.
        census: How many there are.
        stack_set: The StackSet.
        hub: Who is told.
        logger: Gets a line for each operation that begins, and for each account that is held back.
        clock: The time in Unix seconds.
    """

    def __init__(
        self,
        *,
        scope: EnrollmentScope,
        guard: DeletionGuard,
        census: Census,
        stack_set: StackSet,
        hub: Hub,
        logger: Logger,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._scope = scope
        self._guard = guard
        self._census = census
        self._stack_set = stack_set
        self._hub = hub
        self._logger = logger
        self._clock = clock

    def converge(self, accounts: Mapping[AwsAccountId, Account | None], occasion: Occasion) -> Outcome:
        """Begin whatever the accounts need, and tell the hub.

        Args:
            accounts: What Organizations says of each; None for one that is not in the organization.
            occasion: What this is done for.

        Raises:
            NotYet: The StackSet is busy or not there (yet), or the hub cannot be told.
        """
        decisions = [self._decide(account_id, account) for account_id, account in accounts.items()]
        waits = self._operate(decisions, occasion)
        begun, held_back = self._depart(decisions, waits)
        self._tell(decisions, begun, occasion)
        return Outcome(
            nothing={it.situation.account_id: it.nothing for it in decisions if it.nothing},
            waits=(*waits, *(it.wait for it in decisions if it.wait and it not in held_back)),
        )

    def _decide(self, account_id: AwsAccountId, account: Account | None) -> Decision:
        if account_id == self._scope.management_account_id:
            return decide(self._scope, Situation(account_id, account, ()), ())
        situation = self._read(account_id, account)
        if not needs_operations(self._scope, situation):
            return decide(self._scope, situation, ())
        if not self._stack_set.has_listed_operations:
            # In this order: an operation that begins in between shows in its instances, one that ends is waited for.
            self._stack_set.operations()
            situation = self._read(account_id, account)
        return decide(self._scope, situation, self._stack_set.operations())

    def _read(self, account_id: AwsAccountId, account: Account | None) -> Situation:
        return Situation(account_id, account, self._stack_set.instances(account_id))

    def _operate(self, decisions: Sequence[Decision], occasion: Occasion) -> list[str]:
        situations = {decision.situation.account_id: decision.situation for decision in decisions}
        waits: list[str] = []
        for joint in group(decisions):
            token = operation_id(joint, event_id=occasion.event_id, attempt=occasion.attempt, situations=situations)
            try:
                self._begin(joint.action, joint.account_ids, token)
            except NotYet as error:
                # The others need not wait for these.
                waits.append(str(error))
        return waits

    def _depart(self, decisions: Sequence[Decision], waits: list[str]) -> tuple[Sequence[Decision], Sequence[Decision]]:
        """Return whose departure has begun, and whose is held back."""
        leaving = [(it, it.departure) for it in decisions if it.departure]
        if not leaving:
            return (), ()
        leave = self._guard.leave(
            len(leaving),
            self._stack_set.operations(),
            enrolled=lambda: self._census.enrolled(self._stack_set),
            now=self._clock(),
        )
        begun: list[Decision] = []
        for (decision, departure), token in zip(leaving, leave.operation_ids, strict=False):
            try:
                self._begin(departure, (decision.situation.account_id,), token)
            except NotYet as error:
                # Each number is taken after the one before it, or the guard would miscount.
                waits.append(str(error))
                break
            begun.append(decision)
        held_back = [decision for decision, _ in leaving[len(leave.operation_ids) :]]
        if held_back:
            self._hold_back(held_back, leave)
        return begun, held_back

    def _begin(self, action: Operate | Departure, account_ids: Sequence[AwsAccountId], token: str) -> None:
        begin = {
            Create: self._stack_set.create,
            Update: self._stack_set.update,
            Release: self._stack_set.release,
            Trim: self._stack_set.remove,
            Remove: self._stack_set.remove,
            LetGo: self._stack_set.release,
        }[type(action)]
        begin(account_ids, action.regions, operation_id=token)
        self._logger.info("operation begun", operation_id=token, account_ids=account_ids, regions=action.regions)

    def _hold_back(self, decisions: Sequence[Decision], leave: Leave) -> None:
        for decision in decisions:
            self._logger.warning(
                "removal held back",
                account_id=decision.situation.account_id,
                reason=decision.why_not,
                removed=leave.removed + len(leave.operation_ids),
                most=leave.most,
            )
        emit(self._logger.service, {HELD_BACK_METRIC: len(decisions)})

    def _tell(self, decisions: Sequence[Decision], departing: Sequence[Decision], occasion: Occasion) -> None:
        standings = [
            standing(decision, is_departing=decision in departing)
            for decision in decisions
            if decision.situation.account_id != self._scope.management_account_id
        ]
        self._hub.tell(occasion.event_id, [it for it in standings if occasion.is_sweep or not it.is_wanted])
