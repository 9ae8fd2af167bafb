"""CloudFormation stacks: made resource by resource, waiting for custom resources, rolled back on failure."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from tests.rehearsal.custom_resources import CustomRequest, CustomResources, as_cloudformation_sends
from tests.rehearsal.gateway import AwsError
from tests.rehearsal.resources import RESOURCE_TYPES, Made, ResourceType
from tests.rehearsal.templates import Json, Template, TemplateError

if TYPE_CHECKING:
    from tests.rehearsal.clock import VirtualClock
    from tests.rehearsal.gateway import Gateway
    from tests.rehearsal.principals import Operator, Principal

Run = Generator[CustomRequest, None, None]


class ResourceFailedError(Exception):
    """A resource cannot be made or removed; the stack rolls back."""


@dataclass
class Stack:
    """One stack in one account and region."""

    name: str
    account: str
    region: str
    caller: Principal | Operator
    template: Template
    body: Json
    parameters: dict[str, str]
    id: str
    created: datetime
    updated: datetime | None = None
    status: str = "CREATE_IN_PROGRESS"
    reason: str = ""
    made: dict[str, Made] = field(default_factory=dict[str, Made])
    # Earlier physical resources that the clean-up of an update removes.
    replaced: list[Made] = field(default_factory=list[Made])

    def resolve(self, value: Any) -> Any:
        return self.template.resolve(
            value,
            lambda name: self.made[name].physical_id,
            lambda name, attribute: self.made[name].attributes[attribute],
        )

    @property
    def outputs(self) -> dict[str, str]:
        if not self.status.endswith("COMPLETE") or self.status.startswith(("ROLLBACK", "DELETE")):
            return {}
        return {name: self.resolve(output["Value"]) for name, output in self.template.outputs.items()}

    @property
    def in_progress(self) -> bool:
        return self.status.endswith("IN_PROGRESS")

    def describe(self) -> Json:
        return {
            "StackId": self.id,
            "StackName": self.name,
            "StackStatus": self.status,
            "CreationTime": self.created,
            "LastUpdatedTime": self.updated,
            "Parameters": [{"ParameterKey": k, "ParameterValue": v} for k, v in self.parameters.items()],
            "Outputs": [{"OutputKey": k, "OutputValue": v} for k, v in self.outputs.items()],
        }


class Stacks:
    """All stacks of all accounts, and what each is waiting for."""

    def __init__(self, gateway: Gateway, clock: VirtualClock, custom_resources: CustomResources) -> None:
        self.all: list[Stack] = []
        self.types: dict[str, ResourceType] = dict(RESOURCE_TYPES)
        # Called with each stack that has come to rest.
        self.on_end: Callable[[Stack], object] = _nobody_hears
        self._gateway = gateway
        self._clock = clock
        self._custom = custom_resources
        self._runs: dict[str, tuple[Run, CustomRequest | None]] = {}

    def create(
        self,
        name: str,
        *,
        account: str,
        region: str,
        body: Json,
        parameters: dict[str, str],
        caller: Principal | Operator,
    ) -> Stack:
        identity = uuid.uuid5(uuid.NAMESPACE_URL, f"{account}/{region}/{name}/{len(self.all)}")
        stack_id = f"arn:aws:cloudformation:{region}:{account}:stack/{name}/{identity}"
        stack = Stack(
            name=name,
            account=account,
            region=region,
            caller=caller,
            template=_template(body, parameters, stack_id),
            body=body,
            parameters=parameters,
            id=stack_id,
            created=datetime.fromtimestamp(self._clock.now, UTC),
        )
        self.all.append(stack)
        self._runs[stack.id] = (self._create(stack), None)
        return stack

    def update(self, stack: Stack, body: Json, parameters: dict[str, str]) -> None:
        template = _template(body, parameters, stack.id)
        stack.status, stack.updated = "UPDATE_IN_PROGRESS", datetime.fromtimestamp(self._clock.now, UTC)
        self._runs[stack.id] = (self._update(stack, template, body, parameters), None)

    def delete(self, stack: Stack) -> None:
        stack.status = "DELETE_IN_PROGRESS"
        self._runs[stack.id] = (self._delete(stack), None)

    def find(self, account: str, region: str, name_or_id: str) -> Stack | None:
        """A stack by its id, deleted ones too, or by its name."""
        for stack in self.all:
            if (stack.account, stack.region) == (account, region) and (
                stack.id == name_or_id or (stack.name == name_or_id and stack.status != "DELETE_COMPLETE")
            ):
                return stack
        return None

    def step(self) -> bool:
        """Carry every stack on that has nothing more to wait for; tell whether there was one."""
        ready = [
            (stack_id, run)
            for stack_id, (run, waits_for) in self._runs.items()
            if waits_for is None or waits_for.settled(self._clock.now)
        ]
        for stack_id, run in ready:
            try:
                self._runs[stack_id] = (run, next(run))
            except StopIteration:
                del self._runs[stack_id]
                self.on_end(next(stack for stack in self.all if stack.id == stack_id))
        return bool(ready)

    def due(self) -> list[float]:
        """When the requests that stacks wait for time out."""
        return [waits_for.deadline for _, waits_for in self._runs.values() if waits_for is not None]

    def _create(self, stack: Stack) -> Run:
        try:
            for logical_id in stack.template.order():
                yield from self._put(stack, logical_id)
        except ResourceFailedError as error:
            stack.reason = str(error)
            stack.status = "ROLLBACK_IN_PROGRESS"
            yield from self._remove_all(stack, "ROLLBACK")
            return
        stack.status = "CREATE_COMPLETE"

    def _update(self, stack: Stack, template: Template, body: Json, parameters: dict[str, str]) -> Run:
        before = (stack.template, stack.body, stack.parameters)
        stack.template, stack.body, stack.parameters = template, body, parameters
        try:
            for logical_id in template.order():
                yield from self._put(stack, logical_id)
        except ResourceFailedError as error:
            stack.reason = str(error)
            stack.status = "UPDATE_ROLLBACK_IN_PROGRESS"
            stack.template, stack.body, stack.parameters = before
            for logical_id in stack.template.order():
                yield from self._put(stack, logical_id)
            yield from self._clean_up(stack, "UPDATE_ROLLBACK")
            return
        yield from self._clean_up(stack, "UPDATE")

    def _clean_up(self, stack: Stack, operation: str) -> Run:
        """Remove what an update replaced or left out, or what a failed one had made. A failure in it counts no more."""
        stack.status = f"{operation}_COMPLETE_CLEANUP_IN_PROGRESS"
        for made in stack.replaced:
            if stack.made[made.logical_id].physical_id != made.physical_id:
                yield self._send(stack, "Delete", made, made)
        stack.replaced.clear()
        for logical_id in [name for name in reversed(stack.made) if name not in stack.template.resources]:
            with contextlib.suppress(ResourceFailedError):
                yield from self._remove(stack, stack.made[logical_id])
        stack.status = f"{operation}_COMPLETE"

    def _delete(self, stack: Stack) -> Run:
        yield from self._remove_all(stack, "DELETE")

    def _remove_all(self, stack: Stack, operation: str) -> Run:
        try:
            for made in _from_last(stack):
                yield from self._remove(stack, made)
        except ResourceFailedError as error:
            stack.reason = str(error)
            stack.status = f"{operation}_FAILED"
            return
        stack.status = f"{operation}_COMPLETE"

    def _put(self, stack: Stack, logical_id: str) -> Run:
        definition = stack.template.resources[logical_id]
        properties = stack.resolve(definition.get("Properties", {}))
        before = stack.made.get(logical_id)
        if before is not None and before.properties == properties:
            return
        if definition["Type"].startswith("Custom::"):
            yield from self._put_custom(stack, logical_id, definition["Type"], properties)
            return
        made = before or self._new(stack, logical_id, definition["Type"], properties)
        resource_type = self._type(definition["Type"])
        if before is not None and not resource_type.updatable:
            raise TemplateError(f"{logical_id}: a changed {made.type} is not known to tests/rehearsal/resources.py")
        made.properties = properties
        try:
            resource_type.put(made, lambda service: self._gateway.client(service, stack.caller, stack.region))
        except (AwsError, ClientError) as error:
            raise ResourceFailedError(f"{logical_id}: {error}") from error
        stack.made[logical_id] = made

    def _put_custom(self, stack: Stack, logical_id: str, kind: str, properties: Json) -> Run:
        before = stack.made.get(logical_id)
        made = self._new(stack, logical_id, kind, properties)
        request = self._send(stack, "Update" if before else "Create", made, before)
        yield request
        answer = request.answer or {}
        made.physical_id = answer.get("PhysicalResourceId") or (before.physical_id if before else made.name(""))
        made.attributes = answer.get("Data", {})
        if before is None and request.sent:
            stack.made[logical_id] = made
        if not request.succeeded:
            raise ResourceFailedError(f"{logical_id}: {request.reason}")
        stack.made[logical_id] = made
        if before is not None and before.physical_id != made.physical_id:
            stack.replaced.append(before)

    def _remove(self, stack: Stack, made: Made) -> Run:
        if stack.template.resources.get(made.logical_id, {}).get("DeletionPolicy") != "Retain":
            if made.type.startswith("Custom::"):
                request = self._send(stack, "Delete", made, made)
                yield request
                if not request.succeeded:
                    raise ResourceFailedError(f"{made.logical_id}: {request.reason}")
            else:
                self._remove_resource(stack, made)
        del stack.made[made.logical_id]

    def _remove_resource(self, stack: Stack, made: Made) -> None:
        try:
            self._type(made.type).remove(
                made, lambda service: self._gateway.client(service, stack.caller, stack.region)
            )
        except (AwsError, ClientError) as error:
            raise ResourceFailedError(f"{made.logical_id}: {error}") from error

    def _send(self, stack: Stack, request_type: str, made: Made, before: Made | None) -> CustomRequest:
        message: Json = {
            "RequestType": request_type,
            "StackId": stack.id,
            "ResourceType": made.type,
            "LogicalResourceId": made.logical_id,
            "ResourceProperties": as_cloudformation_sends(made.properties),
        }
        if before is not None:
            message["PhysicalResourceId"] = before.physical_id
        if before is not None and request_type == "Update":
            message["OldResourceProperties"] = as_cloudformation_sends(before.properties)
        return self._custom.send(stack.caller, message)

    def _new(self, stack: Stack, logical_id: str, kind: str, properties: Json) -> Made:
        suffix = uuid.uuid5(uuid.NAMESPACE_URL, f"{stack.id}/{logical_id}").hex[:12].upper()
        return Made(logical_id, kind, properties, stack.name, stack.account, stack.region, suffix)

    def _type(self, name: str) -> ResourceType:
        try:
            return self.types[name]
        except KeyError:
            raise TemplateError(f"{name} is not known to tests/rehearsal/resources.py") from None


def _from_last(stack: Stack) -> list[Made]:
    """What a stack has made, each before all that it refers to or depends on."""
    order = stack.template.order()
    left_out = [made for name, made in stack.made.items() if name not in order]
    return [*reversed(left_out), *(stack.made[name] for name in reversed(order) if name in stack.made)]


def _nobody_hears(_stack: Stack) -> None:
    """Nobody is told of a stack's end."""


def _template(body: Json, parameters: dict[str, str], stack_id: str) -> Template:
    region, account, path = stack_id.split(":")[3:6]
    pseudo = {
        "AWS::AccountId": account,
        "AWS::Region": region,
        "AWS::StackName": path.split("/")[1],
        "AWS::StackId": stack_id,
        "AWS::Partition": "aws",
        "AWS::URLSuffix": "amazonaws.com",
    }
    return Template(body, parameters=parameters, pseudo=pseudo)
