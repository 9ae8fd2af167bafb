"""A StackSet whose operations take time, which moto's do not: they begin, and end when they are told to.

It answers as CloudFormation's client does, and takes no more than that; the shapes are those that `test_stack_sets.py`
has botocore check.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

Place = tuple[str, str]


@dataclass
class FakeInstance:
    status: str
    detailed_status: str
    last_operation_id: str


@dataclass
class FakeOperation:
    id: str
    action: str
    places: list[Place]
    retain: bool
    began_at: float
    status: str = "RUNNING"


@dataclass
class FakeCloudFormation:
    """The client and the StackSet behind it.

    Attributes:
        clock: The time in Unix seconds.
        instances: By account and region.
        operations: In the order in which they began.
        refusals: Codes with which the next operations are refused.
        calls: The names of all calls.
    """

    clock: Callable[[], float]
    instances: dict[Place, FakeInstance] = field(default_factory=dict[Place, FakeInstance])
    operations: list[FakeOperation] = field(default_factory=list[FakeOperation])
    refusals: list[str] = field(default_factory=list[str])
    calls: list[str] = field(default_factory=list[str])
    meta: SimpleNamespace = field(default_factory=lambda: SimpleNamespace(region_name="us-east-1"))

    def put(self, account_id: str, *regions: str, status: str = "CURRENT", detailed_status: str = "SUCCEEDED") -> None:
        for region in regions:
            self.instances[account_id, region] = FakeInstance(status, detailed_status, "long-ago")

    def places(self) -> list[Place]:
        return sorted(self.instances)

    def finish(self, *, failing: Collection[str] = ()) -> None:
        """End every operation; in the failing accounts nothing can be done, but to let go of what is there."""
        for operation in self.operations:
            if operation.status == "RUNNING":
                operation.status = "SUCCEEDED"
                for place in operation.places:
                    self._finish(operation, place, is_failing=place[0] in failing)

    def begun(self) -> list[str]:
        return [operation.id for operation in self.operations]

    def get_paginator(self, name: str) -> SimpleNamespace:
        def paginate(*, PaginationConfig: dict[str, int], **request: Any) -> Iterator[dict[str, Any]]:  # noqa: N803
            page = getattr(self, name)(MaxResults=PaginationConfig["PageSize"], **request)
            yield page
            while "NextToken" in page:
                page = getattr(self, name)(
                    MaxResults=PaginationConfig["PageSize"], NextToken=page["NextToken"], **request
                )
                yield page

        return SimpleNamespace(paginate=paginate)

    def list_stack_instances(
        self,
        *,
        StackSetName: str,  # noqa: ARG002, N803 - the client's own name
        MaxResults: int,  # noqa: N803
        NextToken: str = "0",  # noqa: N803
        StackInstanceAccount: str | None = None,  # noqa: N803
        StackInstanceRegion: str | None = None,  # noqa: N803
    ) -> dict[str, Any]:
        self.calls.append("ListStackInstances")
        summaries = [
            {
                "Account": account_id,
                "Region": region,
                "Status": it.status,
                "StackInstanceStatus": {"DetailedStatus": it.detailed_status},
                "LastOperationId": it.last_operation_id,
                "StackId": f"arn:aws:cloudformation:{region}:{account_id}:stack/StackSet-member/1",
            }
            for (account_id, region), it in sorted(self.instances.items())
            if StackInstanceAccount in (None, account_id) and StackInstanceRegion in (None, region)
        ]
        return _page(summaries, MaxResults, int(NextToken))

    def list_stack_set_operations(
        self,
        *,
        StackSetName: str,  # noqa: ARG002, N803 - the client's own name
        MaxResults: int,  # noqa: N803
        NextToken: str = "0",  # noqa: N803
    ) -> dict[str, Any]:
        self.calls.append("ListStackSetOperations")
        summaries = [
            {
                "OperationId": it.id,
                "Action": it.action,
                "Status": it.status,
                "CreationTimestamp": datetime.fromtimestamp(it.began_at, UTC),
            }
            for it in reversed(self.operations)
        ]
        return _page(summaries, MaxResults, int(NextToken))

    def list_stack_set_operation_results(
        self,
        *,
        StackSetName: str,  # noqa: ARG002, N803 - the client's own name
        OperationId: str,  # noqa: N803
        MaxResults: int,  # noqa: N803
        NextToken: str = "0",  # noqa: N803
    ) -> dict[str, Any]:
        [operation] = [it for it in self.operations if it.id == OperationId]
        summaries = [{"Account": account_id, "Region": region} for account_id, region in operation.places]
        return _page(summaries, MaxResults, int(NextToken))

    def create_stack_instances(self, **request: Any) -> None:
        self._begin("CREATE", request)

    def update_stack_instances(self, **request: Any) -> None:
        self._begin("UPDATE", request)

    def delete_stack_instances(self, *, RetainStacks: bool, **request: Any) -> None:  # noqa: N803
        self._begin("DELETE", request, retain=RetainStacks)

    def _begin(self, action: str, request: dict[str, Any], *, retain: bool = False) -> None:
        self.calls.append(f"{action.capitalize()}StackInstances")
        operation_id = request["OperationId"]
        if self.refusals:
            raise _error(self.refusals.pop(0))
        if operation_id in self.begun():
            raise _error("OperationIdAlreadyExistsException")
        places = [(account_id, region) for account_id in request["Accounts"] for region in request["Regions"]]
        self.operations.append(FakeOperation(operation_id, action, places, retain, self.clock()))
        for place in places:
            if action == "CREATE":
                self.instances.setdefault(place, FakeInstance("OUTDATED", "PENDING", operation_id))
            if place in self.instances:
                self.instances[place] = FakeInstance("OUTDATED", "PENDING", operation_id)

    def _finish(self, operation: FakeOperation, place: Place, *, is_failing: bool) -> None:
        if operation.action == "DELETE" and (operation.retain or not is_failing):
            self.instances.pop(place, None)
        else:
            state = ("OUTDATED", "FAILED") if is_failing else ("CURRENT", "SUCCEEDED")
            self.instances[place] = FakeInstance(*state, operation.id)


def _page(summaries: list[dict[str, Any]], size: int, first: int) -> dict[str, Any]:
    more = {"NextToken": str(first + size)} if len(summaries) > first + size else {}
    return {"Summaries": summaries[first : first + size], **more}


def _error(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "No"}}, "StackInstances")
