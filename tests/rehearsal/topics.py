"""SNS: subscriptions, and what is published on a topic goes to those that are confirmed. Each hop is judged."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from moto.sns.utils import FilterPolicyMatcher

from tests.rehearsal.gateway import AwsError, Handler
from tests.rehearsal.principals import Service, account_of, region_of

if TYPE_CHECKING:
    from tests.rehearsal.calls import ApiCall
    from tests.rehearsal.clock import VirtualClock
    from tests.rehearsal.queues import Queues
    from tests.rehearsal.templates import Json

PAGE = 100


@dataclass
class Subscription:
    """One queue at one topic.

    Attributes:
        token: What confirms it, as long as nobody has.
    """

    arn: str
    topic_arn: str
    endpoint: str
    owner: str
    attributes: dict[str, str]
    token: str | None = None

    @property
    def service(self) -> Service:
        """SNS, as the queue's policy sees it."""
        return Service("sns.amazonaws.com", self.topic_arn)

    def wants(self, message: str) -> bool:
        """Whether the filter lets a message pass that has no attributes."""
        policy = json.loads(self.attributes.get("FilterPolicy", "{}"))
        matcher = cast("Any", FilterPolicyMatcher)(policy, self.attributes.get("FilterPolicyScope"))
        return bool(matcher.matches({}, message))

    def described(self) -> Json:
        return {
            "SubscriptionArn": "PendingConfirmation" if self.token else self.arn,
            "Owner": self.owner,
            "Protocol": "sqs",
            "Endpoint": self.endpoint,
            "TopicArn": self.topic_arn,
        }


