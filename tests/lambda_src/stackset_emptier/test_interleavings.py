"""Deliveries that overlap, are cut off and see old lists: no instance is worked on twice, and all ends empty."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from aws.organizations import AwsAccountId
from aws.queue import NotYet
from stackset_emptier import emptying
from tests.lambda_src.stackset_emptier.world import Eyes, Fate, Work, World

if TYPE_CHECKING:
    from collections.abc import Callable

ACCOUNTS = [AwsAccountId(f"1000000000{number:02}") for number in range(7)]
REGIONS = ["us-east-1", "us-west-2"]
# So small that a few accounts fill them.
BOUNDS: dict[str, Any] = {"LANES": 2, "MOST_ACCOUNTS": 2, "MOST_INSTANCES": 9}
DEEPEST = 3

indices = st.integers(0, 9)
all_fates = st.lists(st.sampled_from(Fate), min_size=len(ACCOUNTS), max_size=len(ACCOUNTS))
whats = st.sampled_from(("nothing", "nothing", "nothing", "another delivery", "time", "time", "throttle", "death"))


class KilledError(BaseException):
    """Lambda ended the invocation; no code of the function catches that."""


class Interleavings(RuleBasedStateMachine):
    """A few accounts, deliveries within deliveries, operations of others, users, and time."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World()
        self.others = 0
        self.bounds = patch.multiple(emptying, **BOUNDS)
        self.bounds.start()

    @initialize(fates=all_fates, late=st.booleans())
    def begin(self, fates: list[Fate], *, late: bool) -> None:
        self.world.shows_late = late
        for account, fate in zip(ACCOUNTS, fates, strict=True):
            self.world.fates[account] = fate
            self.world.add(account, *REGIONS)

    @rule(data=st.data())
    def delivery(self, data: st.DataObject) -> None:
        self._deliver(data, depth=1)

    @precondition(lambda self: self.world.under_way())
    @rule(at=indices)
    def time_passes(self, at: int) -> None:
        self._pass_time(at)

    @precondition(lambda self: self.world.under_way())
    @rule(at=indices)
    def user_stops_an_operation(self, at: int) -> None:
        works = self.world.under_way()
        self.world.stop(works[at % len(works)])

    @rule(at=indices, is_named=st.booleans())
    def somebody_else_makes_instances(self, at: int, *, is_named: bool) -> None:
        account = ACCOUNTS[at % len(ACCOUNTS)]
        self.others += 1
        operation_id = f"create-{account}-{self.others}" if is_named else f"uuid-{self.others}"
        self.world.begin(Work(operation_id, frozenset((account, region) for region in REGIONS), makes=True))

    def teardown(self) -> None:
        # The faults are over.
        for _ in range(100):
            self.world.settle()
            try:
                Eyes(self.world).deliver()
            except NotYet:
                continue
            break
        self.bounds.stop()
        assert self.world.instances == {}
        assert self.world.under_way() == []
        assert all(self.world.fates[account] is not Fate.GOES for account, _ in self.world.left_behind)

    def _deliver(self, data: st.DataObject, *, depth: int) -> None:
        eyes = Eyes(self.world, self._around(data, depth), view=lambda views: views - 1 - data.draw(indices) % views)
        try:
            eyes.deliver()
        except (NotYet, KilledError):
            pass
        else:
            assert "begin" not in eyes.calls

    def _around(self, data: st.DataObject, depth: int) -> Callable[[str], None]:
        def around(_: str) -> None:
            match data.draw(whats):
                case "another delivery" if depth < DEEPEST:
                    self._deliver(data, depth=depth + 1)
                case "time" if self.world.under_way():
                    self._pass_time(data.draw(indices))
                case "throttle":
                    raise NotYet("throttled")
                case "death":
                    raise KilledError

        return around

    def _pass_time(self, at: int) -> None:
        works = self.world.under_way()
        self.world.advance(works[at % len(works)])


Interleavings.TestCase.settings = settings(max_examples=400, stateful_step_count=15)
TestInterleavings: Any = Interleavings.TestCase
