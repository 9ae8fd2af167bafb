"""A batch of queue messages, each of which is done, waits, or is set aside with the reason.

The functions work on whole batches, since their messages share what is read, but no message suffers for another.
"""

from __future__ import annotations

import random
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from aws_lambda_powertools.metrics import MetricUnit
from botocore.exceptions import BotoCoreError, ClientError

from .clients import is_transient
from .measures import emit

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping, Sequence

    from aws_lambda_powertools.logging import Logger
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import SendMessageBatchRequestEntryTypeDef

WAITING_METRIC: Final = "OldestWaitingMessage"
SHORTEST_WAIT_SECONDS: Final = 30
LONGEST_WAIT_SECONDS: Final = 900
# SQS hides a message for 12 hours at most.
LONGEST_RETRY_AFTER_SECONDS: Final = 6 * 3600
# After an error that nobody foresaw a message is tried again, except at each tenth delivery: SQS counts deliveries,
# so how many of them merely had to wait nobody knows.
UNFORESEEN_ATTEMPTS: Final = 10

_LONGEST_REASON: Final = 1000
# The most that SQS takes in one call:
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html
_MOST_AT_ONCE: Final = 10


class Refused(Exception):  # noqa: N818 - the name of an outcome
    """This message can never succeed; it goes to the dead-letter queue with the reason."""


class NotYet(Exception):  # noqa: N818 - the name of an outcome
    """Something that will come is missing; the message stays in the queue."""


class Busy(NotYet):
    """Somebody else is at it, or a table takes no more for now: nothing is known to be wrong."""


@contextmanager
def reading(kind: str) -> Generator[None]:
    """Read a message or an event inside, by the errors that say what is wrong with it.

    Args:
        kind: What it should be.

    Raises:
        Refused: It is not JSON, lacks something, or something in it is of another type.
    """
    try:
        yield
    except ValueError:
        raise Refused("the message is not JSON") from None
    except KeyError as error:
        raise Refused(f"the message is not {kind}: {error} is missing or unknown") from None
    except (AttributeError, TypeError):
        raise Refused(f"the message is not {kind}") from None


@dataclass(frozen=True, slots=True)
class Message:
    """A message as Lambda delivers it.

    Attributes:
        id: SQS's id of the message.
        body: Its text, which may hold a pre-signed URL.
        receipt_handle: What SQS wants to see to change it.
        received: How often it was delivered, this time included.
        sent_at: When it entered the queue, Unix seconds.
    """

    id: str
    body: str = field(repr=False)
    receipt_handle: str = field(repr=False)
    received: int
    sent_at: float

    @property
    def is_at_last_attempt(self) -> bool:
        """Whether it is set aside if it fails now for a reason that nobody foresaw."""
        return self.received % UNFORESEEN_ATTEMPTS == 0

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Message:
        """Read a record of an SQS event, https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html."""
        attributes = record["attributes"]
        return cls(
            id=record["messageId"],
            body=record["body"],
            receipt_handle=record["receiptHandle"],
            received=int(attributes["ApproximateReceiveCount"]),
            sent_at=int(attributes["SentTimestamp"]) / 1000,
        )


class Queue:
    """A function's queue and the dead-letter queue beside it."""

    def __init__(self, sqs: SQSClient, *, url: str, dead_letter_url: str) -> None:
        self._sqs = sqs
        self._url = url
        self._dead_letter_url = dead_letter_url

    def send(self, body: str, *, delay_seconds: int) -> None:
        """Put a message of our own into the queue."""
        self._sqs.send_message(QueueUrl=self._url, MessageBody=body, DelaySeconds=delay_seconds)

    def send_all(self, bodies: Sequence[str]) -> None:
        """Put any number of messages of our own into the queue, without delay.

        Raises:
            NotYet: It does not take all of them. What it has taken it keeps.
        """
        for first in range(0, len(bodies), _MOST_AT_ONCE):
            entries: list[SendMessageBatchRequestEntryTypeDef] = [
                {"Id": str(number), "MessageBody": body}
                for number, body in enumerate(bodies[first : first + _MOST_AT_ONCE])
            ]
            answer = self._sqs.send_message_batch(QueueUrl=self._url, Entries=entries)
            if failed := answer.get("Failed"):
                raise NotYet(f"the queue does not take {len(failed)} messages: {failed[0]['Code']}")

    def postpone(self, waits: Mapping[Message, int]) -> dict[str, str]:
        """Let messages come back, each after so many seconds.

        Returns:
            Why SQS refused to, by the message's id.
        """
        refused: dict[str, str] = {}
        messages = list(waits)
        for first in range(0, len(messages), _MOST_AT_ONCE):
            some = messages[first : first + _MOST_AT_ONCE]
            answer = self._sqs.change_message_visibility_batch(
                QueueUrl=self._url,
                Entries=[
                    {"Id": str(number), "ReceiptHandle": message.receipt_handle, "VisibilityTimeout": waits[message]}
                    for number, message in enumerate(some)
                ],
            )
            refused |= {some[int(failed["Id"])].id: failed["Code"] for failed in answer.get("Failed", [])}
        return refused

    def set_aside(self, message: Message, *, reason: str) -> None:
        """Copy a message to the dead-letter queue with the reason beside it."""
        printable = "".join(letter if letter.isprintable() else " " for letter in reason)
        self._sqs.send_message(
            QueueUrl=self._dead_letter_url,
            MessageBody=message.body,
            MessageAttributes={"reason": {"DataType": "String", "StringValue": printable[:_LONGEST_REASON]}},
        )


