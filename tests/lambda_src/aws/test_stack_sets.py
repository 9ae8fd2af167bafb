from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from aws.clients import client
from aws.organizations import AwsAccountId
from aws.queue import NotYet
from aws.stack_sets import Operation, StackInstance, StackSet

if TYPE_CHECKING:
    from collections.abc import Callable

    from mypy_boto3_cloudformation import CloudFormationClient

NAME = "alertlogic-member-account"
ACCOUNT = AwsAccountId("555555555555")
OTHER = AwsAccountId("666666666666")
TEMPLATE = json.dumps(
    {
        "Parameters": {"AccountName": {"Type": "String", "Default": ""}},
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
    "create_stack_instances": lambda it: it.create(ACCOUNT, ["us-east-1"], parameters={}, operation_id="create-1"),
    "update_stack_instances": lambda it: it.update(ACCOUNT, ["us-east-1"], parameters={}, operation_id="update-1"),
    "delete_stack_instances": lambda it: it.release(ACCOUNT, ["us-east-1"], operation_id="release-1"),
}


@pytest.fixture
def cloudformation(aws: None) -> CloudFormationClient:  # noqa: ARG001 - AWS must be there
    return client("cloudformation")


@pytest.fixture
def stack_set(cloudformation: CloudFormationClient) -> StackSet:
    cloudformation.create_stack_set(StackSetName=NAME, TemplateBody=TEMPLATE)
    return stack_set_of(cloudformation)


def stack_set_of(cloudformation: CloudFormationClient) -> StackSet:
    return StackSet(cloudformation, name=NAME, max_concurrent_percentage=25)


def test_creates_lists_and_releases_instances(stack_set: StackSet) -> None:
    for account_id in (OTHER, ACCOUNT):
        stack_set.create(
            account_id,
            ["us-west-2", "us-east-1"],
            parameters={"AccountName": "shop"},
            operation_id=f"create-{account_id}-1",
        )

    [first, second] = stack_set.instances(ACCOUNT)
    assert (first.account_id, first.region, first.status) == (ACCOUNT, "us-east-1", "CURRENT")
    assert (second.account_id, second.region, second.status) == (ACCOUNT, "us-west-2", "CURRENT")

    stack_set.release(ACCOUNT, ["us-east-1", "us-west-2"], operation_id=f"release-{ACCOUNT}-2")

    assert stack_set.instances(ACCOUNT) == ()
    assert len(stack_set.instances(OTHER)) == 2


def test_lists_more_instances_and_operations_than_fit_on_a_page(cloudformation: CloudFormationClient) -> None:
    def instance(account_id: str, region: str) -> Any:
        return {
            "Account": account_id,
            "Region": region,
            "Status": "OUTDATED",
            "StackInstanceStatus": {"DetailedStatus": "FAILED"},
            "LastOperationId": "operation-1",
        }

    instances = {"StackSetName": NAME, "StackInstanceAccount": ACCOUNT}
    with Stubber(cloudformation) as stubber:
        stubber.add_response(
            "list_stack_instances",
            {"Summaries": [instance(ACCOUNT, "us-west-2"), instance(OTHER, "us-east-1")], "NextToken": "a"},
            instances,
        )
        stubber.add_response(
            "list_stack_instances", {"Summaries": [], "NextToken": "b"}, {**instances, "NextToken": "a"}
        )
        stubber.add_response(
            "list_stack_instances",
            {"Summaries": [instance(ACCOUNT, "us-east-1")]},
            {**instances, "NextToken": "b"},
        )
        stubber.add_response(
            "list_stack_set_operations",
            {"Summaries": [{"OperationId": "operation-1", "Status": "SUCCEEDED"}], "NextToken": "a"},
            {"StackSetName": NAME},
        )
        stubber.add_response(
            "list_stack_set_operations",
            {
                "Summaries": [
                    {"OperationId": "operation-2", "Status": "QUEUED"},
                    {"OperationId": "operation-3", "Status": "RUNNING"},
                    {"OperationId": "operation-4", "Status": "STOPPING"},
                    {"OperationId": "operation-5", "Status": "STOPPED"},
                ]
            },
            {"StackSetName": NAME, "NextToken": "a"},
        )
        stack_set = stack_set_of(cloudformation)

        assert stack_set.instances(ACCOUNT) == (
            StackInstance(ACCOUNT, "us-east-1", "OUTDATED", "FAILED", "operation-1"),
            StackInstance(ACCOUNT, "us-west-2", "OUTDATED", "FAILED", "operation-1"),
        )
        assert [operation.is_under_way for operation in stack_set.operations()] == [False, True, True, True, False]
        # A second look costs no call.
        assert len(stack_set.operations()) == 5


def test_knows_the_operations_that_it_began(stack_set: StackSet) -> None:
    assert stack_set.operations() == ()

    BEGIN["create_stack_instances"](stack_set)

    assert stack_set.operations() == (Operation("create-1", is_under_way=True),)


def test_begins_operations_with_the_preferences_that_one_bad_account_cannot_stop(
    cloudformation: CloudFormationClient,
) -> None:
    common = {
        "StackSetName": NAME,
        "Accounts": [ACCOUNT],
        "Regions": ["us-east-1"],
        "OperationPreferences": PREFERENCES,
    }
    override = [{"ParameterKey": "AccountName", "ParameterValue": "shop"}]
    with Stubber(cloudformation) as stubber:
        create = {**common, "ParameterOverrides": override, "OperationId": "create-1"}
        stubber.add_response("create_stack_instances", {"OperationId": "create-1"}, create)
        stubber.add_response("list_stack_set_operations", {"Summaries": []}, {"StackSetName": NAME})
        update = {**common, "ParameterOverrides": override, "OperationId": "update-1"}
        stubber.add_response("update_stack_instances", {"OperationId": "update-1"}, update)
        release = {**common, "RetainStacks": True, "OperationId": "release-1"}
        stubber.add_response("delete_stack_instances", {"OperationId": "release-1"}, release)
        stack_set = stack_set_of(cloudformation)

        stack_set.create(ACCOUNT, ["us-east-1"], parameters={"AccountName": "shop"}, operation_id="create-1")
        stack_set.update(ACCOUNT, ["us-east-1"], parameters={"AccountName": "shop"}, operation_id="update-1")
        stack_set.release(ACCOUNT, ["us-east-1"], operation_id="release-1")

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


def test_waits_for_a_stack_set_that_is_not_deployed_yet(cloudformation: CloudFormationClient) -> None:
    with pytest.raises(NotYet, match="StackSetNotFoundException"):
        stack_set_of(cloudformation).operations()
