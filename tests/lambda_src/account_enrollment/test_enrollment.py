from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from account_enrollment.enrollment import (
    Create,
    EnrollmentScope,
    Nothing,
    Release,
    Update,
    Wait,
    decide,
    operation_id,
    operations_of,
)
from aws.organizations import Account, AwsAccountId
from aws.stack_sets import Operation, StackInstance

if TYPE_CHECKING:
    from collections.abc import Iterable

MANAGEMENT = AwsAccountId("111111111111")
SECURITY = AwsAccountId("444444444444")
MEMBER = AwsAccountId("555555555555")
OTHER = AwsAccountId("666666666666")
ROOT, WORKLOADS, PRODUCTION, SANDBOX = "r-abcd", "ou-abcd-workload", "ou-abcd-producti", "ou-abcd-sandbox0"

SCOPE = EnrollmentScope(
    management_account_id=MANAGEMENT,
    always_enrolled=frozenset({SECURITY}),
    included_units=None,
    excluded_units=frozenset(),
    excluded_accounts=frozenset(),
    regions=frozenset({"us-east-1", "us-west-2"}),
    administrator_id=None,
    administrator_regions=frozenset(),
)
ACCOUNT = Account(MEMBER, "shop", "ACTIVE", (PRODUCTION, WORKLOADS, ROOT))


def instance(
    region: str = "us-east-1",
    status: str = "CURRENT",
    detailed_status: str = "SUCCEEDED",
    operation: str = "old",
    account_id: AwsAccountId = MEMBER,
) -> StackInstance:
    return StackInstance(account_id, region, status, detailed_status, operation)


def both(status: str, detailed_status: str, operation: str = "old") -> list[StackInstance]:
    return [instance(region, status, detailed_status, operation) for region in sorted(SCOPE.regions)]


def ended(*ids: str) -> list[Operation]:
    return [Operation(operation_id, is_under_way=False) for operation_id in ids]


def under_way(*ids: str) -> list[Operation]:
    return [Operation(operation_id, is_under_way=True) for operation_id in ids]


class TestWhoIsEnrolled:
    def test_an_account_of_the_organization_where_all_are_included(self) -> None:
        assert SCOPE.why_not(ACCOUNT) is None

    @pytest.mark.parametrize("state", ["SUSPENDED", "PENDING_CLOSURE", "CLOSED", "PENDING_ACTIVATION"])
    def test_only_active_accounts(self, state: str) -> None:
        assert SCOPE.why_not(replace(ACCOUNT, state=state)) == f"it is {state}"

    @pytest.mark.parametrize("unit", [PRODUCTION, WORKLOADS, ROOT])
    def test_accounts_below_an_included_unit_however_deep(self, unit: str) -> None:
        assert replace(SCOPE, included_units=frozenset({unit})).why_not(ACCOUNT) is None

    def test_no_account_outside_of_the_included_units(self) -> None:
        scope = replace(SCOPE, included_units=frozenset({SANDBOX}))

        assert scope.why_not(ACCOUNT) == "it is in no included organizational unit"

    @pytest.mark.parametrize("unit", [PRODUCTION, WORKLOADS, ROOT])
    @pytest.mark.parametrize("included", [None, frozenset({PRODUCTION})])
    def test_no_account_below_an_excluded_unit_even_if_a_nearer_one_is_included(
        self, unit: str, included: frozenset[str] | None
    ) -> None:
        scope = replace(SCOPE, included_units=included, excluded_units=frozenset({unit}))

        assert scope.why_not(ACCOUNT) == "it is in an excluded organizational unit"

    def test_no_excluded_account(self) -> None:
        assert replace(SCOPE, excluded_accounts=frozenset({MEMBER})).why_not(ACCOUNT) == "it is excluded"

    def test_always_the_shared_accounts_even_if_their_unit_is_excluded(self) -> None:
        scope = replace(
            SCOPE,
            included_units=frozenset({SANDBOX}),
            excluded_units=frozenset({ROOT}),
            excluded_accounts=frozenset({SECURITY}),
        )

        assert scope.why_not(replace(ACCOUNT, id=SECURITY)) is None

    def test_never_the_management_account(self) -> None:
        scope = replace(SCOPE, always_enrolled=frozenset({MANAGEMENT}))

        assert scope.why_not(replace(ACCOUNT, id=MANAGEMENT)) == "it is the management account"
        [action] = decide(scope, replace(ACCOUNT, id=MANAGEMENT), [], [])
        assert isinstance(action, Nothing)


