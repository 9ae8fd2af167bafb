from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from alertlogic_constructs import CentralTrail

if TYPE_CHECKING:
    from alertlogic_constructs import LandingZone

GIVEN: dict[str, Any] = {
    "organization_id": "o-exampleorg1",
    "bucket_name": "aws-controltower-cloudtrail-logs-333333333333-abc-xyz",
    "topic_arn": "arn:aws:sns:eu-west-1:222222222222:aws-controltower-CentralizedLoggingNotifications",
}


def test_a_trail_is_taken_as_it_is_said() -> None:
    trail = CentralTrail(**GIVEN, key_arn="arn:aws:kms:eu-west-1:111111111111:key/abc-123")

    assert (trail.topic_account, trail.topic_region) == ("222222222222", "eu-west-1")
    assert trail.log_prefix == "o-exampleorg1/AWSLogs/"
    assert not trail.topic_serves_config


def test_the_names_before_landing_zone_4_are_known(landing_zone: LandingZone) -> None:
    trail = CentralTrail.before_landing_zone_4(landing_zone)

    assert trail.bucket_name == "aws-controltower-logs-333333333333-us-east-1"
    assert trail.topic_arn == "arn:aws:sns:us-east-1:222222222222:aws-controltower-AllConfigNotifications"
    assert trail.organization_id == "o-exampleorg1"
    assert trail.key_arn is None
    assert trail.topic_serves_config


@pytest.mark.parametrize(
    ("argument", "value", "words"),
    [
        ("organization_id", "exampleorg1", "organization_id is 'exampleorg1'; allowed is 'o-'"),
        ("bucket_name", "Logs", "bucket_name is 'Logs'; allowed is the name of a bucket"),
        ("bucket_name", "arn:aws:s3:::logs", "copy S3BucketName of the trail"),
        ("topic_arn", "aws-controltower-AllConfigNotifications", "allowed is the ARN of an SNS topic"),
        ("topic_arn", "arn:aws-cn:sns:cn-north-1:222222222222:trail", "in the partition aws"),
        ("key_arn", "alias/trail", "not of an alias"),
        ("key_arn", "arn:aws:kms:eu-west-1:111111111111:alias/trail", "not of an alias"),
        ("key_arn", "", "key_arn is ''"),
        ("topic_serves_config", "yes", "allowed is True or False"),
    ],
)
def test_fails_when_something_is_malformed(argument: str, value: Any, words: str) -> None:
    with pytest.raises(ValueError, match=re.escape(words)):
        CentralTrail(**GIVEN | {argument: value})


def test_one_error_lists_everything_that_is_wrong() -> None:
    with pytest.raises(ValueError, match=r"(?s)organization_id.*bucket_name.*topic_arn"):
        CentralTrail(organization_id="", bucket_name="", topic_arn="")
