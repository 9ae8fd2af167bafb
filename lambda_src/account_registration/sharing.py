"""One credential of the central logs for all deployments, though two batches at once can make one each."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Final

from alertlogic_api import AlertLogicError

from .central_logs import CentralLink, links_any, shared_credential, surplus_credentials
from .document import relinked

if TYPE_CHECKING:
    from collections.abc import Collection

    from alertlogic_api import AlertLogic, Credential, Deployment

# What is left has its turn the next time, so that no invocation is long.
MOST_AT_ONCE: Final = 50


def share(
    alert_logic: AlertLogic,
    credentials: Collection[Credential],
    deployments: Collection[Deployment],
    *,
    central_logs_role_arn: str,
) -> None:
    """Bring all deployments to the credential that counts, and delete what of the others none of them links.

    Whoever linked another one may long be over. It works with either, so nobody waits for what cannot be done now.

    Args:
        alert_logic: Where they are.
        credentials: All credentials.
        deployments: All deployments.
        central_logs_role_arn: The role that they are for.
    """
    surplus = surplus_credentials(credentials, central_logs_role_arn)
    link = CentralLink(shared_credential(credentials, central_logs_role_arn), surplus)
    latest = {it.id: it for it in deployments}
    outdated = sorted(it.id for it in deployments if links_any(it.document, surplus))
    for deployment_id in outdated[:MOST_AT_ONCE]:
        with suppress(AlertLogicError):
            latest[deployment_id] = _relinked(alert_logic, deployment_id, link)
    linked = {credential.id for it in latest.values() for credential in it.credentials}
    for credential_id in sorted(surplus - linked):
        with suppress(AlertLogicError):
            alert_logic.credentials.delete(credential_id)


def _relinked(alert_logic: AlertLogic, deployment_id: str, link: CentralLink) -> Deployment:
    # Read anew, so that what others changed since the list was read survives.
    read = alert_logic.deployments.get(deployment_id)
    document = read.update_document()
    wanted = relinked(document, link)
    return read if wanted == document else alert_logic.deployments.update(deployment_id, wanted)
