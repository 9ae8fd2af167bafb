from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from account_enrollment.enrollment import (
    Create,
    LetGo,
    Release,
    Remove,
    Situation,
    Trim,
    Update,
    decide,
    needs_operations,
)
from account_enrollment.operations import group, operation_id, removal_id
from aws.stack_sets import Operation
from tests.lambda_src.account_enrollment.situations import (
    ACCOUNT,
    EAST,
    EUROPE,
    MANAGEMENT,
    MEMBER,
    OTHER,
    OUTSIDE,
    PRODUCTION,
    ROOT,
    SANDBOX,
    SCOPE,
    SECURITY,
    WEST,
    WORKLOADS,
    action_of,
    both,
    ended,
    instance,
    situation,
    some_operations,
    some_situations,
    under_way,
)

if TYPE_CHECKING:
    from account_enrollment.enrollment import Decision, EnrollmentScope
    from aws.organizations import Account
    from aws.stack_sets import StackInstance

EVERYWHERE = replace(SCOPE, included_units=None)


def why_not(scope: EnrollmentScope, account: Account | None = ACCOUNT) -> str | None:
    return scope.why_not(account.id if account else MEMBER, account)


class TestWhoIsEnrolled:
    def test_an_account_of_the_organization_where_all_are_included(self) -> None:
        assert why_not(EVERYWHERE) is None

    @pytest.mark.parametrize("state", ["SUSPENDED", "PENDING_CLOSURE", "CLOSED", "PENDING_ACTIVATION"])
    def test_only_active_accounts(self, state: str) -> None:
        assert why_not(EVERYWHERE, replace(ACCOUNT, state=state)) == f"it is {state}"

    def test_only_accounts_of_the_organization(self) -> None:
        assert why_not(EVERYWHERE, None) == "it is not in the organization"

    @pytest.mark.parametrize("unit", [PRODUCTION, WORKLOADS, ROOT])
    def test_accounts_below_an_included_unit_however_deep(self, unit: str) -> None:
        assert why_not(replace(SCOPE, included_units=frozenset({unit}))) is None

    def test_no_account_outside_of_the_included_units(self) -> None:
        scope = replace(SCOPE, included_units=frozenset({SANDBOX}))

        assert why_not(scope) == "it is in no included organizational unit"

    @pytest.mark.parametrize("unit", [PRODUCTION, WORKLOADS, ROOT])
    @pytest.mark.parametrize("included", [None, frozenset({PRODUCTION})])
    def test_no_account_below_an_excluded_unit_even_if_a_nearer_one_is_included(
        self, unit: str, included: frozenset[str] | None
    ) -> None:
        scope = replace(SCOPE, included_units=included, excluded_units=frozenset({unit}))

        assert why_not(scope) == "it is in an excluded organizational unit"

    def test_no_excluded_account(self) -> None:
        assert why_not(replace(SCOPE, excluded_accounts=frozenset({MEMBER}))) == "it is excluded"

    def test_always_the_shared_accounts_even_if_their_unit_is_excluded(self) -> None:
        scope = replace(
            SCOPE,
            included_units=frozenset({SANDBOX}),
            excluded_units=frozenset({ROOT}),
            excluded_accounts=frozenset({SECURITY}),
        )

        assert why_not(scope, replace(ACCOUNT, id=SECURITY)) is None

    @pytest.mark.parametrize("instances", [[], both("CURRENT", "SUCCEEDED")])
    def test_never_the_management_account(self, instances: list[StackInstance]) -> None:
        scope = replace(EVERYWHERE, always_enrolled=frozenset({MANAGEMENT}))
        management = Situation(MANAGEMENT, replace(ACCOUNT, id=MANAGEMENT), tuple(instances))

        decision = decide(scope, management, [])

        assert decision == only_nothing(management, "it is the management account", "it is the management account")
        assert not needs_operations(scope, management)


def only_nothing(at: Situation, why: str | None, nothing: str) -> Decision:
    """Return the decision that nothing is to be done."""
    return replace(decide(SCOPE, situation(), []), situation=at, why_not=why, operate=(), nothing=nothing)


