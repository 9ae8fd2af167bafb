"""StackSets: operations that take time, overlap or queue, and deploy to accounts through the two roles."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from tests.rehearsal.gateway import AwsError
from tests.rehearsal.principals import RoleSession, Service

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.rehearsal.authority import Authority
    from tests.rehearsal.clock import VirtualClock
    from tests.rehearsal.stacks import Stack, Stacks
    from tests.rehearsal.templates import Json

# Between the call and the first stack, and between the last stack and the end of the operation.
START_SECONDS = 20
END_SECONDS = 10
Target = tuple[str, str]
# What names an IAM resource, so that CAPABILITY_IAM does not suffice:
# https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateStackSet.html
IAM_NAMES = {"GroupName", "InstanceProfileName", "ManagedPolicyName", "RoleName", "UserName"}


@dataclass
class Instance:
    """One stack instance: where a stack set has, or should have, a stack."""

    account: str
    region: str
    parameters: dict[str, str]
    status: str = "OUTDATED"
    detailed: str = "PENDING"
    reason: str = ""
    last_operation: str = ""
    stack: Stack | None = None

    @property
    def is_inoperable(self) -> bool:
        """Updates leave it out; it can only be deleted."""
        return self.status == "INOPERABLE"


@dataclass
class Operation:
    """One operation on a stack set, and how far it is at each target."""

    id: str
    action: str
    targets: list[Target]
    parameters: dict[str, str] | None
    retain: bool
    preferences: Json
    created: float
    status: str = "QUEUED"
    starts: float = 0.0
    ends: float | None = None
    results: dict[Target, str] = field(default_factory=dict[Target, str])

    @property
    def open(self) -> bool:
        return self.status in {"QUEUED", "RUNNING"}


@dataclass
class StackSet:
    """A self-managed stack set."""

    name: str
    account: str
    region: str
    id: str
    body: Json
    administration_role: str
    execution_role: str
    managed: bool
    parameters: dict[str, str]
    instances: dict[Target, Instance] = field(default_factory=dict[Target, Instance])
    operations: list[Operation] = field(default_factory=list[Operation])

    @property
    def arn(self) -> str:
        return f"arn:aws:cloudformation:{self.region}:{self.account}:stackset/{self.id}"


class StackSets:
    """All stack sets, and the service that works on their operations."""

    def __init__(
        self, stacks: Stacks, authority: Authority, clock: VirtualClock, is_suspended: Callable[[str], bool]
    ) -> None:
        self.all: dict[str, StackSet] = {}
        # Errors with which the next operations are refused, whatever is right with them.
        self.refusals: list[str] = []
        self._stacks = stacks
        self._authority = authority
        self._clock = clock
        self._is_suspended = is_suspended

    def find(self, account: str, region: str, name: str) -> StackSet:
        """A stack set by name or id.

        Raises:
            AwsError: there is none in this account and region.
        """
        for stack_set in self.all.values():
            if name in {stack_set.name, stack_set.id} and (stack_set.account, stack_set.region) == (account, region):
                return stack_set
        raise AwsError("StackSetNotFoundException", f"StackSet {name} not found")

    def add(self, properties: Json, account: str, region: str) -> StackSet:
        """Make a stack set.

        Raises:
            AwsError: its template needs a capability that is not acknowledged.
        """
        body = _acknowledged_body(properties)
        name = properties["StackSetName"]
        identity = uuid.uuid5(uuid.NAMESPACE_URL, f"{account}/{region}/{name}")
        stack_set = StackSet(
            name=name,
            account=account,
            region=region,
            id=f"{name}:{identity}",
            body=body,
            administration_role=properties["AdministrationRoleARN"],
            execution_role=properties["ExecutionRoleName"],
            managed=bool(properties.get("ManagedExecution", {}).get("Active", False)),
            parameters={p["ParameterKey"]: p["ParameterValue"] for p in properties.get("Parameters", [])},
        )
        self.all[stack_set.id] = stack_set
        return stack_set

    @staticmethod
    def change(stack_set: StackSet, properties: Json) -> None:
        """Bring a stack set, not yet its instances, to other properties.

        Raises:
            AwsError: its template needs a capability that is not acknowledged.
        """
        stack_set.body = _acknowledged_body(properties)
        stack_set.administration_role = properties["AdministrationRoleARN"]

    def start(
        self,
        stack_set: StackSet,
        action: str,
        targets: list[Target],
        *,
        operation_id: str,
        parameters: dict[str, str] | None = None,
        preferences: Json | None = None,
        retain: bool = False,
    ) -> Operation:
        """Begin an operation.

        Raises:
            AwsError: as CloudFormation answers: one of `refusals`, the id was used before, another operation runs and
                execution is not managed, or an instance to update does not exist.
        """
        if self.refusals:
            raise AwsError(self.refusals.pop(0), f"StackSet {stack_set.id} takes no operation right now")
        if any(operation.id == operation_id for operation in stack_set.operations):
            raise AwsError("OperationIdAlreadyExistsException", f"Operation {operation_id} already exists")
        if not stack_set.managed and any(operation.open for operation in stack_set.operations):
            raise AwsError(
                "OperationInProgressException", f"Another Operation on StackSet {stack_set.id} is in progress"
            )
        missing = [target for target in targets if target not in stack_set.instances]
        if action == "UPDATE" and missing:
            raise AwsError("StackInstanceNotFoundException", f"Stack instances {missing} do not exist")
        operation = Operation(
            operation_id, action, targets, parameters, retain, preferences or {}, created=self._clock.now
        )
        stack_set.operations.append(operation)
        for target in targets if action == "CREATE" else []:
            stack_set.instances.setdefault(target, Instance(*target, parameters or {}))
        for target in targets:
            instance = stack_set.instances.get(target)
            if instance is not None and not (action == "UPDATE" and instance.is_inoperable):
                instance.last_operation, instance.status, instance.detailed = operation.id, "OUTDATED", "PENDING"
        return operation

    def step(self) -> bool:
        """Carry on with every operation that can; tell whether there was one."""
        moved = [self._advance(stack_set, one) for stack_set in self.all.values() for one in stack_set.operations]
        return any(moved)

    def due(self) -> list[float]:
        """When operations that only wait for time go on."""
        return [
            operation.starts if operation.ends is None else operation.ends
            for stack_set in self.all.values()
            for operation in stack_set.operations
            if operation.status == "RUNNING" and (operation.ends is not None or not operation.results)
        ]

    def _advance(self, stack_set: StackSet, operation: Operation) -> bool:
        now = self._clock.now
        match operation.status:
            case "QUEUED" if not self._conflicts(stack_set, operation):
                operation.status, operation.starts = "RUNNING", now + START_SECONDS
                return True
            case "RUNNING" if not operation.results and now >= operation.starts:
                for target in operation.targets:
                    operation.results[target] = self._begin(stack_set, operation, target)
                return True
            case "RUNNING" if operation.results and operation.ends is None:
                return self._watch(stack_set, operation)
            case "RUNNING" if operation.ends is not None and now >= operation.ends:
                failed = any(result == "FAILED" for result in operation.results.values())
                tolerant = operation.preferences.get("FailureTolerancePercentage") == 100
                operation.status = "FAILED" if failed and not tolerant else "SUCCEEDED"
                return True
            case _:
                return False

    @staticmethod
    def _conflicts(stack_set: StackSet, operation: Operation) -> bool:
        """Whether an earlier operation that is still open touches one of the same targets."""
        earlier = stack_set.operations[: stack_set.operations.index(operation)]
        return any(other.open and set(other.targets) & set(operation.targets) for other in earlier)

    def _begin(self, stack_set: StackSet, operation: Operation, target: Target) -> str:
        """Start on one target; return the target's result so far."""
        instance = stack_set.instances.get(target)
        account, region = target
        if instance is None:
            return "SUCCEEDED"
        if operation.action == "DELETE" and operation.retain:
            del stack_set.instances[target]
            return "SUCCEEDED"
        if self._is_suspended(account):
            return self._end(instance, "CANCELLED", "the account is suspended", "SKIPPED_SUSPENDED_ACCOUNT")
        if operation.action == "UPDATE" and instance.is_inoperable:
            return "FAILED"
        execution_role = self._execution_role(stack_set, account)
        if execution_role is None:
            reason = (
                f"Account {account} should have '{stack_set.execution_role}' role with trust relationship to Role "
                f"'{stack_set.administration_role.rsplit('/', 1)[1]}'."
            )
            return self._end(instance, "FAILED", reason)
        instance.detailed = "RUNNING"
        if operation.parameters is not None:
            instance.parameters = operation.parameters
        parameters = stack_set.parameters | instance.parameters
        stack = instance.stack
        if operation.action == "DELETE" and stack is not None:
            self._stacks.delete(stack)
        elif stack is not None and stack.status in {"CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE"}:
            self._stacks.update(stack, stack_set.body, parameters)
        elif operation.action != "DELETE":
            identity = uuid.uuid5(uuid.NAMESPACE_URL, f"{stack_set.id}/{target}/{len(self._stacks.all)}")
            instance.stack = self._stacks.create(
                f"StackSet-{stack_set.name}-{identity}",
                account=account,
                region=region,
                body=stack_set.body,
                parameters=parameters,
                caller=execution_role,
            )
        return "RUNNING"

    def _execution_role(self, stack_set: StackSet, account: str) -> RoleSession | None:
        """The session in which CloudFormation works in an account: two assumed roles away from itself."""
        service = Service("cloudformation.amazonaws.com", stack_set.arn)
        administration = RoleSession(stack_set.administration_role, "AWSCloudFormation")
        execution = f"arn:aws:iam::{account}:role/{stack_set.execution_role}"
        if self._authority.allows(service, "sts:AssumeRole", administration.role_arn) and self._authority.allows(
            administration, "sts:AssumeRole", execution
        ):
            return RoleSession(execution, str(uuid.uuid5(uuid.NAMESPACE_URL, f"{stack_set.id}/{account}")))
        return None

    def _watch(self, stack_set: StackSet, operation: Operation) -> bool:
        """Take over how the stacks of running targets ended."""
        moved = False
        for target, result in operation.results.items():
            instance = stack_set.instances.get(target)
            if result != "RUNNING" or instance is None:
                continue
            stack = instance.stack
            if stack is not None and stack.in_progress:
                continue
            moved = True
            status = stack.status if stack is not None else "DELETE_COMPLETE"
            if status == "DELETE_COMPLETE":
                del stack_set.instances[target]
                operation.results[target] = "SUCCEEDED"
            elif status in {"CREATE_COMPLETE", "UPDATE_COMPLETE"}:
                instance.status = "CURRENT"
                operation.results[target] = self._end(instance, "SUCCEEDED", "")
            else:
                if status == "DELETE_FAILED":
                    instance.status = "INOPERABLE"
                detailed = "INOPERABLE" if status == "DELETE_FAILED" else "FAILED"
                operation.results[target] = self._end(
                    instance, "FAILED", stack.reason if stack is not None else "", detailed
                )
        if all(result != "RUNNING" for result in operation.results.values()):
            operation.ends = self._clock.now + END_SECONDS
            moved = True
        return moved

    @staticmethod
    def _end(instance: Instance, result: str, reason: str, detailed: str = "") -> str:
        instance.detailed, instance.reason = detailed or result, reason
        return result


