from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse
from botocore.exceptions import ClientError
from moto.core.botocore_stubber import BotocoreStubber

from aws.accounts import AccountReader
from aws.clients import client
from aws.organizations import AwsAccountId
from aws.reader import ReaderRole

MEMBER = AwsAccountId("555555555555")


class _Body:
    def __init__(self, document: Any) -> None:
        self._document = document

    def stream(self, **_: object) -> list[bytes]:
        return [json.dumps(self._document).encode()]


def _answer(monkeypatch: pytest.MonkeyPatch, status: int, document: Any, headers: dict[str, str]) -> None:
    """Let AWS answer what moto does not know."""
    played = BotocoreStubber.__call__

    def answer(self: BotocoreStubber, event_name: str, request: Any, **kwargs: Any) -> Any:
        if event_name != "before-send.account.GetAccountInformation":
            return played(self, event_name, request, **kwargs)
        assert json.loads(request.body or "{}") == {}, "it would need the management account's leave"
        return AWSResponse(request.url, status, headers, _Body(document))  # type: ignore[arg-type]

    monkeypatch.setattr(BotocoreStubber, "__call__", answer)


@pytest.fixture
def reader(aws: None) -> AccountReader:  # noqa: ARG001 - AWS must be there
    return AccountReader(ReaderRole(client("sts"), name="alertlogic-hub-reader", session_name="account_registration"))


def test_an_account_says_its_name(reader: AccountReader, monkeypatch: pytest.MonkeyPatch) -> None:
    _answer(monkeypatch, 200, {"AccountId": MEMBER, "AccountName": "Payments"}, {})

    assert reader.name(MEMBER) == "Payments"


def test_no_name_is_no_error(reader: AccountReader, monkeypatch: pytest.MonkeyPatch) -> None:
    _answer(monkeypatch, 403, {"message": "no"}, {"x-amzn-ErrorType": "AccessDeniedException"})

    assert reader.name(MEMBER) is None


def test_aws_that_fails_is_asked_again(reader: AccountReader, monkeypatch: pytest.MonkeyPatch) -> None:
    _answer(monkeypatch, 429, {"message": "slow down"}, {"x-amzn-ErrorType": "TooManyRequestsException"})

    with pytest.raises(ClientError, match="TooManyRequestsException"):
        reader.name(MEMBER)
