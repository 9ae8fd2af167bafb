"""SQS queues as AWS's own services use them, and what is in them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.rehearsal.moto_state import backend
from tests.rehearsal.principals import Service, account_of, region_of

if TYPE_CHECKING:
    from tests.rehearsal.authority import Authority


class Queues:
    """All queues of all accounts.

    Attributes:
        copies: How many times a queue takes each message that a service sends: SQS promises no less than once.
    """

    def __init__(self, authority: Authority) -> None:
        self.copies = 1
        self._authority = authority

    def send(self, service: Service, body: str, queue_arn: str | None, dead_letter_arn: str | None = None) -> bool:
        """Send to a queue if its policy admits the service, else to the dead-letter queue if that one's does.

        Returns:
            Whether the queue took it, not the dead-letter queue.
        """
        for arn in (queue_arn, dead_letter_arn):
            if arn is not None and self._authority.allows(service, "sqs:SendMessage", arn):
                sqs = backend("sqs", account_of(arn), region_of(arn))
                for _ in range(self.copies):
                    sqs.send_message(arn.rsplit(":", 1)[1], body)
                return arn == queue_arn
        return False

    def ready_at(self, queue_arn: str) -> list[float]:
        """Since when, or from when on, each message can be received."""
        return [
            # moto shows a message only once its time has passed.
            max(message.sent_timestamp, message.visible_at + 1, message.delayed_until + 1) / 1000
            for message in self._messages(queue_arn)
        ]

    def depth(self, queue_arn: str) -> int:
        return len(self._messages(queue_arn))

    def bodies(self, queue_arn: str) -> list[tuple[str, dict[str, str]]]:
        """Body and text attributes of every message in a queue, without receiving them."""
        return [
            (message.body, {name: value["StringValue"] for name, value in message.message_attributes.items()})
            for message in self._messages(queue_arn)
        ]

    def drain(self, queue_arn: str) -> None:
        self._messages(queue_arn).clear()

    @staticmethod
    def _messages(arn: str) -> Any:
        return backend("sqs", account_of(arn), region_of(arn)).queues[arn.rsplit(":", 1)[1]]._messages
