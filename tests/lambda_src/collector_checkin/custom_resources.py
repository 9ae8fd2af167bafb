"""What CloudFormation invokes the function with."""

from __future__ import annotations

from typing import Any, Literal

ACCOUNT = "444444444444"
FUNCTION_NAME = "AlertLogic-Security-Findings_1"
SIGNATURE = "X-Amz-Signature=0123456789abcdef"
BUCKET = "https://cloudformation-custom-resource-response-useast1.s3.amazonaws.com"


def event(
    request_type: Literal["Create", "Update", "Delete"] = "Create",
    *,
    function_name: object = FUNCTION_NAME,
    changes: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Return a request; a change of None leaves the name out."""
    token = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:collector-checkin"
    request = {
        "RequestType": request_type,
        "ServiceToken": token,
        "ResponseURL": f"{BUCKET}/key?{SIGNATURE}",
        "StackId": f"arn:aws:cloudformation:us-east-1:{ACCOUNT}:stack/AlertLogic-Security/6f0c8b40-f205-11f0-8d55-0aff",
        "RequestId": "3d5c9f0e-8a0b-4a51-9d6e-6f1d2c3b4a59",
        "LogicalResourceId": "Collector",
        "ResourceType": "Custom::GuardDutyCollector",
        "ResourceProperties": {"ServiceToken": token, "FunctionName": function_name},
        "PhysicalResourceId": None if request_type == "Create" else FUNCTION_NAME,
    }
    return {name: value for name, value in (request | (changes or {})).items() if value is not None}
