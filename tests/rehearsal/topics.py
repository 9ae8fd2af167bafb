"""SNS: what is published on a topic goes to the topic's queues. Each hop is judged."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING, Any

from tests.rehearsal.gateway import AwsError
from tests.rehearsal.moto_state import backend
from tests.rehearsal.principals import Service, account_of, region_of

if TYPE_CHECKING:
    from tests.rehearsal.calls import ApiCall
    from tests.rehearsal.clock import VirtualClock
    from tests.rehearsal.queues import Queues


class Topics:
    """All topics of all accounts."""

    def __init__(self, queues: Queues, clock: VirtualClock) -> None:
        self._queues = queues
        self._clock = clock
        self._messages = 0

    def publish(self, call: ApiCall) -> dict[str, Any]:
        """SNS's Publish. That the caller may publish is judged before.

        Raises:
            AwsError: the topic is in another region than the endpoint.
        """
        parameters = call.parameters
        if region_of(parameters["TopicArn"]) != call.region:
            raise AwsError("InvalidParameter", "Invalid parameter: TopicArn")
        return {"MessageId": self.notify(parameters["TopicArn"], parameters["Message"], parameters.get("Subject"))}

    def notify(self, topic_arn: str, message: str, subject: str | None = None) -> str:
        """Deliver a message that is in a topic to the topic's queues."""
        self._messages += 1
        message_id = str(uuid.uuid5(uuid.NAMESPACE_URL, f"{topic_arn}/{self._messages}"))
        envelope = {
            "Type": "Notification",
            "MessageId": message_id,
            "TopicArn": topic_arn,
            **({"Subject": subject} if subject else {}),
            "Message": message,
            "Timestamp": self._clock.iso().replace("Z", ".000Z"),
            "SignatureVersion": "1",
            "Signature": "rehearsal",
            "SigningCertURL": f"https://sns.{region_of(topic_arn)}.amazonaws.com/SimpleNotificationService.pem",
            "UnsubscribeURL": f"https://sns.{region_of(topic_arn)}.amazonaws.com/?Action=Unsubscribe",
        }
        subscriptions = backend("sns", account_of(topic_arn), region_of(topic_arn)).subscriptions.values()
        for subscription in [one for one in subscriptions if one.topic.arn == topic_arn]:
            attributes = subscription.attributes
            if subscription.protocol != "sqs" or "FilterPolicy" in attributes:
                raise NotImplementedError(f"subscription {subscription.arn}: only unfiltered queues are known")
            raw = attributes.get("RawMessageDelivery") == "true"
            redrive = json.loads(attributes.get("RedrivePolicy", "{}"))
            self._queues.send(
                Service("sns.amazonaws.com", topic_arn),
                message if raw else json.dumps(envelope),
                subscription.endpoint,
                redrive.get("deadLetterTargetArn"),
            )
        return message_id
