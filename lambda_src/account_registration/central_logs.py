"""The credential with which Alert Logic reads the organization's CloudTrail logs: one, shared by all deployments."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from protection.ownership import age

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from alertlogic_api import Credential

CREDENTIAL_NAME: Final = "alertlogic-constructs/central-logs"
MONITOR: Final = "x-account-monitor"


@dataclass(frozen=True, slots=True)
class CentralLink:
    """What a deployment is to link for the central logs.

    Attributes:
        credential_id: The shared credential; None where the account does not take part.
        unwanted: Credentials of ours that it is to link no more.
    """

    credential_id: str | None = None
    unwanted: frozenset[str] = frozenset()


def shared_credential(credentials: Iterable[Credential], role_arn: str) -> str | None:
    """Return the credential that counts: of several, which two batches at once can make, the earliest."""
    earliest = min((it for it in credentials if it.role_arn == role_arn), key=age, default=None)
    return earliest.id if earliest else None


def surplus_credentials(credentials: Collection[Credential], role_arn: str) -> frozenset[str]:
    """Return the others of ours for this role: those for another role may be another installation's."""
    ours = our_credentials(it for it in credentials if it.role_arn == role_arn)
    return ours - {shared_credential(credentials, role_arn)}


def our_credentials(credentials: Iterable[Credential]) -> frozenset[str]:
    """Return all that registrations with central logs ever made, for whichever role."""
    return frozenset(it.id for it in credentials if it.name == CREDENTIAL_NAME)


def links_any(document: Mapping[str, Any], credential_ids: Collection[str]) -> bool:
    """Whether a deployment links any of these for the central logs."""
    return any(it["purpose"] == MONITOR and it["id"] in credential_ids for it in document.get("credentials", ()))
