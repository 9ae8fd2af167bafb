"""CloudFormation's requests, as the raw events hold them or changed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from account_registration.message import parse
from account_registration.request import Request
from tests.lambda_src.custom_resources import without_none
from tests.lambda_src.deliveries import raw_event

if TYPE_CHECKING:
    from aws.custom_resource import RequestType

MEMBER = "555555555555"
REGISTRATION_ID = f"registration/{MEMBER}"


def message(
    request_type: RequestType = "Create",
    *,
    changes: dict[str, Any] | None = None,
    properties: dict[str, Any] | None = None,
    old: dict[str, Any] | None = None,
) -> str:
    """Return the body of a message; a change or property, old ones too, of None leaves the name out."""
    envelope = raw_event(f"registration-{request_type.lower()}")
    request = json.loads(envelope["Message"]) | (changes or {})
    request["ResourceProperties"] = without_none(request["ResourceProperties"] | (properties or {}))
    if old is not None:
        request["OldResourceProperties"] = without_none(request["OldResourceProperties"] | old)
    envelope["Message"] = json.dumps(without_none(request))
    return json.dumps(envelope)


def request(request_type: RequestType = "Create", **changes: Any) -> Request:
    return read(message(request_type, **changes))


def continued(request_type: RequestType = "Create", *, stack_changed_at: str = "then") -> Request:
    return read(request(request_type).continuation(stack_changed_at=stack_changed_at))


def read(body: str) -> Request:
    content = parse(body, management_account_id="")
    assert isinstance(content, Request)
    return content
