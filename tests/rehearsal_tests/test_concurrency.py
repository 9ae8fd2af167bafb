"""Many workers at once change the scope of one account, in processes of their own, against optimistic locking."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from tests.rehearsal import Rehearsal

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from tests.rehearsal.gateway import Serve
    from tests.rehearsal.templates import Json
    from tests.rehearsal.vpcs import Vpc

VPCS, WORKERS = 50, 8
REGION = "us-west-2"
ONE_DEPLOYMENT = r"/deployments/[^/]+$"


@pytest.fixture(scope="module")
def landing_zone() -> Generator[Rehearsal]:
    """The sample's stacks, and as many idle workers as are to run at once."""
    with Rehearsal() as rehearsal:
        rehearsal.deploy()
        rehearsal.put_secret_value()
        rehearsal.functions.warm("vpc_scope", WORKERS)
        yield rehearsal


@pytest.fixture
def vpcs(landing_zone: Rehearsal, request: pytest.FixtureRequest) -> list[Vpc]:
    """VPCs without a tag, in an account that is registered."""
    account = landing_zone.vend_account(f"crowd-{request.node.name}", "Workloads/Prod")
    landing_zone.settle(within_minutes=10)
    with landing_zone.vpcs.held_events():
        return [landing_zone.vpcs.create(account, REGION) for _ in range(VPCS)]


def scope_in_region(rehearsal: Rehearsal, account: str) -> list[str]:
    return sorted(key for key in rehearsal.included(account) if key.startswith(f"/aws/{REGION}/"))


def statuses_of_writes(rehearsal: Rehearsal) -> list[int | None]:
    return [request.status for request in rehearsal.alert_logic.requests if request.method == "PUT"]


def work_off(rehearsal: Rehearsal) -> None:
    rehearsal.settle(within_minutes=30, concurrency=WORKERS, batch_size=1)
    assert rehearsal.queue_depths()["vpc_scope"] == 0
    assert rehearsal.dead_letters("vpc_scope") == []
    assert rehearsal.functions.labeled("vpc_scope").errors == []


def test_no_vpc_is_lost_or_doubled_when_all_get_the_tag_at_once(landing_zone: Rehearsal, vpcs: list[Vpc]) -> None:
    before = len(statuses_of_writes(landing_zone))
    for vpc in vpcs:
        landing_zone.vpcs.tag(vpc, alertlogic="true")
    # All have read the same version before any writes.
    with landing_zone.alert_logic.meeting("GET", ONE_DEPLOYMENT, callers=WORKERS):
        work_off(landing_zone)

    assert scope_in_region(landing_zone, vpcs[0].account) == sorted(vpc.key for vpc in vpcs)
    assert statuses_of_writes(landing_zone)[before:].count(409) == WORKERS - 1


class Overtaking:
    """Two workers list the VPCs one after the other. Between the two a VPC changes, and the first hears back last.

    Args:
        change: What happens between the two lists.
        until_listed: The first hears back once the second has, else when `first_may_go_on` is set.
    """

    def __init__(self, change: Callable[[], object], *, until_listed: bool = False) -> None:
        self.first_may_go_on = threading.Event()
        self._second_may_list = threading.Event()
        self._change = change
        self._until_listed = until_listed
        self._order = iter((self._first, self._second))
        self._lock = threading.Lock()

    def __call__(self, serve: Serve) -> Json:
        with self._lock:
            pass_through = next(self._order, lambda serve: serve())
        return pass_through(serve)

    def _first(self, serve: Serve) -> Json:
        answer = serve()
        self._change()
        self._second_may_list.set()
        assert self.first_may_go_on.wait(timeout=10)
        return answer

    def _second(self, serve: Serve) -> Json:
        assert self._second_may_list.wait(timeout=10)
        answer = serve()
        if self._until_listed:
            self.first_may_go_on.set()
        return answer


def quietly_tag(rehearsal: Rehearsal, vpc: Vpc) -> list[Json]:
    with rehearsal.vpcs.held_events() as events:
        rehearsal.vpcs.tag(vpc, alertlogic="true")
    return events


def test_an_old_list_is_not_written_over_what_a_newer_one_brought(landing_zone: Rehearsal, vpcs: list[Vpc]) -> None:
    early, late, *_ = vpcs
    [told] = quietly_tag(landing_zone, late)
    with landing_zone.vpcs.held_events():
        landing_zone.vpcs.untag(late, "alertlogic")
    landing_zone.event_bridge.emit(told)
    landing_zone.vpcs.tag(early, alertlogic="true")
    before = len(statuses_of_writes(landing_zone))

    overtaking = Overtaking(lambda: quietly_tag(landing_zone, late))
    with (
        landing_zone.gateway.around("ec2:DescribeVpcs", overtaking),
        landing_zone.alert_logic.after_each("PUT", ONE_DEPLOYMENT, overtaking.first_may_go_on.set),
    ):
        landing_zone.settle(within_minutes=1, concurrency=2, batch_size=1)

    assert landing_zone.queue_depths()["vpc_scope"] == 0
    assert scope_in_region(landing_zone, early.account) == sorted([early.key, late.key])
    assert statuses_of_writes(landing_zone)[before:] == [200, 409]


def test_what_changes_after_the_list_is_put_right_by_its_own_event(landing_zone: Rehearsal, vpcs: list[Vpc]) -> None:
    """The tag goes and comes back: one worker saw it gone, the other finds the scope right and goes."""
    vpc, *_ = vpcs
    landing_zone.vpcs.tag(vpc, alertlogic="true")
    landing_zone.settle(within_minutes=1)
    [told] = quietly_tag(landing_zone, vpc)
    landing_zone.event_bridge.emit(told)
    landing_zone.vpcs.untag(vpc, "alertlogic")
    before = len(statuses_of_writes(landing_zone))

    held: list[Json] = []
    overtaking = Overtaking(lambda: held.extend(quietly_tag(landing_zone, vpc)), until_listed=True)
    with landing_zone.gateway.around("ec2:DescribeVpcs", overtaking):
        landing_zone.settle(within_minutes=1, concurrency=2, batch_size=1)
    # What the first worker had seen was true when it looked.
    assert scope_in_region(landing_zone, vpc.account) == []

    [told] = held
    landing_zone.event_bridge.emit(told)
    landing_zone.settle(within_minutes=1)
    assert landing_zone.queue_depths()["vpc_scope"] == 0
    assert scope_in_region(landing_zone, vpc.account) == [vpc.key]
    assert statuses_of_writes(landing_zone)[before:] == [200, 200]
