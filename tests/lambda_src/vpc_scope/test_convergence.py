from __future__ import annotations

import copy
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from alertlogic_api import AuthenticationError, ConflictError, Policy, RejectedError, RetryableError
from aws.queue import Refused
from aws.reader import RoleNotAssumableError
from protection.scope import VpcTag
from tests.lambda_src.vpc_scope.world import ACCOUNT, EAST, OTHER, RULE, WEST, Eyes, World, entry
from vpc_scope.convergence import ATTEMPTS, EVENT_DELAY_SECONDS, LONGEST_PAUSE_SECONDS, Absent, Converged

if TYPE_CHECKING:
    from collections.abc import Callable

    from aws.organizations import AwsAccountId
    from vpc_scope.convergence import Outcome

LOOKUPS = ["list policies", "list deployments"]
HOST = {"type": "host", "key": "/aws/us-east-1/host/i-1", "policy": {"id": "p2"}, "note": "a user's"}


@pytest.fixture
def world() -> World:
    world = World()
    world.register(ACCOUNT)
    return world


def converge(eyes: Eyes, *regions: str, account_id: AwsAccountId = ACCOUNT) -> Outcome:
    return eyes.converge({account_id: regions or (EAST,)})[account_id]


def converged(
    *,
    added: tuple[str, ...] = (),
    removed: tuple[str, ...] = (),
    retained: tuple[str, ...] = (),
    not_kept: tuple[str, ...] = (),
) -> Converged:
    return Converged(f"d-{ACCOUNT}", added=added, removed=removed, retained=retained, not_kept=not_kept, unreadable={})


def once(call: str, effect: Callable[[], object]) -> Callable[[str], None]:
    """Let something happen right before the first call of a kind."""
    effects = [effect]

    def before(name: str) -> None:
        if name == call and effects:
            effects.pop()()

    return before


def fail(error: Exception) -> Callable[[], object]:
    def effect() -> None:
        raise error

    return effect


