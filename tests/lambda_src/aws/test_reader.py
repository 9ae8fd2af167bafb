from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from aws.clients import client
from aws.organizations import AwsAccountId
from aws.reader import DENIED, ReaderRole, RoleNotAssumableError, SharedReaderRole
from tests.lambda_src.wire import calls_of

if TYPE_CHECKING:
    from mypy_boto3_sts import STSClient

MEMBER = AwsAccountId("555555555555")


@pytest.fixture
def sts(aws: None) -> STSClient:  # noqa: ARG001 - AWS must be there
    return client("sts")


@pytest.fixture
def role(sts: STSClient) -> ReaderRole:
    return ReaderRole(sts, name="alertlogic-hub-reader", session_name="account_registration")


def test_makes_clients_that_act_in_the_other_account(role: ReaderRole, sts: STSClient) -> None:
    asked: list[dict[str, object]] = []
    sts.meta.events.register("before-parameter-build.sts.AssumeRole", lambda params, **_: asked.append(params))

    clients = role.clients(MEMBER)

    assert clients("sts", "us-east-1").get_caller_identity()["Account"] == MEMBER
    assert clients("ec2", "eu-west-1").meta.region_name == "eu-west-1"
    assert asked == [
        {
            "RoleArn": "arn:aws:iam::555555555555:role/alertlogic-hub-reader",
            "RoleSessionName": "account_registration",
            "DurationSeconds": 900,
        }
    ]


@pytest.mark.parametrize("code", sorted(DENIED))
def test_tells_that_the_role_cannot_be_assumed(role: ReaderRole, sts: STSClient, code: str) -> None:
    with Stubber(sts) as stubber:
        stubber.add_client_error("assume_role", code, http_status_code=403)
        with pytest.raises(RoleNotAssumableError, match="alertlogic-hub-reader in account 555555555555"):
            role.clients(MEMBER)


def test_leaves_other_errors_to_the_queue(role: ReaderRole, sts: STSClient) -> None:
    with Stubber(sts) as stubber:
        stubber.add_client_error("assume_role", "Throttling", http_status_code=400)
        with pytest.raises(ClientError, match="Throttling"):
            role.clients(MEMBER)


def test_a_shared_role_is_assumed_once_until_it_is_forgotten(
    aws: None,  # noqa: ARG001 - AWS must be there
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assumed = calls_of(monkeypatch, "sts", "AssumeRole")
    role = SharedReaderRole(client("sts"), name="reader", session_name="test")

    first, again = (role.clients(AwsAccountId("555555555555")) for _ in range(2))
    assert first is again
    role.clients(AwsAccountId("666666666666"))
    assert len(assumed) == 2

    role.forget()
    assert role.clients(AwsAccountId("555555555555")) is not first
    assert len(assumed) == 3
