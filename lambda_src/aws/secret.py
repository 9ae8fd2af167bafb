"""The access key for Alert Logic, which only the security account holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from botocore.exceptions import ClientError

from alertlogic_api import AccessKey, SecretError

from .clients import error_code, is_transient
from .measures import emit

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

UNUSABLE_METRIC: Final = "SecretUnusable"


def access_key(secrets_manager: SecretsManagerClient, secret_arn: str, *, service: str) -> AccessKey:
    """Read the access key from the secret; that there is none is counted, for an alarm.

    Args:
        secrets_manager: The client.
        secret_arn: The secret.
        service: The function that reads it.

    Raises:
        SecretError: The secret is not there, has no value yet or a malformed one, or may not be read.
    """
    try:
        secret = secrets_manager.get_secret_value(SecretId=secret_arn)
        return AccessKey.from_secret_string(secret.get("SecretString", ""))
    except ClientError as error:
        if not is_transient(error):
            _count(service)
        raise SecretError(f"the secret cannot be read: {error_code(error)}") from error
    except SecretError:
        _count(service)
        raise


def _count(service: str) -> None:
    emit(service, {UNUSABLE_METRIC: 1})
