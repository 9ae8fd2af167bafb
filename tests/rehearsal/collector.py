"""Alert Logic at work in its own AWS account: it collects the logs that a customer's queue tells of."""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.rehearsal.principals import ForeignRole, RoleSession

if TYPE_CHECKING:
    from tests.rehearsal.gateway import Gateway
    from tests.rehearsal.templates import Json

SESSION = "collector"
MOST_RECEIVED = 10


@dataclass(frozen=True)
class Collector:
    """What it knows of a customer: the id and, by the credential, the role.

    Attributes:
        aws_account: From where it comes: from Alert Logic's own account, unless it is somebody else.
    """

    gateway: Gateway
    region: str
    customer_id: str
    role_arn: str
    aws_account: str

    @property
    def session(self) -> RoleSession:
        """What it is once it has assumed the role."""
        return RoleSession(self.role_arn, SESSION)

    def assume(self, **external_id: str) -> None:
        """Assume the role, with `ExternalId` or without.

        Raises:
            ClientError: it may not.
        """
        stranger = ForeignRole(f"arn:aws:iam::{self.aws_account}:role/alert-logic")
        sts = self.gateway.client("sts", stranger, self.region)
        sts.assume_role(RoleArn=self.role_arn, RoleSessionName=SESSION, **external_id)

    def client(self, service: str) -> Any:
        """A client of the assumed role."""
        return self.gateway.client(service, self.session, self.region)

    def find_queue(self) -> str:
        """Find the queue by the customer's id; return its URL."""
        name = f"outcomesbucket-{self.customer_id}"
        sqs = self.client("sqs")
        listed = sqs.list_queues(QueueNamePrefix=name).get("QueueUrls", [])
        url: str = sqs.get_queue_url(QueueName=name)["QueueUrl"]
        if [one.rsplit("/", 1)[1] for one in listed] != [name]:
            raise AssertionError(f"found {listed}")
        return url

    def collect(self) -> dict[str, Json]:
        """Read every log that the queue tells of, and delete what told of it; return the logs by their keys."""
        self.assume(ExternalId=self.customer_id)
        url = self.find_queue()
        logs: dict[str, Json] = {}
        while batch := self.receive(url):
            for message in batch:
                notice = json.loads(json.loads(message["Body"])["Message"])
                unread = [key for key in notice["s3ObjectKey"] if key not in logs]
                logs |= {key: self.read(notice["s3Bucket"], key) for key in unread}
            entries = [{"Id": one["MessageId"], "ReceiptHandle": one["ReceiptHandle"]} for one in batch]
            self.client("sqs").delete_message_batch(QueueUrl=url, Entries=entries)
        return logs

    def read(self, bucket: str, key: str) -> Json:
        """Read a log.

        Raises:
            ClientError: it may not, or there is none.
        """
        body: bytes = self.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
        log: Json = json.loads(gzip.decompress(body))
        return log

    def receive(self, url: str) -> list[Json]:
        """Receive messages, so that nobody else sees them for a while."""
        sqs = self.client("sqs")
        sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"])
        received: list[Json] = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=MOST_RECEIVED).get("Messages", [])
        return received
