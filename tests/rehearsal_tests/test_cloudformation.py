"""The rehearsal's own CloudFormation keeps to the rules that moto leaves out."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from tests.rehearsal.principals import RoleSession

if TYPE_CHECKING:
    from tests.rehearsal import Rehearsal
    from tests.rehearsal.templates import Json

UNIT = "Workloads/Dev"
ROLE: Json = {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": {"Statement": []}}}


@pytest.fixture(autouse=True)
def _small_template(rehearsal: Rehearsal) -> None:
    """Instances that need no function."""
    rehearsal.stack_set.body = {"Parameters": {"AccountName": {"Default": ""}}, "Resources": {"Role": ROLE}}


def begin(rehearsal: Rehearsal, action: str, account: str, **more: Any) -> str:
    client = rehearsal.client("cloudformation", rehearsal.zone.management)
    call = getattr(client, f"{action}_stack_instances")
    operation_id: str = call(
        StackSetName=rehearsal.stack_set.name, Accounts=[account], Regions=[rehearsal.zone.home_region], **more
    )["OperationId"]
    return operation_id


def test_an_operation_takes_time(rehearsal: Rehearsal) -> None:
    account = rehearsal.create_account("timed", UNIT)
    begin(rehearsal, "create", account)
    rehearsal.settle()
    [operation], [instance] = rehearsal.operations(account), rehearsal.stack_instances(account)
    assert (operation.status, instance.status, instance.detailed) == ("RUNNING", "OUTDATED", "PENDING")

    rehearsal.settle(within_minutes=2)

    assert (operation.status, instance.status, instance.detailed) == ("SUCCEEDED", "CURRENT", "SUCCEEDED")


def test_operations_on_the_same_account_queue(rehearsal: Rehearsal) -> None:
    account = rehearsal.create_account("queued", UNIT)
    for action in ("create", "update"):
        begin(rehearsal, action, account)
    rehearsal.settle()
    assert [operation.status for operation in rehearsal.operations(account)] == ["RUNNING", "QUEUED"]

    rehearsal.settle(within_minutes=5)

    assert [operation.status for operation in rehearsal.operations(account)] == ["SUCCEEDED", "SUCCEEDED"]


def test_an_operation_id_counts_once(rehearsal: Rehearsal) -> None:
    account = rehearsal.create_account("once", UNIT)
    begin(rehearsal, "create", account, OperationId="the-same")

    with pytest.raises(ClientError, match="OperationIdAlreadyExistsException"):
        begin(rehearsal, "create", account, OperationId="the-same")

    rehearsal.settle(within_minutes=2)


def test_without_managed_execution_one_operation_runs_at_a_time(rehearsal: Rehearsal) -> None:
    first, second = (rehearsal.create_account(name, UNIT) for name in ("first", "second"))
    rehearsal.stack_set.managed = False
    begin(rehearsal, "create", first)

    with pytest.raises(ClientError, match="OperationInProgressException"):
        begin(rehearsal, "create", second)

    rehearsal.stack_set.managed = True
    rehearsal.settle(within_minutes=2)


def test_only_instances_that_exist_are_updated(rehearsal: Rehearsal) -> None:
    with pytest.raises(ClientError, match="StackInstanceNotFoundException"):
        begin(rehearsal, "update", rehearsal.zone.audit)


def test_an_unknown_stack_set_is_not_found(rehearsal: Rehearsal) -> None:
    client = rehearsal.client("cloudformation", rehearsal.zone.management)

    with pytest.raises(client.exceptions.StackSetNotFoundException):
        client.list_stack_instances(StackSetName="another")


def test_a_closed_account_is_skipped(rehearsal: Rehearsal) -> None:
    account = rehearsal.create_account("closed", UNIT)
    rehearsal.close_account(account)
    begin(rehearsal, "create", account)
    rehearsal.settle(within_minutes=2)

    [instance] = rehearsal.stack_instances(account)
    assert (instance.status, instance.detailed) == ("OUTDATED", "SKIPPED_SUSPENDED_ACCOUNT")


def test_the_management_account_cannot_be_reached(rehearsal: Rehearsal) -> None:
    begin(rehearsal, "create", rehearsal.zone.management)
    rehearsal.settle(within_minutes=2)

    [instance] = rehearsal.stack_instances(rehearsal.zone.management)
    assert instance.detailed == "FAILED"
    assert "should have 'AWSControlTowerExecution' role" in instance.reason


@pytest.mark.parametrize(("retain", "status"), [(True, "CREATE_COMPLETE"), (False, "DELETE_COMPLETE")])
def test_deleting_an_instance_may_leave_its_stack(rehearsal: Rehearsal, *, retain: bool, status: str) -> None:
    account = rehearsal.create_account(f"retained-{retain}", UNIT)
    begin(rehearsal, "create", account)
    rehearsal.settle(within_minutes=2)
    [instance] = rehearsal.stack_instances(account)
    begin(rehearsal, "delete", account, RetainStacks=retain)
    rehearsal.settle(within_minutes=2)

    assert rehearsal.stack_instances(account) == []
    assert instance.stack is not None
    assert instance.stack.status == status


def test_a_physical_name_that_is_taken_fails_the_instance(rehearsal: Rehearsal) -> None:
    account = rehearsal.create_account("taken", UNIT)
    rehearsal.forger.create_role(account, "taken")
    role: Json = {"Type": "AWS::IAM::Role", "Properties": {**ROLE["Properties"], "RoleName": "taken"}}
    rehearsal.stack_set.body = {"Resources": {"Role": role}}
    begin(rehearsal, "create", account)
    rehearsal.settle(within_minutes=2)

    [instance] = rehearsal.stack_instances(account)
    assert instance.detailed == "FAILED"
    assert "EntityAlreadyExists" in instance.reason


def test_instances_come_in_pages_and_can_be_filtered(rehearsal: Rehearsal) -> None:
    rehearsal.seed_instances(120)
    client = rehearsal.client("cloudformation", rehearsal.zone.management)
    name = rehearsal.stack_set.name

    first = client.list_stack_instances(StackSetName=name)
    [only] = client.list_stack_instances(StackSetName=name, StackInstanceAccount="100000000119")["Summaries"]
    [by_operation] = client.list_stack_instances(
        StackSetName=name, Filters=[{"Name": "LAST_OPERATION_ID", "Values": "seed-7"}]
    )["Summaries"]

    assert len(first["Summaries"]) == 100
    assert first["NextToken"]
    assert only["Account"] == "100000000119"
    assert by_operation["Account"] == "100000000007"


def test_a_custom_resource_without_an_answer_times_out(rehearsal: Rehearsal) -> None:
    account = rehearsal.zone.audit
    topic = rehearsal.client("sns", account).create_topic(Name="deaf")["TopicArn"]
    stack = rehearsal.stacks.create(
        "waiting",
        account=account,
        region=rehearsal.zone.home_region,
        body={"Resources": {"R": {"Type": "Custom::R", "Properties": {"ServiceToken": topic, "ServiceTimeout": 600}}}},
        parameters={},
        caller=RoleSession(rehearsal.execution_role(account), "stack"),
    )
    rehearsal.advance(minutes=9)
    assert stack.status == "CREATE_IN_PROGRESS"

    rehearsal.advance(minutes=1)
    assert stack.status == "ROLLBACK_IN_PROGRESS"
    create, delete = rehearsal.custom_resources.requests[-2:]
    late = json.dumps({"Status": "SUCCESS", "PhysicalResourceId": "late"}).encode()

    assert rehearsal.custom_resources.answer(create.url, late)
    assert rehearsal.custom_resources.answer(delete.url, late)
    rehearsal.settle()

    assert stack.status == "ROLLBACK_COMPLETE"
    assert delete.message["RequestType"] == "Delete"
    assert not create.succeeded


def test_a_custom_resource_that_fails_is_deleted_by_its_own_id(rehearsal: Rehearsal) -> None:
    account = rehearsal.zone.audit
    topic = rehearsal.client("sns", account).create_topic(Name="deaf")["TopicArn"]
    stack = rehearsal.stacks.create(
        "failing",
        account=account,
        region=rehearsal.zone.home_region,
        body={"Resources": {"R": {"Type": "Custom::R", "Properties": {"ServiceToken": topic}}}},
        parameters={},
        caller=RoleSession(rehearsal.execution_role(account), "stack"),
    )
    rehearsal.settle()
    [create] = [r for r in rehearsal.custom_resources.requests if r.message["StackId"] == stack.id]
    failed = {"Status": "FAILED", "PhysicalResourceId": "its-own", "Reason": "because"}
    rehearsal.custom_resources.answer(create.url, json.dumps(failed).encode())
    rehearsal.settle()
    delete = rehearsal.custom_resources.requests[-1]

    assert (stack.status, stack.reason) == ("ROLLBACK_IN_PROGRESS", "R: because")
    assert delete.message["PhysicalResourceId"] == "its-own"
