"""Where the index of what Alert Logic holds has each thing."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from aws.index import Entry, Kind

from .central_logs import CREDENTIAL_NAME

if TYPE_CHECKING:
    from collections.abc import Collection

    from alertlogic_api import Credential, Deployment

# Stands in place of an account for the credentials with which Alert Logic reads the central logs.
CENTRAL_LOGS: Final = "central-logs"

_ROLE_ARN: Final = re.compile(r"arn:[a-z-]+:iam::([0-9]{12}):role/.+")


def home_of(credential: Credential, *, central_logs_role_arn: str) -> str | None:
    """Return the account that a credential is for, or what stands in place of one; None if it is for no role."""
    is_central = credential.name == CREDENTIAL_NAME or credential.role_arn == central_logs_role_arn
    role = _ROLE_ARN.fullmatch(credential.role_arn or "")
    return CENTRAL_LOGS if role and is_central else role and role.group(1)


def entries_of(
    credentials: Collection[Credential], deployments: Collection[Deployment], *, central_logs_role_arn: str
) -> list[Entry]:
    """Return the index of all that there is."""
    homes = {it.id: home_of(it, central_logs_role_arn=central_logs_role_arn) for it in credentials}
    linked_elsewhere = {link.id for it in deployments for link in it.credentials if homes.get(link.id) != it.account_id}
    indexed = [Entry(it.account_id, Kind.DEPLOYMENT, it.id) for it in deployments if it.account_id]
    for it in credentials:
        home = homes[it.id]
        if home:
            is_linked_elsewhere = it.id in linked_elsewhere
            indexed.append(Entry(home, Kind.CREDENTIAL, it.id, it.name, it.role_arn or "", is_linked_elsewhere))
    return indexed
