"""JSON from outside: as RFC 8259 and I-JSON (RFC 7493) have it, and no larger task than it looks."""

from __future__ import annotations

import json
import re
from typing import Any, Final, NoReturn

# Nothing that is handled here comes near it, and whatever goes through a document level by level can follow.
DEEPEST: Final = 100

_NESTING: Final = re.compile(r'"(?:[^"\\]|\\.)*+"|[\[\]{}]', re.DOTALL)
_HALF_A_LETTER: Final = re.compile(r"\\u[dD][89a-fA-F]")


def decoded(text: str) -> Any:  # noqa: ANN401 - whatever JSON holds
    """Read a document.

    Raises:
        ValueError: It is not JSON, nested too deeply, or holds half of a pair of UTF-16, which can be neither logged
            nor sent on.
    """
    if text.count("[") + text.count("{") > DEEPEST and _depth(text) > DEEPEST:
        raise ValueError("nested too deeply")
    text.encode()
    document: Any = _DECODER.decode(text)
    if _HALF_A_LETTER.search(text):
        json.dumps(document, ensure_ascii=False).encode()
    return document


def _depth(text: str) -> int:
    depth = deepest = 0
    for mark in _NESTING.findall(text):
        if mark in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif mark in "]}":
            depth -= 1
    return deepest


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(name)


# Python reads NaN and Infinity, but they would spoil a batch for everybody who keeps to the standard.
_DECODER: Final = json.JSONDecoder(parse_constant=_refuse_constant)
