"""The deployment of an account as Alert Logic is to hold it: documents in, documents out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from protection.ownership import DISCOVER
from protection.scope import amend, claim_regions, claim_vpcs

from .central_logs import MONITOR, links_any

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from aws.vpcs import Vpc
    from protection.scope import Amendment, Entry

    from .central_logs import CentralLink
    from .order import ControlTower, Registration


def new_document(order: Registration) -> dict[str, Any]:
    """Return the deployment of an account that has none, before it is amended."""
    return {
        "name": order.name,
        "platform": {"type": "aws", "id": order.account_id},
        "discover": True,
        "scan": True,
        "scope": {"include": [], "exclude": []},
    }


def amended(
    document: Mapping[str, Any],
    order: Registration,
    *,
    credential_id: str,
    central_link: CentralLink,
    include: Sequence[Entry],
) -> dict[str, Any]:
    """Return a deployment with everything that is ordered, and all else as it is, for that is the user's.

    Args:
        document: The deployment as it is.
        order: What is ordered.
        credential_id: The credential through which Alert Logic sees the account.
        central_link: What it links for the central logs.
        include: What the scope includes: see `amended_scope`.
    """
    changed = {
        **document,
        "enabled": True,
        "mode": order.mode,
        "credentials": _linked_centrally(
            _linked(document.get("credentials", ()), DISCOVER, credential_id), central_link
        ),
    }
    scope = document.get("scope", {})
    if include != scope.get("include", []):
        changed["scope"] = {**scope, "include": include}
    if order.control_tower:
        changed["is_control_tower"] = True
        changed["control_tower"] = _control_tower(document.get("control_tower", {}), order.control_tower)
    return changed


def amended_scope(
    document: Mapping[str, Any],
    order: Registration,
    *,
    vpcs: Mapping[str, Collection[Vpc]],
    policy_ids: Mapping[str, str],
    is_ours: bool,
) -> Amendment:
    """Return what becomes of the included entries.

    Args:
        document: The deployment as it is.
        order: What is ordered.
        vpcs: All VPCs of the regions in which tags decide, as far as they could be read.
        policy_ids: Policies by name.
        is_ours: Whether we made the deployment.
    """
    scope = order.scope
    claims = (
        claim_regions(scope.regions, formerly=scope.former_regions),
        claim_vpcs(vpcs, scope.tags, formerly=scope.former_tag_regions),
    )
    return amend(
        document.get("scope", {}).get("include", ()),
        claims,
        policy_id=policy_ids[order.policy_name],
        is_ours=is_ours or scope.prune,
    )


def disabled(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return a deployment that protects nothing and is otherwise as it was."""
    return {**document, "enabled": False}


def relinked(document: Mapping[str, Any], central_link: CentralLink) -> dict[str, Any]:
    """Return a deployment with another central link, if it has one that is unwanted."""
    if not links_any(document, central_link.unwanted):
        return dict(document)
    return {**document, "credentials": _linked_centrally(document["credentials"], central_link)}


def _linked(credentials: Collection[Mapping[str, Any]], purpose: str, credential_id: str) -> list[Mapping[str, Any]]:
    kept = [c for c in credentials if c["purpose"] != purpose or c["id"] == credential_id]
    if any(c["purpose"] == purpose for c in kept):
        return kept
    return [*kept, {"id": credential_id, "purpose": purpose}]


def _linked_centrally(credentials: Collection[Mapping[str, Any]], central_link: CentralLink) -> list[Mapping[str, Any]]:
    if central_link.credential_id is not None:
        return _linked(credentials, MONITOR, central_link.credential_id)
    return [c for c in credentials if c["purpose"] != MONITOR or c["id"] not in central_link.unwanted]


def _control_tower(known: Mapping[str, Any], control_tower: ControlTower) -> dict[str, Any]:
    return {
        **known,
        "org": {
            **known.get("org", {}),
            "org_id": control_tower.organization_id,
            "residency": control_tower.home_region,
            "master_account": control_tower.management_account_id,
        },
        "is_master_account": False,
    }
