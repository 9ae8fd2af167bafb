"""JSON from outside: as RFC 8259 and I-JSON (RFC 7493) have it, and no larger task than it looks."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final, NoReturn, cast

if TYPE_CHECKING:
    from collections.abc import Mapping

# Nothing that is handled here comes near it, and whatever goes through a document level by level can follow.
DEEPEST: Final = 100

_NESTING: Final = re.compile(r'"(?:[^"\\]|\\.)*+"|[\[\]{}]', re.DOTALL)
# Half of a pair of UTF-16 can be neither logged nor sent on.
_HALF_A_LETTER: Final = re.compile("[\ud800-\udfff]")
_ESCAPED_HALF: Final = re.compile(r"\\u[dD][89a-fA-F]")


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
    if _ESCAPED_HALF.search(text):
        json.dumps(document, ensure_ascii=False).encode()
    return document


def text_in(document: Mapping[str, Any], name: str) -> str:
    """Read a text of a document.

    Raises:
        KeyError: It is missing.
        TypeError: It is no text.
    """
    value = document[name]
    if not isinstance(value, str) or _HALF_A_LETTER.search(value):
        raise TypeError
    return value


def object_of(value: object) -> dict[str, Any]:
    """Read an object.

    Raises:
        TypeError: It is none.
    """
    if not isinstance(value, dict):
        raise TypeError
    return cast("dict[str, Any]", value)


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
