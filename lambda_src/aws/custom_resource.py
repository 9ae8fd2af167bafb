"""What the functions behind CloudFormation's custom resources share: who asks, and the answer.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref-requests.html
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref-responses.html
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, Literal, cast, get_args

import requests

from .json_text import text_in
from .organizations import AwsAccountId
from .queue import NotYet, Refused

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Protocol

    class Request(Protocol):
        """What the answer repeats of the request."""

        @property
        def id(self) -> str:
            """CloudFormation's id of the request."""
            ...

        @property
        def stack_id(self) -> StackId:
            """The stack that asks."""
            ...

        @property
        def logical_resource_id(self) -> str:
            """The custom resource in that stack."""
            ...


RequestType = Literal["Create", "Update", "Delete"]

LONGEST_ANSWER_BYTES: Final = 4096
TIMEOUT_SECONDS: Final = (3, 7)

# What a message or an event should be, for `aws.queue.reading`.
A_REQUEST: Final = "a request of CloudFormation"

_STACK_ID: Final = re.compile(
    r"arn:aws:cloudformation:(?P<region>[a-z0-9-]+):(?P<account>[0-9]{12}):stack/[A-Za-z0-9-]+/[A-Za-z0-9-]+"
)


class RequestRefusedError(Exception):
    """This is not done; CloudFormation is told why."""


@dataclass(frozen=True, slots=True)
class StackId:
    """The stack that asks."""

    arn: str
    region: str
    account_id: AwsAccountId

    @classmethod
    def parse(cls, arn: str) -> StackId:
        """Read the ARN of a stack.

        Raises:
            Refused: It is none.
        """
        parts = _STACK_ID.fullmatch(arn)
        if parts is None:
            raise Refused("the StackId is not the ARN of a stack")
        return cls(arn, parts["region"], AwsAccountId(parts["account"]))


@dataclass(frozen=True, slots=True)
class ResponseUrl:
    """Where CloudFormation waits for the answer: pre-signed, so never to be shown."""

    value: str = field(repr=False)

    @classmethod
    def trusted(cls, url: str, *, region: str) -> ResponseUrl:
        """Accept the URL of CloudFormation's response bucket of this region and no other.

        Raises:
            Refused: It is another URL.
        """
        bucket = f"https://cloudformation-custom-resource-response-{region.replace('-', '')}"
        endpoints = ("s3.amazonaws.com", f"s3.{region}.amazonaws.com", f"s3-{region}.amazonaws.com")
        # Up to the slash that ends the host there is nothing to parse, so nothing that two parsers see differently.
        if not url.startswith(tuple(f"{bucket}.{endpoint}/" for endpoint in endpoints)):
            raise Refused(f"the ResponseURL does not lead to CloudFormation's response bucket in {region}")
        if not re.fullmatch(r"[!-~]+", url):
            raise Refused("the ResponseURL holds characters that no URL has")
        return cls(url)


def request_type_in(document: Mapping[str, Any], name: str = "RequestType") -> RequestType:
    """Read what a request asks to do, under the name that CloudFormation gives it, or another.

    Raises:
        Refused: It is nothing that CloudFormation asks for.
        KeyError: It is missing.
        TypeError: It is no text.
    """
    request_type = text_in(document, name)
    if request_type not in get_args(RequestType):
        raise Refused(f"the request has the unknown type {request_type!r}")
    return cast("RequestType", request_type)


def echoed(request: Request) -> dict[str, str]:
    """Return what every answer repeats of its request."""
    return {
        "StackId": request.stack_id.arn,
        "RequestId": request.id,
        "LogicalResourceId": request.logical_resource_id,
    }


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


def _encoded(answer: Mapping[str, Any]) -> bytes:
    body = json.dumps(answer).encode()
    reason: str = answer.get("Reason", "")
    while len(body) > LONGEST_ANSWER_BYTES and reason:
        reason = reason[: len(reason) // 2]
        body = json.dumps({**answer, "Reason": reason}).encode()
    return body
