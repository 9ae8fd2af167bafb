"""The access key for Alert Logic, which only the security account holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from alertlogic_api import AccessKey, SecretError

from .clients import error_code

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient


def access_key(secrets_manager: SecretsManagerClient, secret_arn: str) -> AccessKey:
    """Read the access key from the secret.

    Raises:
        SecretError: The secret is not there, has no value yet or a malformed one, or may not be read.
    """
    try:
        secret = secrets_manager.get_secret_value(SecretId=secret_arn)
    except ClientError as error:
        raise SecretError(f"the secret cannot be read: {error_code(error)}") from error
    return AccessKey.from_secret_string(secret.get("SecretString", ""))
