from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from aws.clients import client
from aws.organizations import AwsAccountId
from aws.stacks import NotReadableError, RoleNotAssumableError, StackReader
from tests.lambda_src.wire import answer_with_error

if TYPE_CHECKING:
    from mypy_boto3_sts import STSClient

MEMBER = AwsAccountId("555555555555")
TEMPLATE = json.dumps({"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}})


@pytest.fixture
def sts(aws: None) -> STSClient:  # noqa: ARG001 - AWS must be there
    return client("sts")


@pytest.fixture
def reader(sts: STSClient) -> StackReader:
    return StackReader(sts, role_name="alertlogic-hub-reader", session_name="account_registration")


@pytest.fixture
def stack_id(sts: STSClient) -> str:
    credentials = sts.assume_role(RoleArn=f"arn:aws:iam::{MEMBER}:role/any", RoleSessionName="test")["Credentials"]
    cloudformation = client(
        "cloudformation",
        aws_access_key_id=credentials["AccessKeyId"],
        aws_secret_access_key=credentials["SecretAccessKey"],
        aws_session_token=credentials["SessionToken"],
    )
    return cloudformation.create_stack(StackName="member", TemplateBody=TEMPLATE).get("StackId", "")


def test_describes_a_stack_in_another_account_through_the_reader_role(
    reader: StackReader, sts: STSClient, stack_id: str
) -> None:
    asked: list[dict[str, object]] = []
    sts.meta.events.register(
        "before-parameter-build.sts.AssumeRole",
        lambda params, **_: asked.append(params),
    )

    stack = reader.stack(account_id=MEMBER, region="us-east-1", stack_id=stack_id)

    assert stack
    assert stack.status == "CREATE_COMPLETE"
    assert stack.changed_at
    assert asked == [
        {
            "RoleArn": "arn:aws:iam::555555555555:role/alertlogic-hub-reader",
            "RoleSessionName": "account_registration",
            "DurationSeconds": 900,
        }
    ]


def test_does_not_see_a_stack_of_this_name_in_its_own_account(reader: StackReader, stack_id: str) -> None:
    assert reader.stack(account_id=AwsAccountId("666666666666"), region="us-east-1", stack_id=stack_id) is None


def test_tells_that_the_role_cannot_be_assumed(reader: StackReader, sts: STSClient, stack_id: str) -> None:
    with Stubber(sts) as stubber:
        stubber.add_client_error("assume_role", "AccessDenied", http_status_code=403)
        with pytest.raises(RoleNotAssumableError, match="alertlogic-hub-reader in account 555555555555"):
            reader.stack(account_id=MEMBER, region="us-east-1", stack_id=stack_id)


def test_tells_that_the_role_may_not_describe_the_stack(
    reader: StackReader, stack_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer_with_error(monkeypatch, "cloudformation", "DescribeStacks", "AccessDenied", status=403)

    with pytest.raises(NotReadableError, match="may not describe") as caught:
        reader.stack(account_id=MEMBER, region="us-east-1", stack_id=stack_id)
    assert not isinstance(caught.value, RoleNotAssumableError)


@pytest.mark.parametrize(("service", "operation"), [("sts", "AssumeRole"), ("cloudformation", "DescribeStacks")])
def test_leaves_other_errors_to_the_queue(
    reader: StackReader, stack_id: str, monkeypatch: pytest.MonkeyPatch, service: str, operation: str
) -> None:
    answer_with_error(monkeypatch, service, operation, "Throttling", status=400)

    with pytest.raises(ClientError, match="Throttling"):
        reader.stack(account_id=MEMBER, region="us-east-1", stack_id=stack_id)
