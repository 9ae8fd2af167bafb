"""Strict reading of a function's environment variables."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping


class Kind(NamedTuple):
    """What a value must look like: as a pattern, and in words."""

    pattern: str
    words: str

    @property
    def or_nothing(self) -> Kind:
        """The same, but it may be empty."""
        return Kind(f"({self.pattern})?", f"{self.words}, or nothing")


ACCOUNT_ID: Final = Kind(r"[0-9]{12}", "an AWS account id of 12 digits")
NAME: Final = Kind(r"[A-Za-z][A-Za-z0-9_+=,.@-]*", "a name of letters, digits and hyphens")
QUEUE_URL: Final = Kind(r"https?://[!-~]+", "the URL of an SQS queue")
REGION: Final = Kind(r"[a-z]{2}(-[a-z]+)+-[0-9]", "an AWS region such as us-east-1")
UNIT_ID: Final = Kind(
    r"(r-[0-9a-z]{4,32}|ou-[0-9a-z]{4,32}-[0-9a-z]{8,32})", "the id of an organizational unit (ou-) or of a root (r-)"
)
PERCENTAGE: Final = Kind(r"[1-9][0-9]?|100", "a whole number from 1 to 100")

_SWITCH: Final = Kind("true|false", "true or false")


class Environment:
    """The environment variables, each of which must be set.

    Every method raises a `ValueError` that names the variable, what it holds and what it must hold.
    """

    def __init__(self, variables: Mapping[str, str]) -> None:
        self._variables = variables

    def one(self, name: str, kind: Kind) -> str:
        """Read a single value."""
        value = self._text(name)
        _require(name, value, kind)
        return value

    def switch(self, name: str) -> bool:
        """Read `true` or `false`."""
        return self.one(name, _SWITCH) == "true"

    def some(self, name: str, kind: Kind) -> tuple[str, ...]:
        """Read a list separated by commas, which must not be empty."""
        values = self.any(name, kind)
        if not values:
            raise ValueError(f"{name} is empty; it must be a list, separated by commas, each {kind.words}")
        return values

    def any(self, name: str, kind: Kind) -> tuple[str, ...]:
        """Read a list separated by commas, which may be empty."""
        values = tuple(value for value in self._text(name).split(",") if value)
        for value in values:
            _require(name, value, kind)
        return values

    def _text(self, name: str) -> str:
        if name not in self._variables:
            raise ValueError(f"{name} is not set")
        return self._variables[name]


def _require(name: str, value: str, kind: Kind) -> None:
    if not re.fullmatch(kind.pattern, value):
        raise ValueError(f"{name} holds {value!r}; it must be {kind.words}")
