"""What CloudFormation and SNS send, in their documented form."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests.lambda_src.custom_resources import request_of, stack_arn, without_none

if TYPE_CHECKING:
    from aws.custom_resource import RequestType

AUDIT = "222222222222"
LOG_ARCHIVE = "333333333333"
TOPIC = f"arn:aws:sns:us-east-1:{AUDIT}:aws-controltower-AllConfigNotifications"
OTHER_TOPIC = f"arn:aws:sns:us-east-1:{AUDIT}:aws-controltower-SecurityNotifications"
QUEUE_NAME = "outcomesbucket-12345678"
QUEUE = f"arn:aws:sqs:eu-west-1:{LOG_ARCHIVE}:{QUEUE_NAME}"
FILTER = '{"messageType": [{"exists": false}]}'
SUBSCRIPTION = f"{TOPIC}:0b1d5c3e-0000-4000-8000-00000000000a"


def event(
    request_type: RequestType = "Create",
    *,
    changes: dict[str, Any] | None = None,
    properties: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Return a request; a change or property of None leaves the name out."""
    own = {"TopicArn": TOPIC, "QueueArn": QUEUE, "FilterPolicy": FILTER}
    return request_of(
        request_type,
        stack_id=stack_arn(AUDIT, "AlertLogic-Audit"),
        resource_type="AlertLogicTrailSubscription",
        physical_id=SUBSCRIPTION,
        properties=without_none(own | (properties or {})),
        changes=changes,
    )


def confirmation(token: str, *, topic: str = TOPIC) -> str:
    """https://docs.aws.amazon.com/sns/latest/dg/http-subscription-confirmation-json.html."""
    return json.dumps(
        {
            "Type": "SubscriptionConfirmation",
            "MessageId": "165545c9-2a5c-472c-8df2-7ff2be2b3b1b",
            "Token": token,
            "TopicArn": topic,
            "Message": f"You have chosen to subscribe to the topic {topic}.",
            "SubscribeURL": f"https://sns.us-east-1.amazonaws.com/?Action=ConfirmSubscription&Token={token}",
            "Timestamp": "2026-01-15T12:00:00.000Z",
            "SignatureVersion": "1",
            "Signature": "EXAMPLE",
            "SigningCertURL": "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-EXAMPLE.pem",
        }
    )


def notice(number: int) -> str:
    """https://docs.aws.amazon.com/awscloudtrail/latest/userguide/configure-sns-notifications-for-cloudtrail.html."""
    key = f"o-x/AWSLogs/o-x/111111111111/CloudTrail/us-east-1/2026/01/15/{number}.json.gz"
    inner = {"s3Bucket": f"aws-controltower-logs-{LOG_ARCHIVE}-us-east-1", "s3ObjectKey": [key]}
    return json.dumps({"Type": "Notification", "TopicArn": TOPIC, "Message": json.dumps(inner)})
