"""The trail whose logs Alert Logic collects: its bucket, topic and key."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from alertlogic_constructs._policy_documents import as_list, aws_principals

from .findings import Level, code_of, found, judged, look, ok, skipped, wrong

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mypy_boto3_cloudtrail import CloudTrailClient
    from mypy_boto3_cloudtrail.type_defs import GetTrailStatusResponseTypeDef, TrailTypeDef
    from mypy_boto3_kms import KMSClient
    from mypy_boto3_kms.type_defs import KeyMetadataTypeDef
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sns import SNSClient

    from alertlogic_constructs.central_trail import CentralTrail
    from alertlogic_constructs.settings import Settings

    from .cloud import Cloud
    from .findings import Finding, Verdict

_DECRYPTS = frozenset({"*", "kms:*", "kms:decrypt"})
_GONE = frozenset({"NoSuchBucket", "NotFound", "NotFoundException"})


def check_trail(settings: Settings, cloud: Cloud) -> Iterator[Finding]:
    """Check everything that the settings say of the trail."""
    zone, trail = settings.landing_zone, settings.trail
    if trail is None:
        yield found("trail", skipped("trail is null: each account's own trail is collected"))
        return
    cloudtrail: CloudTrailClient = cloud.client("cloudtrail", zone.management_account)
    trails = look("trail", lambda: cloudtrail.describe_trails()["trailList"], lambda seen: right_trail(trail, seen))
    yield trails.finding
    arns = (one.get("TrailARN", "") for one in trails.seen or () if one.get("S3BucketName") == trail.bucket_name)
    arn = next(arns, None)
    if arn is not None:
        yield judged("trail's state", lambda: cloudtrail.get_trail_status(Name=arn), trail_state)
    log_archive = zone.log_archive_account
    yield judged(
        "trail's bucket",
        lambda: _has_bucket(cloud.client("s3", log_archive), trail, log_archive),
        lambda has: there(f"bucket {trail.bucket_name} in the log archive account {log_archive}", has, "bucket_name"),
    )
    yield judged(
        "trail's topic",
        lambda: _has_topic(cloud.client("sns", trail.topic_account, trail.topic_region), trail),
        lambda has: there(f"topic {trail.topic_arn}", has, "topic_arn"),
    )
    yield from _check_key(cloud, trail, log_archive)


def right_trail(wanted: CentralTrail, trails: list[TrailTypeDef]) -> Verdict:
    """Decide whether there is a trail with the bucket, topic and key of the settings."""
    for trail in trails:
        if trail.get("S3BucketName") == wanted.bucket_name:
            topic, key = trail.get("SnsTopicARN"), trail.get("KmsKeyId")
            if topic is None:
                return wrong(
                    f"{trail.get('Name')} tells no topic of its logs", "give it one, and set topic_arn of trail to it"
                )
            if topic != wanted.topic_arn:
                return wrong(
                    f"{trail.get('Name')} tells {topic}, and the settings name {wanted.topic_arn}",
                    f"set bucket_name, topic_arn and topic_serves_config of trail, topic_arn to {topic}",
                )
            if key != wanted.key_arn:
                return wrong(
                    f"{trail.get('Name')} is encrypted with {key or 'no key'}, and the settings name "
                    f"{wanted.key_arn or 'none'}",
                    f"set key_arn of trail to {key or 'null'}",
                )
            return ok(f"{trail.get('Name')} writes to {wanted.bucket_name}")
    there_are = "; ".join(f"{trail.get('Name')} to {trail.get('S3BucketName')}" for trail in trails)
    return wrong(
        f"none writes to {wanted.bucket_name}" + (f" ({there_are})" if trails else ""),
        "set bucket_name, topic_arn and key_arn of trail as 'aws cloudtrail describe-trails' shows them",
    )


def trail_state(status: GetTrailStatusResponseTypeDef) -> Verdict:
    """Decide whether a trail is switched on, and can write and tell."""
    if not status["IsLogging"]:
        return wrong(
            "it is switched off, so that Control Tower's events are not told either",
            "start it with 'aws cloudtrail start-logging', or repair the landing zone",
        )
    for purpose, error in (
        ("write to its bucket", status.get("LatestDeliveryError")),
        ("tell its topic", status.get("LatestNotificationError")),
    ):
        if error:
            return wrong(f"it cannot {purpose}: {error}", "mend the policy of the bucket, topic or key")
    return ok("it is logging")


def there(what: str, is_there: bool, setting: str) -> Verdict:  # noqa: FBT001 - it is what was seen
    """Decide whether something that the settings name exists."""
    if is_there:
        return ok(f"there is {what}")
    return wrong(f"there is no {what}", f"correct {setting} of trail")


def usable_key(key_arn: str, metadata: KeyMetadataTypeDef | None) -> Verdict:
    """Decide whether a key can be used, and is one whose policy can be changed; None if there is none."""
    if metadata is None:
        return wrong(f"there is no key {key_arn}", "correct key_arn of trail")
    if metadata.get("KeyManager") == "AWS":
        return wrong("AWS manages it, so that no other account can be let use it", "encrypt the trail with another key")
    if metadata.get("KeyState") != "Enabled":
        return wrong(f"it is {metadata.get('KeyState')}", "enable it, or encrypt the trail with another key")
    return ok("it is enabled")


def key_policy(policy: Mapping[str, Any], log_archive: str) -> Verdict:
    """Decide whether a key's policy lets the log archive account decrypt; on which conditions is not looked at."""
    statements: list[Mapping[str, Any]] = as_list(policy.get("Statement", []))
    if any(_lets_decrypt(statement, log_archive) for statement in statements):
        return ok(f"it lets the log archive account {log_archive} decrypt")
    return wrong(
        f"it does not let the log archive account {log_archive} decrypt",
        "deploy AlertLogic-LogArchive, and add to the policy what its output KeyPolicyStatement shows",
    )