class TestScope:
    def test_reads_the_deployment_then_the_vpcs_and_writes(self, world: World) -> None:
        world.put_vpc("vpc-1", alertlogic="true")
        world.put_vpc("vpc-2", alertlogic="false")
        eyes = Eyes(world)

        assert converge(eyes) == converged(added=("/aws/us-east-1/vpc/vpc-1",))

        assert world.included() == [entry("vpc-1")]
        assert eyes.calls == [*LOOKUPS, "get", "vpcs us-east-1", "update"]

    def test_writes_nothing_when_nothing_changes(self, world: World) -> None:
        world.put_vpc("vpc-1", alertlogic="true")
        world.register(ACCOUNT, HOST, entry("vpc-1"))
        eyes = Eyes(world)

        assert converge(eyes) == converged()
        assert eyes.calls == [*LOOKUPS, "get", "vpcs us-east-1"]

    def test_takes_out_what_is_untagged_or_gone(self, world: World) -> None:
        world.register(ACCOUNT, entry("vpc-1"), entry("vpc-2"), entry("vpc-3", WEST))
        world.put_vpc("vpc-1", alertlogic="false")

        outcome = converge(Eyes(world))

        assert outcome == converged(removed=("/aws/us-east-1/vpc/vpc-1", "/aws/us-east-1/vpc/vpc-2"))
        # Nobody has said anything about the other region.
        assert world.included() == [entry("vpc-3", WEST)]

    def test_leaves_everything_else_as_it_is(self, world: World) -> None:
        document = world.register(ACCOUNT, entry("vpc-9", "eu-west-1"), HOST, entry("vpc-0"))
        document["scope"]["note"] = "unknown to us"
        document["mode"] = "manual"
        world.put_vpc("vpc-1", alertlogic="true")
        before = copy.deepcopy(document)

        converge(Eyes(world))

        include = [entry("vpc-9", "eu-west-1"), HOST, entry("vpc-1")]
        expected = before | {"scope": before["scope"] | {"include": include}, "version": 2}
        assert world.documents[f"d-{ACCOUNT}"] == expected

    def test_manages_without_a_scope(self, world: World) -> None:
        del world.register(ACCOUNT)["scope"]
        assert converge(Eyes(world)) == converged()
        world.put_vpc("vpc-1", alertlogic="true")

        converge(Eyes(world))
        assert world.included() == [entry("vpc-1")]

    def test_goes_by_any_of_several_tags(self, world: World) -> None:
        rule = replace(RULE, tags=(VpcTag("Env", "Prod"), VpcTag("alertlogic", "*")))
        world.put_vpc("vpc-1", Env="Prod", alertlogic="yes")
        world.put_vpc("vpc-2", alertlogic="")
        world.put_vpc("vpc-3", Env="Pro")
        world.put_vpc("vpc-4", Env="Production", Alertlogic="true")

        converge(Eyes(world, rule=rule))
        assert world.included() == [entry("vpc-1"), entry("vpc-2")]

        world.put_vpc("vpc-1", alertlogic="yes")
        eyes = Eyes(world, rule=rule)
        assert converge(eyes) == converged()
        assert "update" not in eyes.calls

    def test_converges_accounts_and_regions_of_one_batch_with_one_list(self, world: World) -> None:
        world.register(OTHER)
        for account_id in (ACCOUNT, OTHER):
            for region in (EAST, WEST):
                world.put_vpc("vpc-1", region, account_id, alertlogic="true")
        eyes = Eyes(world)

        outcomes = eyes.converge({ACCOUNT: {WEST, EAST}, OTHER: {EAST, WEST}})

        assert all(isinstance(outcome, Converged) for outcome in outcomes.values())
        both = [entry("vpc-1", EAST), entry("vpc-1", WEST)]
        assert (world.included(ACCOUNT), world.included(OTHER)) == (both, both)
        assert eyes.calls.count("list deployments") == eyes.calls.count("list policies") == 1
        assert (eyes.calls.count("get"), eyes.calls.count("update")) == (2, 2)

    def test_keeps_the_list_for_the_accounts_of_later_batches(self, world: World) -> None:
        world.register(OTHER)
        eyes = Eyes(world)

        for account_id in (ACCOUNT, OTHER):
            assert isinstance(eyes.converge({account_id: {EAST}})[account_id], Converged)
        assert eyes.calls.count("list deployments") == 1

    def test_lists_again_for_an_account_that_was_not_registered_then(self, world: World) -> None:
        eyes = Eyes(world)
        eyes.converge({ACCOUNT: {EAST}})
        world.documents["azure"] = {**world.register(OTHER), "id": "azure", "platform": {"type": "azure", "id": "a"}}

        assert isinstance(eyes.converge({OTHER: {EAST}})[OTHER], Converged)
        assert eyes.calls.count("list deployments") == 2

    def test_asks_nothing_when_there_is_nothing_to_do(self, world: World) -> None:
        eyes = Eyes(world)

        assert (eyes.converge({}), eyes.calls) == ({}, [])

    def test_looks_policy_and_deployment_up_once_in_a_container(self, world: World) -> None:
        eyes = Eyes(world)
        converge(eyes)
        converge(eyes)

        assert eyes.calls == [*LOOKUPS, *["get", "vpcs us-east-1"] * 2]


