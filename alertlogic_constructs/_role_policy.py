"""What a policy grants, how two policies differ, however their statements are cut, and what is pinned."""

from __future__ import annotations

import json
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, cast

from ._policy_documents import as_list
from .alertlogic_role import TRAIL_KEY_STATEMENT, pinned_statements

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path


@dataclass(frozen=True, slots=True, order=True)
class Grant:
    """One action on one resource.

    Attributes:
        effect: `Allow` or `Deny`.
        action: The action, in lower case, as IAM compares it; with `not ` before it if every other is meant.
        resource: The resource's ARN or `*`; with `not ` before it if every other is meant.
        condition: The conditions as JSON, empty if there are none.
    """

    effect: str
    action: str
    resource: str
    condition: str

    def __str__(self) -> str:
        return f"{self.effect} {self.action} on {self.resource}" + (f" if {self.condition}" if self.condition else "")

    def covers(self, other: Grant) -> bool:
        """Whether whoever has this has the other, too."""
        return (
            self.effect == other.effect
            and self.condition in {"", other.condition}
            and _covers(self.action, other.action)
            and _covers(self.resource, other.resource)
        )


@dataclass(frozen=True, slots=True)
class Difference:
    """How a policy differs from a newer one.

    Attributes:
        lacking: What only the newer one says, in order.
        surplus: What only the older one says, in order.
    """

    lacking: tuple[Grant, ...]
    surplus: tuple[Grant, ...]

    @classmethod
    def between(cls, older: Mapping[str, Any], newer: Mapping[str, Any]) -> Difference:
        """Compare two policy documents.

        Raises:
            ValueError: One is no policy document.
        """
        before, after = grants(older), grants(newer)
        return cls(_uncovered(after, before), _uncovered(before, after))

    def as_text(self) -> str:
        """Return it with a line for each grant: `+` for what comes, `-` for what goes."""
        return "\n".join([*(f"+ {grant}" for grant in self.lacking), *(f"- {grant}" for grant in self.surplus)])


def grants(document: Mapping[str, Any]) -> frozenset[Grant]:
    """Take a policy document apart.

    Raises:
        ValueError: It is none.
    """
    try:
        statements: list[Mapping[str, Any]] = as_list(document["Statement"])
        return frozenset(
            Grant(statement["Effect"], action, resource, _condition(statement))
            for statement in statements
            for action in (each.lower() for each in _each(statement, "Action"))
            for resource in _each(statement, "Resource")
        )
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError(f"this is no IAM policy ({type(error).__name__}: {error})") from error


def packaged_pin(role_type: str) -> dict[str, Any]:
    """Return the policy of a role type that comes with this library, without the key that no account's role uses."""
    statements = [one for one in pinned_statements(role_type) if one["Sid"] != TRAIL_KEY_STATEMENT]
    return {"Version": "2012-10-17", "Statement": statements}


def read_pin(file: Path) -> dict[str, Any]:
    """Read a policy that was written into a file.

    Raises:
        ValueError: It cannot be read, or is no policy.
    """
    try:
        document: object = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise ValueError(f"{file} cannot be read ({error})") from error
    if not isinstance(document, dict):
        raise ValueError(f"{file} holds no policy; write one with 'python -m alertlogic_constructs.policies'")
    policy = cast("dict[str, Any]", document)
    grants(policy)
    return policy


def _each(statement: Mapping[str, Any], element: str) -> list[str]:
    prefix, values = ("not ", statement[f"Not{element}"]) if f"Not{element}" in statement else ("", statement[element])
    listed: list[str] = as_list(values)
    return [prefix + value for value in listed]


def _condition(statement: Mapping[str, Any]) -> str:
    return json.dumps(statement["Condition"], sort_keys=True) if statement.get("Condition") else ""


def _uncovered(these: Iterable[Grant], by: Iterable[Grant]) -> tuple[Grant, ...]:
    covering = list(by)
    return tuple(sorted(grant for grant in these if not any(other.covers(grant) for other in covering)))


def _covers(pattern: str, other: str) -> bool:
    # In IAM a bracket means itself; and what is negated covers itself only.
    return pattern == other or ("not " not in pattern + other and fnmatchcase(other, pattern.replace("[", "[[]")))