class TestWanted:
    def test_gets_all_instances_at_once_where_it_has_none(self) -> None:
        assert decide(SCOPE, situation(), []).operate == (Create((EAST, WEST)),)

    def test_gets_only_what_is_missing(self) -> None:
        assert decide(SCOPE, situation([instance(EAST)]), []).operate == (Create((WEST,)),)

    def test_needs_nothing_where_all_is_well(self) -> None:
        well = situation(both("CURRENT", "SUCCEEDED"))

        decision = decide(SCOPE, well, under_way("anything"))

        assert decision == only_nothing(well, None, "every instance is up to date, or an operation under way covers it")

    @pytest.mark.parametrize("detailed_status", ["FAILED", "CANCELLED", "SKIPPED_SUSPENDED_ACCOUNT", "SUCCEEDED", ""])
    @pytest.mark.parametrize("last", ["old", "remove-7"])
    def test_has_its_outdated_instances_updated(self, detailed_status: str, last: str) -> None:
        instances = [instance(EAST), instance(WEST, "OUTDATED", detailed_status, last)]

        assert decide(SCOPE, situation(instances), ended(last)).operate == (Update((WEST,)),)

    def test_is_left_to_the_operation_under_way_that_its_instance_names(self) -> None:
        assert decide(SCOPE, situation(both("OUTDATED", "FAILED", "now")), under_way("now")).nothing

    @pytest.mark.parametrize("detailed_status", ["PENDING", "RUNNING"])
    def test_is_left_to_whichever_operation_a_queued_instance_may_wait_for(self, detailed_status: str) -> None:
        queued = situation(both("OUTDATED", detailed_status))

        assert decide(SCOPE, queued, [*ended("old"), *under_way("now")]).nothing

    def test_is_not_left_to_an_operation_that_says_it_is_on_others(self) -> None:
        operations = [*ended("old"), *under_way(f"update-{OTHER}-01")]

        assert decide(SCOPE, situation(both("OUTDATED", "PENDING")), operations).operate == (Update((EAST, WEST)),)

    def test_is_left_to_an_operation_that_began_just_now(self) -> None:
        assert decide(SCOPE, situation(both("OUTDATED", "PENDING", "newer than the list")), ended("old")).nothing

    def test_has_a_queued_instance_updated_whose_operation_has_ended(self) -> None:
        assert decide(SCOPE, situation(both("OUTDATED", "PENDING")), ended("old")).operate == (Update((EAST, WEST)),)

    def test_has_a_failed_instance_updated_while_an_operation_on_others_is_under_way(self) -> None:
        operations = [*ended("old"), *under_way("now")]

        assert decide(SCOPE, situation(both("OUTDATED", "FAILED")), operations).operate == (Update((EAST, WEST)),)

    def test_has_inoperable_instances_let_go_of_and_made_anew_afterwards(self) -> None:
        instances = [instance(EAST), instance(WEST, "INOPERABLE", "INOPERABLE")]

        first = decide(SCOPE, situation(instances), ended("old"))

        assert first.operate == (Release((WEST,)),)
        assert first.wait
        release = f"release-{MEMBER}-0123"
        second = decide(SCOPE, situation(instances), under_way(release))
        assert (second.operate, bool(second.wait)) == ((), True)
        assert decide(SCOPE, situation(instances[:1]), ended(release)).operate == (Create((WEST,)),)

    def test_waits_for_an_operation_that_will_make_the_missing_instances(self) -> None:
        decision = decide(SCOPE, situation(), under_way(f"create-{OTHER}-{MEMBER}-0123"))

        assert (decision.operate, decision.wait) == ((), "an operation on the account is under way")

    def test_does_not_wait_for_operations_on_others(self) -> None:
        operations = under_way(f"create-{OTHER}-0123", "3e4f5a6b-1234-4000-8000-555555555555")

        assert decide(SCOPE, situation(), operations).operate == (Create((EAST, WEST)),)

    @pytest.mark.parametrize("region", [EAST, WEST])
    def test_waits_where_it_is_wanted_again_while_it_is_being_removed(self, region: str) -> None:
        leaving = situation([instance(region, "OUTDATED", "RUNNING", "remove-3")])

        decision = decide(SCOPE, leaving, under_way("remove-3"))

        assert (decision.operate, decision.wait) == ((), "instances that it is to have are being deleted")

    def test_waits_where_a_removal_may_be_what_an_instance_is_queued_for(self) -> None:
        queued = situation(both("OUTDATED", "PENDING", "old"))

        assert decide(SCOPE, queued, [*ended("old"), *under_way("remove-3")]).wait

    def test_has_all_mended_at_once_that_is_wrong(self) -> None:
        scope = replace(SCOPE, regions=frozenset({EAST, WEST, EUROPE}))
        instances = [
            instance(WEST, "INOPERABLE", "INOPERABLE"),
            instance(EAST, "OUTDATED", "FAILED"),
            instance("sa-east-1"),
        ]

        decision = decide(scope, situation(instances), [])

        assert decision.operate == (
            Create((EUROPE,)),
            Update((EAST,)),
            Release((WEST,)),
            Trim(("sa-east-1",)),
        )
        assert decision.wait


