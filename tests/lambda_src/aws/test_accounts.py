from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from botocore.exceptions import ClientError

from aws.accounts import AccountReader
from aws.clients import client
from aws.organizations import AwsAccountId
from aws.reader import ReaderRole
from tests.lambda_src.wire import answer

if TYPE_CHECKING:
    from botocore.awsrequest import AWSPreparedRequest

MEMBER = AwsAccountId("555555555555")


def _answer(
    monkeypatch: pytest.MonkeyPatch, status: int, document: object, headers: dict[str, str] | None = None
) -> list[AWSPreparedRequest]:
    """Let AWS answer what moto does not know."""
    body = json.dumps(document).encode()
    return answer(monkeypatch, "account", "GetAccountInformation", body, status=status, headers=headers)


@pytest.fixture
def reader(aws: None) -> AccountReader:  # noqa: ARG001 - AWS must be there
    return AccountReader(ReaderRole(client("sts"), name="alertlogic-hub-reader", session_name="account_registration"))


def test_an_account_says_its_name(reader: AccountReader, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = _answer(monkeypatch, 200, {"AccountId": MEMBER, "AccountName": "Payments"})

    assert reader.name(MEMBER) == "Payments"
    [call] = calls
    assert call.body == b"{}", "it would need the management account's leave"


def test_no_name_is_no_error(reader: AccountReader, monkeypatch: pytest.MonkeyPatch) -> None:
    _answer(monkeypatch, 403, {"message": "no"}, {"x-amzn-ErrorType": "AccessDeniedException"})

    assert reader.name(MEMBER) is None


def test_aws_that_fails_is_asked_again(reader: AccountReader, monkeypatch: pytest.MonkeyPatch) -> None:
    _answer(monkeypatch, 429, {"message": "slow down"}, {"x-amzn-ErrorType": "TooManyRequestsException"})

    with pytest.raises(ClientError, match="TooManyRequestsException"):
        reader.name(MEMBER)
