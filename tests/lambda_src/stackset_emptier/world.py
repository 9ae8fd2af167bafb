"""A StackSet whose operations take time, and fail; and a delivery's way to it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from aws_lambda_powertools.logging import Logger

from aws.organizations import AwsAccountId
from stackset_emptier.convergence import step
from stackset_emptier.emptying import Instance, Operation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from stackset_emptier.emptying import Deletion

Target = tuple[AwsAccountId, str]
LOGGER = Logger(service="test", level="CRITICAL")


class Fate(StrEnum):
    """What becomes of the deletion of a stack, as the instance tells afterwards."""

    GOES = "SUCCEEDED"
    FAILS = "FAILED"
    BREAKS = "INOPERABLE"
    SUSPENDED = "SKIPPED_SUSPENDED_ACCOUNT"


@dataclass
class Work:
    """An operation.

    Attributes:
        makes: Whether it makes or updates stacks; it deletes them otherwise.
        lets_go: Whether deleted instances leave their stacks behind.
    """

    id: str
    targets: frozenset[Target]
    makes: bool
    lets_go: bool = False
    status: str = "QUEUED"

    @property
    def is_under_way(self) -> bool:
        return self.status in {"QUEUED", "RUNNING"}

    @property
    def is_ours(self) -> bool:
        return self.id.startswith("empty-")


@dataclass
class World:
    """What there is.

    Attributes:
        instances: The StackSet's instances.
        works: All operations.
        fates: What becomes of deletions in an account; they succeed where nothing is said.
        shows_late: Whether a queued operation does not show in its instances.
        left_behind: Stacks that are in their accounts and in no StackSet any more.
    """

    instances: dict[Target, Instance] = field(default_factory=dict[Target, Instance])
    works: list[Work] = field(default_factory=list[Work])
    fates: dict[AwsAccountId, Fate] = field(default_factory=dict[AwsAccountId, Fate])
    shows_late: bool = False
    left_behind: set[Target] = field(default_factory=set[Target])
    # What lists of operations have shown so far.
    views: list[tuple[Operation, ...]] = field(default_factory=list[tuple[Operation, ...]])

    def add(self, account_id: AwsAccountId, *regions: str, status: str = "SUCCEEDED", operation: str = "") -> None:
        for region in regions:
            self.instances[account_id, region] = Instance(account_id, region, status, operation)

    def under_way(self) -> list[Work]:
        return [work for work in self.works if work.is_under_way]

    def begin(self, work: Work) -> bool:
        """Begin an operation; no id is taken twice."""
        if any(other.id == work.id for other in self.works):
            return False
        self.works.append(work)
        for target in work.targets if work.makes else ():
            self.instances.setdefault(target, Instance(*target))
        if not self.shows_late:
            self._show(work, "PENDING")
        return True

    def advance(self, work: Work) -> bool:
        """Let an operation start or end, if it can."""
        earlier = self.works[: self.works.index(work)]
        if any(other.is_under_way and other.targets & work.targets for other in earlier):
            return False
        if work.status == "QUEUED":
            work.status = "RUNNING"
            self._show(work, "RUNNING")
            return True
        work.status = "SUCCEEDED"
        for target in work.targets & self.instances.keys():
            self._end(work, target)
        return True

    def stop(self, work: Work) -> None:
        """Let a user stop an operation."""
        work.status = "STOPPED"
        self._show(work, "CANCELLED")

    def settle(self) -> None:
        """Let every operation end."""
        while works := self.under_way():
            # An operation conflicts only with earlier ones.
            assert self.advance(works[0])

    def _show(self, work: Work, status: str) -> None:
        for target in work.targets & self.instances.keys():
            self.instances[target] = replace(self.instances[target], detailed_status=status, last_operation_id=work.id)

    def _end(self, work: Work, target: Target) -> None:
        fate = self.fates.get(target[0], Fate.GOES)
        if not work.makes and (work.lets_go or fate is Fate.GOES):
            del self.instances[target]
            if work.lets_go:
                self.left_behind.add(target)
        else:
            self.instances[target] = Instance(*target, fate, work.id, f"because of {fate}")


class Eyes:
    """A delivery's view of the world.

    Args:
        world: What there is.
        around: Told the name of each call before it has its effect, and again after it; may raise in its place.
        view: Picks one of so many views that lists of operations have shown, since these may lag behind.
    """

    def __init__(
        self,
        world: World,
        around: Callable[[str], None] = lambda _: None,
        view: Callable[[int], int] = lambda views: views - 1,
    ) -> None:
        self.world = world
        self.calls: list[str] = []
        self.begun: list[Deletion] = []
        self._around = around
        self._view = view

    def deliver(self, *, is_over: bool = False) -> None:
        step(self, is_over=is_over, logger=LOGGER)

    def operations(self) -> tuple[Operation, ...]:
        self._call("operations")
        views = self.world.views
        views.append(tuple(Operation(work.id, work.is_under_way) for work in self.world.works))
        shown = views[self._view(len(views))]
        self._around("operations")
        return shown

    def instances(self) -> Iterator[Instance]:
        self._call("instances")
        for target in sorted(self.world.instances):
            # It may go while the pages are turned.
            if target in self.world.instances:
                yield self.world.instances[target]
        self._around("instances")

    def begin(self, deletion: Deletion) -> bool:
        self._call("begin")
        targets = frozenset((account, region) for account in deletion.accounts for region in deletion.regions)
        overlapping = [work for work in self.world.under_way() if work.is_ours and work.targets & targets]
        work = Work(deletion.id, targets, makes=False, lets_go=deletion.lets_go)
        is_begun = self.world.begin(work)
        assert not (is_begun and overlapping)
        if is_begun:
            self.begun.append(deletion)
        self._around("begin")
        return is_begun

    def _call(self, name: str) -> None:
        self.calls.append(name)
        self._around(name)
