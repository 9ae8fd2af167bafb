"""What goes over the wire below botocore: answers that moto does not give, and calls as they were made."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from botocore.awsrequest import AWSResponse
from moto.core.botocore_stubber import BotocoreStubber

if TYPE_CHECKING:
    import pytest
    from botocore.awsrequest import AWSPreparedRequest


class _Body:
    def __init__(self, content: bytes) -> None:
        self._content = content

    def stream(self, **_: object) -> list[bytes]:
        return [self._content]


def answer(
    monkeypatch: pytest.MonkeyPatch,
    service: str,
    operation: str,
    body: bytes,
    *,
    status: int = 200,
    headers: dict[str, str] | None = None,
) -> list[AWSPreparedRequest]:
    """Let AWS answer every call of an operation, of all clients, those made later included; return these calls."""
    played = BotocoreStubber.__call__
    calls: list[AWSPreparedRequest] = []

    def give(self: BotocoreStubber, event_name: str, request: AWSPreparedRequest, **kwargs: Any) -> Any:
        if event_name != f"before-send.{service}.{operation}":
            return played(self, event_name, request, **kwargs)
        calls.append(request)
        return AWSResponse(request.url, status, headers or {}, _Body(body))  # type: ignore[arg-type]

    monkeypatch.setattr(BotocoreStubber, "__call__", give)
    return calls


def answer_with_error(monkeypatch: pytest.MonkeyPatch, service: str, operation: str, code: str, *, status: int) -> None:
    """Let AWS answer every call of an operation with an error."""
    error = f"<ErrorResponse><Error><Code>{code}</Code><Message>No</Message></Error></ErrorResponse>"
    answer(monkeypatch, service, operation, error.encode(), status=status)


def one_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let AWS answer one call after the other, whichever threads make them: moto knows no other way to be atomic."""
    played = BotocoreStubber.__call__
    lock = threading.Lock()

    def answer(self: BotocoreStubber, event_name: str, request: AWSPreparedRequest, **kwargs: Any) -> Any:
        with lock:
            return played(self, event_name, request, **kwargs)

    monkeypatch.setattr(BotocoreStubber, "__call__", answer)


def calls_of(monkeypatch: pytest.MonkeyPatch, service: str, operation: str) -> list[dict[str, list[str]]]:
    """Return a list to which every call of an operation is added, as the parameters of AWS's query protocol."""
    played = BotocoreStubber.__call__
    calls: list[dict[str, list[str]]] = []

    def note(self: BotocoreStubber, event_name: str, request: AWSPreparedRequest, **kwargs: Any) -> Any:
        if event_name == f"before-send.{service}.{operation}":
            body = request.body
            calls.append(parse_qs(body.decode() if isinstance(body, bytes) else str(body)))
        return played(self, event_name, request, **kwargs)

    monkeypatch.setattr(BotocoreStubber, "__call__", note)
    return calls
