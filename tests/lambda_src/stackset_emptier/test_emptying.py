from __future__ import annotations

from typing import TYPE_CHECKING
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aws.organizations import AwsAccountId
from aws.queue import NotYet
from stackset_emptier import emptying
from stackset_emptier.convergence import GivenUpError
from stackset_emptier.emptying import (
    LANES,
    MOST_ACCOUNTS,
    MOST_INSTANCES,
    Begin,
    Deletion,
    Done,
    GiveUp,
    Instance,
    Operation,
    Wait,
    decide,
)
from tests.lambda_src.stackset_emptier.world import Eyes, Fate, Work, World

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from stackset_emptier.emptying import Decision

EAST, WEST = "us-east-1", "us-west-2"
# In lane 0.
SHOP, BANK = AwsAccountId("100000000000"), AwsAccountId("100000000020")
# In lane 1.
FARM = AwsAccountId("100000000001")


def look(instances: Iterable[Instance], operations: Collection[Operation] = (), *, is_over: bool = False) -> Decision:
    return decide(operations, instances, is_over=is_over)


def ended(operation_id: str) -> Operation:
    return Operation(operation_id, is_under_way=False)


def under_way(operation_id: str) -> Operation:
    return Operation(operation_id, is_under_way=True)


def deletion(number: int, *accounts: AwsAccountId, regions: tuple[str, ...] = (EAST,), lane: int = 0) -> Deletion:
    return Deletion(f"empty-{lane}-{number}", accounts, regions, lets_go=False, reasons=())


class TestAnEmptyStackSet:
    def test_is_done(self) -> None:
        assert look([]) == Done()
        assert look([], [ended("empty-0-1")]) == Done()

    def test_is_done_even_if_time_is_up(self) -> None:
        assert look([], is_over=True) == Done()

    @pytest.mark.parametrize("operation_id", ["empty-0-1", f"create-{SHOP}-0123", "11111111-2222"])
    def test_is_not_done_while_an_operation_would_keep_it_from_being_deleted(self, operation_id: str) -> None:
        assert look([], [under_way(operation_id)]) == Wait("stack instances left: 0, operations under way: 1")


class TestInstances:
    def test_go_in_one_operation_for_all_accounts_of_a_lane(self) -> None:
        instances = [Instance(account, region) for account in (BANK, SHOP) for region in (WEST, EAST)]

        assert look(instances) == Begin((deletion(1, SHOP, BANK, regions=(EAST, WEST)),))

    def test_of_other_lanes_go_at_the_same_time(self) -> None:
        assert look([Instance(SHOP, EAST), Instance(FARM, EAST)]) == Begin(
            (deletion(1, SHOP), deletion(1, FARM, lane=1))
        )

    def test_that_are_not_in_the_same_regions_do_not_share_an_operation(self) -> None:
        third = AwsAccountId("100000000040")
        instances = [Instance(SHOP, EAST), Instance(BANK, EAST), Instance(third, EAST), Instance(third, WEST)]

        assert look(instances) == Begin((deletion(1, SHOP, BANK),))
        assert look(instances[2:], [ended("empty-0-1")]) == Begin((deletion(2, third, regions=(EAST, WEST)),))

    def test_wait_for_the_operation_of_their_lane_however_they_look(self) -> None:
        operations = [ended("empty-0-1"), under_way("empty-0-2"), ended("empty-1-7")]

        assert look([Instance(SHOP, EAST), Instance(FARM, EAST)], operations) == Begin((deletion(8, FARM, lane=1),))

    @pytest.mark.parametrize("status", ["SUCCEEDED", "FAILED", "CANCELLED", "INOPERABLE", "FAILED_IMPORT", ""])
    def test_go_whatever_operations_of_others_left_behind(self, status: str) -> None:
        instance = Instance(SHOP, EAST, status, "create-1")

        assert look([instance], [ended("create-1")]) == Begin((deletion(1, SHOP),))

    @pytest.mark.parametrize("status", ["PENDING", "RUNNING", "CANCELLED", "SUCCEEDED"])
    def test_are_deleted_again_if_an_operation_of_ours_did_not_come_to_them(self, status: str) -> None:
        instance = Instance(SHOP, EAST, status, "empty-0-1")

        assert look([instance], [ended("empty-0-1")]) == Begin((deletion(2, SHOP),))

    @pytest.mark.parametrize("status", ["FAILED", "INOPERABLE", "SKIPPED_SUSPENDED_ACCOUNT"])
    def test_are_let_go_of_if_an_operation_of_ours_could_not_delete_them(self, status: str) -> None:
        instances = [
            Instance(SHOP, EAST, status, "empty-0-1", "the role is gone"),
            Instance(BANK, EAST, status, "empty-0-1"),
            Instance(SHOP, WEST, "SUCCEEDED", "create-1", "for another reason"),
        ]

        assert look(instances, [ended("empty-0-1")]) == Begin(
            (Deletion("empty-0-2", (SHOP, BANK), (EAST,), lets_go=True, reasons=("the role is gone",)),)
        )

    def test_that_can_be_deleted_go_first_where_they_are_more(self) -> None:
        instances = [
            Instance(SHOP, WEST, "FAILED", "empty-0-1", "the role is gone"),
            Instance(SHOP, EAST),
            Instance(BANK, EAST),
        ]

        assert look(instances, [ended("empty-0-1")]) == Begin((deletion(2, SHOP, BANK),))

    def test_wait_until_there_is_room_without_being_listed(self) -> None:
        def fail() -> Iterator[Instance]:
            raise AssertionError
            yield

        operations = [under_way(f"empty-{lane}-1") for lane in range(LANES)]

        assert look(fail(), operations) == Wait("operations under way: 20, no room for more")


