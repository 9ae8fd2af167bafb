"""Control Tower's central CloudTrail logs before landing zone 4.0: bucket, topic and key, and what services send."""

from __future__ import annotations

import contextlib
import gzip
import json
import uuid
from typing import TYPE_CHECKING, Any
from unittest import mock

from moto.kms import models as kms_models

from tests.rehearsal.principals import Operator, Service
from tests.rehearsal.synthesis import TRAIL_KEY_ARN

if TYPE_CHECKING:
    from collections.abc import Generator

    from tests.rehearsal.authority import Authority
    from tests.rehearsal.clock import VirtualClock
    from tests.rehearsal.gateway import Gateway
    from tests.rehearsal.organization import Zone
    from tests.rehearsal.templates import Json
    from tests.rehearsal.topics import Topics

TRAIL = "aws-controltower-BaselineCloudTrail"
VALIDATION = "CloudTrail validation message."


class CentralLogs:
    """What is in the shared accounts before anything of ours is.

    Attributes:
        encryption: The key's ARN and the encryption context of each encrypted log, by its bucket and key.
    """

    def __init__(self, zone: Zone, gateway: Gateway, authority: Authority, topics: Topics, clock: VirtualClock) -> None:
        self.bucket = f"aws-controltower-logs-{zone.log_archive}-{zone.home_region}"
        self.topic_arn = f"arn:aws:sns:{zone.home_region}:{zone.audit}:aws-controltower-AllConfigNotifications"
        self.key_arn = TRAIL_KEY_ARN
        self.encryption: dict[tuple[str, str], tuple[str, dict[str, str]]] = {}
        self._zone = zone
        self._gateway = gateway
        self._authority = authority
        self._topics = topics
        self._clock = clock
        self._delivered = 0
        self._encrypts = False

    def found(self) -> None:
        """Create the bucket and the topic, as Control Tower sets a landing zone up."""
        self._client("s3", self._zone.log_archive).create_bucket(Bucket=self.bucket)
        policy: Json = {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Sid": "AWSSNSPolicy",
                    "Effect": "Allow",
                    "Principal": {"Service": ["config.amazonaws.com", "cloudtrail.amazonaws.com"]},
                    "Action": "sns:Publish",
                    "Resource": self.topic_arn,
                }
            ],
        }
        self._client("sns", self._zone.audit).create_topic(
            Name=self.topic_arn.rsplit(":", 1)[1], Attributes={"Policy": json.dumps(policy)}
        )

    @contextlib.contextmanager
    def encrypting(self) -> Generator[None]:
        """Control Tower is given a key of the management account, with the policy that its guide tells to write.

        https://docs.aws.amazon.com/controltower/latest/userguide/configure-kms-keys.html
        """
        with mock.patch.object(kms_models, "generate_key_id", return_value=self.key_arn.rsplit("/", 1)[1]):
            self._client("kms", self._zone.management).create_key(Policy=json.dumps(self._key_policy()))
        self._encrypts = True
        try:
            yield
        finally:
            self._encrypts = False

    def allow_on_key(self, statement: Json) -> None:
        """The operator of the management account adds a statement to the key's policy."""
        policy = self._key_policy()
        policy["Statement"].append(statement)
        self._client("kms", self._zone.management).put_key_policy(
            KeyId=self.key_arn, PolicyName="default", Policy=json.dumps(policy)
        )

    def put_log(self, account: str, *, by_organization_trail: bool = False) -> str:
        """CloudTrail puts a file of an account's events into the bucket; return the object's key."""
        zone = self._zone
        self._delivered += 1
        now = self._clock.iso()
        region, stamp = zone.home_region, now.replace("-", "").replace(":", "")
        owner = f"{zone.organization_id}/{account}" if by_organization_trail else account
        name = f"{account}_CloudTrail_{region}_{stamp}_{self._delivered:08d}.json.gz"
        key = f"{zone.organization_id}/AWSLogs/{owner}/CloudTrail/{region}/{now[:10].replace('-', '/')}/{name}"
        records = {"Records": [{"eventTime": now, "recipientAccountId": account}]}
        encryption: dict[str, str] = {}
        if self._encrypts:
            trail = f"arn:aws:cloudtrail:{region}:{zone.management if by_organization_trail else account}:trail/{TRAIL}"
            arn = f"arn:aws:s3:::{self.bucket}/{key}"
            self.encryption[self.bucket, key] = (self.key_arn, {"aws:cloudtrail:arn": trail, "aws:s3:arn": arn})
            encryption = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": self.key_arn}
        self._client("s3", zone.log_archive).put_object(
            Bucket=self.bucket, Key=key, Body=gzip.compress(json.dumps(records).encode(), mtime=0), **encryption
        )
        return key

    def announce(self, key: str) -> None:
        """CloudTrail tells the topic of a file."""
        self._publish("cloudtrail.amazonaws.com", json.dumps({"s3Bucket": self.bucket, "s3ObjectKey": [key]}))

    def deliver(self, account: str, *, by_organization_trail: bool = False) -> str:
        """CloudTrail delivers a file and tells of it; return the object's key."""
        key = self.put_log(account, by_organization_trail=by_organization_trail)
        self.announce(key)
        return key

    def validate(self) -> None:
        """CloudTrail tries whether it may publish, as it does when a trail is changed."""
        self._publish("cloudtrail.amazonaws.com", VALIDATION)

    def record_configuration(self) -> None:
        """AWS Config tells of a change, and of a snapshot that it put into a bucket, too."""
        made = {"notificationCreationTime": self._clock.iso(), "recordVersion": "1.3"}
        change = {"configurationItem": {"resourceType": "AWS::EC2::VPC"}, "configurationItemDiff": None}
        snapshot = {
            "configSnapshotId": str(uuid.uuid5(uuid.NAMESPACE_URL, made["notificationCreationTime"])),
            "s3Bucket": self.bucket,
            "s3ObjectKey": f"{self._zone.organization_id}/AWSLogs/{self._zone.audit}/Config/snapshot.json.gz",
        }
        for kind, message in (
            ("ConfigurationItemChangeNotification", change),
            ("ConfigurationSnapshotDeliveryCompleted", snapshot),
        ):
            self._publish("config.amazonaws.com", json.dumps({**message, **made, "messageType": kind}))

    def _publish(self, service: str, message: str) -> None:
        if not self._authority.allows(Service(service, None), "sns:Publish", self.topic_arn):
            raise AssertionError(f"{service} may not publish on {self.topic_arn}")
        self._topics.notify(self.topic_arn, message)

    def _key_policy(self) -> Json:
        zone = self._zone
        trail = f"arn:aws:cloudtrail:{zone.home_region}:{zone.management}:trail/{TRAIL}"
        return {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Principal": {"AWS": f"arn:aws:iam::{zone.management}:root"},
                    "Action": "kms:*",
                    "Resource": "*",
                },
                {
                    "Effect": "Allow",
                    "Principal": {"Service": "config.amazonaws.com"},
                    "Action": ["kms:Decrypt", "kms:GenerateDataKey"],
                    "Resource": self.key_arn,
                },
                {
                    "Effect": "Allow",
                    "Principal": {"Service": "cloudtrail.amazonaws.com"},
                    "Action": ["kms:GenerateDataKey*", "kms:Decrypt"],
                    "Resource": self.key_arn,
                    "Condition": {
                        "StringEquals": {"aws:SourceArn": trail},
                        "StringLike": {
                            "kms:EncryptionContext:aws:cloudtrail:arn": (
                                f"arn:aws:cloudtrail:*:{zone.management}:trail/*"
                            )
                        },
                    },
                },
            ],
        }

    def _client(self, service: str, account: str) -> Any:
        return self._gateway.client(service, Operator(account), self._zone.home_region)
