"""CloudFormation's requests, with which it invokes the function.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref-requests.html
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from aws.custom_resource import ResponseUrl, StackId, object_of, text_in
from aws.queue import Refused

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
    try:
        request_type = event["RequestType"]
        if request_type not in {"Create", "Update", "Delete"}:
            raise Refused(f"the request has the unknown type {request_type!r}")
        stack_id = StackId.parse(text_in(event, "StackId"))
        properties = object_of(event["ResourceProperties"])
        return Request(
            type=cast("RequestType", request_type),
            id=text_in(event, "RequestId"),
            stack_id=stack_id,
            logical_resource_id=text_in(event, "LogicalResourceId"),
            physical_resource_id=(
                _unsubscribed(properties) if request_type == "Create" else text_in(event, "PhysicalResourceId")
            ),
            properties=properties,
            response_url=ResponseUrl.trusted(text_in(event, "ResponseURL"), region=stack_id.region),
        )
    except KeyError as error:
        raise Refused(f"the request lacks {error}") from None
    except TypeError:
        raise Refused("the event is not a request of CloudFormation") from None


def _unsubscribed(properties: Mapping[str, Any]) -> str:
    return f"unsubscribed/{str(properties.get('TopicArn')).rpartition(':')[2]}"