class TestInstancesInTheHandsOfOthers:
    @pytest.mark.parametrize(
        "instance",
        [
            Instance(SHOP, EAST, "SUCCEEDED", "update-1"),
            Instance(SHOP, EAST, "PENDING"),
            Instance(SHOP, EAST, "RUNNING", "empty-0-1"),
        ],
    )
    def test_wait_for_what_is_under_way(self, instance: Instance) -> None:
        operations = [under_way("update-1"), ended("empty-0-1")]

        assert look([instance], operations) == Wait("stack instances left: 1, operations under way: 1")

    def test_wait_for_an_operation_that_names_the_account(self) -> None:
        operations = [under_way(f"create-{FARM}-{SHOP}-0123")]

        assert look([Instance(SHOP, EAST), Instance(BANK, EAST)], operations) == Begin((deletion(1, BANK),))

    @pytest.mark.parametrize("status", ["PENDING", "RUNNING"])
    def test_wait_for_an_operation_that_was_begun_just_now(self, status: str) -> None:
        assert isinstance(look([Instance(SHOP, EAST, status, "unheard of")]), Wait)
        assert isinstance(look([Instance(SHOP, EAST, "SUCCEEDED", "unheard of")]), Begin)

    def test_go_while_others_are_at_work_elsewhere(self) -> None:
        assert look([Instance(SHOP, EAST)], [under_way("update-1")]) == Begin((deletion(1, SHOP),))

    def test_do_not_wait_for_operations_of_ours_in_other_lanes(self) -> None:
        instance = Instance(SHOP, EAST, "PENDING", "empty-0-1")

        assert look([instance], [ended("empty-0-1"), under_way("empty-1-1")]) == Begin((deletion(2, SHOP),))


class TestWhenTimeIsUp:
    def test_nothing_is_begun_and_what_is_left_is_counted(self) -> None:
        instances = [Instance(SHOP, EAST), Instance(FARM, EAST)]

        assert look(instances, [under_way("empty-0-1")], is_over=True) == GiveUp(
            "stack instances left: 2, operations under way: 1"
        )

    def test_it_is_counted_even_if_there_is_no_room(self) -> None:
        operations = [under_way(f"empty-{lane}-1") for lane in range(LANES)]

        assert isinstance(look([Instance(SHOP, EAST)], operations, is_over=True), GiveUp)

    def test_the_count_ends_where_it_would_take_too_long(self) -> None:
        listing = Listing(accounts=10_000, regions=17)

        decision = look(listing, is_over=True)

        assert isinstance(decision, GiveUp)
        assert "stack instances left: 40000 or more" in decision.why
        assert listing.read == MOST_INSTANCES


class Listing:
    """The instances of a large organization, and how far they were read."""

    def __init__(self, *, accounts: int, regions: int, is_by_account: bool = True) -> None:
        self.read = 0
        self._size = accounts, regions
        self._is_by_account = is_by_account

    def __iter__(self) -> Iterator[Instance]:
        accounts, regions = self._size
        for place in range(accounts * regions):
            account, region = divmod(place, regions) if self._is_by_account else divmod(place, accounts)[::-1]
            self.read += 1
            # As account ids are: without an order that means anything.
            yield Instance(AwsAccountId(f"{account * 7_919_771_113 % 10**12:012}"), f"region-{region}")


