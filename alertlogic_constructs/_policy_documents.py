"""What IAM's policy documents write in more than one way.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Mapping

_T = TypeVar("_T")


def as_list(value: _T | list[_T]) -> list[_T]:
    """Return one, or several, as a list."""
    return value if isinstance(value, list) else [value]


def aws_principals(statement: Mapping[str, Any]) -> list[str]:
    """Return the accounts, roles and users that a statement names; `*` is everybody."""
    principal: Any = statement.get("Principal", {})
    return as_list(principal if isinstance(principal, str) else principal.get("AWS", []))