class TestOwnership:
    @pytest.fixture
    def adopted(self) -> World:
        """A deployment that a user had filled by hand."""
        world = World()
        world.register(ACCOUNT, entry("vpc-1", policy_id="p2"), entry("vpc-2"), is_adopted=True)
        world.put_vpc("vpc-1", alertlogic="true")
        world.put_vpc("vpc-2")
        world.put_vpc("vpc-3", alertlogic="true")
        return world

    def test_only_adds_to_what_was_there_before(self, adopted: World) -> None:
        outcome = converge(Eyes(adopted))

        assert outcome == converged(added=("/aws/us-east-1/vpc/vpc-3",), retained=("/aws/us-east-1/vpc/vpc-2",))
        assert adopted.included() == [entry("vpc-1", policy_id="p2"), entry("vpc-2"), entry("vpc-3")]

    def test_tells_what_it_retains_without_writing(self, adopted: World) -> None:
        converge(Eyes(adopted))
        eyes = Eyes(adopted)

        assert converge(eyes) == converged(retained=("/aws/us-east-1/vpc/vpc-2",))
        assert "update" not in eyes.calls

    def test_prunes_it_when_it_is_told_to(self, adopted: World) -> None:
        eyes = Eyes(adopted, rule=replace(RULE, prune=True))

        assert converge(eyes) == converged(added=("/aws/us-east-1/vpc/vpc-3",), removed=("/aws/us-east-1/vpc/vpc-2",))
        assert adopted.included() == [entry("vpc-1"), entry("vpc-3")]
        assert "list credentials" not in eyes.calls

    def test_lists_credentials_once_for_a_batch_and_only_if_it_matters(self, world: World) -> None:
        world.register(ACCOUNT, entry("vpc-1"))
        world.register(OTHER, entry("vpc-1"))
        eyes = Eyes(world)

        eyes.converge({ACCOUNT: {EAST}, OTHER: {EAST}})
        assert (world.included(ACCOUNT), world.included(OTHER)) == ([], [])
        assert eyes.calls.count("list credentials") == 1

        world.put_vpc("vpc-2", alertlogic="true")
        eyes.converge({ACCOUNT: {EAST}, OTHER: {EAST}})
        assert eyes.calls.count("list credentials") == 1

    def test_lists_credentials_again_when_the_deployment_links_a_newer_one(self, world: World) -> None:
        world.register(ACCOUNT, entry("vpc-1"))
        world.register(OTHER, entry("vpc-1"))

        def relink() -> None:
            [newer] = [it for it in world.credentials if it.id == f"c-{OTHER}"]
            world.credentials.append(replace(newer, id="newer"))
            world.documents[f"d-{OTHER}"]["credentials"] = [{"id": "newer", "purpose": "discover"}]

        eyes = Eyes(world, once("update", relink))
        eyes.converge({ACCOUNT: {EAST}, OTHER: {EAST}})

        assert world.included(OTHER) == []
        assert eyes.calls.count("list credentials") == 2

    def test_lists_no_credentials_for_a_deployment_that_links_none(self, world: World) -> None:
        world.register(ACCOUNT, entry("vpc-1"))["credentials"] = []
        eyes = Eyes(world)

        assert converge(eyes) == converged(retained=("/aws/us-east-1/vpc/vpc-1",))
        assert "list credentials" not in eyes.calls


