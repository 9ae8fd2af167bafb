"""CloudFormation's requests, with which it invokes the function when the collector comes, changes and goes.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref-requests.html
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from aws.custom_resource import A_REQUEST, ResponseUrl, StackId, request_type_in
from aws.json_text import object_of, text_in
from aws.queue import reading

from .settings import FUNCTION_NAME

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aws.custom_resource import RequestType

# No function has this name, so its Delete does nothing.
NO_COLLECTOR: Final = "unregistered/collector"


@dataclass(frozen=True, slots=True)
class Request:
    """A request as far as it is needed to answer it.

    Attributes:
        type: What to do.
        id: CloudFormation's id of the request.
        stack_id: The stack that asks.
        logical_resource_id: The custom resource in that stack.
        physical_resource_id: What was answered before: the function whose collector it is; `NO_COLLECTOR` at a Create.
        function_name: The function whose collector it is to be; None where the property holds no name of a function.
        response_url: Where the answer goes.
    """

    type: RequestType
    id: str
    stack_id: StackId
    logical_resource_id: str
    physical_resource_id: str
    function_name: str | None
    response_url: ResponseUrl


def parse(event: Mapping[str, Any]) -> Request:
    """Read what CloudFormation invokes the function with.

    Raises:
        Refused: It cannot be answered.
    """
    with reading(A_REQUEST):
        request_type = request_type_in(event)
        stack_id = StackId.parse(text_in(event, "StackId"))
        name = object_of(event["ResourceProperties"]).get("FunctionName")
        return Request(
            type=request_type,
            id=text_in(event, "RequestId"),
            stack_id=stack_id,
            logical_resource_id=text_in(event, "LogicalResourceId"),
            physical_resource_id=NO_COLLECTOR if request_type == "Create" else text_in(event, "PhysicalResourceId"),
            function_name=name if isinstance(name, str) and is_function_name(name) else None,
            response_url=ResponseUrl.trusted(text_in(event, "ResponseURL"), region=stack_id.region),
        )


def is_function_name(name: str) -> bool:
    """Whether a function may have this name."""
    return re.fullmatch(FUNCTION_NAME.pattern, name) is not None