class Topics:
    """All topics of all accounts.

    Attributes:
        subscriptions: By their ARNs, pending ones too.
    """

    def __init__(self, queues: Queues, clock: VirtualClock) -> None:
        self.subscriptions: dict[str, Subscription] = {}
        self._queues = queues
        self._clock = clock
        self._messages = 0
        self._asked = 0

    def handlers(self) -> dict[str, Handler]:
        return {
            "Publish": self._publish,
            "Subscribe": self._subscribe,
            "ConfirmSubscription": self._confirm,
            "Unsubscribe": self._unsubscribe,
            "ListSubscriptionsByTopic": self._list_by_topic,
            "GetSubscriptionAttributes": self._get_attributes,
        }

    def of(self, topic_arn: str) -> list[Subscription]:
        """The subscriptions of a topic, pending ones too."""
        return [one for one in self.subscriptions.values() if one.topic_arn == topic_arn]

    def notify(self, topic_arn: str, message: str, subject: str | None = None) -> str:
        """Deliver a message that is in a topic to the topic's queues."""
        envelope = self._envelope("Notification", topic_arn, message)
        envelope |= {"UnsubscribeURL": f"https://sns.{region_of(topic_arn)}.amazonaws.com/?Action=Unsubscribe"}
        if subject:
            envelope["Subject"] = subject
        for subscription in self.of(topic_arn):
            if subscription.token or not subscription.wants(message):
                continue
            raw = subscription.attributes.get("RawMessageDelivery") == "true"
            redrive = json.loads(subscription.attributes.get("RedrivePolicy", "{}"))
            self._queues.send(
                subscription.service,
                message if raw else json.dumps(envelope),
                subscription.endpoint,
                redrive.get("deadLetterTargetArn"),
            )
        return str(envelope["MessageId"])

    def _publish(self, call: ApiCall) -> dict[str, Any]:
        """That the caller may publish is judged before, as with all of these."""
        parameters = call.parameters
        _require_region(call, parameters["TopicArn"])
        return {"MessageId": self.notify(parameters["TopicArn"], parameters["Message"], parameters.get("Subject"))}

    def _subscribe(self, call: ApiCall) -> dict[str, Any]:
        """A queue of the caller's own account is confirmed at once; any other gets a token, anew with every call.

        https://docs.aws.amazon.com/sns/latest/dg/sns-send-message-to-sqs-cross-account.html
        """
        parameters = call.parameters
        topic_arn, endpoint = parameters["TopicArn"], parameters["Endpoint"]
        _require_region(call, topic_arn)
        if parameters["Protocol"] != "sqs":
            raise NotImplementedError(f"subscription to {topic_arn}: only queues are known")
        attributes = parameters.get("Attributes") or {}
        subscription = next((one for one in self.of(topic_arn) if one.endpoint == endpoint), None)
        if subscription is None:
            self._asked += 1
            identity = uuid.uuid5(uuid.NAMESPACE_URL, f"{topic_arn}/{endpoint}/{self._asked}")
            subscription = Subscription(f"{topic_arn}:{identity}", topic_arn, endpoint, call.account, attributes)
            self.subscriptions[subscription.arn] = subscription
            if call.account != account_of(endpoint):
                self._ask_to_confirm(subscription)
        elif subscription.attributes != attributes:
            message = "Invalid parameter: Attributes Reason: Subscription already exists with different attributes"
            raise AwsError("InvalidParameter", message)
        elif subscription.token:
            self._ask_to_confirm(subscription)
        shown = not subscription.token or parameters.get("ReturnSubscriptionArn")
        return {"SubscriptionArn": subscription.arn if shown else "pending confirmation"}

    def _ask_to_confirm(self, subscription: Subscription) -> None:
        self._asked += 1
        topic_arn = subscription.topic_arn
        subscription.token = uuid.uuid5(uuid.NAMESPACE_URL, f"{subscription.arn}/{self._asked}").hex * 4
        message = f"You have chosen to subscribe to the topic {topic_arn}."
        query = f"Action=ConfirmSubscription&TopicArn={topic_arn}&Token={subscription.token}"
        envelope = self._envelope("SubscriptionConfirmation", topic_arn, message)
        envelope |= {
            "Token": subscription.token,
            "SubscribeURL": f"https://sns.{region_of(topic_arn)}.amazonaws.com/?{query}",
        }
        self._queues.send(subscription.service, json.dumps(envelope), subscription.endpoint)

    def _confirm(self, call: ApiCall) -> dict[str, Any]:
        token = call.parameters["Token"]
        subscription = next((one for one in self.of(call.parameters["TopicArn"]) if one.token == token), None)
        if subscription is None:
            raise AwsError("InvalidParameter", "Invalid parameter: Token")
        if call.parameters.get("AuthenticateOnUnsubscribe") != "true":
            raise NotImplementedError(f"{subscription.arn}: anybody could end it, which nobody of ours wants")
        subscription.token = None
        return {"SubscriptionArn": subscription.arn}

    def _unsubscribe(self, call: ApiCall) -> dict[str, Any]:
        subscription = self._find(call)
        if subscription.token:
            message = "Invalid parameter: SubscriptionArn Reason: The subscription is pending confirmation"
            raise AwsError("InvalidParameter", message)
        del self.subscriptions[subscription.arn]
        return {}

    def _list_by_topic(self, call: ApiCall) -> dict[str, Any]:
        found = self.of(call.parameters["TopicArn"])
        first = int(call.parameters.get("NextToken") or 0)
        last = first + PAGE
        more = {"NextToken": str(last)} if last < len(found) else {}
        return {"Subscriptions": [one.described() for one in found[first:last]], **more}

    def _get_attributes(self, call: ApiCall) -> dict[str, Any]:
        subscription = self._find(call)
        pending = "true" if subscription.token else "false"
        attributes = subscription.described() | {"SubscriptionArn": subscription.arn, "PendingConfirmation": pending}
        return {"Attributes": attributes | subscription.attributes}

    def _find(self, call: ApiCall) -> Subscription:
        arn = call.parameters["SubscriptionArn"]
        _require_region(call, arn)
        if arn not in self.subscriptions:
            raise AwsError("NotFound", "Subscription does not exist")
        return self.subscriptions[arn]

    def _envelope(self, kind: str, topic_arn: str, message: str) -> Json:
        self._messages += 1
        return {
            "Type": kind,
            "MessageId": str(uuid.uuid5(uuid.NAMESPACE_URL, f"{topic_arn}/{self._messages}")),
            "TopicArn": topic_arn,
            "Message": message,
            "Timestamp": self._clock.iso().replace("Z", ".000Z"),
            "SignatureVersion": "1",
            "Signature": "rehearsal",
            "SigningCertURL": f"https://sns.{region_of(topic_arn)}.amazonaws.com/SimpleNotificationService.pem",
        }


def _require_region(call: ApiCall, arn: str) -> None:
    if region_of(arn) != call.region:
        raise AwsError("InvalidParameter", "Invalid parameter: TopicArn")
