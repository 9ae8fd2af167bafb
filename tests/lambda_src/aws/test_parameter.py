from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from botocore.exceptions import ClientError

from aws.clients import client
from aws.parameter import Parameter

if TYPE_CHECKING:
    from mypy_boto3_ssm import SSMClient


@pytest.fixture
def ssm(aws: None) -> SSMClient:  # noqa: ARG001 - AWS must be there
    return client("ssm")


def test_holds_what_was_written_last(ssm: SSMClient) -> None:
    ssm.put_parameter(Name="/collector/id", Value="unregistered", Type="String")
    parameter = Parameter(ssm, name="/collector/id")

    assert parameter.read() == "unregistered"
    parameter.write("one")
    parameter.write("two")
    assert parameter.read() == "two"


def test_must_be_there(ssm: SSMClient) -> None:
    with pytest.raises(ClientError, match="ParameterNotFound"):
        Parameter(ssm, name="missing").read()
