"""What CloudFormation invokes the function with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.lambda_src.custom_resources import request_of, stack_arn

if TYPE_CHECKING:
    from aws.custom_resource import RequestType

ACCOUNT = "444444444444"
FUNCTION_NAME = "AlertLogic-Security-Findings_1"


def event(
    request_type: RequestType = "Create",
    *,
    function_name: object = FUNCTION_NAME,
    changes: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Return a request; a change of None leaves the name out."""
    return request_of(
        request_type,
        stack_id=stack_arn(ACCOUNT, "AlertLogic-Security"),
        resource_type="GuardDutyCollector",
        physical_id=FUNCTION_NAME,
        properties={"FunctionName": function_name},
        changes=changes,
    )