class TestRegions:
    def test_the_guardduty_administrator_gets_instances_in_its_regions_besides(self) -> None:
        scope = replace(SCOPE, administrator_id=MEMBER, administrator_regions=frozenset({EAST, EUROPE}))

        assert decide(scope, situation(both("CURRENT", "SUCCEEDED")), []).operate == (Create((EUROPE,)),)

    def test_other_accounts_get_none_in_the_administrators_regions(self) -> None:
        scope = replace(SCOPE, administrator_id=OTHER, administrator_regions=frozenset({EUROPE}))

        assert decide(scope, situation(both("CURRENT", "SUCCEEDED")), []).nothing

    @pytest.mark.parametrize(("status", "detailed_status"), [("CURRENT", "SUCCEEDED"), ("OUTDATED", "FAILED")])
    def test_instances_in_regions_that_are_no_longer_governed_are_deleted(
        self, status: str, detailed_status: str
    ) -> None:
        instances = [*both("CURRENT", "SUCCEEDED"), instance(EUROPE, status, detailed_status)]

        decision = decide(SCOPE, situation(instances), ended("old"))

        assert (decision.operate, decision.departure, decision.wait) == ((Trim((EUROPE,)),), None, None)

    @pytest.mark.parametrize(
        ("status", "detailed_status", "last"),
        [("INOPERABLE", "INOPERABLE", "old"), ("OUTDATED", "FAILED", f"trim-{MEMBER}-0123")],
    )
    def test_and_let_go_of_if_that_fails(self, status: str, detailed_status: str, last: str) -> None:
        instances = [*both("CURRENT", "SUCCEEDED"), instance(EUROPE, status, detailed_status, last)]

        assert decide(SCOPE, situation(instances), ended(last)).operate == (Release((EUROPE,)),)

    def test_and_left_to_an_operation_under_way(self) -> None:
        trim = f"trim-{MEMBER}-0123"
        instances = [*both("CURRENT", "SUCCEEDED"), instance(EUROPE, "OUTDATED", "PENDING", trim)]

        assert decide(SCOPE, situation(instances), under_way(trim)).nothing


class TestUnwanted:
    def test_needs_nothing_without_instances(self) -> None:
        assert decide(SCOPE, situation(account=OUTSIDE), []) == only_nothing(
            situation(account=OUTSIDE),
            "it is in no included organizational unit",
            "it is in no included organizational unit",
        )

    @pytest.mark.parametrize(
        "instances",
        [
            both("CURRENT", "SUCCEEDED"),
            both("OUTDATED", "FAILED"),
            both("OUTDATED", "CANCELLED", "remove-2"),
            both("OUTDATED", "SKIPPED_SUSPENDED_ACCOUNT", "remove-2"),
        ],
    )
    def test_has_its_instances_deleted_and_is_looked_at_again(self, instances: list[StackInstance]) -> None:
        decision = decide(SCOPE, situation(instances, OUTSIDE), ended("old", "remove-2"))

        assert (decision.operate, decision.departure) == ((), Remove((EAST, WEST)))
        assert decision.wait

    def test_has_them_deleted_in_whatever_region_they_are(self) -> None:
        instances = [instance(EUROPE), instance(EAST)]

        assert decide(SCOPE, situation(instances, OUTSIDE), []).departure == Remove((EUROPE, EAST))

    @pytest.mark.parametrize(
        "instances",
        [
            both("OUTDATED", "FAILED", "remove-2"),
            both("INOPERABLE", "INOPERABLE", "remove-2"),
            both("INOPERABLE", "FAILED"),
        ],
    )
    def test_is_let_go_of_where_they_cannot_be_deleted(self, instances: list[StackInstance]) -> None:
        decision = decide(SCOPE, situation(instances, OUTSIDE), ended("old", "remove-2"))

        assert (decision.departure, decision.wait) == (LetGo((EAST, WEST)), None)

    def test_has_those_deleted_first_that_can_be(self) -> None:
        instances = [instance(EAST, "INOPERABLE", "INOPERABLE"), instance(WEST)]

        decision = decide(SCOPE, situation(instances, OUTSIDE), ended("old"))

        assert decision.departure == Remove((WEST,))
        assert decision.wait

    @pytest.mark.parametrize("state", ["SUSPENDED", "PENDING_CLOSURE", "CLOSED"])
    def test_is_let_go_of_where_it_is_closed(self, state: str) -> None:
        closed = situation(both("CURRENT", "SUCCEEDED"), replace(ACCOUNT, state=state))

        assert decide(SCOPE, closed, []).departure == LetGo((EAST, WEST))

    def test_is_let_go_of_where_it_has_left_the_organization(self) -> None:
        left = situation(both("CURRENT", "SUCCEEDED"), None)

        assert decide(SCOPE, left, []).departure == LetGo((EAST, WEST))

    @pytest.mark.parametrize("state", ["PENDING_ACTIVATION", "", "SOMETHING_NEW"])
    def test_keeps_them_in_a_state_that_says_nothing_of_leaving(self, state: str) -> None:
        unclear = situation(both("CURRENT", "SUCCEEDED"), replace(ACCOUNT, state=state))

        decision = decide(SCOPE, unclear, [])

        assert decision == only_nothing(unclear, f"it is {state}", f"it is {state}")

    @pytest.mark.parametrize("account", [OUTSIDE, None, replace(ACCOUNT, state="CLOSED")])
    @pytest.mark.parametrize("operation", ["remove-3", "now", f"create-{MEMBER}-0123"])
    def test_waits_while_something_is_at_work_on_them(self, account: Account | None, operation: str) -> None:
        instances = [instance(EAST), instance(WEST, "OUTDATED", "RUNNING", operation)]

        decision = decide(SCOPE, situation(instances, account), under_way(operation))

        assert (decision.operate, decision.departure) == ((), None)
        assert decision.wait


