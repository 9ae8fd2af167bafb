from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from aws.clients import client
from aws.organizations import AwsAccountId
from aws.queue import NotYet
from aws.stack_sets import InstancePage, Operation, StackInstance, StackSet

if TYPE_CHECKING:
    from collections.abc import Callable

    from mypy_boto3_cloudformation import CloudFormationClient

NAME = "alertlogic-member-account"
ACCOUNT = AwsAccountId("555555555555")
OTHER = AwsAccountId("666666666666")
TEMPLATE = json.dumps(
    {
        "Resources": {"Topic": {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": "topic"}}},
    }
)
PREFERENCES = {
    "RegionConcurrencyType": "PARALLEL",
    "FailureTolerancePercentage": 100,
    "MaxConcurrentPercentage": 25,
    "ConcurrencyMode": "SOFT_FAILURE_TOLERANCE",
}
# How each operation is begun, by the name of its call.
BEGIN: dict[str, Callable[[StackSet], None]] = {
    "create_stack_instances": lambda it: it.create([ACCOUNT], ["us-east-1"], operation_id="create-1"),
    "update_stack_instances": lambda it: it.update([ACCOUNT], ["us-east-1"], operation_id="update-1"),
    "delete_stack_instances": lambda it: it.release([ACCOUNT], ["us-east-1"], operation_id="release-1"),
}


@pytest.fixture
def cloudformation(aws: None) -> CloudFormationClient:  # noqa: ARG001 - AWS must be there
    return client("cloudformation")


@pytest.fixture
def stack_set(cloudformation: CloudFormationClient) -> StackSet:
    cloudformation.create_stack_set(StackSetName=NAME, TemplateBody=TEMPLATE)
    return stack_set_of(cloudformation)


def stack_set_of(cloudformation: CloudFormationClient) -> StackSet:
    return StackSet(cloudformation, name=NAME, max_concurrent_percentage=25, clock=lambda: 1_800_000_000)


def instance(account_id: str, region: str) -> Any:
    return {
        "Account": account_id,
        "Region": region,
        "Status": "OUTDATED",
        "StackInstanceStatus": {"DetailedStatus": "FAILED"},
        "LastOperationId": "operation-1",
        "StackId": f"arn:aws:cloudformation:{region}:{account_id}:stack/StackSet-{NAME}/1",
    }


def outdated(account_id: AwsAccountId, region: str) -> StackInstance:
    stack_id = f"arn:aws:cloudformation:{region}:{account_id}:stack/StackSet-{NAME}/1"
    return StackInstance(account_id, region, "OUTDATED", "FAILED", "operation-1", stack_id)


def operation(operation_id: str, status: str) -> Any:
    return {
        "OperationId": operation_id,
        "Action": "UPDATE",
        "Status": status,
        "CreationTimestamp": datetime(2026, 11, 1, tzinfo=UTC),
    }


@pytest.mark.parametrize("end", [StackSet.release, StackSet.remove])
def test_begins_operations_on_several_accounts_and_lists_instances(
    stack_set: StackSet, end: Callable[..., None]
) -> None:
    stack_set.create([OTHER, ACCOUNT], ["us-west-2", "us-east-1"], operation_id="create-1")

    [first, second] = stack_set.instances(ACCOUNT)
    assert (first.account_id, first.region, first.status) == (ACCOUNT, "us-east-1", "CURRENT")
    assert (second.account_id, second.region, second.status) == (ACCOUNT, "us-west-2", "CURRENT")
    assert stack_set.accounts() == {OTHER, ACCOUNT}
    page = stack_set.page_of_instances(None)
    assert (len(page.instances), page.next_token) == (4, None)

    end(stack_set, [ACCOUNT], ["us-east-1", "us-west-2"], operation_id="end-1")

    assert stack_set.instances(ACCOUNT) == ()
    assert len(stack_set.instances(OTHER)) == 2


def test_lists_more_instances_of_an_account_than_fit_on_a_page(cloudformation: CloudFormationClient) -> None:
    request = {"StackSetName": NAME, "StackInstanceAccount": ACCOUNT, "MaxResults": 100}
    with Stubber(cloudformation) as stubber:
        stubber.add_response(
            "list_stack_instances",
            {"Summaries": [instance(ACCOUNT, "us-west-2"), instance(OTHER, "us-east-1")], "NextToken": "a"},
            request,
        )
        # An empty page that is not the last, as where CloudFormation filters what it has cut before.
        stubber.add_response("list_stack_instances", {"Summaries": [], "NextToken": "b"}, {**request, "NextToken": "a"})
        stubber.add_response(
            "list_stack_instances", {"Summaries": [instance(ACCOUNT, "us-east-1")]}, {**request, "NextToken": "b"}
        )

        assert stack_set_of(cloudformation).instances(ACCOUNT) == (
            outdated(ACCOUNT, "us-east-1"),
            outdated(ACCOUNT, "us-west-2"),
        )


def test_lists_the_instances_of_all_accounts_a_page_at_a_time(cloudformation: CloudFormationClient) -> None:
    request = {"StackSetName": NAME, "MaxResults": 100}
    with Stubber(cloudformation) as stubber:
        stubber.add_response(
            "list_stack_instances", {"Summaries": [instance(ACCOUNT, "us-west-2")], "NextToken": "a"}, request
        )
        stubber.add_response(
            "list_stack_instances",
            {"Summaries": [{"Account": OTHER, "Region": "us-east-1", "Status": "OUTDATED"}]},
            {**request, "NextToken": "a"},
        )
        stack_set = stack_set_of(cloudformation)

        first = stack_set.page_of_instances(None)
        second = stack_set.page_of_instances(first.next_token)

    assert first == InstancePage((outdated(ACCOUNT, "us-west-2"),), "a")
    # One that there is no stack for yet.
    assert second == InstancePage((StackInstance(OTHER, "us-east-1", "OUTDATED", "", ""),), None)


def test_counts_accounts_by_their_instances_in_its_own_region(cloudformation: CloudFormationClient) -> None:
    request = {"StackSetName": NAME, "StackInstanceRegion": "us-east-1", "MaxResults": 100}
    with Stubber(cloudformation) as stubber:
        stubber.add_response(
            "list_stack_instances", {"Summaries": [instance(ACCOUNT, "us-east-1")], "NextToken": "a"}, request
        )
        stubber.add_response(
            "list_stack_instances", {"Summaries": [instance(OTHER, "us-east-1")]}, {**request, "NextToken": "a"}
        )

        assert stack_set_of(cloudformation).accounts() == {ACCOUNT, OTHER}


def test_lists_operations_once(cloudformation: CloudFormationClient) -> None:
    request = {"StackSetName": NAME, "MaxResults": 100}
    with Stubber(cloudformation) as stubber:
        stubber.add_response(
            "list_stack_set_operations",
            {"Summaries": [operation("operation-1", "SUCCEEDED")], "NextToken": "a"},
            request,
        )
        statuses = ["QUEUED", "RUNNING", "STOPPING", "STOPPED", "FAILED"]
        stubber.add_response(
            "list_stack_set_operations",
            {"Summaries": [operation(f"operation-{number}", status) for number, status in enumerate(statuses, 2)]},
            {**request, "NextToken": "a"},
        )
        stack_set = stack_set_of(cloudformation)
        assert not stack_set.has_listed_operations

        operations = stack_set.operations()

        assert [it.is_under_way for it in operations] == [False, True, True, True, False, False]
        began_at = datetime(2026, 11, 1, tzinfo=UTC).timestamp()
        assert operations[0] == Operation("operation-1", is_under_way=False, action="UPDATE", began_at=began_at)
        # A second look costs no call.
        assert stack_set.has_listed_operations
        assert stack_set.operations() == operations


def test_knows_the_operations_that_it_began_even_if_the_list_lags_behind(
    cloudformation: CloudFormationClient,
) -> None:
    with Stubber(cloudformation) as stubber:
        stubber.add_response("create_stack_instances", {"OperationId": "create-1"})
        stubber.add_response("list_stack_set_operations", {"Summaries": []})
        stubber.add_response("delete_stack_instances", {"OperationId": "release-1"})
        stack_set = stack_set_of(cloudformation)

        BEGIN["create_stack_instances"](stack_set)
        create = Operation("create-1", is_under_way=True, action="CREATE", began_at=1_800_000_000)
        assert stack_set.operations() == (create,)
        BEGIN["delete_stack_instances"](stack_set)
        release = Operation("release-1", is_under_way=True, action="DELETE", began_at=1_800_000_000)
        assert stack_set.operations() == (create, release)


def test_names_no_operation_twice(cloudformation: CloudFormationClient) -> None:
    with Stubber(cloudformation) as stubber:
        stubber.add_response("create_stack_instances", {"OperationId": "create-1"})
        stubber.add_response("list_stack_set_operations", {"Summaries": [operation("create-1", "SUCCEEDED")]})
        stack_set = stack_set_of(cloudformation)
        BEGIN["create_stack_instances"](stack_set)

        [ended] = stack_set.operations()

    assert not ended.is_under_way


def test_lists_operations_anew_once_somebody_else_took_an_id(cloudformation: CloudFormationClient) -> None:
    with Stubber(cloudformation) as stubber:
        stubber.add_response("list_stack_set_operations", {"Summaries": []})
        stubber.add_client_error("create_stack_instances", "OperationIdAlreadyExistsException")
        stubber.add_response("list_stack_set_operations", {"Summaries": [operation("create-1", "RUNNING")]})
        stack_set = stack_set_of(cloudformation)
        stack_set.operations()

        with pytest.raises(NotYet):
            BEGIN["create_stack_instances"](stack_set)

        assert [it.id for it in stack_set.operations()] == ["create-1"]


def test_begins_operations_with_the_preferences_that_one_bad_account_cannot_stop(
    cloudformation: CloudFormationClient,
) -> None:
    common = {
        "StackSetName": NAME,
        "Accounts": [ACCOUNT, OTHER],
        "Regions": ["us-east-1"],
        "OperationPreferences": PREFERENCES,
    }
    accounts = [ACCOUNT, OTHER]
    with Stubber(cloudformation) as stubber:
        for call, operation_id, more in (
            ("create_stack_instances", "create-1", {}),
            ("update_stack_instances", "update-1", {}),
            ("delete_stack_instances", "remove-1", {"RetainStacks": False}),
            ("delete_stack_instances", "release-1", {"RetainStacks": True}),
        ):
            request = {**common, "OperationId": operation_id, **more}
            stubber.add_response(call, {"OperationId": operation_id}, request)
        stack_set = stack_set_of(cloudformation)

        stack_set.create(accounts, ["us-east-1"], operation_id="create-1")
        stack_set.update(accounts, ["us-east-1"], operation_id="update-1")
        stack_set.remove(accounts, ["us-east-1"], operation_id="remove-1")
        stack_set.release(accounts, ["us-east-1"], operation_id="release-1")

        stubber.assert_no_pending_responses()


@pytest.mark.parametrize("call", BEGIN)
@pytest.mark.parametrize(
    "code",
    [
        "OperationInProgressException",
        "StaleRequestException",
        "OperationIdAlreadyExistsException",
        "LimitExceededException",
        "StackSetNotFoundException",
        "StackInstanceNotFoundException",
    ],
)
def test_waits_while_the_stack_set_is_busy(cloudformation: CloudFormationClient, call: str, code: str) -> None:
    with Stubber(cloudformation) as stubber:
        stubber.add_client_error(call, code)
        with pytest.raises(NotYet, match=code):
            BEGIN[call](stack_set_of(cloudformation))


def test_leaves_other_errors_to_the_queue(cloudformation: CloudFormationClient) -> None:
    with Stubber(cloudformation) as stubber:
        stubber.add_client_error("create_stack_instances", "InvalidOperationException")
        with pytest.raises(ClientError, match="InvalidOperation"):
            BEGIN["create_stack_instances"](stack_set_of(cloudformation))


@pytest.mark.parametrize(
    "look",
    [
        StackSet.operations,
        StackSet.accounts,
        lambda it: it.instances(ACCOUNT),
        lambda it: it.page_of_instances(None),
    ],
)
def test_waits_for_a_stack_set_that_is_not_deployed_yet(
    cloudformation: CloudFormationClient, look: Callable[[StackSet], object]
) -> None:
    with pytest.raises(NotYet, match="StackSetNotFoundException"):
        look(stack_set_of(cloudformation))
