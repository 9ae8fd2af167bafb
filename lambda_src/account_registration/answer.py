"""What CloudFormation is answered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aws.custom_resource import echoed

if TYPE_CHECKING:
    from .request import Request


def succeeded(request: Request, status: str, *, deployment_id: str | None = None) -> dict[str, Any]:
    """Return the answer that all is well.

    Args:
        request: What is answered.
        status: `registered`, `deregistered`, `retained`, `nothing to do`, `pending` or `refused`, for people to read.
        deployment_id: Alert Logic's deployment, if there is one.
    """
    is_delete = request.type == "Delete"
    physical_id = request.physical_resource_id if is_delete or status == "refused" else request.registration_id
    data = {"Status": status} | ({"DeploymentId": deployment_id} if deployment_id else {})
    return {"Status": "SUCCESS", "PhysicalResourceId": physical_id, "Data": data, **echoed(request)}


def failed(request: Request, reason: str) -> dict[str, Any]:
    """Return the answer to a Create that is refused.

    Its physical id is not that of a registration, so the Delete that follows does not undo an earlier one.
    """
    physical_id = f"unregistered/{request.stack_id.account_id}"
    return {"Status": "FAILED", "Reason": reason, "PhysicalResourceId": physical_id, **echoed(request)}