class TestNeedsOperations:
    @pytest.mark.parametrize(
        "instances",
        [[], [instance(EAST)], both("CURRENT", "SUCCEEDED"), both("OUTDATED", "FAILED"), both("OUTDATED", "CANCELLED")],
    )
    def test_not_for_what_most_accounts_need(self, instances: list[StackInstance]) -> None:
        assert not needs_operations(SCOPE, situation(instances))

    @pytest.mark.parametrize(
        "instances",
        [
            both("OUTDATED", "PENDING"),
            both("CURRENT", "RUNNING"),
            both("INOPERABLE", "INOPERABLE"),
            [*both("CURRENT", "SUCCEEDED"), instance(EUROPE)],
        ],
    )
    def test_where_something_may_be_at_work_or_is_to_be_deleted(self, instances: list[StackInstance]) -> None:
        assert needs_operations(SCOPE, situation(instances))

    @pytest.mark.parametrize("account", [OUTSIDE, None])
    def test_where_an_account_departs(self, account: Account | None) -> None:
        assert needs_operations(SCOPE, situation(both("CURRENT", "SUCCEEDED"), account))
        assert not needs_operations(SCOPE, situation([], account))


def decide_as_the_function_does(at: Situation, operations: list[Operation]) -> Decision:
    return decide(SCOPE, at, operations if needs_operations(SCOPE, at) else [])


def begun(decision: Decision) -> list[tuple[str, tuple[str, ...]]]:
    """Return the ids of the operations that a decision comes to, and their regions."""
    account_id = decision.situation.account_id
    found = [
        (operation_id(joint, event_id="event", attempt=1, situations={account_id: decision.situation}), joint.action)
        for joint in group([decision])
    ]
    regions = [(token, action.regions) for token, action in found]
    return [*regions, *([(removal_id(9), decision.departure.regions)] if decision.departure else [])]


def after(decision: Decision, operations: list[Operation]) -> tuple[Situation, list[Operation]]:
    """Return the state in which all has begun that was decided, and nothing has ended."""
    by_region = {it.region: it for it in decision.situation.instances}
    operations = list(operations)
    for token, regions in begun(decision):
        operations.append(Operation(token, is_under_way=True, action=action_of(token), began_at=0))
        for region in regions:
            was = by_region.get(region, instance(region, "OUTDATED"))
            by_region[region] = replace(was, detailed_status="PENDING", last_operation_id=token)
    return replace(decision.situation, instances=tuple(by_region.values())), operations


@given(at=some_situations, operations=some_operations)
def test_has_nothing_more_to_begin_once_everything_has_begun(at: Situation, operations: list[Operation]) -> None:
    first = decide_as_the_function_does(at, operations)
    second = decide_as_the_function_does(*after(first, operations))

    assert not begun(second)


@given(at=some_situations, operations=some_operations, data=st.data())
def test_does_not_depend_on_the_order_of_what_was_read(
    at: Situation, operations: list[Operation], data: st.DataObject
) -> None:
    shuffled = replace(at, instances=tuple(data.draw(st.permutations(at.instances))))
    decision = decide(SCOPE, at, operations)

    assert replace(decide(SCOPE, shuffled, data.draw(st.permutations(operations))), situation=at) == decision


@given(at=some_situations, operations=some_operations)
def test_touches_each_region_once_and_only_what_needs_it(at: Situation, operations: list[Operation]) -> None:
    decision = decide_as_the_function_does(at, operations)

    touched = [region for _, regions in begun(decision) for region in regions]
    assert len(touched) == len(set(touched))
    if decision.why_not is None:
        assert decision.departure is None
        well = {it.region for it in at.instances if it.status == "CURRENT" and it.region in SCOPE.regions}
        assert not well.intersection(touched)
    else:
        assert decision.operate == ()
        assert {it.region for it in at.instances}.issuperset(touched)


@given(at=some_situations, operations=some_operations)
def test_always_says_what_comes_next(at: Situation, operations: list[Operation]) -> None:
    decision = decide_as_the_function_does(at, operations)

    assert bool(decision.nothing) is not bool(decision.operate or decision.departure or decision.wait)
