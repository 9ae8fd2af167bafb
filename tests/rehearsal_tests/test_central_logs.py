"""The bucket of logs, and who may read what is in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from tests.rehearsal.authority import owner_of
from tests.rehearsal.principals import RoleSession

if TYPE_CHECKING:
    from tests.rehearsal import Rehearsal

DEPLOYED = ("AlertLogic-LogArchive",)


def _s3(rehearsal: Rehearsal) -> Any:
    role = RoleSession(rehearsal.central_logs_role, "session")
    return rehearsal.gateway.client("s3", role, rehearsal.zone.home_region)


def test_only_cloudtrail_and_config_publish_on_control_tower_s_topic(rehearsal: Rehearsal) -> None:
    logs = rehearsal.central_logs
    role = rehearsal.forger.create_role(rehearsal.zone.security, "Publisher")
    publisher = rehearsal.gateway.client("sns", RoleSession(role, "session"), rehearsal.zone.home_region)

    logs.validate()
    with pytest.raises(ClientError, match="AuthorizationError"):
        publisher.publish(TopicArn=logs.topic_arn, Message="text")


@pytest.mark.parametrize(
    ("by_organization_trail", "layout"),
    [
        (False, "o-exampleorg1/AWSLogs/222222222222/CloudTrail/us-east-1/"),
        (True, "o-exampleorg1/AWSLogs/o-exampleorg1/222222222222/CloudTrail/us-east-1/"),
    ],
)
def test_a_log_has_the_key_of_its_trail(rehearsal: Rehearsal, layout: str, *, by_organization_trail: bool) -> None:
    logs = rehearsal.central_logs
    key = logs.put_log(rehearsal.zone.audit, by_organization_trail=by_organization_trail)

    assert key.startswith(layout)
    assert _s3(rehearsal).get_object(Bucket=logs.bucket, Key=key)["ContentLength"] > 0


def test_a_bucket_belongs_to_its_account(rehearsal: Rehearsal) -> None:
    bucket = rehearsal.central_logs.bucket

    assert owner_of(f"arn:aws:s3:::{bucket}/key") == rehearsal.zone.log_archive
    assert not owner_of("arn:aws:s3:::nobodys-bucket/key")


def test_nothing_but_an_object_is_known_to_be_read(rehearsal: Rehearsal) -> None:
    with pytest.raises(ClientError, match="does not know it"):
        _s3(rehearsal).list_objects_v2(Bucket=rehearsal.central_logs.bucket)

    assert rehearsal.gateway.faults.pop().startswith("s3:ListObjectsV2 is called by a role")
