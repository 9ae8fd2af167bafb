"""CloudFormation's requests, with which it invokes the function, and which wait in the function's queue.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref-requests.html
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from aws.custom_resource import A_REQUEST, RequestRefusedError, ResponseUrl, StackId, echoed, request_type_in
from aws.json_text import decoded, object_of, text_in
from aws.queue import NotYet, reading

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aws.custom_resource import RequestType

# A roll-back of the stack's creation; the stack deletes all that it made then, as when it is destroyed.
_GOING: Final = frozenset({"DELETE_IN_PROGRESS", "ROLLBACK_IN_PROGRESS"})


@dataclass(frozen=True, slots=True)
class Request:
    """A request of which all is there that it takes to answer it; what StackSet it names is as it came.

    Attributes:
        type: What to do.
        id: CloudFormation's id of the request.
        stack_id: The stack that asks.
        logical_resource_id: The custom resource in that stack.
        physical_resource_id: What was answered before; None on Create.
        stack_set_name: The custom resource's only property.
        response_url: Where the answer goes.
    """

    type: RequestType
    id: str
    stack_id: StackId
    logical_resource_id: str
    physical_resource_id: str | None
    stack_set_name: object
    response_url: ResponseUrl

    @property
    def _refused_id(self) -> str:
        return f"refused/{self.logical_resource_id}"

    def is_to_empty(self, stack_set_name: str) -> bool:
        """Whether a StackSet is to be emptied; else there is nothing to do but to answer.

        Raises:
            RequestRefusedError: It is about another StackSet.
        """
        if self.type == "Delete" and self.physical_resource_id == self._refused_id:
            return False
        if self.stack_set_name != stack_set_name:
            raise RequestRefusedError(
                f"StackSetName is {self.stack_set_name!r}; this function empties {stack_set_name!r} and no other"
            )
        return self.type == "Delete"

    def succeeded(self, stack_set_name: str) -> dict[str, Any]:
        """Return the answer that all is well."""
        physical_id = self.physical_resource_id if self.type == "Delete" else stack_set_name
        return {"Status": "SUCCESS", "PhysicalResourceId": physical_id, **echoed(self)}

    def failed(self, reason: str) -> dict[str, Any]:
        """Return the answer that it is not done.

        The physical id of a Create that failed is one of which the Delete that follows has nothing to empty.
        """
        physical_id = self.physical_resource_id or self._refused_id
        return {"Status": "FAILED", "Reason": reason, "PhysicalResourceId": physical_id, **echoed(self)}


def parse(event: Mapping[str, Any]) -> Request:
    """Read what CloudFormation invokes the function with.

    Raises:
        Refused: It is no request of CloudFormation, or lacks what it takes to carry it out or to answer it.
    """
    with reading(A_REQUEST):
        request_type = request_type_in(event)
        stack_id = StackId.parse(text_in(event, "StackId"))
        properties = event.get("ResourceProperties")
        return Request(
            type=request_type,
            id=text_in(event, "RequestId"),
            stack_id=stack_id,
            logical_resource_id=text_in(event, "LogicalResourceId"),
            physical_resource_id=None if request_type == "Create" else text_in(event, "PhysicalResourceId"),
            stack_set_name=properties.get("StackSetName") if isinstance(properties, dict) else None,
            response_url=ResponseUrl.trusted(text_in(event, "ResponseURL"), region=stack_id.region),
        )


def parse_message(body: str) -> Request:
    """Read a request that waited in the queue.

    Raises:
        Refused: It is no request of CloudFormation, or lacks what it takes to carry it out or to answer it.
    """
    with reading(A_REQUEST):
        return parse(object_of(decoded(body)))


def is_stack_going(status: str) -> bool:
    """Whether the stack goes, and its StackSet with it.

    An update that removes, renames or rolls back the custom resource asks for its deletion, too, but every account
    would lose its protection by that: it lets go of the custom resource, and leaves the StackSet alone.

    Raises:
        NotYet: CloudFormation deletes nothing now: it shows the stack as it was a moment ago, or the request is over.
    """
    if status in _GOING:
        return True
    if status.endswith("_IN_PROGRESS"):
        return False
    raise NotYet(f"the stack is {status}, so nothing of it is being deleted")
