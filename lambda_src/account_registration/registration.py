"""What Alert Logic lacks for an account to be registered, or has too much of: the decision, without any call."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from alertlogic_api import Credential, Deployment
    from aws.organizations import AwsAccountId

_DISCOVER: Final = "discover"


class Offboarding(StrEnum):
    """What becomes of the deployment of an account that leaves."""

    DISABLE = "DISABLE"
    DELETE = "DELETE"
    RETAIN = "RETAIN"


@dataclass(frozen=True, slots=True)
class ControlTower:
    """The landing zone that an account belongs to."""

    organization_id: str
    home_region: str
    management_account_id: AwsAccountId


@dataclass(frozen=True, slots=True)
class Registration:
    """An account that is to be registered.

    Attributes:
        account_id: The AWS account.
        role_arn: The role that Alert Logic assumes there.
        name: The name for a deployment that is made; one that exists keeps its own.
        mode: `automatic` or `manual`.
        policy_name: The policy of whole regions, such as `Professional`.
        regions: Regions that are protected as a whole.
        control_tower: The landing zone, if there is one.
        only_if_missing: Leave what is registered with this role already as it is, since it may be newer than this.
    """

    account_id: AwsAccountId
    role_arn: str
    name: str
    mode: str
    policy_name: str
    regions: tuple[str, ...]
    control_tower: ControlTower | None
    only_if_missing: bool


@dataclass(frozen=True, slots=True)
class Deregistration:
    """An account that is to be registered no more."""

    account_id: AwsAccountId
    role_arn: str
    offboarding: Offboarding


Order = Registration | Deregistration


@dataclass(frozen=True, slots=True)
class State:
    """What Alert Logic holds, of all accounts.

    Attributes:
        credentials: All of them.
        deployments: All of them.
        policy_ids: Policies by name.
        made_here: Deployments that the asking loop made itself, which are ours even if their credential is gone.
    """

    credentials: Sequence[Credential]
    deployments: Sequence[Deployment]
    policy_ids: Mapping[str, str]
    made_here: Collection[str] = ()


@dataclass(frozen=True, slots=True)
class CreateCredential:
    """Tell Alert Logic of the role."""

    name: str
    role_arn: str


@dataclass(frozen=True, slots=True)
class CreateDeployment:
    """Make the account's deployment; a `credential_id` of None is the credential made just before."""

    registration: Registration
    credential_id: str | None


@dataclass(frozen=True, slots=True)
class AmendDeployment:
    """Bring a deployment to what is wanted; a `credential_id` of None is the credential made just before."""

    deployment_id: str
    registration: Registration
    credential_id: str | None


@dataclass(frozen=True, slots=True)
class DisableDeployment:
    """Stop protecting, and keep what was configured."""

    deployment_id: str


@dataclass(frozen=True, slots=True)
class DeleteDeployment:
    """Remove a deployment."""

    deployment_id: str


@dataclass(frozen=True, slots=True)
class DeleteCredential:
    """Remove a credential."""

    credential_id: str


Change = CreateCredential | CreateDeployment | AmendDeployment | DisableDeployment | DeleteDeployment | DeleteCredential


def credential_name(account_id: AwsAccountId) -> str:
    """Return the name by which a credential is known as ours."""
    return f"alertlogic-constructs/{account_id}"


def decide(order: Order, state: State) -> tuple[Change, ...]:
    """Return what is left to do for an account, in this order; nothing once it is as ordered."""
    if isinstance(order, Registration):
        return _register(order, state)
    return _deregister(order, state)


def withdraw(order: Order, state: State) -> tuple[Change, ...]:
    """Return what a registration leaves behind that Alert Logic rejects: a credential of ours that nothing links."""
    if isinstance(order, Deregistration):
        return ()
    return tuple(_delete_unlinked(_our_credentials(order, state), state))


def deployment_of(order: Order, state: State) -> Deployment | None:
    """Return the deployment that counts: of several, which two requests at once can make, the earliest."""
    return min(_deployments_of(order.account_id, state), key=_age, default=None)


def _register(order: Registration, state: State) -> tuple[Change, ...]:
    matching = [credential for credential in state.credentials if credential.role_arn == order.role_arn]
    credential = min(matching, key=_age, default=None)
    credential_id = credential.id if credential else None
    changes: list[Change] = []
    if credential_id is None:
        changes.append(CreateCredential(credential_name(order.account_id), order.role_arn))
    deployment = deployment_of(order, state)
    if deployment is None:
        changes.append(CreateDeployment(order, credential_id))
    elif credential_id is None or not _is_registered(order, deployment, credential_id, state.policy_ids):
        changes.append(AmendDeployment(deployment.id, order, credential_id))

    ours = _our_credentials(order, state)
    surplus = {
        other.id
        for other in _deployments_of(order.account_id, state)
        if _links_any(other, ours) or other.id in state.made_here or _is_orphan(other, ours, state)
    }
    changes += [DeleteDeployment(other) for other in sorted(surplus - {deployment.id if deployment else None})]
    changes += _delete_unlinked(ours - {credential_id}, state)
    return tuple(changes)


