"""What a user says about protection: how Alert Logic works in an account, with which policy, and where."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Final, cast

from ._validation import Checks

if TYPE_CHECKING:
    from collections.abc import Iterable

ANY_VALUE: Final = "*"
_LONGEST_TAGS: Final = 2000


class DeploymentMode(Enum):
    """How Alert Logic's appliances come into an account."""

    AUTOMATIC = "automatic"
    """Alert Logic creates subnets, security groups and appliances itself; its role may do so."""
    MANUAL = "manual"
    """The account's owner installs the appliances; Alert Logic's role reads."""


class ProtectionPolicy(Enum):
    """The protection policy of an account, by Alert Logic's own name; the customer must be entitled to it."""

    ESSENTIALS = "Essentials"
    """Vulnerability scanning and configuration checks."""
    PROFESSIONAL = "Professional"
    """Essentials, intrusion detection and log management."""
    ENTERPRISE = "Enterprise"
    """Professional, with a designated expert."""


class Offboarding(Enum):
    """What becomes of an account's Alert Logic deployment when the account's registration is deleted."""

    DISABLE = "DISABLE"
    """The deployment stays, disabled: its history remains, and enabling it again is one step."""
    DELETE = "DELETE"
    """The deployment and its credential are deleted; one that was there before us is disabled."""
    RETAIN = "RETAIN"
    """Nothing changes at Alert Logic."""


@dataclass(frozen=True, kw_only=True)
class ProtectionScope:
    """Which assets of an account Alert Logic protects. Make one with `regions` or `vpc_tags`.

    In a deployment that was there before the account was registered, entries are only added: what nobody wants any
    more is logged and counted, until `prune` is set. In the others it is removed.

    Attributes:
        region_names: The regions that are protected whole; empty, with no tags, for every governed region.
        tags: Key and value of the tags that put a VPC into scope; empty where whole regions are protected.
        prune: Whether entries that are not wanted are removed from deployments that were there before, too.
    """

    region_names: tuple[str, ...]
    tags: tuple[tuple[str, str], ...]
    prune: bool

    @staticmethod
    def regions(*names: str, prune: bool = False) -> ProtectionScope:
        """Protect whole regions, with all that is in them: these, or every governed region if none is named.

        Without a landing zone, no name means the region of the stack.

        Args:
            names: The regions.
            prune: As the attribute of that name.

        Raises:
            ValueError: for a region that is unknown, in another partition than `aws`, or named twice.
        """
        checks = Checks("ProtectionScope.regions")
        regions = checks.strings("names", names)
        for name in regions:
            checks.region("names", name)
        checks.unique("names", regions)
        checks.boolean("prune", prune)
        checks.raise_problems()
        return ProtectionScope(region_names=regions, tags=(), prune=prune)

    @staticmethod
    def vpc_tags(tags: Mapping[str, str | Sequence[str]], *, prune: bool = False) -> ProtectionScope:
        """Protect the VPCs that have any of these tags, in every governed region.

        Keys and values are compared as they are, letter case included. A VPC joins when it is tagged, and leaves when
        its last such tag goes.

        Args:
            tags: For each key a value, or several of which any will do; `*` stands for any value.
            prune: As the attribute of that name.

        Raises:
            ValueError: for no tag, or a key or value that no tag can have.

        See https://docs.aws.amazon.com/tag-editor/latest/userguide/best-practices-and-strats.html
        """
        checks = Checks("ProtectionScope.vpc_tags")
        pairs = [(key, value) for key, values in _items(checks, tags) for value in _values(checks, values)]
        for key, value in pairs:
            checks.matches(
                r".{1,128}", "tags", key, "a key of 1 to 128 characters, known at synthesis", "correct the key"
            )
            checks.matches(
                r".{0,256}",
                "tags",
                value,
                f"a value of at most 256 characters, known at synthesis, or {ANY_VALUE!r} for any",
                f"correct the value of {key!r}",
            )
        checks.require(bool(pairs), "tags", tags, "at least one tag", "name one, or use ProtectionScope.regions()")
        twice = dict.fromkeys(pair for pair in pairs if pairs.count(pair) > 1)
        checks.require(
            not twice,
            "tags",
            tags,
            "each value of a key once",
            f"name {', '.join(f'{key}={value}' for key, value in twice)} once",
        )
        checks.boolean("prune", prune)
        checks.raise_problems()
        scope = ProtectionScope(region_names=(), tags=tuple(pairs), prune=prune)
        size = len(json.dumps(scope.tag_documents()))
        checks.require(
            size <= _LONGEST_TAGS,
            "tags",
            f"{size} characters of JSON",
            f"at most {_LONGEST_TAGS}, as a function's environment has only 4 KB",
            "name fewer tags",
        )
        checks.raise_problems()
        return scope

    def tag_documents(self) -> list[dict[str, str]]:
        """The tags as `[{"Key": ..., "Value": ...}]`, as the functions read them."""
        return [{"Key": key, "Value": value} for key, value in self.tags]


def _items(checks: Checks, tags: object) -> Iterable[tuple[str, object]]:
    is_mapping = isinstance(tags, Mapping)
    checks.require(is_mapping, "tags", tags, "a mapping of keys to values", "write it as {'alertlogic': 'true'}")
    return cast("Mapping[str, object]", tags).items() if is_mapping else ()


def _values(checks: Checks, values: object) -> Sequence[str]:
    return (values,) if isinstance(values, str) else checks.strings("tags", values)
