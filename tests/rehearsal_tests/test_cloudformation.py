"""The rehearsal's own CloudFormation keeps to the rules that moto leaves out."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from tests.rehearsal.principals import Operator

if TYPE_CHECKING:
    from tests.rehearsal import Rehearsal
    from tests.rehearsal.stacks import Stack
    from tests.rehearsal.templates import Json

DEPLOYED = ("AlertLogic-Master",)

UNIT = "Workloads/Dev"
ROLE: Json = {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": {"Statement": []}}}


@pytest.fixture(autouse=True)
def _small_template(rehearsal: Rehearsal) -> None:
    """Instances that need no function."""
    rehearsal.stack_set.body = {"Resources": {"Role": ROLE}}


def begin(rehearsal: Rehearsal, action: str, account: str, **more: Any) -> str:
    client = rehearsal.client("cloudformation", rehearsal.zone.management)
    call = getattr(client, f"{action}_stack_instances")
    operation_id: str = call(
        StackSetName=rehearsal.stack_set.name, Accounts=[account], Regions=[rehearsal.zone.home_region], **more
    )["OperationId"]
    return operation_id


def create(rehearsal: Rehearsal, account: str, resources: Json) -> Stack:
    return rehearsal.stacks.create(
        f"stack-{len(rehearsal.stacks.all)}",
        account=account,
        region=rehearsal.zone.home_region,
        body={"Resources": resources},
        parameters={},
        caller=Operator(account),
    )


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
    account = rehearsal.create_account("without", UNIT)

    with pytest.raises(ClientError, match="StackInstanceNotFoundException"):
        begin(rehearsal, "update", account)


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


def test_the_instance_of_a_closed_account_can_be_let_go_of(rehearsal: Rehearsal) -> None:
    account = rehearsal.create_account("closed-later", UNIT)
    begin(rehearsal, "create", account)
    rehearsal.settle(within_minutes=2)
    rehearsal.close_account(account)
    begin(rehearsal, "delete", account, RetainStacks=False)
    rehearsal.settle(within_minutes=2)
    assert [instance.detailed for instance in rehearsal.stack_instances(account)] == ["SKIPPED_SUSPENDED_ACCOUNT"]

    begin(rehearsal, "delete", account, RetainStacks=True)
    rehearsal.settle(within_minutes=2)

    assert rehearsal.stack_instances(account) == []


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


def test_instances_come_in_pages_that_may_be_empty(rehearsal: Rehearsal) -> None:
    rehearsal.seed_instances(120)
    client = rehearsal.client("cloudformation", rehearsal.zone.management)
    name, last = rehearsal.stack_set.name, "100000000119"

    first = client.list_stack_instances(StackSetName=name, StackInstanceAccount=last)
    second = client.list_stack_instances(StackSetName=name, StackInstanceAccount=last, NextToken=first["NextToken"])

    assert len(client.list_stack_instances(StackSetName=name)["Summaries"]) == 100
    assert first["Summaries"] == []
    assert [summary["Account"] for summary in second["Summaries"]] == [last]
    rehearsal.remove_seeds()


def test_a_refusal_counts_once(rehearsal: Rehearsal) -> None:
    account = rehearsal.create_account("refused", UNIT)
    rehearsal.stack_sets.refusals.append("OperationInProgressException")

    with pytest.raises(ClientError, match="OperationInProgressException"):
        begin(rehearsal, "create", account)

    begin(rehearsal, "create", account)
    rehearsal.settle(within_minutes=2)


def test_an_inoperable_instance_is_left_out_of_updates(rehearsal: Rehearsal) -> None:
    account = rehearsal.create_account("inoperable", UNIT)
    begin(rehearsal, "create", account)
    rehearsal.settle(within_minutes=2)
    rehearsal.lose_instances(account)
    begin(rehearsal, "update", account)
    rehearsal.settle(within_minutes=2)

    [instance] = rehearsal.stack_instances(account)
    assert (instance.status, instance.detailed) == ("INOPERABLE", "INOPERABLE")
    assert rehearsal.operations(account)[-1].results == {(account, rehearsal.zone.home_region): "FAILED"}


@pytest.mark.parametrize(
    ("capabilities", "properties", "needed"),
    [
        ([], {}, "CAPABILITY_IAM"),
        (["CAPABILITY_IAM"], {"RoleName": "named"}, "CAPABILITY_NAMED_IAM"),
        (["CAPABILITY_IAM"], {}, None),
        (["CAPABILITY_NAMED_IAM"], {"RoleName": "named"}, None),
    ],
)
def test_a_stack_set_needs_capabilities(
    rehearsal: Rehearsal, capabilities: list[str], properties: Json, needed: str | None
) -> None:
    account = rehearsal.zone.management
    role: Json = {"Type": "AWS::IAM::Role", "Properties": {**ROLE["Properties"], **properties}}
    stack_set: Json = {
        "StackSetName": "capable",
        "TemplateBody": json.dumps({"Resources": {"Role": role}}),
        "AdministrationRoleARN": rehearsal.stack_set.administration_role,
        "ExecutionRoleName": "AWSControlTowerExecution",
        "Capabilities": capabilities,
    }
    stack = create(rehearsal, account, {"Set": {"Type": "AWS::CloudFormation::StackSet", "Properties": stack_set}})
    rehearsal.settle()

    if needed is None:
        assert stack.status == "CREATE_COMPLETE"
        rehearsal.stacks.delete(stack)
        rehearsal.settle()
    else:
        assert stack.status == "ROLLBACK_COMPLETE"
        assert f"InsufficientCapabilitiesException: Requires capabilities : [{needed}]" in stack.reason