class TestDecide:
    def test_creates_all_instances_of_a_new_account_at_once(self) -> None:
        assert decide(SCOPE, ACCOUNT, [], []) == (Create(("us-east-1", "us-west-2")),)

    def test_creates_only_what_is_missing(self) -> None:
        assert decide(SCOPE, ACCOUNT, [instance("us-east-1")], []) == (Create(("us-west-2",)),)

    def test_does_nothing_where_all_is_well(self) -> None:
        [action] = decide(SCOPE, ACCOUNT, both("CURRENT", "SUCCEEDED"), under_way("anything"))

        assert isinstance(action, Nothing)

    @pytest.mark.parametrize("detailed_status", ["FAILED", "CANCELLED", "SKIPPED_SUSPENDED_ACCOUNT", "SUCCEEDED", ""])
    def test_updates_outdated_instances(self, detailed_status: str) -> None:
        instances = [instance("us-east-1"), instance("us-west-2", "OUTDATED", detailed_status)]

        assert decide(SCOPE, ACCOUNT, instances, ended("old")) == (Update(("us-west-2",)),)

    def test_leaves_an_outdated_instance_to_its_operation_under_way(self) -> None:
        [action] = decide(SCOPE, ACCOUNT, both("OUTDATED", "FAILED", "now"), under_way("now"))

        assert isinstance(action, Nothing)

    @pytest.mark.parametrize("detailed_status", ["PENDING", "RUNNING"])
    def test_leaves_a_queued_instance_to_whichever_operation_is_under_way(self, detailed_status: str) -> None:
        [action] = decide(SCOPE, ACCOUNT, both("OUTDATED", detailed_status), [*ended("old"), *under_way("now")])

        assert isinstance(action, Nothing)

    def test_leaves_a_queued_instance_to_an_operation_that_began_just_now(self) -> None:
        [action] = decide(SCOPE, ACCOUNT, both("OUTDATED", "PENDING", "newer than the list"), ended("old"))

        assert isinstance(action, Nothing)

    def test_updates_a_queued_instance_whose_operation_has_ended(self) -> None:
        [action] = decide(SCOPE, ACCOUNT, both("OUTDATED", "PENDING"), ended("old"))

        assert action == Update(("us-east-1", "us-west-2"))

    def test_updates_a_failed_instance_while_an_operation_on_others_is_under_way(self) -> None:
        operations = [*ended("old"), *under_way("now")]

        assert decide(SCOPE, ACCOUNT, both("OUTDATED", "FAILED"), operations) == (Update(("us-east-1", "us-west-2")),)

    def test_lets_go_of_inoperable_instances_and_makes_them_anew_afterwards(self) -> None:
        instances = [instance("us-east-1"), instance("us-west-2", "INOPERABLE", "INOPERABLE")]

        release, wait = decide(SCOPE, ACCOUNT, instances, ended("old"))

        assert release == Release(("us-west-2",))
        assert isinstance(wait, Wait)
        operations = under_way(f"release-{MEMBER}-0123")
        [wait] = decide(SCOPE, ACCOUNT, instances, operations)
        assert isinstance(wait, Wait)
        assert decide(SCOPE, ACCOUNT, instances[:1], ended(f"release-{MEMBER}-0123")) == (Create(("us-west-2",)),)

    def test_waits_for_an_operation_that_will_make_the_missing_instances(self) -> None:
        [action] = decide(SCOPE, ACCOUNT, [], under_way(f"create-{MEMBER}-0123"))

        assert isinstance(action, Wait)

    def test_does_not_wait_for_operations_on_others(self) -> None:
        operations = under_way(f"create-{OTHER}-0123", "3e4f5a6b-1234-4000-8000-555555555555")

        assert decide(SCOPE, ACCOUNT, [], operations) == (Create(("us-east-1", "us-west-2")),)

    def test_mends_all_that_is_wrong_at_once(self) -> None:
        scope = replace(SCOPE, regions=frozenset({"us-east-1", "us-west-2", "eu-west-1"}))
        instances = [
            instance("us-west-2", "INOPERABLE", "INOPERABLE"),
            instance("us-east-1", "OUTDATED", "FAILED"),
        ]

        create, update, release, wait = decide(scope, ACCOUNT, instances, [])

        assert (create, update, release) == (Create(("eu-west-1",)), Update(("us-east-1",)), Release(("us-west-2",)))
        assert isinstance(wait, Wait)


regions = st.sampled_from(["us-east-1", "us-west-2", "eu-west-1"])
operation_ids = st.sampled_from(["old", "now", f"create-{MEMBER}-01", f"update-{MEMBER}-02", f"create-{OTHER}-03"])
some_instances = st.lists(
    st.builds(
        StackInstance,
        account_id=st.sampled_from([MEMBER, OTHER]),
        region=regions,
        status=st.sampled_from(["CURRENT", "OUTDATED", "INOPERABLE"]),
        detailed_status=st.sampled_from(["PENDING", "RUNNING", "SUCCEEDED", "FAILED", "CANCELLED", "INOPERABLE"]),
        last_operation_id=operation_ids,
    ),
    unique_by=lambda it: (it.account_id, it.region),
)
some_operations = st.lists(
    st.builds(Operation, id=operation_ids, is_under_way=st.booleans()), unique_by=lambda it: it.id
)


