"""What is to be done next so that the StackSet ends empty: the decision, without any reading or writing.

Accounts are divided into lanes by their ids. An operation of ours works on accounts of one lane, and its id says which
and how many there were before it in that lane. So whoever begins one takes a number that nobody else can take, and no
two deliveries, whatever each has seen, ever work on the same instance at once. Lists of operations are eventually
consistent: https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ListStackSetOperations.html
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from aws.organizations import AwsAccountId

# What is under way at most: 1,000 accounts. With more, a listing would have to page through more instances on which
# CloudFormation works already, before it finds one that is still to be deleted.
LANES: Final = 20
MOST_ACCOUNTS: Final = 50
# Bounds the listing: 400 pages of 100 take 80 seconds, of the five minutes that an invocation has. It mostly ends
# earlier, once there is enough to begin with in each lane that is free; with no lane free there is none.
MOST_INSTANCES: Final = 40_000

_OURS: Final = re.compile(r"empty-(?P<lane>[0-9]+)-(?P<number>[0-9]+)")
_MOVING: Final = frozenset({"PENDING", "RUNNING"})
# With these a deletion ends that would end so again: Control Tower's role is gone, the account is suspended or closed,
# or something in it holds on to the stack. See https://repost.aws/knowledge-center/cloudformation-removal-stacksets
_NOT_DELETABLE: Final = frozenset({"FAILED", "INOPERABLE", "SKIPPED_SUSPENDED_ACCOUNT"})


@dataclass(frozen=True, slots=True)
class Instance:
    """A stack instance, https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_StackInstanceSummary.html.

    Attributes:
        account_id: Where it is.
        region: Where it is.
        detailed_status: What became of the last operation on it.
        last_operation_id: That operation; empty if there was none.
        reason: Why it is as it is, in CloudFormation's words.
    """

    account_id: AwsAccountId
    region: str
    detailed_status: str = ""
    last_operation_id: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation on the StackSet, of today or of long ago."""

    id: str
    is_under_way: bool


@dataclass(frozen=True, slots=True)
class Deletion:
    """An operation to begin, on each of the accounts in each of the regions.

    Attributes:
        id: The operation's id.
        accounts: Where.
        regions: Where.
        lets_go: Whether the stacks stay in the accounts, since they cannot be deleted.
        reasons: Why they cannot, in CloudFormation's words.
    """

    id: str
    accounts: tuple[AwsAccountId, ...]
    regions: tuple[str, ...]
    lets_go: bool
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Begin:
    """Begin operations, then look again."""

    deletions: tuple[Deletion, ...]


@dataclass(frozen=True, slots=True)
class Wait:
    """Look again later."""

    why: str


@dataclass(frozen=True, slots=True)
class Done:
    """The StackSet is empty, and at rest."""


@dataclass(frozen=True, slots=True)
class GiveUp:
    """There is no time left."""

    why: str


Decision = Begin | Wait | Done | GiveUp


def decide(operations: Collection[Operation], instances: Iterable[Instance], *, is_over: bool) -> Decision:
    """Decide what to do next.

    Args:
        operations: Those of the StackSet, past ones included.
        instances: What there is, read after the operations, and no further than it takes.
        is_over: Whether there is no time left, so that nothing more is begun.
    """
    under_way = [operation.id for operation in operations if operation.is_under_way]
    lanes = _free_lanes(operations)
    if not lanes and not is_over:
        return Wait(f"operations under way: {len(under_way)}, no room for more")
    others = _Others.of(operations)
    seen = 0
    for instance in islice(instances, MOST_INSTANCES):
        seen += 1
        lane = lanes.get(_lane_of(instance.account_id))
        if lane is not None and not others.may_work_on(instance):
            lane.add(instance)
            if not is_over and all(lane.is_full for lane in lanes.values()):
                break
    if not seen and not under_way:
        return Done()
    count = f"{seen} or more" if seen == MOST_INSTANCES else seen
    left = f"stack instances left: {count}, operations under way: {len(under_way)}"
    if is_over:
        return GiveUp(left)
    if deletions := tuple(lane.deletion() for lane in lanes.values() if lane.regions):
        return Begin(deletions)
    return Wait(left)


