"""Findings -> requests -> what became of each finding."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from alertlogic_api import ContentRefusedError, TooLargeError
from aws.queue import Refused

from .payload import MOST_BYTES, Payload, pack

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import Protocol

    from .finding import Finding

    class Ingest(Protocol):
        """Alert Logic's intake, as `alertlogic_api` reaches it."""

        def send_security_messages(self, payload: bytes) -> None:
            """Hand in a batch."""
            ...


@dataclass(frozen=True, slots=True)
class Accepted:
    """Alert Logic has the findings of a request."""

    findings: Sequence[Finding]
    request_bytes: int


@dataclass(frozen=True, slots=True)
class NotAccepted:
    """Alert Logic does not have the findings, so far as we know: `Refused`, it never will; else, why not yet."""

    findings: Sequence[Finding]
    error: Exception


Outcome = Accepted | NotAccepted


def deliver(
    findings: Sequence[Finding],
    *,
    ingest: Ingest,
    source_id: str,
    about: Callable[[Finding], None] = lambda _: None,
) -> Iterator[Outcome]:
    """Send findings and yield what became of them, in their order, as soon as it is known.

    A request that is refused for what is in it is halved until it is known which finding is at fault. After any other
    failure nothing more is sent, for the next request would fail as well.

    Args:
        findings: What to send.
        ingest: Takes the requests.
        source_id: The collector that Alert Logic is to name as their source.
        about: Told of the first finding of each request before that is sent.
    """
    settled = 0
    try:
        for outcome in _deliver(findings, ingest, source_id, about):
            settled += len(outcome.findings)
            yield outcome
    except Exception as error:  # noqa: BLE001 - an outcome like any other
        yield NotAccepted(findings[settled:], error)


def _deliver(
    findings: Sequence[Finding], ingest: Ingest, source_id: str, about: Callable[[Finding], None]
) -> Iterator[Outcome]:
    for payload in pack(findings, source_id=source_id):
        about(payload.findings[0])
        refusal = _refusal(payload, ingest)
        if refusal is None:
            yield Accepted(payload.findings, len(payload.body))
        elif len(payload.findings) == 1:
            yield NotAccepted(payload.findings, Refused(refusal))
        else:
            middle = len(payload.findings) // 2
            yield from _deliver(payload.findings[:middle], ingest, source_id, about)
            yield from _deliver(payload.findings[middle:], ingest, source_id, about)


def _refusal(payload: Payload, ingest: Ingest) -> str | None:
    """Send a request, and return why it is refused if that is for what is in it."""
    too_large = f"the finding is too large to send: {len(payload.body)} bytes compressed"
    if len(payload.body) > MOST_BYTES:
        return f"{too_large}, of {MOST_BYTES} at most"
    try:
        ingest.send_security_messages(payload.body)
    except TooLargeError:
        return too_large
    except ContentRefusedError as error:
        return str(error)
    return None
