"""What Lambda hands to a function, made from raw events."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import MessageTypeDef

_EVENTS = Path(__file__).parents[1] / "events"


def raw_event(name: str) -> dict[str, Any]:
    return json.loads((_EVENTS / f"{name}.json").read_text())


@dataclass(frozen=True)
class Context:
    """Lambda's context object, as far as Powertools and the functions look at it.

    The time that remains runs down from when it is first asked for.
    """

    function_name: str = "function"
    memory_limit_in_mb: int = 512
    invoked_function_arn: str = "arn:aws:lambda:us-east-1:444444444444:function:function"
    aws_request_id: str = "00000000-0000-4000-8000-000000000000"
    remaining_ms: int = 300_000

    def get_remaining_time_in_millis(self) -> int:
        return self.remaining_ms - int((time.monotonic() - self._first_asked_at) * 1000)

    @cached_property
    def _first_asked_at(self) -> float:
        return time.monotonic()


class Deliveries:
    """A real queue (moto's) of which batches are taken as the event source mapping takes them."""

    def __init__(self, sqs: SQSClient) -> None:
        self.sqs = sqs
        self.url = sqs.create_queue(QueueName="queue", Attributes={"VisibilityTimeout": "1800"})["QueueUrl"]
        self.dead_letter_url = sqs.create_queue(QueueName="dead-letters")["QueueUrl"]

    def batch(self, *bodies: str, received: int = 1, age: float = 0) -> dict[str, Any]:
        """Send messages and receive them again, as if that had happened before, and so often."""
        for body in bodies:
            self.sqs.send_message(QueueUrl=self.url, MessageBody=body)
        received_now = self._received(self.url)
        attributes = {
            "ApproximateReceiveCount": str(received),
            "SentTimestamp": str(int((time.time() - age) * 1000)),
        }
        return {
            "Records": [
                {
                    "messageId": message.get("MessageId"),
                    "receiptHandle": message.get("ReceiptHandle"),
                    "body": message.get("Body"),
                    "attributes": {**message.get("Attributes", {}), **attributes},
                    "messageAttributes": {},
                    "eventSource": "aws:sqs",
                    "eventSourceARN": "arn:aws:sqs:us-east-1:444444444444:queue",
                    "awsRegion": "us-east-1",
                }
                for message in received_now
            ]
        }

    def dead_letters(self) -> list[tuple[str, str]]:
        """Return body and reason of everything that was set aside, once."""
        set_aside = self._received(self.dead_letter_url)
        for message in set_aside:
            # Or it would be there again half a minute later.
            self.sqs.delete_message(QueueUrl=self.dead_letter_url, ReceiptHandle=message["ReceiptHandle"])
        return [
            (
                message.get("Body", ""),
                message.get("MessageAttributes", {}).get("reason", {"DataType": ""}).get("StringValue", ""),
            )
            for message in set_aside
        ]

    def _received(self, url: str) -> list[MessageTypeDef]:
        messages: list[MessageTypeDef] = []
        while received := self.sqs.receive_message(
            QueueUrl=url,
            MaxNumberOfMessages=10,
            MessageSystemAttributeNames=["All"],
            MessageAttributeNames=["All"],
        ).get("Messages"):
            messages += received
        return messages
