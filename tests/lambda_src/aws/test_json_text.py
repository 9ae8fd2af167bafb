from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aws.json_text import DEEPEST, decoded, text_in

DOCUMENTS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(DOCUMENTS)
def test_reads_what_json_reads(document: object) -> None:
    assert decoded(json.dumps(document)) == document
    assert decoded(json.dumps(document, ensure_ascii=False)) == document


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "{}{}",
        "NaN",
        "[-Infinity]",
        "9" * 5000,
        r'"\ud83d"',
        r'{"\uDE00": 1}',
        '"\ud83d"',
        "[" * (DEEPEST + 1) + "]" * (DEEPEST + 1),
        '{"a":' * (DEEPEST + 1) + "1" + "}" * (DEEPEST + 1),
        "[" * 200_000,
    ],
)
def test_refuses_what_nobody_could_handle(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        decoded(text)


@pytest.mark.parametrize(
    "text",
    [
        r'"\ud83d\ude00"',
        "[" * DEEPEST + "]" * DEEPEST,
        json.dumps([{}] * DEEPEST),
        json.dumps("[" * 1000),
        json.dumps('\\"[' * 1000),
    ],
)
def test_takes_what_only_looks_like_it(text: str) -> None:
    assert decoded(text) == json.loads(text)


@pytest.mark.parametrize("value", [None, 1, ["text"], "half of a \ud83d", "\ude00"])
def test_takes_no_text_that_could_not_be_logged(value: object) -> None:
    with pytest.raises(TypeError):
        text_in({"RequestId": value}, "RequestId")
