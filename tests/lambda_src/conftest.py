from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from botocore.retries.standard import ExponentialBackoff
from moto import mock_aws

import tests.rehearsal.moto_state  # noqa: F401 - it speeds moto up
from aws.clients import client, session
from tests.lambda_src.deliveries import Deliveries

if TYPE_CHECKING:
    from collections.abc import Iterator

REGION = "us-east-1"


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """AWS as moto plays it: each assumed role acts in its own account."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    # AWS's clients would wait before they try again.
    monkeypatch.setattr(ExponentialBackoff, "delay_amount", lambda *_: 0)
    session.cache_clear()
    with mock_aws():
        yield
    session.cache_clear()


@pytest.fixture
def deliveries(aws: None) -> Deliveries:  # noqa: ARG001 - AWS must be there
    return Deliveries(client("sqs"))