def _acknowledged_body(properties: Json) -> Json:
    """The template, if what it does to IAM is acknowledged."""
    body: Json = json.loads(properties["TemplateBody"])
    resources = [one for one in body["Resources"].values() if one["Type"].startswith("AWS::IAM::")]
    is_named = any(IAM_NAMES & one.get("Properties", {}).keys() for one in resources)
    sufficient = {"CAPABILITY_NAMED_IAM"} if is_named else {"CAPABILITY_NAMED_IAM", "CAPABILITY_IAM"}
    if resources and not sufficient & set(properties.get("Capabilities", ())):
        raise AwsError("InsufficientCapabilitiesException", f"Requires capabilities : [{min(sufficient)}]")
    return body


def timestamp(moment: float) -> datetime:
    return datetime.fromtimestamp(moment, UTC)


def instance_summary(stack_set: StackSet, instance: Instance) -> dict[str, Any]:
    return {
        "StackSetId": stack_set.id,
        "Account": instance.account,
        "Region": instance.region,
        "StackId": instance.stack.id if instance.stack is not None else None,
        "Status": instance.status,
        "StatusReason": instance.reason or None,
        "StackInstanceStatus": {"DetailedStatus": instance.detailed},
        "LastOperationId": instance.last_operation or None,
        "DriftStatus": "NOT_CHECKED",
    }
