from __future__ import annotations

import json
import zlib
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alertlogic_api import (
    AuthenticationError,
    ConflictError,
    ContentRefusedError,
    RejectedError,
    RetryableError,
    TooLargeError,
)
from aws.queue import Refused
from guardduty_findings.delivery import Accepted, NotAccepted, deliver
from guardduty_findings.payload import MOST_BYTES
from tests.lambda_src.guardduty_findings.test_payload import SOURCE, found, noise

if TYPE_CHECKING:
    from collections.abc import Callable

    from guardduty_findings.finding import Finding


class Ingest:
    """Takes batches of messages, which are numbers here, unless `refuse` returns an error."""

    def __init__(self, refuse: Callable[[list[int]], Exception | None] = lambda _: None) -> None:
        self.asked: list[list[Any]] = []
        self.taken: list[Any] = []
        self._refuse = refuse

    def send_security_messages(self, payload: bytes) -> None:
        messages = json.loads(zlib.decompress(payload))["collected_batch"]["collected_messages"]
        self.asked.append(messages)
        error = self._refuse(messages)
        if error:
            raise error
        self.taken += messages


def numbers(count: int) -> list[Finding]:
    return [found(str(number)) for number in range(count)]


def texts(findings: object) -> list[int]:
    return [int(one.text) for one in findings]  # type: ignore[attr-defined]


def test_tells_what_was_accepted_and_how_large_the_request_was() -> None:
    ingest = Ingest()

    [outcome] = deliver(numbers(3), ingest=ingest, source_id=SOURCE)

    assert isinstance(outcome, Accepted)
    assert texts(outcome.findings) == [0, 1, 2]
    assert 0 < outcome.request_bytes < 200
    assert ingest.asked == [[0, 1, 2]]


def test_sends_nothing_for_nothing() -> None:
    ingest = Ingest()

    assert list(deliver([], ingest=ingest, source_id=SOURCE)) == []
    assert ingest.asked == []


@pytest.mark.parametrize("most", [1, 2, 3, 50])
def test_halves_what_is_too_large_until_it_is_accepted(most: int) -> None:
    ingest = Ingest(lambda messages: TooLargeError(413, "ingest: too large") if len(messages) > most else None)

    outcomes = list(deliver(numbers(50), ingest=ingest, source_id=SOURCE))

    assert all(isinstance(outcome, Accepted) for outcome in outcomes)
    assert ingest.taken == list(range(50))
    assert [number for outcome in outcomes for number in texts(outcome.findings)] == ingest.taken


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ContentRefusedError(400, "ingest: bad"), "Alert Logic answered 400: ingest: bad"),
        (TooLargeError(413, "ingest: it does not say why"), "the finding is too large to send: "),
    ],
)
def test_finds_the_one_that_is_refused_and_says_why(error: RejectedError, reason: str) -> None:
    ingest = Ingest(lambda messages: error if 17 in messages else None)

    outcomes = list(deliver(numbers(50), ingest=ingest, source_id=SOURCE))

    [refused] = [outcome for outcome in outcomes if isinstance(outcome, NotAccepted)]
    assert texts(refused.findings) == [17]
    assert isinstance(refused.error, Refused)
    assert str(refused.error).startswith(reason)
    assert ingest.taken == [number for number in range(50) if number != 17]
    # Down the halves, and the other half each time.
    assert len(ingest.asked) < 14


def test_does_not_send_what_is_too_large_even_alone() -> None:
    large = found(noise(1, MOST_BYTES * 3 // 2))
    ingest = Ingest()

    first, second, third = deliver([*numbers(1), large, *numbers(2)], ingest=ingest, source_id=SOURCE)

    assert isinstance(second, NotAccepted)
    assert (second.findings, isinstance(second.error, Refused)) == ([large], True)
    assert f"bytes compressed, of {MOST_BYTES} at most" in str(second.error)
    assert isinstance(first, Accepted)
    assert isinstance(third, Accepted)
    assert ingest.asked == [[0], [0, 1]]


@pytest.mark.parametrize(
    "error",
    [
        RejectedError(400, "endpoints: no"),
        RejectedError(403, "ingest: no"),
        RejectedError(404, "ingest: no"),
        RejectedError(415, "ingest: no"),
        RetryableError("ingest answered 503", retry_after=7),
        ConflictError("ingest answered 409"),
        AuthenticationError("bad access key"),
        KeyError("nobody foresaw this"),
    ],
)
def test_stops_at_a_failure_that_is_no_findings_fault(error: Exception) -> None:
    """What was accepted before is done, what was refused before is refused, and all others share the failure."""
    bad = ContentRefusedError(400, "no")
    answers = iter([TooLargeError(413, "no"), bad, bad, bad, None, error])
    ingest = Ingest(lambda _: next(answers))
    findings = numbers(8)

    refused, accepted, rest = deliver(findings, ingest=ingest, source_id=SOURCE)

    assert isinstance(refused, NotAccepted)
    assert (refused.findings, isinstance(refused.error, Refused)) == (findings[:1], True)
    assert isinstance(accepted, Accepted)
    assert accepted.findings == findings[1:2]
    assert rest == NotAccepted(findings[2:], error)
    assert ingest.asked[-1] == [2, 3]


ERRORS = {
    400: ContentRefusedError(400, "bad"),
    403: RejectedError(403, "no"),
    413: TooLargeError(413, "too large"),
    503: RetryableError("ingest answered 503"),
}


@given(
    count=st.integers(0, 40),
    answers=st.lists(st.sampled_from([None, None, None, *ERRORS]), max_size=30),
)
def test_every_finding_has_one_outcome_whatever_is_answered(count: int, answers: list[int | None]) -> None:
    told = iter(answers)
    ingest = Ingest(lambda _: ERRORS.get(next(told, None) or 0))
    findings = numbers(count)

    outcomes = list(deliver(findings, ingest=ingest, source_id=SOURCE))

    assert [one for outcome in outcomes for one in outcome.findings] == findings
    accepted = [number for it in outcomes if isinstance(it, Accepted) for number in texts(it.findings)]
    assert accepted == ingest.taken
    for outcome in outcomes:
        if isinstance(outcome, NotAccepted) and isinstance(outcome.error, Refused):
            assert len(outcome.findings) == 1
    waiting = [it for it in outcomes if isinstance(it, NotAccepted) and not isinstance(it.error, Refused)]
    assert waiting in ([], outcomes[-1:])
