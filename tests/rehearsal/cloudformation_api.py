"""CloudFormation's API over the rehearsal's own stacks and stack sets, which moto plays too simply."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING, Any

from tests.rehearsal.gateway import AwsError, Handler
from tests.rehearsal.resources import Client, Made, ResourceType
from tests.rehearsal.stack_sets import Operation, StackSet, StackSets, Target, instance_summary, timestamp
from tests.rehearsal.stacks import ResourceFailedError, Stacks

if TYPE_CHECKING:
    from tests.rehearsal.calls import ApiCall
    from tests.rehearsal.templates import Json

PAGE = 100


class CloudFormationApi:
    """The operations that functions call, and the StackSet resource type."""

    def __init__(self, stacks: Stacks, stack_sets: StackSets) -> None:
        self._stacks = stacks
        self._stack_sets = stack_sets

    def handlers(self) -> dict[str, Handler]:
        return {
            "DescribeStacks": self._describe_stacks,
            "CreateStackInstances": self._create_instances,
            "UpdateStackInstances": self._update_instances,
            "DeleteStackInstances": self._delete_instances,
            "DescribeStackSet": self._describe_stack_set,
            "DescribeStackInstance": self._describe_instance,
            "ListStackInstances": self._list_instances,
            "ListStackSetOperations": self._list_operations,
            "DescribeStackSetOperation": self._describe_operation,
            "ListStackSetOperationResults": self._list_results,
        }

    def resource_types(self) -> dict[str, ResourceType]:
        return {"AWS::CloudFormation::StackSet": ResourceType(self._put, self._remove, updatable=True)}

    def _put(self, made: Made, _client: Client) -> None:
        if not made.physical_id:
            made.physical_id = self._stack_sets.add(made.properties, made.account, made.region).id
            made.attributes = {"StackSetId": made.physical_id}
            return
        stack_set = self._stack_sets.all[made.physical_id]
        stack_set.body = json.loads(made.properties["TemplateBody"])
        stack_set.administration_role = made.properties["AdministrationRoleARN"]
        if stack_set.instances:
            self._stack_sets.start(
                stack_set,
                "UPDATE",
                list(stack_set.instances),
                operation_id=f"resource-{len(stack_set.operations)}",
                preferences=made.properties.get("OperationPreferences"),
            )

    def _remove(self, made: Made, _client: Client) -> None:
        if self._stack_sets.all[made.physical_id].instances:
            raise ResourceFailedError(f"{made.logical_id}: StackSetNotEmptyException: delete its instances first")
        del self._stack_sets.all[made.physical_id]

    def _describe_stacks(self, call: ApiCall) -> dict[str, Any]:
        name = call.parameters["StackName"]
        stack = self._stacks.find(call.account, call.region, name)
        if stack is None:
            raise AwsError("ValidationError", f"Stack with id {name} does not exist")
        return {"Stacks": [stack.describe()]}

    def _stack_set(self, call: ApiCall) -> StackSet:
        return self._stack_sets.find(call.account, call.region, call.parameters["StackSetName"])

    def _start(self, call: ApiCall, action: str) -> dict[str, str]:
        parameters = call.parameters
        overrides = parameters.get("ParameterOverrides")
        targets: list[Target] = [(one, region) for one in parameters["Accounts"] for region in parameters["Regions"]]
        stack_set = self._stack_set(call)
        operation = self._stack_sets.start(
            stack_set,
            action,
            targets,
            operation_id=parameters.get("OperationId") or str(uuid.UUID(int=len(stack_set.operations))),
            parameters=None
            if overrides is None
            else {one["ParameterKey"]: one["ParameterValue"] for one in overrides if "ParameterValue" in one},
            preferences=parameters.get("OperationPreferences"),
            retain=bool(parameters.get("RetainStacks")),
        )
        return {"OperationId": operation.id}

    def _create_instances(self, call: ApiCall) -> dict[str, str]:
        return self._start(call, "CREATE")

    def _update_instances(self, call: ApiCall) -> dict[str, str]:
        return self._start(call, "UPDATE")

    def _delete_instances(self, call: ApiCall) -> dict[str, str]:
        return self._start(call, "DELETE")

    def _describe_stack_set(self, call: ApiCall) -> dict[str, Any]:
        stack_set = self._stack_set(call)
        return {
            "StackSet": {
                "StackSetName": stack_set.name,
                "StackSetId": stack_set.id,
                "StackSetARN": stack_set.arn,
                "Status": "ACTIVE",
                "TemplateBody": json.dumps(stack_set.body),
                "PermissionModel": "SELF_MANAGED",
                "AdministrationRoleARN": stack_set.administration_role,
                "ExecutionRoleName": stack_set.execution_role,
                "ManagedExecution": {"Active": stack_set.managed},
            }
        }

    def _describe_instance(self, call: ApiCall) -> dict[str, Any]:
        stack_set = self._stack_set(call)
        target = (call.parameters["StackInstanceAccount"], call.parameters["StackInstanceRegion"])
        if target not in stack_set.instances:
            raise AwsError("StackInstanceNotFoundException", f"Stack instance {target} does not exist")
        return {"StackInstance": instance_summary(stack_set, stack_set.instances[target])}

    def _list_instances(self, call: ApiCall) -> dict[str, Any]:
        stack_set = self._stack_set(call)
        parameters = call.parameters
        summaries = [instance_summary(stack_set, stack_set.instances[key]) for key in sorted(stack_set.instances)]
        for parameter, key in (("StackInstanceAccount", "Account"), ("StackInstanceRegion", "Region")):
            if parameter in parameters:
                summaries = [one for one in summaries if one[key] == parameters[parameter]]
        for wanted in parameters.get("Filters", []):
            summaries = [one for one in summaries if _property(one, wanted["Name"]) == wanted["Values"]]
        return _page(parameters, summaries)

    def _list_operations(self, call: ApiCall) -> dict[str, Any]:
        operations = reversed(self._stack_set(call).operations)
        return _page(call.parameters, [_operation_summary(operation) for operation in operations])

    def _describe_operation(self, call: ApiCall) -> dict[str, Any]:
        stack_set = self._stack_set(call)
        operation = _find_operation(stack_set, call)
        details = {"StackSetId": stack_set.id, "OperationPreferences": operation.preferences}
        return {"StackSetOperation": _operation_summary(operation) | details}

    def _list_results(self, call: ApiCall) -> dict[str, Any]:
        operation = _find_operation(self._stack_set(call), call)
        return _page(
            call.parameters,
            [
                {
                    "Account": target[0],
                    "Region": target[1],
                    "Status": operation.results.get(target, "PENDING"),
                    "StatusReason": operation.reasons.get(target) or None,
                }
                for target in operation.targets
            ],
        )


def _find_operation(stack_set: StackSet, call: ApiCall) -> Operation:
    operation_id = call.parameters["OperationId"]
    for operation in stack_set.operations:
        if operation.id == operation_id:
            return operation
    raise AwsError("OperationNotFoundException", f"Operation {operation_id} not found")


def _property(summary: Json, name: str) -> str | None:
    """The value that a filter of ListStackInstances looks at."""
    values: dict[str, str | None] = {
        "DETAILED_STATUS": summary["StackInstanceStatus"]["DetailedStatus"],
        "LAST_OPERATION_ID": summary["LastOperationId"],
        "DRIFT_STATUS": summary["DriftStatus"],
    }
    return values[name]


def _operation_summary(operation: Operation) -> Json:
    ended = operation.ends is not None and not operation.open
    failed = sum(result == "FAILED" for result in operation.results.values())
    return {
        "OperationId": operation.id,
        "Action": operation.action,
        "Status": operation.status,
        "CreationTimestamp": timestamp(operation.created),
        "EndTimestamp": timestamp(operation.ends) if ended and operation.ends is not None else None,
        "StatusDetails": {"FailedStackInstancesCount": failed},
    }


def _page(parameters: Json, summaries: list[Json]) -> Json:
    """One page; its token is the number of the first summary that is left."""
    first = int(parameters.get("NextToken", 0))
    last = first + min(int(parameters.get("MaxResults", PAGE)), PAGE)
    return {"Summaries": summaries[first:last], "NextToken": str(last) if last < len(summaries) else None}
