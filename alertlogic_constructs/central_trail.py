"""What a user says about the trail whose logs lie in the log archive account."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from ._validation import Checks

if TYPE_CHECKING:
    from .landing_zone import LandingZone

_TOPIC_ARN = r"arn:aws:sns:(?P<region>[a-z0-9-]+):(?P<account>[0-9]{12}):[A-Za-z0-9_-]{1,256}"


class Subscriber(Enum):
    """Who subscribes the queue of notices to the trail's topic."""

    TOPIC_OWNER = "TOPIC_OWNER"
    """The audit account, which owns the topic: the only way with Control Tower's own, which admits nobody else."""
    QUEUE_OWNER = "QUEUE_OWNER"
    """The log archive account, which owns the queue: with a topic of your own, whose policy admits it."""


@dataclass(frozen=True, kw_only=True)
class CentralTrail:
    """Where the CloudTrail logs of the organization are, and the topic that tells of each new file.

    Nothing of it is computed, since landing zone 4.0 names these as it likes; `before_landing_zone_4` knows the
    names that Control Tower gave until then. `aws cloudtrail describe-trails` in the management account shows the
    rest as `S3BucketName`, `SnsTopicARN` and `KmsKeyId`.

    Attributes:
        organization_id: The organization, with whose id the keys of the logs begin, such as `o-exampleorg1`.
        bucket_name: The bucket, in the log archive account.
        topic_arn: The topic: in the audit account before landing zone 4.0.
        key_arn: The KMS key with which the logs are encrypted; None where there is none.
        topic_serves_config: Whether AWS Config sends to the topic, too, so that its messages must be kept out.

    Raises:
        ValueError: for anything that is malformed; one error lists all of it.

    See https://docs.aws.amazon.com/controltower/latest/userguide/logging-and-monitoring.html
    """

    organization_id: str
    bucket_name: str
    topic_arn: str
    key_arn: str | None = None
    topic_serves_config: bool = False

    def __post_init__(self) -> None:
        checks = Checks("CentralTrail")
        checks.organization("organization_id", self.organization_id)
        checks.matches(
            r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]",
            "bucket_name",
            self.bucket_name,
            "the name of a bucket, known at synthesis",
            "copy S3BucketName of the trail",
        )
        checks.matches(
            _TOPIC_ARN,
            "topic_arn",
            self.topic_arn,
            "the ARN of an SNS topic in the partition aws, known at synthesis",
            "copy SnsTopicARN of the trail",
        )
        if self.key_arn is not None:
            checks.matches(
                r"arn:aws:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]+",
                "key_arn",
                self.key_arn,
                "the ARN of a KMS key in the partition aws, not of an alias, or None",
                "copy KmsKeyId of the trail",
            )
        checks.boolean("topic_serves_config", self.topic_serves_config)
        checks.raise_problems()

    @staticmethod
    def before_landing_zone_4(landing_zone: LandingZone, *, key_arn: str | None = None) -> CentralTrail:
        """The trail of a landing zone that was set up before version 4.0, also if it was upgraded since.

        Its topic serves AWS Config, too.

        Args:
            landing_zone: The landing zone.
            key_arn: The KMS key that Control Tower was given, if any; it is in the management account.

        Raises:
            ValueError: for a malformed key ARN.
        """
        home = landing_zone.home_region
        return CentralTrail(
            organization_id=landing_zone.organization_id,
            bucket_name=f"aws-controltower-logs-{landing_zone.log_archive_account}-{home}",
            topic_arn=f"arn:aws:sns:{home}:{landing_zone.audit_account}:aws-controltower-AllConfigNotifications",
            key_arn=key_arn,
            topic_serves_config=True,
        )

    @property
    def topic_account(self) -> str:
        """The account of the topic."""
        return self._topic["account"]

    @property
    def topic_region(self) -> str:
        """The region of the topic."""
        return self._topic["region"]

    @property
    def log_prefix(self) -> str:
        """With what the keys of all logs begin: of an organization trail and of the accounts' own trails alike."""
        return f"{self.organization_id}/AWSLogs/"

    @property
    def _topic(self) -> re.Match[str]:
        matched = re.fullmatch(_TOPIC_ARN, self.topic_arn)
        assert matched is not None  # noqa: S101 - checked when it was made
        return matched
