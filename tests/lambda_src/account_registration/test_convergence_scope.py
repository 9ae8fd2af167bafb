"""What of an account is protected: the loop against the fake Alert Logic, with VPCs that come and go."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from account_registration.effort import Settled
from aws.queue import NotYet
from tests.lambda_src.account_registration.fake_vpcs import FakeVpcs
from tests.lambda_src.account_registration.loops import (
    accounts,
    assert_registered_once,
    at_once,
    calls,
    client,
    loop_of,
    one,
)
from tests.lambda_src.account_registration.registrations import (
    ACCOUNT,
    REGISTRATION,
    TAGGED,
    WHOLE,
    entry,
    vpc,
    vpc_key,
)

if TYPE_CHECKING:
    from account_registration.convergence import Convergence
    from account_registration.order import Scope
    from tests.rehearsal.alertlogic import FakeAlertLogic

EAST, WEST = "/aws/us-east-1", "/aws/us-west-2"
HOST = "/aws/us-east-1/host/i-1"
EXCLUDE = [{"type": "subnet", "key": "/aws/us-east-1/subnet/subnet-1"}]
TAGGED_REGISTRATION = replace(REGISTRATION, scope=TAGGED)


@pytest.fixture
def vpcs() -> FakeVpcs:
    return FakeVpcs(
        {
            "us-east-1": [vpc("vpc-1", alertlogic="true"), vpc("vpc-2", alertlogic="false"), vpc("vpc-3")],
            "us-west-2": [vpc("vpc-4", alertlogic="true")],
            "eu-west-1": [vpc("vpc-5", alertlogic="true")],
        }
    )


@pytest.fixture
def loop(fake: FakeAlertLogic, vpcs: FakeVpcs) -> Convergence:
    return loop_of(client(fake), vpcs)


def included(fake: FakeAlertLogic) -> list[str]:
    [deployment] = fake.deployments_of(ACCOUNT)
    return [it["key"] for it in deployment["scope"]["include"]]


def ordered(**changes: Any) -> Any:
    return replace(REGISTRATION, scope=replace(TAGGED, **changes))


def settled(outcome: object) -> Settled:
    assert isinstance(outcome, Settled)
    return outcome


class TestTags:
    def test_have_the_tagged_vpcs_in_the_very_first_document(
        self, fake: FakeAlertLogic, loop: Convergence, vpcs: FakeVpcs
    ) -> None:
        loop.converge(accounts(1))
        warm = len(fake.requests)
        vpcs.listed.clear()

        outcome = one(loop.converge([TAGGED_REGISTRATION]))

        wanted = (vpc_key("vpc-1"), vpc_key("vpc-4", "us-west-2"))
        assert outcome == Settled(assert_registered_once(fake, TAGGED_REGISTRATION), added=wanted)
        assert calls(fake.requests[warm:]) == ["POST credentials", "POST deployments", "GET deployments"]
        assert tuple(it["key"] for it in fake.requests[warm + 1].body["scope"]["include"]) == wanted
        assert vpcs.listed == [ACCOUNT, ACCOUNT]

    def test_look_again_after_a_continued_registration_has_written(
        self, fake: FakeAlertLogic, loop: Convergence, vpcs: FakeVpcs
    ) -> None:
        def untag() -> None:
            vpcs.by_region["us-east-1"] = [vpc("vpc-1")]

        vpcs.meanwhile = untag

        loop.converge([replace(TAGGED_REGISTRATION, only_if_missing=True)])

        assert included(fake) == [vpc_key("vpc-4", "us-west-2")]

    def test_bring_vpcs_in_and_out(self, fake: FakeAlertLogic, loop: Convergence, vpcs: FakeVpcs) -> None:
        loop.converge([TAGGED_REGISTRATION])
        vpcs.by_region["us-east-1"] = [vpc("vpc-1"), vpc("vpc-2", alertlogic="true")]

        outcome = settled(one(loop.converge([TAGGED_REGISTRATION])))

        assert (outcome.added, outcome.removed) == ((vpc_key("vpc-2"),), (vpc_key("vpc-1"),))
        assert included(fake) == [vpc_key("vpc-4", "us-west-2"), vpc_key("vpc-2")]

    def test_write_nothing_where_nothing_changed(self, fake: FakeAlertLogic, loop: Convergence) -> None:
        loop.converge([TAGGED_REGISTRATION])
        before = len(fake.requests)

        outcome = settled(one(loop.converge([TAGGED_REGISTRATION])))

        assert (outcome.added, outcome.removed, outcome.retained) == ((), (), ())
        assert calls(fake.requests[before:]) == ["GET credentials", "GET deployments", "GET deployments"]

    @pytest.mark.parametrize(
        "scope",
        [WHOLE, replace(WHOLE, former_regions=("eu-west-1",)), replace(WHOLE, former_tag_regions=("us-east-1",))],
    )
    def test_are_read_only_where_there_are_any(self, loop: Convergence, vpcs: FakeVpcs, scope: Scope) -> None:
        for _ in range(2):
            settled(one(loop.converge([replace(REGISTRATION, scope=scope)])))

        assert vpcs.listed == []

    def test_are_not_looked_at_for_what_may_be_newer(self, loop: Convergence, vpcs: FakeVpcs) -> None:
        loop.converge([TAGGED_REGISTRATION])
        vpcs.listed.clear()

        settled(one(loop.converge([replace(TAGGED_REGISTRATION, only_if_missing=True)])))

        assert vpcs.listed == []

    def test_are_never_read_before_the_version_that_is_written(
        self, fake: FakeAlertLogic, loop: Convergence, vpcs: FakeVpcs
    ) -> None:
        loop.converge([TAGGED_REGISTRATION])
        deployment = fake.deployments_of(ACCOUNT)[0]["id"]
        vpcs.by_region["us-east-1"] = []
        begun = len(fake.requests)
        read_before: list[str] = []
        vpcs.meanwhile = lambda: read_before.append(fake.requests[-1].path.rsplit("/", 1)[-1])

        loop.converge([TAGGED_REGISTRATION])

        assert read_before == [deployment, deployment]
        assert [it.method for it in fake.requests[begun:]] == ["GET", "GET", "GET", "PUT", "GET", "GET", "GET"]


class TestChange:
    def test_from_regions_to_tags_removes_the_regions(self, fake: FakeAlertLogic, loop: Convergence) -> None:
        loop.converge([REGISTRATION])

        outcome = settled(one(loop.converge([ordered(former_regions=WHOLE.regions)])))

        assert included(fake) == [vpc_key("vpc-1"), vpc_key("vpc-4", "us-west-2")]
        assert outcome.removed == (EAST, WEST)

    def test_from_tags_to_regions_removes_the_vpcs(self, fake: FakeAlertLogic, loop: Convergence) -> None:
        loop.converge([TAGGED_REGISTRATION])

        changed = replace(REGISTRATION, scope=replace(WHOLE, former_tag_regions=TAGGED.tag_regions))
        settled(one(loop.converge([changed])))

        assert included(fake) == [EAST, WEST]

    def test_of_the_governed_regions_removes_what_is_in_those_that_were_dropped(
        self, fake: FakeAlertLogic, loop: Convergence
    ) -> None:
        loop.converge([TAGGED_REGISTRATION])

        settled(one(loop.converge([ordered(tag_regions=("us-east-1",), former_tag_regions=("us-west-2",))])))
        assert included(fake) == [vpc_key("vpc-1")]

        settled(one(loop.converge([replace(REGISTRATION, scope=replace(WHOLE, former_tag_regions=("us-east-1",)))])))
        dropped = replace(WHOLE, regions=("us-east-1",), former_regions=("us-west-2",))
        settled(one(loop.converge([replace(REGISTRATION, scope=dropped)])))
        assert included(fake) == [EAST]


class TestAdopted:
    """A deployment that was there before: entries are only added, unless all that is not wanted is to be pruned."""

    @pytest.fixture(autouse=True)
    def adopted(self, fake: FakeAlertLogic) -> None:
        essentials = next(it["id"] for it in fake.policies if it["name"] == "Essentials")
        host = {"type": "host", "key": HOST, "policy": {"id": essentials}}
        include = [host, *(entry(key, essentials) for key in (EAST, vpc_key("vpc-3"), vpc_key("vpc-5", "eu-west-1")))]
        fake.add_deployment(account_id=ACCOUNT, scope={"include": include, "exclude": EXCLUDE})

    def test_keeps_all_that_is_the_user_s(self, fake: FakeAlertLogic, loop: Convergence) -> None:
        [before] = fake.deployments_of(ACCOUNT)

        outcome = settled(one(loop.converge([ordered(former_regions=("us-east-1",))])))

        assert_registered_once(fake, is_adopted=True)
        [after] = fake.deployments_of(ACCOUNT)
        assert after["scope"]["include"][:4] == before["scope"]["include"]
        assert [it["key"] for it in after["scope"]["include"][4:]] == [vpc_key("vpc-1"), vpc_key("vpc-4", "us-west-2")]
        assert after["scope"]["exclude"] == EXCLUDE
        assert outcome.retained == (EAST, vpc_key("vpc-3"))

    def test_keeps_what_was_ordered_before(self, fake: FakeAlertLogic, loop: Convergence) -> None:
        loop.converge([REGISTRATION])
        kept = included(fake)

        outcome = settled(one(loop.converge([ordered(former_regions=WHOLE.regions)])))

        assert included(fake) == [*kept, vpc_key("vpc-1"), vpc_key("vpc-4", "us-west-2")]
        assert outcome.retained == (EAST, vpc_key("vpc-3"), WEST)

    def test_says_what_is_retained_even_where_nothing_is_written(self, fake: FakeAlertLogic, loop: Convergence) -> None:
        scope = replace(WHOLE, regions=("us-west-2",))
        loop.converge([replace(REGISTRATION, scope=scope)])
        writes = len([it for it in fake.requests if it.method == "PUT"])

        dropped = replace(scope, former_regions=("us-east-1",))
        outcome = settled(one(loop.converge([replace(REGISTRATION, scope=dropped)])))

        assert outcome.retained == (EAST,)
        assert len([it for it in fake.requests if it.method == "PUT"]) == writes

    def test_loses_what_nobody_wants_once_that_is_to_be_pruned(self, fake: FakeAlertLogic, loop: Convergence) -> None:
        order = ordered(former_regions=("us-east-1",), prune=True)

        outcome = settled(one(loop.converge([order])))

        assert (outcome.removed, outcome.retained) == ((EAST, vpc_key("vpc-3")), ())
        assert included(fake) == [
            HOST,
            vpc_key("vpc-5", "eu-west-1"),
            vpc_key("vpc-1"),
            vpc_key("vpc-4", "us-west-2"),
        ]
        assert fake.deployments_of(ACCOUNT)[0]["scope"]["exclude"] == EXCLUDE


class TestUnreadable:
    def test_region_waits_while_all_else_is_done(self, fake: FakeAlertLogic, loop: Convergence, vpcs: FakeVpcs) -> None:
        vpcs.unreadable = {"us-west-2"}

        outcome = one(loop.converge([TAGGED_REGISTRATION]))

        assert isinstance(outcome, NotYet)
        assert "us-west-2" in str(outcome)
        assert_registered_once(fake)
        assert included(fake) == [vpc_key("vpc-1")]

        vpcs.unreadable = set()
        assert isinstance(one(loop.converge([TAGGED_REGISTRATION])), Settled)
        assert included(fake) == [vpc_key("vpc-1"), vpc_key("vpc-4", "us-west-2")]

    def test_region_keeps_its_entries(self, fake: FakeAlertLogic, loop: Convergence, vpcs: FakeVpcs) -> None:
        loop.converge([TAGGED_REGISTRATION])
        vpcs.by_region, vpcs.unreadable = {}, {"us-west-2"}

        assert isinstance(one(loop.converge([TAGGED_REGISTRATION])), NotYet)
        assert included(fake) == [vpc_key("vpc-4", "us-west-2")]

    def test_region_that_can_be_read_again_in_the_next_round_is_done(
        self, fake: FakeAlertLogic, loop: Convergence, vpcs: FakeVpcs
    ) -> None:
        vpcs.unreadable = {"us-west-2"}
        vpcs.meanwhile = vpcs.unreadable.clear

        assert isinstance(one(loop.converge([TAGGED_REGISTRATION])), Settled)
        assert included(fake) == [vpc_key("vpc-1"), vpc_key("vpc-4", "us-west-2")]

    def test_account_waits_and_does_not_hold_up_the_others(
        self, fake: FakeAlertLogic, loop: Convergence, vpcs: FakeVpcs
    ) -> None:
        vpcs.without_role = {ACCOUNT}
        [other] = accounts(1)

        outcomes = loop.converge([TAGGED_REGISTRATION, replace(other, scope=TAGGED)])

        assert isinstance(outcomes[ACCOUNT], NotYet)
        assert isinstance(outcomes[other.account_id], Settled)
        assert fake.deployments_of(ACCOUNT) == []


class TestMeanwhile:
    def test_a_listing_that_is_older_than_another_s_write_does_not_win(
        self, fake: FakeAlertLogic, loop: Convergence, vpcs: FakeVpcs
    ) -> None:
        loop.converge([TAGGED_REGISTRATION])
        vpcs.by_region["us-east-1"] = [vpc("vpc-1"), vpc("vpc-2", alertlogic="true")]
        others = iter([loop_of(client(fake), FakeVpcs(vpcs.by_region))])

        def changed_and_written_by_another() -> None:
            for other in others:
                vpcs.by_region["us-east-1"] = [vpc("vpc-1"), vpc("vpc-2")]
                assert isinstance(one(other.converge([TAGGED_REGISTRATION])), Settled)

        vpcs.meanwhile = changed_and_written_by_another

        assert isinstance(one(loop.converge([TAGGED_REGISTRATION])), Settled)
        assert [it.status for it in fake.requests if it.method == "PUT"] == [200, 409]
        assert included(fake) == [vpc_key("vpc-4", "us-west-2")]

    @pytest.mark.parametrize("is_registered", [True, False])
    def test_a_tag_that_changes_after_the_listing_is_seen_after_the_write(
        self, fake: FakeAlertLogic, loop: Convergence, vpcs: FakeVpcs, *, is_registered: bool
    ) -> None:
        if is_registered:
            loop.converge([REGISTRATION])
        vpcs.meanwhile = lambda: vpcs.by_region.update({"us-east-1": [vpc("vpc-3", alertlogic="true")]})

        outcome = settled(one(loop.converge([ordered(former_regions=WHOLE.regions)])))

        assert sorted(included(fake)) == [vpc_key("vpc-3"), vpc_key("vpc-4", "us-west-2")]
        assert vpc_key("vpc-1") in outcome.added
        assert vpc_key("vpc-1") in outcome.removed

    def test_several_requests_at_once_come_to_the_same(self, fake: FakeAlertLogic, vpcs: FakeVpcs) -> None:
        for registration in accounts(5):
            order = replace(registration, scope=TAGGED)
            outcomes = at_once(fake, order, order, order, vpcs=vpcs)

            assert all(isinstance(outcome, Settled) for outcome in outcomes)
            assert_registered_once(fake, registration)
            [deployment] = fake.deployments_of(registration.account_id)
            keys = [it["key"] for it in deployment["scope"]["include"]]
            assert keys == [vpc_key("vpc-1"), vpc_key("vpc-4", "us-west-2")]