def after(
    actions: Iterable[object], instances: list[StackInstance], operations: list[Operation]
) -> tuple[list[StackInstance], list[Operation]]:
    """Return the state in which every action has begun and none has ended."""
    by_place = {(it.account_id, it.region): it for it in instances}
    operations = list(operations)
    for action in actions:
        if isinstance(action, (Create, Update, Release)):
            token = operation_id(action, MEMBER, event_id="event", instances=instances, operations=operations)
            operations.append(Operation(token, is_under_way=True))
            for region in action.regions:
                was = by_place.get((MEMBER, region), instance(region, "OUTDATED"))
                by_place[MEMBER, region] = replace(was, detailed_status="PENDING", last_operation_id=token)
    return list(by_place.values()), operations


@given(instances=some_instances, operations=some_operations)
def test_has_nothing_more_to_begin_once_everything_has_begun(
    instances: list[StackInstance], operations: list[Operation]
) -> None:
    first = decide(SCOPE, ACCOUNT, instances, operations)
    second = decide(SCOPE, ACCOUNT, *after(first, instances, operations))

    assert not [action for action in second if isinstance(action, (Create, Update, Release))]


@given(instances=some_instances, operations=some_operations, data=st.data())
def test_does_not_depend_on_the_order_of_what_was_read(
    instances: list[StackInstance], operations: list[Operation], data: st.DataObject
) -> None:
    shuffled = data.draw(st.permutations(instances)), data.draw(st.permutations(operations))

    assert decide(SCOPE, ACCOUNT, instances, operations) == decide(SCOPE, ACCOUNT, *shuffled)


@given(instances=some_instances, operations=some_operations)
def test_touches_no_region_and_no_account_but_its_own(
    instances: list[StackInstance], operations: list[Operation]
) -> None:
    own = [it for it in instances if it.account_id == MEMBER and it.region in SCOPE.regions]
    actions = decide(SCOPE, ACCOUNT, instances, operations)

    assert actions == decide(SCOPE, ACCOUNT, own, operations)
    touched = [region for it in actions if isinstance(it, (Create, Update, Release)) for region in it.regions]
    assert len(touched) == len(set(touched))
    assert SCOPE.regions.issuperset(touched)
    assert not {it.region for it in own if it.status == "CURRENT"}.intersection(touched)


class TestOperationId:
    def test_is_the_same_for_the_same_event_and_state(self) -> None:
        instances = both("OUTDATED", "FAILED")
        operations = ended("a", f"create-{MEMBER}-01")

        first = operation_id(
            Update(("us-east-1",)), MEMBER, event_id="event", instances=instances, operations=operations
        )
        second = operation_id(
            Update(("us-east-1",)), MEMBER, event_id="event", instances=instances[::-1], operations=operations[::-1]
        )

        assert first == second
        assert re.fullmatch(r"update-555555555555-[0-9a-f]{32}", first)
        assert operations_of(MEMBER, under_way(first)) == under_way(first)
        assert operations_of(OTHER, under_way(first)) == []

    def test_is_another_for_another_event_state_action_or_history(self) -> None:
        state = both("OUTDATED", "FAILED")
        action = Update(("us-east-1",))
        ids = {
            operation_id(action, MEMBER, event_id="event", instances=state, operations=[]),
            operation_id(action, OTHER, event_id="event", instances=state, operations=[]),
            operation_id(action, MEMBER, event_id="another", instances=state, operations=[]),
            operation_id(action, MEMBER, event_id="event", instances=both("OUTDATED", "FAILED", "b"), operations=[]),
            operation_id(Create(("us-east-1",)), MEMBER, event_id="event", instances=state, operations=[]),
            operation_id(Update(("us-west-2",)), MEMBER, event_id="event", instances=state, operations=[]),
            operation_id(action, MEMBER, event_id="event", instances=state, operations=ended(f"update-{MEMBER}-01")),
        }

        assert len(ids) == 7

    def test_does_not_depend_on_other_accounts(self) -> None:
        action = Create(("us-east-1",))

        assert operation_id(action, MEMBER, event_id="event", instances=[], operations=[]) == operation_id(
            action,
            MEMBER,
            event_id="event",
            instances=[instance(account_id=OTHER)],
            operations=under_way(f"create-{OTHER}-01"),
        )


def test_the_guardduty_administrator_gets_instances_in_its_regions_besides() -> None:
    scope = replace(SCOPE, administrator_id=MEMBER, administrator_regions=frozenset({"us-east-1", "eu-west-1"}))

    assert decide(scope, ACCOUNT, [instance("us-east-1"), instance("us-west-2")], []) == (Create(("eu-west-1",)),)


def test_other_accounts_get_none_in_the_administrators_regions() -> None:
    scope = replace(SCOPE, administrator_id=OTHER, administrator_regions=frozenset({"eu-west-1"}))

    [nothing] = decide(scope, ACCOUNT, [instance("us-east-1"), instance("us-west-2")], [])

    assert isinstance(nothing, Nothing)
