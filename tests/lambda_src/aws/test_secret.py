from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from alertlogic_api import SecretError
from aws.clients import client
from aws.measures import NAMESPACE
from aws.secret import UNUSABLE_METRIC, access_key
from tests.lambda_src.wire import answer_with_error

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from mypy_boto3_secretsmanager import SecretsManagerClient


@pytest.fixture
def secrets_manager(aws: None) -> SecretsManagerClient:  # noqa: ARG001 - AWS must be there
    return client("secretsmanager")


def test_reads_the_key(secrets_manager: SecretsManagerClient) -> None:
    secret = secrets_manager.create_secret(Name="alertlogic", SecretString='{"access_key_id": "a", "secret_key": "s"}')

    key = access_key(secrets_manager, secret["ARN"], service="vpc_scope")

    assert (key.access_key_id, key.secret_key) == ("a", "s")


def test_waits_for_a_secret_without_a_value(secrets_manager: SecretsManagerClient) -> None:
    secret = secrets_manager.create_secret(Name="alertlogic")

    with pytest.raises(SecretError, match="ResourceNotFoundException"):
        access_key(secrets_manager, secret["ARN"], service="vpc_scope")


def test_waits_for_a_secret_that_may_not_be_read(
    secrets_manager: SecretsManagerClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = secrets_manager.create_secret(Name="alertlogic", SecretString="{}")
    answer_with_error(monkeypatch, "secrets-manager", "GetSecretValue", "AccessDeniedException", status=400)

    with pytest.raises(SecretError):
        access_key(secrets_manager, secret["ARN"], service="vpc_scope")


@pytest.mark.parametrize("value", ["top-secret", '{"access_key_id": "top-secret"}', "{}"])
def test_says_what_is_missing_and_never_what_is_there(secrets_manager: SecretsManagerClient, value: str) -> None:
    secret = secrets_manager.create_secret(Name="alertlogic", SecretString=value)

    with pytest.raises(SecretError) as caught:
        access_key(secrets_manager, secret["ARN"], service="vpc_scope")
    assert "top-secret" not in str(caught.value)


def test_waits_for_a_secret_that_holds_bytes(secrets_manager: SecretsManagerClient) -> None:
    secret = secrets_manager.create_secret(Name="alertlogic", SecretBinary=b"bytes")

    with pytest.raises(SecretError, match="empty"):
        access_key(secrets_manager, secret["ARN"], service="vpc_scope")


class TestCounts:
    @pytest.fixture
    def emitted(self, capsys: pytest.CaptureFixture[str]) -> Callable[[], list[dict[str, Any]]]:
        return lambda: [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    @pytest.mark.parametrize("value", [None, "{}"])
    def test_that_the_secret_is_unusable(
        self, secrets_manager: SecretsManagerClient, emitted: Callable[[], list[dict[str, Any]]], value: str | None
    ) -> None:
        secret = secrets_manager.create_secret(Name="alertlogic")
        if value is not None:
            secrets_manager.put_secret_value(SecretId=secret["ARN"], SecretString=value)

        with pytest.raises(SecretError):
            access_key(secrets_manager, secret["ARN"], service="vpc_scope")

        [metric] = emitted()
        assert (metric[UNUSABLE_METRIC], metric["service"]) == ([1.0], "vpc_scope")
        [directive] = metric["_aws"]["CloudWatchMetrics"]
        assert (directive["Namespace"], directive["Dimensions"]) == (NAMESPACE, [["service"]])

    def test_nothing_where_aws_merely_fails(
        self,
        secrets_manager: SecretsManagerClient,
        monkeypatch: pytest.MonkeyPatch,
        emitted: Callable[[], list[dict[str, Any]]],
    ) -> None:
        secret = secrets_manager.create_secret(Name="alertlogic", SecretString="{}")
        answer_with_error(monkeypatch, "secrets-manager", "GetSecretValue", "ServiceUnavailable", status=503)

        with pytest.raises(SecretError):
            access_key(secrets_manager, secret["ARN"], service="vpc_scope")

        assert emitted() == []
