from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from alertlogic_api import SecretError
from aws.clients import client
from aws.secret import access_key
from tests.lambda_src.wire import answer_with_error

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient


@pytest.fixture
def secrets_manager(aws: None) -> SecretsManagerClient:  # noqa: ARG001 - AWS must be there
    return client("secretsmanager")


def test_reads_the_key(secrets_manager: SecretsManagerClient) -> None:
    secret = secrets_manager.create_secret(Name="alertlogic", SecretString='{"access_key_id": "a", "secret_key": "s"}')

    key = access_key(secrets_manager, secret["ARN"])

    assert (key.access_key_id, key.secret_key) == ("a", "s")


def test_waits_for_a_secret_without_a_value(secrets_manager: SecretsManagerClient) -> None:
    secret = secrets_manager.create_secret(Name="alertlogic")

    with pytest.raises(SecretError, match="ResourceNotFoundException"):
        access_key(secrets_manager, secret["ARN"])


def test_waits_for_a_secret_that_may_not_be_read(
    secrets_manager: SecretsManagerClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = secrets_manager.create_secret(Name="alertlogic", SecretString="{}")
    answer_with_error(monkeypatch, "secrets-manager", "GetSecretValue", "AccessDeniedException", status=400)

    with pytest.raises(SecretError):
        access_key(secrets_manager, secret["ARN"])


@pytest.mark.parametrize("value", ["top-secret", '{"access_key_id": "top-secret"}', "{}"])
def test_says_what_is_missing_and_never_what_is_there(secrets_manager: SecretsManagerClient, value: str) -> None:
    secret = secrets_manager.create_secret(Name="alertlogic", SecretString=value)

    with pytest.raises(SecretError) as caught:
        access_key(secrets_manager, secret["ARN"])
    assert "top-secret" not in str(caught.value)


def test_waits_for_a_secret_that_holds_bytes(secrets_manager: SecretsManagerClient) -> None:
    secret = secrets_manager.create_secret(Name="alertlogic", SecretBinary=b"bytes")

    with pytest.raises(SecretError, match="empty"):
        access_key(secrets_manager, secret["ARN"])
