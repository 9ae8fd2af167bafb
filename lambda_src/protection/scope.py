"""What a deployment's scope must hold, and which of its entries are ours to change: the decision, without any call."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, cast

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from aws.vpcs import Vpc

ANY_VALUE: Final = "*"

Entry = dict[str, Any]


@dataclass(frozen=True, slots=True)
class VpcTag:
    """A tag that puts a VPC into scope: this key with exactly this value, or with any for `*`."""

    key: str
    value: str

    def is_on(self, vpc: Vpc) -> bool:
        """Whether a VPC has this tag."""
        return self.key in vpc.tags and self.value in {ANY_VALUE, vpc.tags[self.key]}


def tags_of(documents: object) -> tuple[VpcTag, ...]:
    """Read tags as `[{"Key": "alertlogic", "Value": "true"}]`.

    Raises:
        ValueError: It is something else.
    """
    if not isinstance(documents, list) or not all(_is_tag(document) for document in cast("list[object]", documents)):
        raise ValueError('is not a list of tags such as [{"Key": "alertlogic", "Value": "true"}]')
    tags = cast("list[dict[str, str]]", documents)
    return tuple(dict.fromkeys(VpcTag(tag["Key"], tag["Value"]) for tag in tags))


@dataclass(frozen=True, slots=True)
class Claim:
    """Entries that we look after.

    Attributes:
        type: Alert Logic's type of asset.
        keys: Which entries there must be.
        regions: Where there must be no others of this type.
    """

    type: Literal["region", "vpc"]
    keys: frozenset[str]
    regions: frozenset[str]

    def covers(self, entry: Mapping[str, Any]) -> bool:
        """Whether we look after an entry."""
        return entry.get("type") == self.type and _region(entry) in self.regions


@dataclass(frozen=True, slots=True)
class Amendment:
    """What becomes of the included entries.

    Attributes:
        include: All of them.
        added: The keys that were missing.
        removed: The keys that are not wanted any more.
        retained: The keys that are not wanted, but not ours to remove.
    """

    include: list[Entry]
    added: tuple[str, ...]
    removed: tuple[str, ...]
    retained: tuple[str, ...]


def claim_regions(names: Iterable[str], *, formerly: Iterable[str] = ()) -> Claim:
    """Claim that these regions are protected whole, and that those which formerly were ordered no longer are."""
    wanted = frozenset(names)
    return Claim("region", frozenset(f"/aws/{name}" for name in wanted), wanted | set(formerly))


def claim_vpcs(vpcs: Mapping[str, Collection[Vpc]], tags: Collection[VpcTag], *, formerly: Iterable[str] = ()) -> Claim:
    """Claim that of the VPCs of these regions those with any of the tags are protected, and no others.

    Args:
        vpcs: All VPCs of the regions that could be read.
        tags: The tags, of which any one suffices.
        formerly: Regions in which VPCs were protected by tag, and no longer are.
    """
    keys = frozenset(
        f"/aws/{region}/vpc/{vpc.id}"
        for region, there in vpcs.items()
        for vpc in there
        if any(t.is_on(vpc) for t in tags)
    )
    return Claim("vpc", keys, frozenset(vpcs).union(formerly))


def amend(include: Iterable[Entry], claims: Collection[Claim], *, policy_id: str, is_ours: bool) -> Amendment:
    """Return the entries with everything that is claimed; whatever no claim covers is the user's and stays.

    Args:
        include: The entries as they are.
        claims: What we look after.
        policy_id: The policy of the entries that are claimed.
        is_ours: Whether entries that are there already may be changed and removed.
    """
    kept: list[Entry] = []
    present: set[str] = set()
    removed: list[str] = []
    retained: list[str] = []
    for entry in include:
        claim = next((claim for claim in claims if claim.covers(entry)), None)
        if claim is None:
            kept.append(entry)
            continue
        key: str = entry["key"]
        if not is_ours:
            kept.append(entry)
            retained += [key] if key not in claim.keys else []
        elif key not in claim.keys:
            removed.append(key)
        elif key not in present:
            kept.append(entry | {"policy": entry.get("policy", {}) | {"id": policy_id}})
        present.add(key)
    missing = [(claim.type, key) for claim in claims for key in sorted(claim.keys - present)]
    kept += [{"type": type_, "key": key, "policy": {"id": policy_id}} for type_, key in missing]
    return Amendment(kept, tuple(key for _, key in missing), tuple(removed), tuple(retained))


def _region(entry: Mapping[str, Any]) -> str:
    parts = str(entry.get("key", "")).split("/")
    return parts[2] if parts[:2] == ["", "aws"] and len(parts) > 2 else ""  # noqa: PLR2004 - /aws/REGION


def _is_tag(document: object) -> bool:
    match document:
        case {"Key": str() as key, "Value": str(), **others}:
            return key != "" and not others
        case _:
            return False
