"""The security account in which the function runs: AWS as moto plays it, the fake Alert Logic, a response bucket."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from moto.backends import get_backend

from account_registration import handler
from account_registration.central_logs import MONITOR
from aws.clients import client
from tests.lambda_src.account_registration.cloudformation_requests import MEMBER, message
from tests.lambda_src.account_registration.test_settings import ENVIRONMENT
from tests.lambda_src.accounts_tables import create_table
from tests.lambda_src.deliveries import Context, Deliveries
from tests.lambda_src.functions import running
from tests.lambda_src.response_bucket import ResponseBucket

if TYPE_CHECKING:
    import io
    from collections.abc import Iterator

    from aws.custom_resource import RequestType
    from tests.rehearsal.alertlogic import FakeAlertLogic

INSTANCE = "StackSet-alertlogic-member-account-0a1b2c3d"


@dataclass
class Hub:
    """The security account, and the stacks of the members.

    What the function itself puts into its queue is in `sent`; a test delivers it as it likes.
    """

    fake: FakeAlertLogic
    bucket: ResponseBucket
    deliveries: Deliveries
    log: io.StringIO
    stack_ids: dict[str, str] = field(default_factory=dict[str, str])
    sent: list[str] = field(default_factory=list[str])

    def stack(
        self, status: str, account_id: str = MEMBER, *, name: str = INSTANCE, output: dict[str, Any] | None = None
    ) -> str:
        """Bring the stack of a member into a state, and return its id; an `output` replaces what it puts out."""
        cloudformation = _member_client("cloudformation", account_id)
        if account_id not in self.stack_ids:
            body = _template(_properties(account_id))
            self.stack_ids[account_id] = cloudformation.create_stack(StackName=name, TemplateBody=body)["StackId"]
        stack_id = self.stack_ids[account_id]
        if output is not None:
            cloudformation.update_stack(StackName=stack_id, TemplateBody=_template(_properties(account_id) | output))
        get_backend("cloudformation")[account_id]["us-east-1"].stacks[stack_id].status = status
        return stack_id

    def vpc(self, region: str, **tags: str) -> str:
        """Make a VPC in the member account, and return the key of its entry."""
        tagged = [{"ResourceType": "vpc", "Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}]
        ec2 = _member_client("ec2", MEMBER, region_name=region)
        vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16", TagSpecifications=tagged if tags else [])["Vpc"]
        return f"/aws/{region}/vpc/{vpc['VpcId']}"

    def included(self) -> list[str]:
        [deployment] = self.fake.deployments_of(MEMBER)
        return [it["key"] for it in deployment["scope"]["include"]]

    def monitors(self, account_id: str = MEMBER) -> list[str]:
        [deployment] = self.fake.deployments_of(account_id)
        return [it["id"] for it in deployment["credentials"] if it["purpose"] == MONITOR]

    def message(
        self,
        request_type: RequestType = "Create",
        account_id: str = MEMBER,
        *,
        changes: dict[str, Any] | None = None,
        properties: dict[str, Any] | None = None,
        old: dict[str, Any] | None = None,
    ) -> str:
        physical = {} if request_type == "Create" else {"PhysicalResourceId": f"registration/{account_id}"}
        own = {"AccountId": account_id, "RoleArn": f"arn:aws:iam::{account_id}:role/AlertLogicRole"}
        return message(
            request_type,
            changes={"StackId": self.stack_ids[account_id], **physical, **(changes or {})},
            properties=own | (properties or {}),
            old=old,
        )

    def deliver(self, *bodies: str, age: float = 0, received: int = 1) -> list[dict[str, str]]:
        batch = self.deliveries.batch(*bodies, age=age, received=received)
        failures = handler.lambda_handler(batch, Context())["batchItemFailures"]  # type: ignore[arg-type]
        delivered = {record["messageId"] for record in batch["Records"]}
        # Some are delayed, so AWS would not show them yet.
        messages = get_backend("sqs")["123456789012"]["us-east-1"].queues["queue"]._messages
        self.sent += [it.body for it in messages if it.id not in delivered]
        messages.clear()
        return failures

    def queued(self, kind: str = "Continue") -> list[str]:
        """Return what the function itself put into its queue, the earliest first."""
        return [body for body in self.sent if kind in json.loads(body)]

    def lines(self) -> list[dict[str, Any]]:
        """Return what the function said of outcomes."""
        return [line for line in self._lines() if line["message"] != "Alert Logic answered"]

    def calls(self) -> list[tuple[str, str]]:
        """Return the calls that change something at Alert Logic, as they were said, each with its correlation."""
        lines = [line for line in self._lines() if line["message"] == "Alert Logic answered"]
        return [(line["call"], line["correlation_id"]) for line in lines]

    def _lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log.getvalue().splitlines()]


def _properties(account_id: str) -> dict[str, Any]:
    asked: dict[str, Any] = json.loads(json.loads(message("Create"))["Message"])["ResourceProperties"]
    own = {"AccountId": account_id, "RoleArn": f"arn:aws:iam::{account_id}:role/AlertLogicRole"}
    return {name: value for name, value in (asked | own).items() if not name.startswith("Service")}


def _template(properties: dict[str, Any]) -> str:
    topic = {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": "topic"}}
    output = {"Registration": {"Value": json.dumps(properties)}}
    return json.dumps({"Resources": {"Topic": topic}, "Outputs": output})


def _member_client(service: str, account_id: str, **options: str) -> Any:
    role = f"arn:aws:iam::{account_id}:role/any"
    credentials = client("sts").assume_role(RoleArn=role, RoleSessionName="test")["Credentials"]
    return client(
        service,
        aws_access_key_id=credentials["AccessKeyId"],
        aws_secret_access_key=credentials["SecretAccessKey"],
        aws_session_token=credentials["SessionToken"],
        **options,
    )


@pytest.fixture
def hub(deliveries: Deliveries, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    create_table(client("dynamodb"))
    client("s3").create_bucket(Bucket=ENVIRONMENT["STATUS_BUCKET"])
    with running(handler, ENVIRONMENT, deliveries, monkeypatch) as (fake, log), ResponseBucket() as bucket:
        bucket.receive_from(handler.wire().http)
        hub = Hub(fake, bucket, deliveries, log)
        hub.stack("CREATE_IN_PROGRESS")
        yield hub
