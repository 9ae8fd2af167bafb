"""Accounts, instances and operations, as the tests make them up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import strategies as st

from account_enrollment.enrollment import EnrollmentScope, Situation
from aws.organizations import Account, AwsAccountId
from aws.stack_sets import Operation, StackInstance

if TYPE_CHECKING:
    from collections.abc import Iterable

MANAGEMENT = AwsAccountId("111111111111")
SECURITY = AwsAccountId("444444444444")
MEMBER = AwsAccountId("555555555555")
OTHER = AwsAccountId("666666666666")
ROOT, WORKLOADS, PRODUCTION, SANDBOX = "r-abcd", "ou-abcd-workload", "ou-abcd-producti", "ou-abcd-sandbox0"
EAST, WEST, EUROPE = "us-east-1", "us-west-2", "eu-west-1"

SCOPE = EnrollmentScope(
    management_account_id=MANAGEMENT,
    always_enrolled=frozenset({SECURITY}),
    included_units=frozenset({WORKLOADS}),
    excluded_units=frozenset(),
    excluded_accounts=frozenset(),
    regions=frozenset({EAST, WEST}),
    administrator_id=None,
    administrator_regions=frozenset(),
)
ACCOUNT = Account(MEMBER, "shop", "ACTIVE", (PRODUCTION, WORKLOADS, ROOT))
OUTSIDE = Account(MEMBER, "shop", "ACTIVE", (SANDBOX, ROOT))


def instance(
    region: str = EAST,
    status: str = "CURRENT",
    detailed_status: str = "SUCCEEDED",
    operation: str = "old",
    account_id: AwsAccountId = MEMBER,
) -> StackInstance:
    return StackInstance(account_id, region, status, detailed_status, operation)


def both(status: str, detailed_status: str, operation: str = "old") -> list[StackInstance]:
    return [instance(region, status, detailed_status, operation) for region in sorted(SCOPE.regions)]


def situation(
    instances: Iterable[StackInstance] = (), account: Account | None = ACCOUNT, account_id: AwsAccountId = MEMBER
) -> Situation:
    return Situation(account.id if account else account_id, account, tuple(instances))


def ended(*ids: str, began_at: float = 0) -> list[Operation]:
    return [Operation(it, is_under_way=False, action=action_of(it), began_at=began_at) for it in ids]


def under_way(*ids: str, began_at: float = 0) -> list[Operation]:
    return [Operation(it, is_under_way=True, action=action_of(it), began_at=began_at) for it in ids]


def action_of(operation_id: str) -> str:
    kind = operation_id.split("-", maxsplit=1)[0]
    return {"create": "CREATE", "release": "DELETE", "trim": "DELETE", "remove": "DELETE"}.get(kind, "UPDATE")


regions = st.sampled_from([EAST, WEST, EUROPE])
operation_ids = st.sampled_from(
    [
        "old",
        "now",
        "remove-1",
        "remove-2",
        f"create-{MEMBER}-01",
        f"update-{OTHER}-{MEMBER}-02",
        f"trim-{MEMBER}-03",
        f"release-{MEMBER}-04",
        f"create-{OTHER}-05",
    ]
)
some_instances = st.lists(
    st.builds(
        StackInstance,
        account_id=st.just(MEMBER),
        region=regions,
        status=st.sampled_from(["CURRENT", "OUTDATED", "INOPERABLE"]),
        detailed_status=st.sampled_from(
            ["PENDING", "RUNNING", "SUCCEEDED", "FAILED", "CANCELLED", "INOPERABLE", "SKIPPED_SUSPENDED_ACCOUNT"]
        ),
        last_operation_id=operation_ids,
    ),
    unique_by=lambda it: it.region,
)
some_operations = st.lists(
    st.builds(lambda it, now: (under_way if now else ended)(it)[0], operation_ids, st.booleans()),
    unique_by=lambda it: it.id,
)
some_accounts = st.sampled_from([ACCOUNT, OUTSIDE]).flatmap(
    lambda account: st.sampled_from(["ACTIVE", "ACTIVE", "SUSPENDED", "CLOSED", "PENDING_ACTIVATION"]).map(
        lambda state: Account(account.id, account.name, state, account.ancestors)
    )
)
some_situations = st.builds(situation, some_instances, st.none() | some_accounts)
