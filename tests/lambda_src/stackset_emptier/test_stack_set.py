from __future__ import annotations

import json
from itertools import islice
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from aws.clients import client
from aws.organizations import AwsAccountId
from aws.queue import NotYet
from stackset_emptier.emptying import Deletion, Instance, Operation
from stackset_emptier.stack_set import CloudFormationStackSet

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient

NAME = "alertlogic-member-account"
SHOP, BANK = AwsAccountId("555555555555"), AwsAccountId("666666666666")
TEMPLATE = json.dumps({"Resources": {"Topic": {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": "topic"}}}})
DELETION = Deletion("empty-0-1", (SHOP, BANK), ("us-east-1", "us-west-2"), lets_go=False, reasons=())


@pytest.fixture
def cloudformation(aws: None) -> CloudFormationClient:  # noqa: ARG001 - AWS must be there
    return client("cloudformation")


@pytest.fixture
def stack_set(cloudformation: CloudFormationClient) -> CloudFormationStackSet:
    return CloudFormationStackSet(cloudformation, name=NAME, max_concurrent_percentage=25)


def test_lists_and_deletes_instances(stack_set: CloudFormationStackSet, cloudformation: CloudFormationClient) -> None:
    cloudformation.create_stack_set(StackSetName=NAME, TemplateBody=TEMPLATE)
    cloudformation.create_stack_instances(
        StackSetName=NAME, Accounts=[SHOP, BANK, "777777777777"], Regions=["us-east-1", "us-west-2"]
    )
    assert len(list(stack_set.instances())) == 6

    assert stack_set.begin(DELETION)

    assert sorted(it.account_id for it in stack_set.instances()) == ["777777777777"] * 2
    assert [it.is_under_way for it in stack_set.operations()] == [False, False]


def test_reads_instances_page_by_page_and_no_further_than_it_takes(
    stack_set: CloudFormationStackSet, cloudformation: CloudFormationClient
) -> None:
    def summary(account_id: str) -> Any:
        return {
            "Account": account_id,
            "Region": "us-east-1",
            "Status": "OUTDATED",
            "StatusReason": "the role is gone",
            "StackInstanceStatus": {"DetailedStatus": "FAILED"},
            "LastOperationId": "empty-0-1",
        }

    request = {"StackSetName": NAME, "MaxResults": 100}
    with Stubber(cloudformation) as stubber:
        stubber.add_response("list_stack_instances", {"Summaries": [summary(SHOP)], "NextToken": "a"}, request)
        empty = {"Summaries": [], "NextToken": "b"}
        stubber.add_response("list_stack_instances", empty, {**request, "NextToken": "a"})
        page = {"Summaries": [summary(BANK)], "NextToken": "c"}
        stubber.add_response("list_stack_instances", page, {**request, "NextToken": "b"})

        assert list(islice(stack_set.instances(), 2)) == [
            Instance(account_id, "us-east-1", "FAILED", "empty-0-1", "the role is gone") for account_id in (SHOP, BANK)
        ]
        stubber.assert_no_pending_responses()


def test_lists_more_operations_than_fit_on_a_page(
    stack_set: CloudFormationStackSet, cloudformation: CloudFormationClient
) -> None:
    statuses = ["SUCCEEDED", "FAILED", "STOPPED", "QUEUED", "RUNNING", "STOPPING"]
    summaries: list[Any] = [{"OperationId": status, "Status": status} for status in statuses]
    with Stubber(cloudformation) as stubber:
        first = {"Summaries": summaries[:4], "NextToken": "a"}
        stubber.add_response("list_stack_set_operations", first, {"StackSetName": NAME, "MaxResults": 100})
        last = {"StackSetName": NAME, "NextToken": "a", "MaxResults": 100}
        stubber.add_response("list_stack_set_operations", {"Summaries": summaries[4:]}, last)

        assert stack_set.operations() == tuple(
            Operation(status, is_under_way=status in {"QUEUED", "RUNNING", "STOPPING"}) for status in statuses
        )


@pytest.mark.parametrize("lets_go", [False, True])
def test_begins_operations_with_the_preferences_that_one_bad_account_cannot_stop(
    stack_set: CloudFormationStackSet,
    cloudformation: CloudFormationClient,
    lets_go: bool,  # noqa: FBT001 - drawn by name
) -> None:
    request = {
        "StackSetName": NAME,
        "Accounts": (SHOP, BANK),
        "Regions": ("us-east-1", "us-west-2"),
        "OperationPreferences": {
            "RegionConcurrencyType": "PARALLEL",
            "FailureTolerancePercentage": 100,
            "MaxConcurrentPercentage": 25,
            "ConcurrencyMode": "SOFT_FAILURE_TOLERANCE",
        },
        "RetainStacks": lets_go,
        "OperationId": "empty-0-1",
    }
    with Stubber(cloudformation) as stubber:
        stubber.add_response("delete_stack_instances", {"OperationId": "empty-0-1"}, request)

        assert stack_set.begin(Deletion("empty-0-1", DELETION.accounts, DELETION.regions, lets_go, reasons=()))


def test_a_stack_set_that_is_gone_is_empty(stack_set: CloudFormationStackSet) -> None:
    assert stack_set.operations() == ()
    assert list(stack_set.instances()) == []


def test_leaves_an_operation_to_whoever_took_its_id(
    stack_set: CloudFormationStackSet, cloudformation: CloudFormationClient
) -> None:
    with Stubber(cloudformation) as stubber:
        stubber.add_client_error("delete_stack_instances", "OperationIdAlreadyExistsException")

        assert not stack_set.begin(DELETION)


@pytest.mark.parametrize(
    "code",
    ["LimitExceededException", "OperationInProgressException", "StackSetNotFoundException", "StaleRequestException"],
)
def test_waits_while_the_stack_set_is_busy(
    stack_set: CloudFormationStackSet, cloudformation: CloudFormationClient, code: str
) -> None:
    with Stubber(cloudformation) as stubber:
        stubber.add_client_error("delete_stack_instances", code)
        with pytest.raises(NotYet, match=code):
            stack_set.begin(DELETION)


def test_leaves_other_errors_to_the_queue(
    stack_set: CloudFormationStackSet, cloudformation: CloudFormationClient
) -> None:
    with Stubber(cloudformation) as stubber:
        for call in ("list_stack_set_operations", "list_stack_instances", "delete_stack_instances"):
            stubber.add_client_error(call, "AccessDenied")
        with pytest.raises(ClientError, match="AccessDenied"):
            stack_set.operations()
        with pytest.raises(ClientError, match="AccessDenied"):
            list(stack_set.instances())
        with pytest.raises(ClientError, match="AccessDenied"):
            stack_set.begin(DELETION)


def test_describes_the_stack(stack_set: CloudFormationStackSet, cloudformation: CloudFormationClient) -> None:
    stack_id = cloudformation.create_stack(StackName="AlertLogic-Master", TemplateBody=TEMPLATE)["StackId"]

    assert stack_set.stack_status(stack_id) == "CREATE_COMPLETE"
