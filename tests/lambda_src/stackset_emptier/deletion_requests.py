"""What CloudFormation invokes the function with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.lambda_src.custom_resources import request_of, stack_arn

if TYPE_CHECKING:
    from aws.custom_resource import RequestType

STACK_SET = "alertlogic-member-account"
STACK_ID = stack_arn("111111111111", "AlertLogic-Master")


def event(request_type: RequestType = "Delete", *, stack_set: Any = STACK_SET, **changes: Any) -> dict[str, Any]:
    """Return a request; a change of None leaves the name out."""
    return request_of(
        request_type,
        stack_id=STACK_ID,
        resource_type="StackSetInstances",
        physical_id=STACK_SET,
        properties={"StackSetName": stack_set},
        changes=changes,
    )
