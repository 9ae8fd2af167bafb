"""CloudFormation's requests, with which it invokes the function.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref-requests.html
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from aws.custom_resource import A_REQUEST, ResponseUrl, StackId, request_type_in
from aws.json_text import object_of, text_in
from aws.queue import reading

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aws.custom_resource import RequestType


@dataclass(frozen=True, slots=True)
class Request:
    """A request as far as it is needed to answer it.

    Attributes:
        type: What to do.
        id: CloudFormation's id of the request.
        stack_id: The stack that asks.
        logical_resource_id: The custom resource in that stack.
        physical_resource_id: What was answered before; before a Create, an id with which Delete does nothing.
        properties: The custom resource's properties, not looked at yet.
        response_url: Where the answer goes.
    """

    type: RequestType
    id: str
    stack_id: StackId
    logical_resource_id: str
    physical_resource_id: str
    properties: Mapping[str, Any] = field(repr=False)
    response_url: ResponseUrl


def parse(event: Mapping[str, Any]) -> Request:
    """Read what CloudFormation invokes the function with.

    Raises:
        Refused: It is no request of CloudFormation, or cannot be answered.
    """
    with reading(A_REQUEST):
        request_type = request_type_in(event)
        stack_id = StackId.parse(text_in(event, "StackId"))
        properties = object_of(event["ResourceProperties"])
        return Request(
            type=request_type,
            id=text_in(event, "RequestId"),
            stack_id=stack_id,
            logical_resource_id=text_in(event, "LogicalResourceId"),
            physical_resource_id=(
                _unsubscribed(properties) if request_type == "Create" else text_in(event, "PhysicalResourceId")
            ),
            properties=properties,
            response_url=ResponseUrl.trusted(text_in(event, "ResponseURL"), region=stack_id.region),
        )


def _unsubscribed(properties: Mapping[str, Any]) -> str:
    return f"unsubscribed/{str(properties.get('TopicArn')).rpartition(':')[2]}"
