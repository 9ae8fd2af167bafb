"""Alert Logic's services, each with the calls that this project makes.

Every one of them raises an `AlertLogicError` where it is not done, as the tree in `errors` says.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeVar
from urllib.parse import quote

from .models import Account, Credential, Deployment, Policy, RolePolicy, RoleVerdict

if TYPE_CHECKING:
    import builtins
    from collections.abc import Callable, Mapping

    from .session import Session

_T = TypeVar("_T")


class Deployments:
    """What Alert Logic protects: one deployment per AWS account."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._path: Final = f"/deployments/v1/{session.customer_id}/deployments"

    def list(self) -> builtins.list[Deployment]:
        """List all deployments, those of other platforms included."""
        return self._session.call("GET", "deployments", self._path, read=_each(Deployment.from_document))

    def get(self, deployment_id: str) -> Deployment:
        """Read one deployment."""
        return self._session.call("GET", "deployments", self._one(deployment_id), read=Deployment.from_document)

    def create(self, document: Mapping[str, Any]) -> Deployment:
        """Create a deployment. Nothing stops a second one for the same account: look before, and again after."""
        return self._session.call("POST", "deployments", self._path, read=Deployment.from_document, body=document)

    def update(self, deployment_id: str, document: Mapping[str, Any]) -> Deployment:
        """Replace a deployment.

        Args:
            deployment_id: Which one.
            document: All of it, with the `version` that was read: see `Deployment.update_document`.

        Raises:
            ConflictError: It has another version by now, perhaps because this very update was repeated.
        """
        return self._session.call(
            "PUT", "deployments", self._one(deployment_id), read=Deployment.from_document, body=document
        )

    def delete(self, deployment_id: str) -> None:
        """Delete a deployment, if it is still there."""
        self._session.delete("deployments", self._one(deployment_id))

    def _one(self, deployment_id: str) -> str:
        return f"{self._path}/{quote(deployment_id, safe='')}"


class Credentials:
    """The roles that Alert Logic assumes."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._path: Final = f"/credentials/v2/{session.customer_id}/credentials"

    def list(self) -> builtins.list[Credential]:
        """List all credentials, those of other platforms included."""
        return self._session.call("GET", "credentials", self._path, read=_each(Credential.from_document))

    def get(self, credential_id: str) -> Credential:
        """Read one credential."""
        return self._session.call("GET", "credentials", self._one(credential_id), read=Credential.from_document)

    def create(self, *, name: str, role_arn: str) -> Credential:
        """Create a credential. Nothing stops a second one of the same name: look before, and again after."""
        document = {"name": name, "secrets": {"type": "aws_iam_role", "arn": role_arn}}
        return self._session.call("POST", "credentials", self._path, read=Credential.from_document, body=document)

    def delete(self, credential_id: str) -> None:
        """Delete a credential, if it is still there."""
        self._session.delete("credentials", self._one(credential_id))

    def _one(self, credential_id: str) -> str:
        return f"{self._path}/{quote(credential_id, safe='')}"


class Policies:
    """The levels of protection to which the customer is entitled."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def list(self) -> builtins.list[Policy]:
        """List all policies."""
        path = f"/policies/v1/{self._session.customer_id}/policies"
        return self._session.call("GET", "policies", path, read=_each(Policy.from_document))


class Accounts:
    """The customer's own account at Alert Logic."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def get(self) -> Account:
        """Read the customer's account."""
        path = f"/aims/v1/{self._session.customer_id}/account"
        return self._session.call("GET", "aims", path, read=Account.from_document)


class Roles:
    """What the roles that Alert Logic assumes must allow."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def get(self, role_type: str) -> RolePolicy:
        """Read the latest version of a role, such as `ci_full`."""
        path = f"/themis/v1/{self._session.customer_id}/roles/aws/{quote(role_type, safe='')}/latest"
        return self._session.call("GET", "themis", path, read=RolePolicy.from_document)

    def validate(self, role_type: str, *, role_arn: str, external_id: str) -> RoleVerdict:
        """Have Alert Logic look at a role, which it assumes for that, and say what it thinks of it.

        Raises:
            RejectedError: It thinks nothing of it; the message says why.
        """
        credential = {
            "platform_type": "aws",
            "role_type": role_type,
            "arn": role_arn,
            "external_id": external_id,
        }
        path = f"/themis/v1/validate/aws/{quote(role_type, safe='')}"
        return self._session.call(
            "POST", "themis", path, read=RoleVerdict.from_document, body={"credential": credential}
        )


def _each(read: Callable[[Any], _T]) -> Callable[[Any], builtins.list[_T]]:
    return lambda documents: [read(document) for document in documents]