class Batch:
    """The messages of one invocation.

    Attributes:
        messages: All of them.
        set_aside: How many have gone to the dead-letter queue so far.

    Args:
        event: What Lambda delivers from the queue.
        queue: Where it comes from.
        logger: Gets one line for each message that is not done, or for those together that wait for the same thing.
        waits_for: Exceptions that, like `NotYet` and AWS's own throttling, mean 'later'. A `retry_after` in seconds
            that one of them carries is honored.
        clock: The time in Unix seconds.
    """

    def __init__(
        self,
        event: Mapping[str, Any],
        queue: Queue,
        *,
        logger: Logger,
        waits_for: tuple[type[Exception], ...] = (),
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.messages: Final[Sequence[Message]] = [Message.from_record(record) for record in event["Records"]]
        self.set_aside = 0
        self._queue = queue
        self._logger = logger
        self._waits_for: tuple[type[Exception], ...] = (NotYet, *waits_for)
        self._clock = clock
        self._kept: dict[str, Message] = {}

    @contextmanager
    def handling(
        self, message: Message, *others: Message, correlation_id: str | None = None, due_at: float = 0
    ) -> Generator[None]:
        """Note what becomes of a message; no exception leaves this block.

        Args:
            message: The message at hand.
            *others: More messages, of which the same becomes.
            correlation_id: Goes into every line that is logged inside.
            due_at: The messages must be looked at again by this time (Unix seconds), if that is still to come.
        """
        self._logger.set_correlation_id(correlation_id)
        try:
            yield
        except Refused as refusal:
            self._set_aside((message, *others), str(refusal), due_at)
        except Exception as error:  # noqa: BLE001 - one message must not fail the others
            self._fail((message, *others), error, due_at)

    def response(self) -> dict[str, list[dict[str, str]]]:
        """Return the partial batch response: Lambda takes every other message off the queue.

        Also says how old the oldest message is that goes back to it. SQS's own metric leaves out what was received
        three times: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html
        """
        if self._kept:
            age = self._clock() - min(message.sent_at for message in self._kept.values())
            emit(self._logger.service, {WAITING_METRIC: age}, MetricUnit.Seconds)
        return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in self._kept]}

    def _fail(self, messages: Sequence[Message], error: Exception, due_at: float) -> None:
        first = messages[0]
        details: dict[str, Any] = {"message_id": first.id, "received": first.received, "messages": len(messages)}
        if isinstance(error, self._waits_for) or is_transient(error):
            retry_after: float | None = getattr(error, "retry_after", None)
            self._keep(messages, due_at, retry_after)
            self._logger.info("message waits", **details, reason=str(error))
            return
        self._logger.error("message failed", exc_info=error, **details)
        self._keep([message for message in messages if not message.is_at_last_attempt], due_at)
        for message in messages:
            if message.is_at_last_attempt:
                reason = f"{type(error).__name__} at delivery {message.received}; the log says where"
                self._set_aside([message], reason, due_at)

    def _set_aside(self, messages: Sequence[Message], reason: str, due_at: float) -> None:
        for message in messages:
            self._logger.error("message refused", reason=reason, message_id=message.id)
            try:
                self._queue.set_aside(message, reason=reason)
            except (BotoCoreError, ClientError):
                self._logger.exception("the dead-letter queue does not take the message", message_id=message.id)
                self._keep([message], due_at)
            else:
                self.set_aside += 1

    def _keep(self, messages: Sequence[Message], due_at: float, retry_after: float | None = None) -> None:
        due_in = due_at - self._clock()
        waits = {
            message: wait_seconds(received=message.received, retry_after=retry_after, due_in=due_in)
            for message in messages
        }
        self._kept |= {message.id: message for message in messages}
        # What cannot be postponed comes back all the same, when the queue's own visibility timeout ends.
        try:
            refused = self._queue.postpone(waits)
        except (BotoCoreError, ClientError):
            self._logger.exception("messages cannot be postponed", messages=len(messages))
        else:
            if refused:
                self._logger.warning("messages cannot be postponed", messages=len(refused), reasons=refused)


def wait_seconds(*, received: int, retry_after: float | None, due_in: float) -> int:
    """Return how long a message waits.

    The back-off is `min(900, 30 * 2^received)`, half of it random; `retry_after` can make it longer, up to six hours,
    but not shorter, since every delivery counts towards the queue's `maxReceiveCount`. It is at least 30 seconds, and
    else no longer than `due_in` seconds, if these are still to come.
    """
    back_off = min(LONGEST_WAIT_SECONDS, SHORTEST_WAIT_SECONDS * 2 ** min(received, 10))
    asked_for = min(retry_after or 0, LONGEST_RETRY_AFTER_SECONDS)
    wait = max(random.uniform(back_off / 2, back_off), asked_for)  # noqa: S311 - no secret
    return round(max(SHORTEST_WAIT_SECONDS, min(wait, due_in) if due_in > 0 else wait))
