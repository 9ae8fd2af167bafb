"""CloudFormation's requests, as the raw events hold them or changed."""

from __future__ import annotations

import json
from typing import Any, Literal

from account_registration.message import parse
from account_registration.request import Request
from tests.lambda_src.deliveries import raw_event

MEMBER = "555555555555"
REGISTRATION_ID = f"registration/{MEMBER}"
Type = Literal["Create", "Update", "Delete"]


def message(
    request_type: Type = "Create",
    *,
    changes: dict[str, Any] | None = None,
    properties: dict[str, Any] | None = None,
    old: dict[str, Any] | None = None,
) -> str:
    """Return the body of a message; a change or property, old ones too, of None leaves the name out."""
    envelope = raw_event(f"registration-{request_type.lower()}")
    request = json.loads(envelope["Message"]) | (changes or {})
    request["ResourceProperties"] = _without_none(request["ResourceProperties"] | (properties or {}))
    if old is not None:
        request["OldResourceProperties"] = _without_none(request["OldResourceProperties"] | old)
    envelope["Message"] = json.dumps(_without_none(request))
    return json.dumps(envelope)


def request(request_type: Type = "Create", **changes: Any) -> Request:
    return read(message(request_type, **changes))


def continued(request_type: Type = "Create", *, stack_changed_at: str = "then") -> Request:
    return read(request(request_type).continuation(stack_changed_at=stack_changed_at))


def read(body: str) -> Request:
    content = parse(body, management_account_id="")
    assert isinstance(content, Request)
    return content


def _without_none(document: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in document.items() if value is not None}
