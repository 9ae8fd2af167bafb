"""CloudFormation's requests, which come through the topic, and what is left of earlier ones.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref-requests.html
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from aws.custom_resource import ResponseUrl, StackId, request_type_in
from aws.json_text import decoded, object_of, text_in
from aws.queue import Refused

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aws.custom_resource import RequestType
    from aws.organizations import AwsAccountId


# Takes the place of the request's type once CloudFormation has had its answer.
_CONTINUED: Final = "Continue"


@dataclass(frozen=True, slots=True)
class Request:
    """A request as far as it is needed to answer it; `registration_of` and `deregistration_of` read the rest.

    Attributes:
        type: What to do.
        id: CloudFormation's id of the request.
        stack_id: The stack that asks.
        logical_resource_id: The custom resource in that stack.
        physical_resource_id: What was answered before; None on Create.
        properties: The custom resource's properties, not looked at yet.
        old_properties: What an Update replaces, not looked at yet.
        response_url: Where the answer goes; None if the request was answered before and is only continued.
        stack_changed_at: When the stack was last changed, as the request found it; None unless it is continued.
    """

    type: RequestType
    id: str
    stack_id: StackId
    logical_resource_id: str
    physical_resource_id: str | None
    properties: Mapping[str, Any] = field(repr=False)
    old_properties: Mapping[str, Any] = field(repr=False)
    response_url: ResponseUrl | None
    stack_changed_at: str | None

    @property
    def account_id(self) -> AwsAccountId:
        """The account that asks."""
        return self.stack_id.account_id

    @property
    def is_continued(self) -> bool:
        """Whether CloudFormation has had its answer already."""
        return self.response_url is None

    @property
    def registration_id(self) -> str:
        """The physical id of a registration of this account."""
        return f"registration/{self.stack_id.account_id}"

    @property
    def is_foreign_delete(self) -> bool:
        """Whether this deletes something that was never made here, such as a refused Create."""
        return self.type == "Delete" and self.physical_resource_id != self.registration_id

    def continuation(self, *, stack_changed_at: str) -> str:
        """Return the message with which this goes on after it was answered."""
        return json.dumps(
            {
                _CONTINUED: self.type,
                "RequestId": self.id,
                "StackId": self.stack_id.arn,
                "StackChangedAt": stack_changed_at,
                "LogicalResourceId": self.logical_resource_id,
                "PhysicalResourceId": self.physical_resource_id,
                "ResourceProperties": self.properties,
                "OldResourceProperties": self.old_properties,
            }
        )


def read(message: Mapping[str, Any]) -> Request:
    """Read a message of the queue.

    The topic's messages are wrapped by SNS, ours are not: so nobody can pass off a request as continued.

    Raises:
        Refused: It is neither a request of CloudFormation nor one that is continued, or it cannot be answered.
        ValueError: What SNS wraps is not JSON.
        KeyError: Something is missing.
        TypeError: Something is of another type.
    """
    if _CONTINUED in message:
        return _request(message, request_type_in(message, _CONTINUED), is_continued=True)
    if message["Type"] != "Notification":
        raise Refused(f"the message is a {message['Type']!r} of SNS, not a notification")
    document = object_of(decoded(text_in(message, "Message")))
    return _request(document, request_type_in(document), is_continued=False)


def _request(document: Mapping[str, Any], request_type: RequestType, *, is_continued: bool) -> Request:
    stack_id = StackId.parse(text_in(document, "StackId"))
    return Request(
        type=request_type,
        id=text_in(document, "RequestId"),
        stack_id=stack_id,
        logical_resource_id=text_in(document, "LogicalResourceId"),
        physical_resource_id=None if request_type == "Create" else text_in(document, "PhysicalResourceId"),
        properties=object_of(document["ResourceProperties"]),
        old_properties=object_of(document.get("OldResourceProperties", {})),
        response_url=None
        if is_continued
        else ResponseUrl.trusted(text_in(document, "ResponseURL"), region=stack_id.region),
        stack_changed_at=text_in(document, "StackChangedAt") if is_continued else None,
    )
