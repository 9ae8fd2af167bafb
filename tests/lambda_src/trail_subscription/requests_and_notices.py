"""What CloudFormation and SNS send, in their documented form."""

from __future__ import annotations

import json
from typing import Any, Literal

AUDIT = "222222222222"
LOG_ARCHIVE = "333333333333"
TOPIC = f"arn:aws:sns:us-east-1:{AUDIT}:aws-controltower-AllConfigNotifications"
OTHER_TOPIC = f"arn:aws:sns:us-east-1:{AUDIT}:aws-controltower-SecurityNotifications"
QUEUE_NAME = "outcomesbucket-12345678"
QUEUE = f"arn:aws:sqs:eu-west-1:{LOG_ARCHIVE}:{QUEUE_NAME}"
FILTER = '{"messageType": [{"exists": false}]}'
SUBSCRIPTION = f"{TOPIC}:0b1d5c3e-0000-4000-8000-00000000000a"
SIGNATURE = "X-Amz-Signature=0123456789abcdef"
BUCKET = "https://cloudformation-custom-resource-response-useast1.s3.amazonaws.com"
STACK_ID = f"arn:aws:cloudformation:us-east-1:{AUDIT}:stack/AlertLogic-Audit/6f0c8b40-f205-11f0-8d55-0affc0ffee01"


def event(
    request_type: Literal["Create", "Update", "Delete"] = "Create",
    *,
    changes: dict[str, Any] | None = None,
    properties: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Return a request; a change or property of None leaves the name out."""
    own = {
        "ServiceToken": f"arn:aws:lambda:us-east-1:{AUDIT}:function:trail-subscription",
        "TopicArn": TOPIC,
        "QueueArn": QUEUE,
        "FilterPolicy": FILTER,
    }
    request = {
        "RequestType": request_type,
        "ServiceToken": own["ServiceToken"],
        "ResponseURL": f"{BUCKET}/key?{SIGNATURE}",
        "StackId": STACK_ID,
        "RequestId": "3d5c9f0e-8a0b-4a51-9d6e-6f1d2c3b4a59",
        "LogicalResourceId": "Resource",
        "ResourceType": "Custom::AlertLogicTrailSubscription",
        "ResourceProperties": _without_none(own | (properties or {})),
    }
    if request_type != "Create":
        request["PhysicalResourceId"] = SUBSCRIPTION
    return _without_none(request | (changes or {}))


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


def _without_none(document: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in document.items() if value is not None}
