"""The policy that Alert Logic asks for today, fetched with the customer's access key."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from alertlogic_api import AccessKey, AlertLogicError
from alertlogic_constructs._tools import CommandError

from .alert_logic import connection, secret_of
from .cloud import Cloud

if TYPE_CHECKING:
    from alertlogic_api import RolePolicy
    from alertlogic_constructs.settings import Settings


def fetch(settings: Settings, role_type: str, *, role_name: str, stack: str, key_text: str | None) -> RolePolicy:
    """Fetch the latest policy of a role type.

    Args:
        settings: The settings.
        role_type: Such as `ci_full`.
        role_name: The role to assume in the security account, for reading only.
        stack: The stack there that holds the secret.
        key_text: The access key as the secret holds it; None to read it from the secret.

    Raises:
        CommandError: It cannot be fetched.
        ValueError: A variable of the environment is malformed.
    """
    try:
        text = key_text if key_text is not None else _secret_text(settings, role_name, stack)
        return connection(settings, AccessKey.from_secret_string(text)).roles.get(role_type)
    except (AlertLogicError, BotoCoreError, ClientError) as error:
        raise CommandError(str(error)) from error


def _secret_text(settings: Settings, role_name: str, stack: str) -> str:
    zone = settings.landing_zone
    cloud = Cloud(zone, role_name=role_name)
    security = zone.security_account
    secret = secret_of(cloud.client("cloudformation", security), cloud.client("secretsmanager", security), stack)
    if secret is None:
        raise CommandError(f"there is no stack {stack} with a secret in account {security}; use --key-file")
    return secret.text or ""
