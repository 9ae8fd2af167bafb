"""CloudFormation's requests for custom resources, in their documented form.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref-requests.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aws.custom_resource import RequestType

SIGNATURE = "X-Amz-Signature=0123456789abcdef"
RESPONSE_URL = f"https://cloudformation-custom-resource-response-useast1.s3.amazonaws.com/key?{SIGNATURE}"


def stack_arn(account_id: str, name: str) -> str:
    return f"arn:aws:cloudformation:us-east-1:{account_id}:stack/{name}/6f0c8b40-f205-11f0-8d55-0affc0ffee01"


def request_of(
    request_type: RequestType,
    *,
    stack_id: str,
    resource_type: str,
    physical_id: str,
    properties: dict[str, Any],
    changes: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Return the request of a stack; a change of None leaves the name out.

    Args:
        request_type: What to do.
        stack_id: The stack that asks.
        resource_type: The type that the stack gives to its custom resource.
        physical_id: What was answered before, which a Create does not know.
        properties: The custom resource's own properties.
        changes: What is different from what CloudFormation would send.
    """
    token = f"arn:aws:lambda:us-east-1:{stack_id.split(':')[4]}:function:custom-resource"
    request = {
        "RequestType": request_type,
        "ServiceToken": token,
        "ResponseURL": RESPONSE_URL,
        "StackId": stack_id,
        "RequestId": "3d5c9f0e-8a0b-4a51-9d6e-6f1d2c3b4a59",
        "LogicalResourceId": "Resource",
        "ResourceType": f"Custom::{resource_type}",
        "ResourceProperties": {"ServiceToken": token} | properties,
        "PhysicalResourceId": None if request_type == "Create" else physical_id,
    }
    return without_none(request | (changes or {}))


def without_none(document: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in document.items() if value is not None}
