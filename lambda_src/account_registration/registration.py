"""What Alert Logic lacks for an account to be registered, or has too much of: the decision, without any call."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from alertlogic_api import ConflictError
from protection.ownership import (
    age,
    credential_name,
    deployment_of,
    discover_credentials,
    is_made_by_us,
    is_our_credential,
)

from .central_logs import CentralLink, our_credentials, shared_credential, surplus_credentials
from .document import amended, amended_scope
from .order import Deregistration, Offboarding, Registration

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from alertlogic_api import Credential, Deployment

    from .order import Order


@dataclass(frozen=True, slots=True)
class State:
    """What Alert Logic holds, as far as it concerns an account.

    Attributes:
        credentials: Those for the account's roles, all that its deployments link, and those of the central logs.
        deployments: The account's; others do not matter.
        policy_ids: Policies by name.
        central_logs_role_arn: The role with which Alert Logic reads the central logs; empty if there is none.
        known_ours: Deployments that were made here, or seen to be, whatever became of their credential since.
        linked_elsewhere: Credentials that other accounts' deployments link, as far as is known.
    """

    credentials: Sequence[Credential]
    deployments: Sequence[Deployment]
    policy_ids: Mapping[str, str]
    central_logs_role_arn: str
    known_ours: Collection[str] = ()
    linked_elsewhere: Collection[str] = ()


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
    central_link: CentralLink


@dataclass(frozen=True, slots=True)
class AmendDeployment:
    """Bring a deployment to what is wanted; a `credential_id` of None is the credential made just before.

    Whether its scope lacks anything may show only once the VPCs are listed: then this can come to nothing.
    """

    deployment_id: str
    registration: Registration
    credential_id: str | None
    central_link: CentralLink
    is_ours: bool


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


def decide(order: Order, state: State) -> tuple[Change, ...]:
    """Return what is left to do for an account, in this order; nothing once it is seen to be as ordered.

    Raises:
        ConflictError: Somebody took away the credential of the central logs.
    """
    if isinstance(order, Registration):
        return _register(order, state)
    return _deregister(order, state)


def withdraw(order: Order, state: State) -> tuple[Change, ...]:
    """Return what a registration leaves behind that Alert Logic rejects: a credential of ours that nothing links."""
    if isinstance(order, Deregistration):
        return ()
    # One for another role may be another request's, which is about to link it.
    return tuple(_delete_unlinked(_our_credentials(order, state) & _of_the_role(order, state), state))


def _register(order: Registration, state: State) -> tuple[Change, ...]:
    deployment = deployment_of(order.account_id, state.deployments)
    is_ours = deployment is None or _is_ours(deployment, order, state, _named(order, state, is_adopted=False))
    credential_id = _credential(order, state, is_adopted=not is_ours)
    central_link = _central_link(order, state)
    changes: list[Change] = []
    if credential_id is None:
        changes.append(CreateCredential(credential_name(order.account_id, is_adopted=not is_ours), order.role_arn))
    if deployment is None:
        changes.append(CreateDeployment(order, credential_id, central_link))
    elif credential_id is None or not _is_registered(
        order, deployment, credential_id, central_link, state, is_ours=is_ours
    ):
        changes.append(AmendDeployment(deployment.id, order, credential_id, central_link, is_ours))

    ours = _our_credentials(order, state)
    surplus = {
        other.id
        for other in _deployments_of(order, state)
        if other is not deployment and _is_ours(other, order, state, ours)
    }
    changes += [DeleteDeployment(deployment_id) for deployment_id in sorted(surplus)]
    changes += _delete_unlinked(ours - {credential_id}, state)
    return tuple(changes)


def _deregister(order: Deregistration, state: State) -> tuple[Change, ...]:
    if order.offboarding is Offboarding.RETAIN:
        return ()
    ours = _our_credentials(order, state)
    usable = ours | _of_the_role(order, state)
    linked = sorted((it for it in _deployments_of(order, state) if discover_credentials(it) & usable), key=age)
    is_deleting = order.offboarding is Offboarding.DELETE
    # What was adopted is not ours to delete.
    deleted = [it for it in linked if is_deleting and is_made_by_us(it, order.account_id, state.credentials)]
    disabled = [it for it in linked if it not in deleted and it.document.get("enabled", True)]
    return (
        *(DisableDeployment(it.id) for it in disabled),
        *(DeleteDeployment(it.id) for it in deleted),
        *(_delete_unlinked(ours, state) if is_deleting else ()),
    )


def _is_registered(
    order: Registration,
    deployment: Deployment,
    credential_id: str,
    central_link: CentralLink,
    state: State,
    *,
    is_ours: bool,
) -> bool:
    document = deployment.document
    if order.only_if_missing and document.get("enabled", True) and credential_id in discover_credentials(deployment):
        return True
    if not order.scope.shows_in_list:
        return False
    scope = amended_scope(document, order, vpcs={}, policy_ids=state.policy_ids, is_ours=is_ours)
    return document == amended(
        document, order, credential_id=credential_id, central_link=central_link, include=scope.include
    )


def _central_link(order: Registration, state: State) -> CentralLink:
    if not order.central_logs:
        return CentralLink(unwanted=our_credentials(state.credentials))
    credential_id = shared_credential(state.credentials, state.central_logs_role_arn)
    if credential_id is None:
        raise ConflictError("the credential of the central logs was deleted")
    return CentralLink(credential_id, surplus_credentials(state.credentials, state.central_logs_role_arn))


def _deployments_of(order: Order, state: State) -> list[Deployment]:
    return [deployment for deployment in state.deployments if deployment.account_id == order.account_id]


def _our_credentials(order: Order, state: State) -> set[str]:
    return {credential.id for credential in state.credentials if is_our_credential(credential, order.account_id)}


def _named(order: Order, state: State, *, is_adopted: bool) -> set[str]:
    name = credential_name(order.account_id, is_adopted=is_adopted)
    return {credential.id for credential in state.credentials if credential.name == name}


def _of_the_role(order: Order, state: State) -> set[str]:
    return {it.id for it in state.credentials if it.role_arn is not None and it.role_arn == order.role_arn}


def _credential(order: Registration, state: State, *, is_adopted: bool) -> str | None:
    """Return the credential to link: not one of ours whose name says the opposite about the deployment."""
    fitting_ids = _of_the_role(order, state) - _named(order, state, is_adopted=not is_adopted)
    fitting = [credential for credential in state.credentials if credential.id in fitting_ids]
    earliest = min(fitting, key=age, default=None)
    return earliest.id if earliest else None


def _is_ours(deployment: Deployment, order: Order, state: State, witnesses: set[str]) -> bool:
    return (
        is_made_by_us(deployment, order.account_id, state.credentials)
        or deployment.id in state.known_ours
        or _is_orphan(deployment, state, witnesses)
    )


def _is_orphan(deployment: Deployment, state: State, witnesses: set[str]) -> bool:
    """Whether it was made as these credentials were, and the credential that it links was deleted meanwhile."""
    makers = {credential.created_by for credential in state.credentials if credential.id in witnesses} - {""}
    there = {credential.id for credential in state.credentials}
    links = discover_credentials(deployment)
    return deployment.created_by in makers and bool(links) and links.isdisjoint(there)


def _delete_unlinked(credential_ids: AbstractSet[str], state: State) -> list[Change]:
    # One that is linked has its turn once the deployment is seen to be gone or to link another.
    linked = {credential.id for deployment in state.deployments for credential in deployment.credentials}
    return [DeleteCredential(it) for it in sorted(credential_ids - linked - set(state.linked_elsewhere))]
