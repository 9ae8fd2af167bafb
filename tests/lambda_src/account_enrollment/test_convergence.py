"""What is begun and told for some accounts, against a StackSet whose operations take time."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from aws_lambda_powertools.logging import Logger
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from account_enrollment.convergence import CENSUS_SECONDS, Census, Convergence, Occasion
from account_enrollment.guard import WINDOW_SECONDS, DeletionGuard
from account_enrollment.hub import Hub
from account_enrollment.operations import is_removal
from aws.organizations import Account, AwsAccountId
from aws.queue import NotYet
from aws.stack_sets import StackSet
from tests.lambda_src.account_enrollment.fake_cloudformation import FakeCloudFormation
from tests.lambda_src.account_enrollment.situations import EAST, EUROPE, MANAGEMENT, SCOPE, WEST, WORKLOADS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from account_enrollment.convergence import Outcome

HOUR = 3600
PERCENTAGE = 25


def ids(*numbers: int) -> list[AwsAccountId]:
    return [AwsAccountId(f"{number:012}") for number in numbers]


def member(account_id: AwsAccountId, *, is_wanted: bool = True, state: str = "ACTIVE") -> Account:
    return Account(account_id, f"account-{int(account_id)}", state, (WORKLOADS if is_wanted else "r-abcd",))


def wanted(*account_ids: AwsAccountId) -> dict[AwsAccountId, Account | None]:
    return {it: member(it) for it in account_ids}


def unwanted(*account_ids: AwsAccountId) -> dict[AwsAccountId, Account | None]:
    return {it: member(it, is_wanted=False) for it in account_ids}


@dataclass
class World:
    """The StackSet, the hub and the log.

    Attributes:
        now: Unix seconds.
        told: What the hub heard, by account, the latest last.
        is_deaf: Whether the hub's bus takes nothing.
    """

    now: float = 1_800_000_000
    told: dict[str, list[dict[str, Any]]] = field(default_factory=dict[str, Any])
    is_deaf: bool = False
    log: io.StringIO = field(default_factory=io.StringIO)
    cloudformation: FakeCloudFormation = field(init=False)
    census: Census = field(init=False)
    logger: Logger = field(init=False)

    def __post_init__(self) -> None:
        self.cloudformation = FakeCloudFormation(lambda: self.now)
        self.census = Census(clock=lambda: self.now)
        self.logger = Logger(service="convergence", stream=self.log)
        self.logger.registered_handler.stream = self.log  # type: ignore[attr-defined]

    def put(self, *, source: str, detail_type: str, detail: Mapping[str, Any]) -> None:  # noqa: ARG002 - a bus's
        if self.is_deaf:
            raise NotYet("the event bus takes no event")
        for account in detail["Accounts"]:
            self.told.setdefault(account["Id"], []).append(account)

    def stack_set(self) -> StackSet:
        return StackSet(
            self.cloudformation,  # type: ignore[arg-type]
            name="member-account",
            max_concurrent_percentage=25,
            clock=lambda: self.now,
        )

    def worker(self, stack_set: StackSet | None = None, *, percentage: int = PERCENTAGE) -> Convergence:
        """An invocation with one batch."""
        return Convergence(
            scope=SCOPE,
            guard=DeletionGuard(percentage),
            census=self.census,
            stack_set=stack_set or self.stack_set(),
            hub=Hub(self),  # type: ignore[arg-type]
            logger=self.logger,
            clock=lambda: self.now,
        )

    def converge(
        self, accounts: Mapping[AwsAccountId, Account | None], *, is_sweep: bool = True, percentage: int = PERCENTAGE
    ) -> Outcome:
        return self.worker(percentage=percentage).converge(accounts, occasion(is_sweep=is_sweep))

    def enroll(self, account_ids: Iterable[AwsAccountId], *regions: str) -> None:
        for account_id in account_ids:
            self.cloudformation.put(account_id, *(regions or (EAST, WEST)))

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log.getvalue().splitlines()]

    def last_told(self) -> dict[str, bool]:
        return {account_id: told[-1]["Wanted"] for account_id, told in self.told.items()}


def occasion(*, is_sweep: bool = True, attempt: int = 1) -> Occasion:
    return Occasion("event", attempt, is_sweep=is_sweep)


@pytest.fixture
def world() -> World:
    return World()


class TestOperations:
    def test_gives_a_page_of_new_accounts_their_instances_in_few_calls(self, world: World) -> None:
        page = wanted(*ids(*range(20)))

        outcome = world.converge(page)

        assert outcome.waits == ()
        assert len(world.cloudformation.places()) == 40
        assert [len(it.places) for it in world.cloudformation.operations] == [16, 16, 8]
        calls = world.cloudformation.calls
        assert {call: calls.count(call) for call in calls} == {"ListStackInstances": 20, "CreateStackInstances": 3}

    def test_reads_each_account_once_where_all_is_well(self, world: World) -> None:
        world.enroll(ids(1, 2, 3))

        outcome = world.converge(wanted(*ids(1, 2, 3)))

        assert set(outcome.nothing) == set(ids(1, 2, 3))
        assert world.cloudformation.calls == ["ListStackInstances"] * 3

    def test_lists_the_operations_once_where_it_matters_and_reads_again_after_that(self, world: World) -> None:
        for account_id in ids(1, 2):
            world.cloudformation.put(account_id, EAST, WEST, status="OUTDATED", detailed_status="RUNNING")

        world.converge(wanted(*ids(1, 2)))

        assert world.cloudformation.calls == [
            "ListStackInstances",
            "ListStackSetOperations",
            "ListStackInstances",
            "ListStackInstances",
        ]

    def test_joins_only_what_is_alike(self, world: World) -> None:
        world.enroll(ids(1, 2), EAST)
        world.enroll(ids(3), EAST, WEST, EUROPE)
        world.cloudformation.put(ids(4)[0], EAST, WEST, status="OUTDATED", detailed_status="FAILED")

        world.converge(wanted(*ids(1, 2, 3, 4, 5)))

        begun = {(it.action, tuple(sorted(it.places))) for it in world.cloudformation.operations}
        one, two, three, four, five = ids(1, 2, 3, 4, 5)
        assert begun == {
            ("CREATE", ((one, WEST), (two, WEST))),
            ("CREATE", ((five, EAST), (five, WEST))),
            ("UPDATE", ((four, EAST), (four, WEST))),
            ("DELETE", ((three, EUROPE),)),
        }
        assert not any(it.retain for it in world.cloudformation.operations)

    def test_lets_go_of_an_inoperable_instance_and_then_makes_it_anew(self, world: World) -> None:
        [account_id] = ids(1)
        world.cloudformation.put(account_id, EAST)
        world.cloudformation.put(account_id, WEST, status="INOPERABLE", detailed_status="INOPERABLE")

        assert world.converge(wanted(account_id)).waits
        [operation] = world.cloudformation.operations
        assert (operation.action, operation.retain, operation.places) == ("DELETE", True, [(account_id, WEST)])
        world.cloudformation.finish()

        assert world.converge(wanted(account_id)).waits == ()
        assert world.cloudformation.places() == [(account_id, EAST), (account_id, WEST)]

    def test_begins_the_others_where_one_operation_is_refused(self, world: World) -> None:
        world.cloudformation.refusals = ["OperationInProgressException"]

        outcome = world.converge(wanted(*ids(*range(12))))

        assert outcome.waits == ("the StackSet: OperationInProgressException",)
        assert len(world.cloudformation.places()) == 8

    def test_a_duplicate_begins_nothing_twice_and_is_seen_through(self, world: World) -> None:
        stale = world.stack_set()
        world.converge(wanted(*ids(1)))
        # As if another worker had read before the first began.
        before, world.cloudformation.instances = world.cloudformation.instances, {}
        duplicate = world.worker(stale).converge(wanted(*ids(1)), occasion())
        world.cloudformation.instances = before

        assert duplicate.waits == ("the StackSet: OperationIdAlreadyExistsException",)
        assert len(world.cloudformation.operations) == 1

    def test_a_later_delivery_may_begin_what_was_there_before(self, world: World) -> None:
        world.converge(wanted(*ids(1)))
        world.cloudformation.finish()
        world.cloudformation.instances.clear()

        outcome = world.worker().converge(wanted(*ids(1)), occasion(attempt=2))

        assert outcome.waits == ()
        assert len(world.cloudformation.operations) == 2

    def test_logs_each_operation(self, world: World) -> None:
        world.converge(wanted(*ids(1, 2)))

        [line] = world.lines()
        assert (line["message"], line["account_ids"], line["regions"]) == (
            "operation begun",
            ids(1, 2),
            [EAST, WEST],
        )
        assert [line["operation_id"]] == world.cloudformation.begun()


class TestDepartures:
    def test_deletes_the_instances_of_an_account_that_is_not_wanted_any_more(self, world: World) -> None:
        world.enroll(ids(1, 2))

        assert world.converge(unwanted(*ids(1)), is_sweep=False).waits
        [operation] = world.cloudformation.operations
        assert (operation.id, operation.action, operation.retain) == ("remove-1", "DELETE", False)
        # It is seen through, with nothing begun twice.
        assert world.converge(unwanted(*ids(1)), is_sweep=False).waits
        world.cloudformation.finish()
        outcome = world.converge(unwanted(*ids(1)), is_sweep=False)

        assert (outcome.waits, dict(outcome.nothing)) == (
            (),
            {ids(1)[0]: "it is in no included organizational unit"},
        )
        assert world.cloudformation.begun() == ["remove-1"]
        assert world.last_told() == {ids(1)[0]: False}

    def test_lets_go_of_what_cannot_be_deleted(self, world: World) -> None:
        world.enroll(ids(*range(8)))
        world.converge(unwanted(*ids(1)))
        world.cloudformation.finish(failing=ids(1))

        assert world.converge(unwanted(*ids(1))).waits == ()

        assert [(it.id, it.retain) for it in world.cloudformation.operations] == [
            ("remove-1", False),
            ("remove-2", True),
        ]
        world.cloudformation.finish(failing=ids(1))
        assert not [place for place in world.cloudformation.places() if place[0] == ids(1)[0]]

    @pytest.mark.parametrize("account", [None, member(ids(1)[0], state="CLOSED")])
    def test_lets_go_of_an_account_that_has_left(self, world: World, account: Account | None) -> None:
        world.enroll(ids(1))

        outcome = world.converge({ids(1)[0]: account}, is_sweep=False)

        [operation] = world.cloudformation.operations
        assert (operation.id, operation.retain, outcome.waits) == ("remove-1", True, ())
        assert world.last_told() == {ids(1)[0]: False}

    def test_the_guard_holds_back_what_is_too_much(self, world: World, capsys: pytest.CaptureFixture[str]) -> None:
        world.enroll(ids(*range(12)))
        page = unwanted(*ids(*range(5)))

        outcome = world.converge(page)

        assert world.cloudformation.begun() == ["remove-1", "remove-2", "remove-3"]
        # Those that are held back are done with, until the next sweep.
        assert len(outcome.waits) == 3
        held_back = [line for line in world.lines() if line["message"] == "removal held back"]
        assert [(it["level"], it["account_id"], it["removed"], it["most"]) for it in held_back] == [
            ("WARNING", ids(3)[0], 3, 3),
            ("WARNING", ids(4)[0], 3, 3),
        ]
        assert world.last_told() == dict.fromkeys(ids(0, 1, 2), False) | dict.fromkeys(ids(3, 4), True)
        metric = json.loads(capsys.readouterr().out)
        assert (metric["RemovalsHeldBack"], metric["service"]) == ([2.0], "convergence")
        assert metric["_aws"]["CloudWatchMetrics"][0]["Namespace"] == "AlertLogic"

        world.now += WINDOW_SECONDS
        world.cloudformation.finish()
        world.converge(page)
        # A quarter of the nine that are left.
        assert world.cloudformation.begun() == ["remove-1", "remove-2", "remove-3", "remove-4", "remove-5"]

    def test_a_switch_lets_everything_through(self, world: World) -> None:
        world.enroll(ids(*range(12)))

        world.converge(unwanted(*ids(*range(12))), percentage=100)

        assert len(world.cloudformation.operations) == 12

    @pytest.mark.usefixtures("capsys")
    def test_the_guard_counts_neither_single_regions_nor_what_is_made_anew(self, world: World) -> None:
        world.enroll(ids(*range(12)), EAST, WEST, EUROPE)

        world.converge(wanted(*ids(*range(12))))

        assert sum(len(it.places) for it in world.cloudformation.operations if it.action == "DELETE") == 12

    def test_waits_where_somebody_else_took_the_number(self, world: World) -> None:
        world.enroll(ids(*range(12)))
        slow = world.stack_set()
        slow.operations()
        world.converge(unwanted(*ids(0, 1)))

        outcome = world.worker(slow).converge(unwanted(*ids(2, 3, 4)), occasion())

        assert "the StackSet: OperationIdAlreadyExistsException" in outcome.waits
        assert world.cloudformation.begun() == ["remove-1", "remove-2"]
        # So the hub has not been told that these may go.
        assert world.last_told() == dict.fromkeys(ids(0, 1), False) | dict.fromkeys(ids(2, 3, 4), True)
        # The list was made anew for what comes after in the batch.
        assert not slow.has_listed_operations

    def test_the_management_account_is_not_even_looked_at(self, world: World) -> None:
        world.enroll([MANAGEMENT])

        outcome = world.converge({MANAGEMENT: member(MANAGEMENT)})

        assert dict(outcome.nothing) == {MANAGEMENT: "it is the management account"}
        assert (world.cloudformation.calls, world.told) == ([], {})


class TestHub:
    def test_hears_of_every_account_of_a_sweep(self, world: World) -> None:
        world.enroll(ids(1, 2))

        world.converge({**wanted(*ids(1, 3)), **unwanted(*ids(2))})

        assert world.last_told() == {ids(1)[0]: True, ids(3)[0]: True, ids(2)[0]: False}

    def test_hears_of_an_event_only_where_an_account_goes(self, world: World) -> None:
        world.enroll(ids(1, 2))

        world.converge({**wanted(*ids(1, 3)), **unwanted(*ids(2))}, is_sweep=False)

        assert world.last_told() == {ids(2)[0]: False}

    @pytest.mark.parametrize("account", [None, member(ids(1)[0], is_wanted=False)])
    def test_hears_of_a_departure_even_if_only_a_later_delivery_can_tell(
        self, world: World, account: Account | None
    ) -> None:
        world.enroll(ids(1))
        world.is_deaf = True
        with pytest.raises(NotYet, match="takes no event"):
            world.converge({ids(1)[0]: account}, is_sweep=False)
        assert world.cloudformation.begun() == ["remove-1"]
        world.cloudformation.finish()
        world.is_deaf = False

        world.converge({ids(1)[0]: account}, is_sweep=False)

        assert world.last_told() == {ids(1)[0]: False}

    def test_does_not_hold_up_what_protects_accounts(self, world: World) -> None:
        world.is_deaf = True

        with pytest.raises(NotYet, match="takes no event"):
            world.converge(wanted(*ids(1)))

        assert len(world.cloudformation.places()) == 2


def test_the_census_is_taken_every_quarter_of_an_hour(world: World) -> None:
    world.enroll(ids(1, 2, 3))
    assert world.census.enrolled(world.stack_set()) == 3

    world.enroll(ids(4))
    world.now += CENSUS_SECONDS - 1
    assert world.census.enrolled(world.stack_set()) == 3
    world.now += 1
    assert world.census.enrolled(world.stack_set()) == 4


class Workers(RuleBasedStateMachine):
    """Invocations that each read at one time and begin at another, over accounts that come and go."""

    ACCOUNTS = ids(*range(12))
    MOST = 3

    def __init__(self) -> None:
        super().__init__()
        self.world = World()
        self.world.enroll(self.ACCOUNTS)
        self.is_wanted = dict.fromkeys(self.ACCOUNTS, True)
        self.views = [self.world.stack_set(), self.world.stack_set()]
        self.deliveries = 0

    @rule(who=st.integers(0, 1))
    def begins_a_batch(self, who: int) -> None:
        self.views[who] = self.world.stack_set()
        self.views[who].operations()

    @rule(who=st.integers(0, 1), some=st.sets(st.sampled_from(ACCOUNTS), min_size=1))
    def looks_at_accounts(self, who: int, some: set[AwsAccountId]) -> None:
        self.deliveries += 1
        page: dict[AwsAccountId, Account | None] = {it: member(it, is_wanted=self.is_wanted[it]) for it in sorted(some)}
        worker = self.world.worker(self.views[who])
        worker.converge(page, Occasion(f"event-{self.deliveries}", 1, is_sweep=True))

    @rule(some=st.sets(st.sampled_from(ACCOUNTS), min_size=1), where=st.booleans())
    def accounts_move(self, some: set[AwsAccountId], *, where: bool) -> None:
        self.is_wanted |= dict.fromkeys(some, where)

    @rule(failing=st.sets(st.sampled_from(ACCOUNTS)))
    def operations_end(self, failing: set[AwsAccountId]) -> None:
        self.world.cloudformation.finish(failing=failing)

    @rule(hours=st.sampled_from([0.1, 6, 12, 24]))
    def time_goes_by(self, hours: float) -> None:
        self.world.now += hours * HOUR
        # No invocation lasts that long.
        self.views = [self.world.stack_set(), self.world.stack_set()]

    @invariant()
    def the_guard_holds(self) -> None:
        removals = [it for it in self.world.cloudformation.operations if is_removal(it.id)]
        times = [it.began_at for it in removals]
        for end in times:
            assert sum(end - WINDOW_SECONDS < at <= end for at in times) <= self.MOST
        assert all(len({account_id for account_id, _ in it.places}) == 1 for it in removals)

    @invariant()
    def nobody_is_told_that_an_account_may_go_without_the_guards_leave(self) -> None:
        removed = {place[0] for it in self.world.cloudformation.operations if is_removal(it.id) for place in it.places}
        for account_id, told in self.world.told.items():
            assert account_id in removed or all(it["Wanted"] for it in told)

    def teardown(self) -> None:
        """Whatever happened, a sweep a day brings every account to where it belongs."""
        for _ in range(60):
            self.world.now += WINDOW_SECONDS
            self.world.cloudformation.finish()
            self.deliveries += 1
            page = {it: member(it, is_wanted=self.is_wanted[it]) for it in self.ACCOUNTS}
            self.world.worker().converge(page, Occasion(f"event-{self.deliveries}", 1, is_sweep=True))
        right = sorted((it, region) for it, is_wanted in self.is_wanted.items() if is_wanted for region in (EAST, WEST))
        assert self.world.cloudformation.places() == right
        assert self.world.last_told() == self.is_wanted
        # And then nothing more is begun.
        begun = len(self.world.cloudformation.operations)
        self.world.worker().converge(page, Occasion("the last", 1, is_sweep=True))
        assert len(self.world.cloudformation.operations) == begun


TestWorkers = Workers.TestCase
TestWorkers.settings = settings(max_examples=60, stateful_step_count=30)
