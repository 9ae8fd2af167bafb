"""What Alert Logic knows, as far as this project looks at it."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

_READ_ONLY: Final = frozenset({"id", "account_id", "status", "created", "modified"})


@dataclass(frozen=True, slots=True)
class LinkedCredential:
    """A credential as a deployment refers to it; `purpose` is `discover` or `x-account-monitor`."""

    id: str
    purpose: str


@dataclass(frozen=True, slots=True)
class Deployment:
    """What Alert Logic protects in one AWS account, Azure subscription or data center.

    Attributes:
        id: Alert Logic's id of the deployment.
        account_id: The AWS account; None on another platform.
        name: The name people see.
        created_at: Unix seconds, 0 where Alert Logic does not say.
        created_by: Alert Logic's id of the user who made it, empty where it does not say.
        version: Counts the changes; an update must carry the version that was read.
        credentials: The linked credentials.
        document: All of it, as it was read.
    """

    id: str
    account_id: str | None
    name: str
    created_at: float
    created_by: str
    version: int
    credentials: tuple[LinkedCredential, ...]
    document: Mapping[str, Any] = field(repr=False, hash=False)

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Deployment:
        """Read a deployment as the API answers it."""
        platform = document.get("platform", {})
        created = document.get("created", {})
        return cls(
            id=document["id"],
            account_id=platform.get("id") if platform.get("type") == "aws" else None,
            name=document.get("name", ""),
            created_at=created.get("at", 0),
            created_by=created.get("by", ""),
            version=document.get("version", 0),
            credentials=tuple(
                LinkedCredential(linked["id"], linked["purpose"]) for linked in document.get("credentials", ())
            ),
            document=document,
        )

    def update_document(self) -> dict[str, Any]:
        """Return a copy of all that an update may carry, the version and fields unknown to us included."""
        return {name: copy.deepcopy(value) for name, value in self.document.items() if name not in _READ_ONLY}


@dataclass(frozen=True, slots=True)
class Credential:
    """A way for Alert Logic into an account.

    Attributes:
        id: Alert Logic's id of the credential.
        name: Its name, which need not be unique.
        role_arn: The IAM role to assume; None for a credential of another type.
        created_at: Unix seconds, 0 where Alert Logic does not say.
        created_by: Alert Logic's id of the user who made it, empty where it does not say.
    """

    id: str
    name: str
    role_arn: str | None
    created_at: float
    created_by: str

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Credential:
        """Read a credential as the API answers it."""
        return cls(
            id=document["id"],
            name=document.get("name", ""),
            role_arn=document.get("secrets", {}).get("arn"),
            created_at=document.get("created", {}).get("at", 0),
            created_by=document.get("created", {}).get("by", ""),
        )


@dataclass(frozen=True, slots=True)
class Policy:
    """A level of protection, such as `Professional`, to which the customer is entitled."""

    id: str
    name: str

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Policy:
        """Read a policy as the API answers it."""
        return cls(id=document["id"], name=document["name"])


@dataclass(frozen=True, slots=True)
class Account:
    """The Alert Logic customer."""

    id: str
    name: str

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Account:
        """Read an account as the API answers it."""
        return cls(id=document["id"], name=document["name"])


@dataclass(frozen=True, slots=True)
class RolePolicy:
    """What the role that Alert Logic assumes must allow, and whom it must trust.

    Attributes:
        role_type: For instance `ci_full`.
        version: The day of this version, `YYYY-MM-DD`.
        aws_account_id: Alert Logic's own AWS account, which assumes the role.
        external_id: What it presents when it does.
        policy_document: The IAM policy.
    """

    role_type: str
    version: str
    aws_account_id: str
    external_id: str
    policy_document: Mapping[str, Any] = field(repr=False, hash=False)

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> RolePolicy:
        """Read a role as the API answers it."""
        return cls(
            role_type=document["type"],
            version=document["version"],
            aws_account_id=document["aws_account_id"],
            external_id=document["external_id"],
            policy_document=document["policy_document"],
        )


@dataclass(frozen=True, slots=True)
class RoleVerdict:
    """What Alert Logic thinks of a role in an account.

    Attributes:
        status: `latest` if it is as it should be.
        message: The same for people.
        version: The day of the version that it has, `YYYY-MM-DD`; empty where Alert Logic does not say.
    """

    status: str
    message: str
    version: str

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> RoleVerdict:
        """Read a verdict as the API answers it."""
        return cls(document["status"], document.get("message", ""), document.get("version", ""))