class TestALargeOrganization:
    def test_is_listed_only_until_there_is_enough_to_begin_with(self) -> None:
        listing = Listing(accounts=10_000, regions=17)

        decision = look(listing)

        assert isinstance(decision, Begin)
        assert [len(it.accounts) for it in decision.deletions] == [MOST_ACCOUNTS] * LANES
        assert {len(it.regions) for it in decision.deletions} == {17}
        assert listing.read < 25_000

    def test_is_not_listed_to_its_end_in_search_of_one_lane(self) -> None:
        listing = Listing(accounts=10_000, regions=17)
        operations = [under_way(f"empty-{lane}-1") for lane in range(1, LANES)]

        decision = look(listing, operations)

        assert isinstance(decision, Begin)
        assert [len(it.accounts) for it in decision.deletions] == [MOST_ACCOUNTS]
        assert listing.read <= MOST_INSTANCES

    def test_may_be_listed_by_region(self) -> None:
        decision = look(Listing(accounts=10_000, regions=17, is_by_account=False))

        assert isinstance(decision, Begin)
        assert {len(it.accounts) for it in decision.deletions} == {MOST_ACCOUNTS}

    def test_that_nobody_may_work_on_is_not_listed_to_its_end(self) -> None:
        listing = Listing(accounts=10_000, regions=17)
        with patch.object(emptying._Others, "may_work_on", return_value=True):
            assert isinstance(look(listing), Wait)
        assert listing.read == MOST_INSTANCES

    def test_ends_empty_in_operations_of_bounded_size(self) -> None:
        world = World()
        accounts = [AwsAccountId(f"{number * 7_919_771_113 % 10**12:012}") for number in range(3_000)]
        for number, account in enumerate(accounts):
            world.add(account, EAST, WEST)
            if number % 100 == 0:
                world.fates[account] = Fate.SUSPENDED

        deliveries = 0
        while True:
            eyes = Eyes(world)
            try:
                eyes.deliver()
            except NotYet:
                deliveries += 1
            else:
                break
            world.settle()
            assert all(len(begun.accounts) <= MOST_ACCOUNTS for begun in eyes.begun)
        assert world.instances == {}
        assert {account for account, _ in world.left_behind} == set(accounts[::100])
        assert deliveries < 10


statuses = st.sampled_from([*Fate, "PENDING", "RUNNING", "CANCELLED", "FAILED_IMPORT", ""])
# On which accounts operations work; the first of a lane has ended once there is a second.
SCOPES: dict[str, set[AwsAccountId]] = {
    "empty-0-1": {SHOP, BANK},
    "empty-0-2": {SHOP, BANK},
    "empty-1-1": {FARM},
    f"create-{SHOP}-1": {SHOP},
    "uuid": {SHOP, BANK, FARM},
}


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """Return what earlier operations may have left behind, and those that are still under way."""
    world = World(shows_late=draw(st.booleans()))
    targets = draw(st.sets(st.tuples(st.sampled_from([SHOP, BANK, FARM]), st.sampled_from([EAST, WEST]))))
    for operation_id in sorted(draw(st.sets(st.sampled_from(sorted(SCOPES))))):
        possible = ["STOPPED"] if operation_id == "empty-0-1" else ["QUEUED", "RUNNING", "SUCCEEDED", "STOPPED"]
        work = Work(
            operation_id,
            frozenset(target for target in targets if target[0] in SCOPES[operation_id]),
            makes=not operation_id.startswith("empty-"),
            lets_go=draw(st.booleans()),
            status=draw(st.sampled_from(possible)),
        )
        world.works.append(work)
    for account, region in sorted(targets):
        world.fates[account] = draw(st.sampled_from(Fate))
        last = ["", *(work.id for work in world.works if account in SCOPES[work.id])]
        world.add(account, region, status=draw(statuses), operation=draw(st.sampled_from(last)))
    return world


@given(worlds())
@settings(max_examples=300)
def test_ends_empty_from_any_start(world: World) -> None:
    stacks = set(world.instances)
    for _ in range(20):
        try:
            Eyes(world).deliver()
        except NotYet:
            world.settle()
        else:
            break
    else:
        pytest.fail(f"not empty: {world}")

    assert world.instances == {}
    assert world.under_way() == []
    assert world.left_behind <= stacks


@given(worlds())
@settings(max_examples=100)
def test_begins_nothing_when_time_is_up(world: World) -> None:
    eyes = Eyes(world)
    if world.instances or world.under_way():
        with pytest.raises(GivenUpError, match=f"stack instances left: {len(world.instances)},"):
            eyes.deliver(is_over=True)
    else:
        eyes.deliver(is_over=True)

    assert eyes.begun == []


@given(worlds())
@settings(max_examples=100)
def test_begins_nothing_twice_for_two_deliveries_of_the_same_view(world: World) -> None:
    operations = [Operation(work.id, work.is_under_way) for work in world.works]
    decision = decide(operations, list(world.instances.values()), is_over=False)
    again = decide(operations[::-1], list(world.instances.values())[::-1], is_over=False)

    assert again == decision
    if isinstance(decision, Begin):
        names = [begun.id for begun in decision.deletions]
        assert len(set(names)) == len(names)
        assert not set(names) & {work.id for work in world.works}
        targets = [(account, region) for it in decision.deletions for account in it.accounts for region in it.regions]
        assert len(set(targets)) == len(targets)
        assert set(targets) <= world.instances.keys()
        busy = {work.id for work in world.under_way()}
        assert not busy & {world.instances[target].last_operation_id for target in targets}
        assert not any(account in operation_id for account, _ in targets for operation_id in busy)