def _deregister(order: Deregistration, state: State) -> tuple[Change, ...]:
    if order.offboarding is Offboarding.RETAIN:
        return ()
    ours = _our_credentials(order, state)
    of_the_role = {credential.id for credential in state.credentials if credential.role_arn == order.role_arn}
    linked = sorted(
        (other for other in _deployments_of(order.account_id, state) if _links_any(other, ours | of_the_role)), key=_age
    )
    if order.offboarding is Offboarding.DISABLE:
        return tuple(DisableDeployment(d.id) for d in linked if d.document.get("enabled", True))
    return (*(DeleteDeployment(deployment.id) for deployment in linked), *_delete_unlinked(ours, state))


def _is_registered(
    order: Registration, deployment: Deployment, credential_id: str, policy_ids: Mapping[str, str]
) -> bool:
    if order.only_if_missing and deployment.document.get("enabled", True) and _links_any(deployment, {credential_id}):
        return True
    document = deployment.document
    return document == amended(document, order, credential_id=credential_id, policy_ids=policy_ids)


def _deployments_of(account_id: AwsAccountId, state: State) -> list[Deployment]:
    return [deployment for deployment in state.deployments if deployment.account_id == account_id]


def _our_credentials(order: Order, state: State) -> set[str]:
    name = credential_name(order.account_id)
    return {credential.id for credential in state.credentials if credential.name == name}


def _links_any(deployment: Deployment, credential_ids: set[str]) -> bool:
    return any(linked.purpose == _DISCOVER and linked.id in credential_ids for linked in deployment.credentials)


def _is_orphan(deployment: Deployment, ours: set[str], state: State) -> bool:
    """Whether it was made as our credentials were, and the credential that it links was deleted meanwhile."""
    makers = {credential.created_by for credential in state.credentials if credential.id in ours} - {""}
    there = {credential.id for credential in state.credentials}
    links = {linked.id for linked in deployment.credentials if linked.purpose == _DISCOVER}
    return deployment.created_by in makers and bool(links) and links.isdisjoint(there)


def _delete_unlinked(credential_ids: set[str], state: State) -> list[Change]:
    # One that is linked has its turn once the deployment is seen to be gone or to link another.
    linked = {credential.id for deployment in state.deployments for credential in deployment.credentials}
    return [DeleteCredential(credential_id) for credential_id in sorted(credential_ids - linked)]


def _age(item: Credential | Deployment) -> tuple[float, str]:
    return (item.created_at, item.id)


def new_document(order: Registration, *, credential_id: str, policy_ids: Mapping[str, str]) -> dict[str, Any]:
    """Return the deployment of an account that has none."""
    document: dict[str, Any] = {
        "name": order.name,
        "platform": {"type": "aws", "id": order.account_id},
        "discover": True,
        "scan": True,
        "scope": {"include": [], "exclude": []},
    }
    return amended(document, order, credential_id=credential_id, policy_ids=policy_ids)


def amended(
    document: Mapping[str, Any], order: Registration, *, credential_id: str, policy_ids: Mapping[str, str]
) -> dict[str, Any]:
    """Return a deployment with everything that is ordered, and all else as it is, for that is the user's."""
    changed = {
        **document,
        "enabled": True,
        "mode": order.mode,
        "credentials": _linked(document.get("credentials", ()), credential_id),
    }
    if order.regions:
        scope = document.get("scope", {})
        policy_id = policy_ids[order.policy_name]
        changed["scope"] = {**scope, "include": _protected(scope.get("include", ()), order.regions, policy_id)}
    if order.control_tower:
        changed["is_control_tower"] = True
        changed["control_tower"] = _control_tower(document.get("control_tower", {}), order.control_tower)
    return changed


def disabled(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return a deployment that protects nothing and is otherwise as it was."""
    return {**document, "enabled": False}


def _linked(credentials: Collection[Mapping[str, Any]], credential_id: str) -> list[Mapping[str, Any]]:
    kept = [c for c in credentials if c["purpose"] != _DISCOVER or c["id"] == credential_id]
    if any(c["purpose"] == _DISCOVER for c in kept):
        return kept
    return [*kept, {"id": credential_id, "purpose": _DISCOVER}]


def _protected(
    include: Collection[Mapping[str, Any]], regions: Sequence[str], policy_id: str
) -> list[Mapping[str, Any]]:
    keys = [f"/aws/{region}" for region in regions]
    present = {entry["key"] for entry in include if entry["type"] == "region"}
    return [
        *(
            {**entry, "policy": {**entry.get("policy", {}), "id": policy_id}}
            if entry["type"] == "region" and entry["key"] in keys
            else entry
            for entry in include
        ),
        *({"type": "region", "key": key, "policy": {"id": policy_id}} for key in keys if key not in present),
    ]


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