class TestRace:
    def test_looks_again_after_a_write_that_took_longer_than_events_are_held_back(self, world: World) -> None:
        """The tag goes after it was listed, and whoever is told of that finds nothing to do and ends."""
        world.put_vpc("vpc-1", alertlogic="true")

        def meanwhile() -> None:
            world.put_vpc("vpc-1")
            world.now += EVENT_DELAY_SECONDS
            assert converge(Eyes(world)) == converged()

        outcome = converge(Eyes(world, once("update", meanwhile)))

        key = "/aws/us-east-1/vpc/vpc-1"
        assert outcome == converged(added=(key,), removed=(key,))
        assert world.included() == []

    def test_leaves_what_changed_meanwhile_to_its_own_event(self, world: World) -> None:
        world.put_vpc("vpc-1", alertlogic="true")

        def meanwhile() -> None:
            world.put_vpc("vpc-1")
            world.now += EVENT_DELAY_SECONDS - 1

        assert converge(Eyes(world, once("update", meanwhile))) == converged(added=("/aws/us-east-1/vpc/vpc-1",))
        assert world.included() == [entry("vpc-1")]

        converge(Eyes(world))
        assert world.included() == []

    def test_keeps_what_a_user_changes_meanwhile(self, world: World) -> None:
        world.put_vpc("vpc-1", alertlogic="true")

        def edit() -> None:
            document = world.documents[f"d-{ACCOUNT}"]
            document["scope"]["include"].append(HOST)
            document["version"] += 1

        eyes = Eyes(world, once("update", edit))
        converge(eyes)

        assert world.included() == [HOST, entry("vpc-1")]
        assert eyes.calls == [*LOOKUPS, *["get", "vpcs us-east-1", "update"] * 2]

    def test_adds_each_key_once_when_another_worker_was_first(self, world: World) -> None:
        world.put_vpc("vpc-1", alertlogic="true")
        eyes = Eyes(world, once("update", lambda: converge(Eyes(world))))

        assert converge(eyes) == converged()
        assert world.included() == [entry("vpc-1")]

    def test_pauses_longer_and_longer_and_gives_up_for_now(self, world: World) -> None:
        world.put_vpc("vpc-1", alertlogic="true")

        def before(call: str) -> None:
            if call == "update":
                raise ConflictError("somebody else")

        eyes = Eyes(world, before)

        assert isinstance(converge(eyes), ConflictError)
        assert eyes.calls.count("update") == ATTEMPTS
        assert eyes.slept[:3] == [0.1, 0.2, 0.4]
        assert max(eyes.slept) == LONGEST_PAUSE_SECONDS
        assert sum(eyes.slept) < 40

    def test_does_not_repeat_what_alert_logic_does_not_keep(self, world: World) -> None:
        world.put_vpc("vpc-1", alertlogic="true")
        world.put_vpc("vpc-2", alertlogic="true")
        world.forgets = {"/aws/us-east-1/vpc/vpc-2"}
        eyes = Eyes(world)

        outcome = converge(eyes)

        keys = ("/aws/us-east-1/vpc/vpc-1", "/aws/us-east-1/vpc/vpc-2")
        assert outcome == converged(added=keys, not_kept=keys[1:])
        assert eyes.calls.count("update") == 1


class TestAbsence:
    def test_says_that_there_is_no_deployment(self, world: World) -> None:
        eyes = Eyes(world)

        outcome = converge(eyes, account_id=OTHER)

        assert outcome == Absent(f"Alert Logic has no deployment of account {OTHER}")
        assert eyes.calls == LOOKUPS

    def test_takes_a_deployment_that_vanishes_for_none(self, world: World) -> None:
        eyes = Eyes(world, once("get", world.documents.clear))

        assert isinstance(converge(eyes), Absent)

    def test_finds_the_one_that_was_made_in_its_place(self, world: World) -> None:
        world.put_vpc("vpc-1", alertlogic="true")
        eyes = Eyes(world)
        converge(eyes)
        world.documents["newer"] = world.documents.pop(f"d-{ACCOUNT}") | {"id": "newer"}

        outcome = converge(eyes)
        assert isinstance(outcome, Converged)
        assert outcome.deployment_id == "newer"

    def test_takes_a_deployment_that_vanishes_before_the_write_for_none(self, world: World) -> None:
        world.put_vpc("vpc-1", alertlogic="true")
        eyes = Eyes(world, once("update", world.documents.clear))

        assert isinstance(converge(eyes), Absent)

    def test_changes_the_earliest_of_two_deployments(self, world: World) -> None:
        world.documents["d-2"] = copy.deepcopy(world.documents[f"d-{ACCOUNT}"]) | {
            "id": "d-2",
            "created": {"at": 0, "by": "us"},
        }
        world.put_vpc("vpc-1", alertlogic="true")

        converge(Eyes(world))

        assert (world.included(), world.documents["d-2"]["scope"]["include"]) == ([], [entry("vpc-1")])

    def test_says_that_the_account_cannot_be_read(self, world: World) -> None:
        world.register(OTHER)
        world.put_vpc("vpc-1", account_id=OTHER, alertlogic="true")
        world.denied = {ACCOUNT}

        outcomes = Eyes(world).converge({ACCOUNT: {EAST}, OTHER: {EAST}})

        assert isinstance(outcomes[ACCOUNT], RoleNotAssumableError)
        assert world.included(OTHER) == [entry("vpc-1")]

    def test_says_that_the_account_has_left(self, world: World) -> None:
        world.register(ACCOUNT)["enabled"] = False
        world.denied = {ACCOUNT}

        outcome = converge(Eyes(world))

        assert outcome == Absent(f"the reader role of account {ACCOUNT} is gone, and its deployment disabled")

    def test_goes_on_beside_a_region_that_cannot_be_read(self, world: World) -> None:
        world.register(ACCOUNT, entry("vpc-9"))
        world.put_vpc("vpc-1", WEST, alertlogic="true")
        world.denied = {(ACCOUNT, EAST)}

        outcome = converge(Eyes(world), EAST, WEST)

        assert isinstance(outcome, Converged)
        assert {region: str(why) for region, why in outcome.unreadable.items()} == {EAST: f"no view of {EAST}"}
        assert world.included() == [entry("vpc-9"), entry("vpc-1", WEST)]


