"""Moves messages: rules and topics to queues, queues to functions. Each hop is judged."""

from __future__ import annotations

import json
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from tests.rehearsal.functions import EventSource, FunctionError, Functions
from tests.rehearsal.gateway import AwsError
from tests.rehearsal.moto_state import backend
from tests.rehearsal.principals import Service, account_of, region_of

if TYPE_CHECKING:
    from tests.rehearsal.authority import Authority
    from tests.rehearsal.calls import ApiCall
    from tests.rehearsal.clock import VirtualClock
    from tests.rehearsal.gateway import Gateway
    from tests.rehearsal.templates import Json


class Delivery:
    """EventBridge, SNS and the pollers of Lambda."""

    def __init__(self, gateway: Gateway, authority: Authority, clock: VirtualClock, functions: Functions) -> None:
        self._gateway = gateway
        self._authority = authority
        self._clock = clock
        self._functions = functions
        self._messages = 0
        # How many times a queue takes each message: SQS promises no less than once.
        self.copies = 1

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
            self._send(
                Service("sns.amazonaws.com", topic_arn),
                subscription.endpoint,
                message if raw else json.dumps(envelope),
                redrive.get("deadLetterTargetArn"),
            )
        return message_id

    def event(self, account: str, region: str, event: Json) -> int:
        """Put an event on an account's default bus; return how many targets took it."""
        rules = [
            rule
            for rule in backend("events", account, region).event_buses["default"].rules.values()
            if rule.state == "ENABLED"
        ]
        delivered = 0
        for rule in rules:
            if not rule.event_pattern.get_pattern() or not rule.event_pattern.matches_event(event):
                continue
            for target in rule.targets:
                if not target["Arn"].startswith("arn:aws:sqs:") or {"Input", "InputPath", "InputTransformer"} & set(
                    target
                ):
                    raise NotImplementedError(f"rule {rule.arn}: only whole events to queues are known")
                dead_letters = target.get("DeadLetterConfig", {}).get("Arn")
                service = Service("events.amazonaws.com", rule.arn)
                delivered += self._send(service, target["Arn"], json.dumps(event), dead_letters)
        return delivered

    def _send(self, service: Service, queue_arn: str, body: str, dead_letter_arn: str | None) -> bool:
        """Send to a queue if its policy admits the service, else to the dead-letter queue if that one's does."""
        for arn in (queue_arn, dead_letter_arn):
            if arn is not None and self._authority.allows(service, "sqs:SendMessage", arn):
                sqs = backend("sqs", account_of(arn), region_of(arn))
                for _ in range(self.copies):
                    sqs.send_message(arn.rsplit(":", 1)[1], body)
                return arn == queue_arn
        return False

    def poll(self, *, concurrency: int = 1, batch_size: int | None = None) -> bool:
        """Feed every function what is visible in its queue, in up to `concurrency` batches at once."""
        batches: list[tuple[EventSource, list[Json]]] = []
        for source in self._functions.sources:
            for _ in range(concurrency):
                messages = self._receive(source, batch_size or source.batch_size)
                if messages:
                    batches.append((source, messages))
        if len(batches) == 1:
            self._invoke(*batches[0])
        elif batches:
            with ThreadPoolExecutor(len(batches)) as executor:
                list(executor.map(self._invoke, *zip(*batches, strict=True)))
        return bool(batches)

    def due(self) -> list[float]:
        """When hidden messages of queues that feed functions become visible."""
        return [
            # moto shows a message only once its time has passed.
            max(message.visible_at, message.delayed_until) / 1000 + 0.001
            for source in self._functions.sources
            for message in _queue(source.queue_arn)._messages
        ]

    def depth(self, queue_arn: str) -> int:
        return len(_queue(queue_arn)._messages)

    def bodies(self, queue_arn: str) -> list[tuple[str, dict[str, str]]]:
        """Body and text attributes of every message in a queue, without receiving them."""
        return [
            (message.body, {name: value["StringValue"] for name, value in message.message_attributes.items()})
            for message in _queue(queue_arn)._messages
        ]

    def drain(self, queue_arn: str) -> None:
        _queue(queue_arn)._messages.clear()

    def _receive(self, source: EventSource, batch_size: int) -> list[Json]:
        sqs, url = self._sqs(source)
        sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"])
        messages: list[Json] = sqs.receive_message(
            QueueUrl=url,
            MaxNumberOfMessages=min(batch_size, 10),
            MessageSystemAttributeNames=["All"],
            MessageAttributeNames=["All"],
            WaitTimeSeconds=0,
        ).get("Messages", [])
        return messages

    def _invoke(self, source: EventSource, messages: list[Json]) -> None:
        sqs, url = self._sqs(source)
        function = self._functions.function_of(source)
        records = [_record(message, source.queue_arn) for message in messages]
        try:
            result = self._functions.invoke(function, {"Records": records})
        except FunctionError:
            return
        done = done_of([message["MessageId"] for message in messages], result if source.reports_failures else None)
        for message in messages:
            if message["MessageId"] in done:
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])

    def _sqs(self, source: EventSource) -> tuple[Any, str]:
        function = self._functions.function_of(source)
        account, region, name = (
            source.queue_arn.split(":")[4],
            region_of(source.queue_arn),
            source.queue_arn.split(":")[5],
        )
        client = self._gateway.client("sqs", function.session, region)
        return client, f"https://sqs.{region}.amazonaws.com/{account}/{name}"


def done_of(batch: list[str], result: Any) -> set[str]:
    """The messages of a batch that leave the queue, given what the function returned.

    All of them if it returned nothing, none if it names one that is not of the batch or returned something else.
    https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html#services-sqs-batchfailurereporting
    """
    if not result:
        return set(batch)
    try:
        failed = {failure["itemIdentifier"] for failure in result["batchItemFailures"] or ()}
    except (KeyError, TypeError):
        return set()
    return set(batch) - failed if failed <= set(batch) else set()


def _queue(arn: str) -> Any:
    return backend("sqs", account_of(arn), region_of(arn)).queues[arn.rsplit(":", 1)[1]]


def _record(message: Json, queue_arn: str) -> Json:
    attributes = message.get("MessageAttributes", {})
    return {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": message["Attributes"],
        "messageAttributes": {
            name: {"stringValue": value.get("StringValue"), "dataType": value["DataType"]}
            for name, value in attributes.items()
        },
        "md5OfBody": message["MD5OfBody"],
        "eventSource": "aws:sqs",
        "eventSourceARN": queue_arn,
        "awsRegion": region_of(queue_arn),
    }
