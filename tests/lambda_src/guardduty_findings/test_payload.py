from __future__ import annotations

import base64
import json
import random
import zlib
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guardduty_findings.finding import Finding, Identity
from guardduty_findings.payload import MOST_BYTES, Payload, pack
from tests.rehearsal.event_text import event_text
from tests.rehearsal.findings import FAMILIES, finding

if TYPE_CHECKING:
    from collections.abc import Sequence

SOURCE = "arn:aws:lambda:us-east-1:444444444444:function:findings"


def found(text: str) -> Finding:
    identity = Identity("555555555555", text[:20], "2026-01-15T12:00:00.000Z")
    return Finding(identity, event_id="e", reported_by="555555555555", reported_at=None, text=text.encode())


def noise(seed: int, size: int) -> str:
    """JSON that nothing can compress below three quarters."""
    letters = random.Random(seed).randbytes(size * 3 // 4)  # noqa: S311 - no secret
    return json.dumps(base64.b64encode(letters).decode())


def messages_of(payload: Payload) -> list[Any]:
    document = json.loads(zlib.decompress(payload.body))
    assert document == {"collected_batch": {"source_id": SOURCE, "collected_messages": [*messages(document)]}}
    return messages(document)


def messages(document: Any) -> list[Any]:
    return document["collected_batch"]["collected_messages"]


def test_is_the_document_that_alert_logic_expects_with_each_event_as_it_came() -> None:
    texts = ['{"a" : 1.50}', '{"b":"\\u00e9 é"}\n']

    [payload] = pack([found(text) for text in texts], source_id=SOURCE)

    assert zlib.decompress(payload.body).decode() == (
        f'{{"collected_batch":{{"source_id":"{SOURCE}","collected_messages":[{texts[0]},{texts[1]}]}}}}'
    )
    assert [one.text.decode() for one in payload.findings] == texts


def test_of_nothing_is_nothing() -> None:
    assert list(pack([], source_id=SOURCE)) == []


def test_holds_a_whole_batch_of_usual_findings() -> None:
    findings = [
        found(
            event_text(finding(FAMILIES[at % len(FAMILIES)], number=at, account="5" * 12, region="us-east-1", size=s))
        )
        for s in (3000, 6000)
        for at in range(250)
    ]

    [payload] = pack(findings, source_id=SOURCE)

    assert len(payload.body) < MOST_BYTES


def test_is_full_before_there_is_another() -> None:
    findings = [found(noise(seed, 6000)) for seed in range(400)]

    payloads = list(pack(findings, source_id=SOURCE))

    sizes = [len(payload.body) for payload in payloads]
    assert len(sizes) == 3
    assert all(MOST_BYTES - 20_000 < size <= MOST_BYTES for size in sizes[:-1])


def test_is_made_only_when_it_is_asked_for() -> None:
    """So at no time there is more than one."""
    made: list[Finding] = []

    class Watched(list[Finding]):
        def __iter__(self) -> Any:
            for one in super().__iter__():
                made.append(one)
                yield one

    payloads = pack(Watched(found(noise(seed, 400_000)) for seed in range(4)), source_id=SOURCE)

    assert made == []
    next(payloads)
    assert len(made) == 2


def test_is_beyond_the_limit_only_for_a_finding_alone() -> None:
    small, large = found('{"small":1}'), found(noise(1, 1_000_000))

    payloads = list(pack([small, large, small], source_id=SOURCE))

    assert [payload.findings for payload in payloads] == [[small], [large], [small]]
    assert [len(payload.body) > MOST_BYTES for payload in payloads] == [False, True, False]


def test_holds_a_finding_that_is_beyond_the_limit_only_uncompressed() -> None:
    [payload] = pack([found(json.dumps("a" * 1_000_000))], source_id=SOURCE)

    assert len(payload.body) < 5000


TEXTS = st.one_of(
    st.dictionaries(st.text(), st.none() | st.booleans() | st.integers() | st.text()).map(json.dumps),
    # Incompressible, compressible, and both in turns.
    st.builds(noise, st.integers(), st.integers(0, 60_000)),
    st.integers(0, 300_000).map(lambda size: json.dumps("a" * size)),
    st.builds(
        lambda seed, size, times: json.dumps([noise(seed, size), "a" * size] * times),
        st.integers(),
        st.integers(0, 3000),
        st.integers(1, 9),
    ),
)


@settings(max_examples=150)
@given(texts=st.lists(TEXTS, max_size=30), most_bytes=st.sampled_from([1, 9000, 20_000, 50_000, 200_000]))
def test_any_findings_are_each_in_one_payload_in_order_and_within_the_limit(texts: list[str], most_bytes: int) -> None:
    findings = [found(text) for text in texts]

    payloads = list(pack(findings, source_id=SOURCE, most_bytes=most_bytes))

    assert [one for payload in payloads for one in payload.findings] == findings
    for payload in payloads:
        assert messages_of(payload) == [json.loads(one.text) for one in payload.findings]
        assert len(payload.body) <= most_bytes or len(payload.findings) == 1


@pytest.mark.parametrize("sizes", [[699_000, 10], [350_000] * 5, [10] * 3 + [690_000] + [10] * 3, [200_000] * 9])
def test_large_findings_stay_within_the_limit(sizes: Sequence[int]) -> None:
    findings = [found(noise(seed, size)) for seed, size in enumerate(sizes)]

    payloads = list(pack(findings, source_id=SOURCE))

    assert [one for payload in payloads for one in payload.findings] == findings
    assert all(len(payload.body) <= MOST_BYTES for payload in payloads)
