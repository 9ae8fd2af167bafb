"""Which credentials and deployments of an account at Alert Logic are ours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

    from alertlogic_api import Credential, Deployment
    from aws.organizations import AwsAccountId

DISCOVER: Final = "discover"


def credential_name(account_id: AwsAccountId, *, is_adopted: bool) -> str:
    """Return the name by which a credential is known as ours.

    Alert Logic keeps no other note of who made a deployment: the name says whether the one that the credential was
    made for had been there before.
    """
    return f"alertlogic-constructs/{account_id}" + ("/adopted" if is_adopted else "")


def is_our_credential(credential: Credential, account_id: AwsAccountId) -> bool:
    """Whether a credential is ours, whoever made the deployment that it is for."""
    return credential.name in {credential_name(account_id, is_adopted=adopted) for adopted in (False, True)}


def deployment_of(account_id: AwsAccountId, deployments: Iterable[Deployment]) -> Deployment | None:
    """Return the deployment that counts: of several, which two requests at once can make, the earliest."""
    own = (deployment for deployment in deployments if deployment.account_id == account_id)
    return min(own, key=age, default=None)


def is_made_by_us(deployment: Deployment, account_id: AwsAccountId, credentials: Iterable[Credential]) -> bool:
    """Whether we made a deployment, so that entries of its scope that nobody wants any more are ours to remove.

    What somebody else made later, under a credential of ours that was there already, tells by its maker; where Alert
    Logic does not say who that is, nothing is ours.
    """
    name = credential_name(account_id, is_adopted=False)
    linked = discover_credentials(deployment)
    makers = {it.created_by for it in credentials if it.id in linked and it.name == name} - {""}
    return deployment.created_by in makers


def discover_credentials(deployment: Deployment) -> set[str]:
    """Return the ids of the credentials through which Alert Logic sees the account."""
    return {credential.id for credential in deployment.credentials if credential.purpose == DISCOVER}


def age(item: Credential | Deployment) -> tuple[float, str]:
    """Return a key that sorts the earliest first, the same way for everyone who looks."""
    return (item.created_at, item.id)