@dataclass(slots=True)
class _Lane:
    """A lane with no operation of ours under way.

    Attributes:
        next_id: The id of the next operation in it.
        regions: Where there are instances to delete, or to let go of, by account and whether it is the latter.
        reasons: Why some are to be let go of, by account.
    """

    next_id: str
    regions: dict[tuple[AwsAccountId, bool], set[str]] = field(default_factory=lambda: defaultdict(set))
    reasons: dict[AwsAccountId, set[str]] = field(default_factory=lambda: defaultdict(set))

    @property
    def is_full(self) -> bool:
        """Whether an operation has enough to do, even if the last account was not seen as a whole."""
        return len(self.regions) > MOST_ACCOUNTS

    def add(self, instance: Instance) -> None:
        """Note an instance on which nobody works."""
        lets_go = instance.detailed_status in _NOT_DELETABLE and bool(_OURS.fullmatch(instance.last_operation_id))
        self.regions[instance.account_id, lets_go].add(instance.region)
        if lets_go and instance.reason:
            self.reasons[instance.account_id].add(instance.reason)

    def deletion(self) -> Deletion:
        """Return the operation that does most: it works on every account in every region, so on what is alike."""
        alike: dict[tuple[bool, tuple[str, ...]], list[AwsAccountId]] = defaultdict(list)
        for (account_id, lets_go), regions in self.regions.items():
            alike[lets_go, tuple(sorted(regions))].append(account_id)
        kind, accounts = max(alike.items(), key=lambda item: (len(item[1]), item[0]))
        lets_go, regions_of_all = kind
        chosen = tuple(sorted(accounts)[:MOST_ACCOUNTS])
        reasons = {reason for account_id in chosen for reason in self.reasons.get(account_id, ())} if lets_go else ()
        return Deletion(self.next_id, chosen, regions_of_all, lets_go, tuple(sorted(reasons)))


@dataclass(frozen=True, slots=True)
class _Others:
    """Operations of others under way: of the enrollment, which name the accounts in their ids, or of CloudFormation.

    Attributes:
        under_way: Their ids.
        accounts: What they name in them, accounts among it.
        known: The ids of all operations, past ones and ours included.
    """

    under_way: frozenset[str]
    accounts: frozenset[str]
    known: frozenset[str]

    @classmethod
    def of(cls, operations: Collection[Operation]) -> _Others:
        under_way = frozenset(it.id for it in operations if it.is_under_way and not _OURS.fullmatch(it.id))
        return cls(
            under_way,
            accounts=frozenset(part for operation_id in under_way for part in operation_id.split("-")),
            known=frozenset({"", *(operation.id for operation in operations)}),
        )

    def may_work_on(self, instance: Instance) -> bool:
        """Whether an instance is, or may be, in the hands of one of them."""
        if instance.last_operation_id in self.under_way or instance.account_id in self.accounts:
            return True
        # It need not name the operation that it waits for, or names one begun just now.
        is_moving = instance.detailed_status in _MOVING
        return is_moving and (bool(self.under_way) or instance.last_operation_id not in self.known)


def _free_lanes(operations: Collection[Operation]) -> dict[int, _Lane]:
    numbers = dict.fromkeys(range(LANES), 0)
    taken: set[int] = set()
    for operation in operations:
        if ours := _OURS.fullmatch(operation.id):
            lane = int(ours["lane"])
            numbers[lane] = max(numbers.get(lane, 0), int(ours["number"]))
            if operation.is_under_way:
                taken.add(lane)
    return {lane: _Lane(f"empty-{lane}-{number + 1}") for lane, number in numbers.items() if lane not in taken}


def _lane_of(account_id: AwsAccountId) -> int:
    return int(account_id) % LANES
