from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from account_enrollment.guard import WINDOW_SECONDS, DeletionGuard
from account_enrollment.operations import removal_id
from aws.stack_sets import Operation

NOW = 1_800_000_000.0
HOUR = 3600


def removal(number: int, hours_ago: float, *, is_under_way: bool = False) -> Operation:
    return Operation(removal_id(number), is_under_way=is_under_way, action="DELETE", began_at=NOW - hours_ago * HOUR)


def granted(percentage: int, enrolled: int, wanted: int, *operations: Operation) -> list[str]:
    leave = DeletionGuard(percentage).leave(wanted, operations, enrolled=lambda: enrolled, now=NOW)
    return list(leave.operation_ids)


@pytest.mark.parametrize(
    ("percentage", "enrolled", "most"),
    [(10, 100, 10), (10, 109, 10), (10, 5, 1), (10, 0, 1), (1, 10_000, 100), (0, 10_000, 1), (50, 3, 1), (99, 100, 99)],
)
def test_lets_a_share_go_and_always_one(percentage: int, enrolled: int, most: int) -> None:
    assert granted(percentage, enrolled, 10_000) == [removal_id(number) for number in range(1, most + 1)]


def test_lets_everything_go_at_a_hundred_percent() -> None:
    earlier = [removal(number, 1) for number in range(1, 9)]

    assert len(granted(100, 2, 5, *earlier)) == 5


def test_counts_what_went_in_the_last_24_hours() -> None:
    earlier = [removal(1, 25), removal(2, 24), removal(3, 23.9), removal(4, 0, is_under_way=True)]

    leave = DeletionGuard(10).leave(7, earlier, enrolled=lambda: 50, now=NOW)

    assert (leave.removed, leave.most, leave.operation_ids) == (2, 5, ("remove-5", "remove-6", "remove-7"))


def test_lets_nothing_go_beyond_the_share() -> None:
    assert granted(10, 20, 1, removal(1, 3), removal(2, 2)) == []
    assert granted(10, 10, 1, removal(1, 3), removal(2, 2), removal(3, 1)) == []


def test_other_operations_do_not_count() -> None:
    trim = Operation("trim-555555555555-0123", is_under_way=False, action="DELETE", began_at=NOW)

    assert granted(10, 10, 1, trim) == ["remove-1"]


def test_counts_what_the_list_leaves_out() -> None:
    assert granted(10, 40, 4, removal(1, 30), removal(4, 1)) == ["remove-5"]


@pytest.mark.parametrize(("percentage", "wanted"), [(100, 7), (10, 1), (10, 0)])
def test_counts_the_accounts_only_where_that_matters(percentage: int, wanted: int) -> None:
    def count() -> int:
        pytest.fail("it need not be known")

    leave = DeletionGuard(percentage).leave(wanted, [], enrolled=count, now=NOW)

    assert len(leave.operation_ids) == wanted


@given(
    percentage=st.integers(0, 100),
    enrolled=st.integers(0, 300),
    wanted=st.integers(0, 50),
    hours_ago=st.lists(st.floats(0, 50), max_size=30),
    data=st.data(),
)
def test_does_not_depend_on_the_order_of_the_list(
    percentage: int, enrolled: int, wanted: int, hours_ago: list[float], data: st.DataObject
) -> None:
    earlier = [removal(number, ago) for number, ago in enumerate(sorted(hours_ago, reverse=True), 1)]
    shuffled = data.draw(st.permutations(earlier))

    assert granted(percentage, enrolled, wanted, *shuffled) == granted(percentage, enrolled, wanted, *earlier)


@dataclass
class Worker:
    """An invocation between what it read and what it begins next."""

    leave: list[str] = field(default_factory=list[str])


class Removals(RuleBasedStateMachine):
    """Two workers that remove accounts, and CloudFormation, which takes each id once and whose list lags behind."""

    PERCENTAGE = 10
    ENROLLED = 37
    MOST = 3

    def __init__(self) -> None:
        super().__init__()
        self.now = NOW
        self.begun: list[Operation] = []
        self.workers = [Worker(), Worker()]

    @rule(who=st.integers(0, 1), wanted=st.integers(1, 6), lags=st.lists(st.integers(0, 9), max_size=4))
    def read_and_decide(self, who: int, wanted: int, lags: list[int]) -> None:
        """Forget what it was about, as an invocation does that begins."""
        # Of what is new, any part may be missing.
        late = {self.begun[-1 - lag].id for lag in lags if lag < len(self.begun)}
        listed = [it for it in self.begun if it.id not in late or self.now - it.began_at > 60]
        guard = DeletionGuard(self.PERCENTAGE)
        leave = guard.leave(wanted, listed, enrolled=lambda: self.ENROLLED, now=self.now)
        self.workers[who].leave = list(leave.operation_ids)

    @rule(who=st.integers(0, 1))
    def begin_the_next(self, who: int) -> None:
        worker = self.workers[who]
        if not worker.leave:
            return
        token = worker.leave.pop(0)
        if any(it.id == token for it in self.begun):
            worker.leave = []
        else:
            self.begun.append(Operation(token, is_under_way=True, action="DELETE", began_at=self.now))

    @rule(seconds=st.sampled_from([1, 30, 300, 6 * HOUR, 12 * HOUR, WINDOW_SECONDS]))
    def time_goes_by(self, seconds: int) -> None:
        # No invocation lasts longer than five minutes.
        if seconds > 300:
            for worker in self.workers:
                worker.leave = []
        self.now += seconds

    @invariant()
    def no_window_holds_more_than_may_go(self) -> None:
        times = [it.began_at for it in self.begun]
        for end in times:
            assert sum(end - WINDOW_SECONDS < at <= end for at in times) <= self.MOST


TestRemovals = Removals.TestCase
TestRemovals.settings = settings(max_examples=200, stateful_step_count=60)
