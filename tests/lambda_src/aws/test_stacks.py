from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from botocore.exceptions import ClientError

from aws.clients import client
from aws.organizations import AwsAccountId
from aws.reader import NotReadableError, ReaderRole, RoleNotAssumableError
from aws.stacks import StackReader
from tests.lambda_src.wire import answer_with_error

if TYPE_CHECKING:
    from mypy_boto3_sts import STSClient

MEMBER = AwsAccountId("555555555555")
TEMPLATE = json.dumps(
    {"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}, "Outputs": {"Registration": {"Value": '{"Mode": "manual"}'}}}
)


@pytest.fixture
def sts(aws: None) -> STSClient:  # noqa: ARG001 - AWS must be there
    return client("sts")


@pytest.fixture
def reader(sts: STSClient) -> StackReader:
    return StackReader(ReaderRole(sts, name="alertlogic-hub-reader", session_name="account_registration"))


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


def test_describes_a_stack_in_another_account_through_the_reader_role(reader: StackReader, stack_id: str) -> None:
    stack = reader.stack(account_id=MEMBER, region="us-east-1", stack_id=stack_id)

    assert stack
    assert stack.status == "CREATE_COMPLETE"
    assert stack.changed_at
    assert stack.outputs == {"Registration": '{"Mode": "manual"}'}


def test_does_not_see_a_stack_of_this_name_in_its_own_account(reader: StackReader, stack_id: str) -> None:
    assert reader.stack(account_id=AwsAccountId("666666666666"), region="us-east-1", stack_id=stack_id) is None


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