def _check_key(cloud: Cloud, trail: CentralTrail, log_archive: str) -> Iterator[Finding]:
    key_arn = trail.key_arn
    if key_arn is None:
        yield found("trail's key", skipped("the settings name none"))
        return
    region, account = key_arn.split(":")[3:5]
    usable = judged(
        "trail's key",
        lambda: _key(cloud.client("kms", account, region), key_arn),
        lambda metadata: usable_key(key_arn, metadata),
    )
    yield usable
    if usable.level is Level.OK:
        yield judged(
            "trail's key policy",
            lambda: cloud.client("kms", account, region).get_key_policy(KeyId=key_arn, PolicyName="default")["Policy"],
            lambda policy: key_policy(json.loads(policy), log_archive),
        )


def _has_bucket(s3: S3Client, trail: CentralTrail, owner: str) -> bool:
    try:
        s3.get_bucket_location(Bucket=trail.bucket_name, ExpectedBucketOwner=owner)
    except ClientError as error:
        if code_of(error) in _GONE:
            return False
        raise
    return True


def _has_topic(sns: SNSClient, trail: CentralTrail) -> bool:
    try:
        sns.get_topic_attributes(TopicArn=trail.topic_arn)
    except ClientError as error:
        if code_of(error) in _GONE:
            return False
        raise
    return True


def _key(kms: KMSClient, key_arn: str) -> KeyMetadataTypeDef | None:
    try:
        return kms.describe_key(KeyId=key_arn)["KeyMetadata"]
    except ClientError as error:
        if code_of(error) in _GONE:
            return None
        raise


def _lets_decrypt(statement: Mapping[str, Any], account: str) -> bool:
    actions: list[str] = as_list(statement.get("Action", []))
    return (
        statement.get("Effect") == "Allow"
        and any(action.lower() in _DECRYPTS for action in actions)
        # An ARN of the account, whether of its root or of a role of it, or its id.
        and any(name == "*" or account in name.split(":") for name in aws_principals(statement))
    )
