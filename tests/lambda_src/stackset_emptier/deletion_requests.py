"""CloudFormation's requests in their documented form."""

from __future__ import annotations

from typing import Any, Literal

MANAGEMENT = "111111111111"
STACK_SET = "alertlogic-member-account"
SIGNATURE = "X-Amz-Signature=0123456789abcdef"
BUCKET = "https://cloudformation-custom-resource-response-useast1.s3.amazonaws.com"
STACK_ID = f"arn:aws:cloudformation:us-east-1:{MANAGEMENT}:stack/AlertLogic-Master/6f0c8b40-f205-11f0-8d55-0affc0ffee01"


def event(
    request_type: Literal["Create", "Update", "Delete"] = "Delete", *, stack_set: Any = STACK_SET, **changes: Any
) -> dict[str, Any]:
    """Return a request; a change of None leaves the name out."""
    token = f"arn:aws:lambda:us-east-1:{MANAGEMENT}:function:emptier"
    request = {
        "RequestType": request_type,
        "ServiceToken": token,
        "ResponseURL": f"{BUCKET}/key?{SIGNATURE}",
        "StackId": STACK_ID,
        "RequestId": "3d5c9f0e-8a0b-4a51-9d6e-6f1d2c3b4a59",
        "LogicalResourceId": "Resource",
        "ResourceType": "Custom::StackSetInstances",
        "ResourceProperties": {"ServiceToken": token, "StackSetName": stack_set},
    }
    if request_type != "Create":
        request["PhysicalResourceId"] = STACK_SET
    return {name: value for name, value in (request | changes).items() if value is not None}
