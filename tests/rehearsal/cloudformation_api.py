"""CloudFormation's API over the rehearsal's own stacks and stack sets, which moto plays too simply."""

from __future__ import annotations

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
            "ListStackInstances": self._list_instances,
            "ListStackSetOperations": self._list_operations,
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
        self._stack_sets.change(stack_set, made.properties)
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

    def _list_instances(self, call: ApiCall) -> dict[str, Any]:
        """A page is cut before it is filtered, so that it may hold nothing and still not be the last.

        Which of the two CloudFormation does first it does not say; this is the harder one for a client.
        """
        stack_set = self._stack_set(call)
        page = _page(call.parameters, [stack_set.instances[key] for key in sorted(stack_set.instances)])
        account = call.parameters.get("StackInstanceAccount")
        found = [one for one in page["Summaries"] if account in {None, one.account}]
        return page | {"Summaries": [instance_summary(stack_set, one) for one in found]}

    def _list_operations(self, call: ApiCall) -> dict[str, Any]:
        operations = reversed(self._stack_set(call).operations)
        return _page(call.parameters, [_operation_summary(operation) for operation in operations])

    def _list_results(self, call: ApiCall) -> dict[str, Any]:
        operation_id = call.parameters["OperationId"]
        for operation in self._stack_set(call).operations:
            if operation.id == operation_id:
                return _page(
                    call.parameters,
                    [
                        {"Account": account, "Region": region, "Status": operation.results.get(target, "PENDING")}
                        for target in operation.targets
                        for account, region in [target]
                    ],
                )
        raise AwsError("OperationNotFoundException", f"there is no operation {operation_id}")


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


def _page(parameters: Json, summaries: list[Any]) -> Json:
    """One page; its token is the number of the first summary that is left."""
    first = int(parameters.get("NextToken", 0))
    last = first + min(int(parameters.get("MaxResults", PAGE)), PAGE)
    return {"Summaries": summaries[first:last], "NextToken": str(last) if last < len(summaries) else None}
