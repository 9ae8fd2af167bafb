"""The answer to CloudFormation.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref-responses.html
"""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

import requests

from aws.queue import NotYet, Refused

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .request import Request, ResponseUrl

LONGEST_ANSWER_BYTES: Final = 4096
TIMEOUT_SECONDS: Final = (3, 7)


def succeeded(request: Request, status: str, *, deployment_id: str | None = None) -> dict[str, Any]:
    """Return the answer that all is well.

    Args:
        request: What is answered.
        status: `registered`, `deregistered`, `retained`, `pending` or `refused`, for people to read.
        deployment_id: Alert Logic's deployment, if there is one.
    """
    is_delete = request.type == "Delete"
    physical_id = request.physical_resource_id if is_delete or status == "refused" else request.registration_id
    data = {"Status": status} | ({"DeploymentId": deployment_id} if deployment_id else {})
    return {"Status": "SUCCESS", "PhysicalResourceId": physical_id, "Data": data, **_echoed(request)}


def failed(request: Request, reason: str) -> dict[str, Any]:
    """Return the answer to a Create that is refused.

    Its physical id is not that of a registration, so the Delete that follows does not undo an earlier one.
    """
    physical_id = f"unregistered/{request.stack_id.account_id}"
    return {"Status": "FAILED", "Reason": reason, "PhysicalResourceId": physical_id, **_echoed(request)}


def send(url: ResponseUrl, answer: Mapping[str, Any], http: requests.Session) -> None:
    """Give CloudFormation the answer.

    Raises:
        NotYet: The bucket cannot be reached or does not work; the same answer can be given again.
        Refused: The bucket does not take it, for instance because the URL has expired.
    """
    try:
        response = http.put(
            url.value,
            data=_encoded(answer),
            # The signature covers an empty content type.
            headers={"content-type": ""},
            timeout=TIMEOUT_SECONDS,
            allow_redirects=False,
        )
    except requests.RequestException as error:
        failure = type(error).__name__
    else:
        status = response.status_code
        if status == HTTPStatus.OK:
            return
        failure = f"HTTP {status}"
        if HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR:
            raise Refused(f"CloudFormation's response bucket does not take the answer: {failure}")
    # Raised outside of the handler, since requests' exceptions hold the pre-signed URL.
    raise NotYet(f"CloudFormation's response bucket does not take the answer: {failure}")


def _echoed(request: Request) -> dict[str, str]:
    return {
        "StackId": request.stack_id.arn,
        "RequestId": request.id,
        "LogicalResourceId": request.logical_resource_id,
    }


def _encoded(answer: Mapping[str, Any]) -> bytes:
    body = json.dumps(answer).encode()
    reason: str = answer.get("Reason", "")
    while len(body) > LONGEST_ANSWER_BYTES and reason:
        reason = reason[: len(reason) // 2]
        body = json.dumps({**answer, "Reason": reason}).encode()
    return body
