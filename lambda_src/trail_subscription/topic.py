"""The topic and its subscriptions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from botocore.exceptions import ClientError

from aws.clients import error_code
from aws.queue import NotYet

from .subscription import Subscription

if TYPE_CHECKING:
    from mypy_boto3_sns import SNSClient

    from .subscription import Wanted

_INVALID: Final = "InvalidParameter"
_NOT_FOUND: Final = "NotFound"


class SnsTopic:
    """A topic of this account.

    Args:
        sns: A client in the topic's region.
        arn: The topic.
    """

    def __init__(self, sns: SNSClient, *, arn: str) -> None:
        self._sns = sns
        self._arn = arn

    def find(self, queue_arn: str) -> Subscription | None:
        """Find the confirmed subscription of a queue; None if there is none, or only one that is not confirmed."""
        pages = self._sns.get_paginator("list_subscriptions_by_topic").paginate(TopicArn=self._arn)
        for page in pages:
            for listed in page["Subscriptions"]:
                arn = listed.get("SubscriptionArn", "")
                # Else it is 'PendingConfirmation' or 'Deleted'.
                if listed.get("Endpoint") == queue_arn and arn.startswith(self._arn):
                    return self.read(arn)
        return None

    def read(self, subscription_arn: str) -> Subscription | None:
        """Read a subscription; None if it is gone, or not confirmed."""
        try:
            attributes = self._sns.get_subscription_attributes(SubscriptionArn=subscription_arn)["Attributes"]
        except ClientError as error:
            if error_code(error) == _NOT_FOUND:
                return None
            raise
        if attributes.get("PendingConfirmation") == "true":
            return None
        return Subscription.from_attributes(subscription_arn, attributes)

    def subscribe(self, wanted: Wanted) -> str | None:
        """Have SNS send a confirmation to the queue.

        Returns:
            The ARN of the subscription; None if one with another filter waits for its confirmation already.
        """
        try:
            return self._sns.subscribe(
                TopicArn=self._arn,
                Protocol="sqs",
                Endpoint=wanted.queue_arn,
                Attributes=wanted.attributes,
                ReturnSubscriptionArn=True,
            )["SubscriptionArn"]
        except ClientError as error:
            if error_code(error) == _INVALID and "different attributes" in str(error):
                return None
            raise

    def confirm(self, token: str) -> str:
        """Confirm a subscription, so that only its owner or the topic's can end it, and return its ARN.

        Raises:
            NotYet: SNS does not take the token: it is too old, or may not be used by us yet.
        """
        try:
            return self._sns.confirm_subscription(TopicArn=self._arn, Token=token, AuthenticateOnUnsubscribe="true")[
                "SubscriptionArn"
            ]
        except ClientError as error:
            code = error_code(error)
        # Raised outside of the handler, since nobody promises that SNS's words do not repeat the token.
        raise NotYet(f"SNS does not take the confirmation in the queue: {code}")

    def unsubscribe(self, subscription_arn: str) -> None:
        """End a subscription, if it is still there; one that was never confirmed ends by itself after two days."""
        try:
            self._sns.unsubscribe(SubscriptionArn=subscription_arn)
        except ClientError as error:
            is_pending = error_code(error) == _INVALID and "pending confirmation" in str(error)
            if not is_pending and error_code(error) != _NOT_FOUND:
                raise