class TestFailure:
    @pytest.mark.parametrize("call", LOOKUPS)
    def test_fails_all_accounts_when_what_they_share_cannot_be_read(self, world: World, call: str) -> None:
        error = RetryableError("down")

        outcomes = Eyes(world, once(call, fail(error))).converge({ACCOUNT: {EAST}, OTHER: {EAST}})

        assert outcomes == {ACCOUNT: error, OTHER: error}

    @pytest.mark.parametrize("call", ["get", "vpcs us-east-1", "update"])
    @pytest.mark.parametrize(
        "error", [RetryableError("down"), AuthenticationError("bad key"), ValueError("a bug")], ids=type
    )
    def test_fails_no_other_account(self, world: World, call: str, error: Exception) -> None:
        world.register(OTHER)
        for account_id in (ACCOUNT, OTHER):
            world.put_vpc("vpc-1", account_id=account_id, alertlogic="true")

        outcomes = Eyes(world, once(call, fail(error))).converge({ACCOUNT: {EAST}, OTHER: {EAST}})

        assert outcomes[ACCOUNT] is error
        assert isinstance(outcomes[OTHER], Converged)

    def test_refuses_a_policy_that_the_customer_lacks(self, world: World) -> None:
        world.register(ACCOUNT, entry("vpc-1"))
        world.policies = [Policy("p2", "Essentials"), Policy("p3", "Enterprise")]
        eyes = Eyes(world)

        outcome = converge(eyes)

        assert isinstance(outcome, Refused)
        assert "'Professional'" in str(outcome)
        assert "only Enterprise, Essentials" in str(outcome)
        assert world.included() == [entry("vpc-1")]

        world.policies = []
        assert "none at all" in str(converge(eyes))

    def test_finds_a_policy_that_has_another_id_by_now(self, world: World) -> None:
        eyes = Eyes(world)
        converge(eyes)
        world.policies = [Policy("newer", "Professional")]
        world.put_vpc("vpc-1", alertlogic="true")

        assert isinstance(converge(eyes), Converged)
        assert world.included() == [entry("vpc-1", policy_id="newer")]

    def test_gives_up_what_is_rejected_twice_and_forgets_the_policy(self, world: World) -> None:
        world.put_vpc("vpc-1", alertlogic="true")
        rejected = RejectedError(400, "no")

        def before(call: str) -> None:
            if call == "update":
                raise rejected

        eyes = Eyes(world, before)

        assert converge(eyes) is rejected
        assert (eyes.calls.count("update"), eyes.calls.count("get")) == (2, 2)
        eyes.before = lambda _: None
        assert isinstance(converge(eyes), Converged)
        assert eyes.calls.count("list policies") == 3

    def test_passes_on_another_rejection_of_a_read(self, world: World) -> None:
        error = RejectedError(403, "forbidden")

        assert converge(Eyes(world, once("get", fail(error)))) is error
