"""Lambda's event source mappings: what is in a queue goes to a function, in batches."""

from __future__ import annotations

import contextlib
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.rehearsal.functions import FunctionError
from tests.rehearsal.principals import account_of, region_of
from tests.rehearsal.resources import Client, Made, ResourceType

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from tests.rehearsal.clock import VirtualClock
    from tests.rehearsal.functions import Function, Functions
    from tests.rehearsal.gateway import Gateway
    from tests.rehearsal.queues import Queues
    from tests.rehearsal.templates import Json

# SQS hands out no more at once.
MOST_RECEIVED = 10
# Nor does Lambda invoke a function with more: https://docs.aws.amazon.com/lambda/latest/dg/invocation-eventsourcemapping.html
LARGEST_BATCH_BYTES = 6 * 1024 * 1024


@dataclass
class EventSource:
    """An event source mapping from a queue to a function.

    Attributes:
        window_seconds: How long a batch that is not full waits for more, from its first message on.
    """

    queue_arn: str
    function_name: str
    batch_size: int
    window_seconds: int
    reports_failures: bool


class Pollers:
    """All event source mappings."""

    def __init__(self, gateway: Gateway, queues: Queues, clock: VirtualClock, functions: Functions) -> None:
        self.sources: dict[str, EventSource] = {}
        self._paused: set[str] = set()
        self._gateway = gateway
        self._queues = queues
        self._clock = clock
        self._functions = functions

    def resource_types(self) -> dict[str, ResourceType]:
        return {"AWS::Lambda::EventSourceMapping": ResourceType(self._put, self._remove)}

    def function_of(self, source: EventSource) -> Function:
        """The function that a mapping feeds: in the queue's account."""
        account = account_of(source.queue_arn)
        functions = self._functions.all.values()
        return next(f for f in functions if f.account == account and source.function_name in {f.name, f.arn})

    @contextlib.contextmanager
    def paused(self, label: str) -> Generator[None]:
        """Leave what a function would get in its queue, for as long as the block lasts."""
        self._paused.add(label)
        try:
            yield
        finally:
            self._paused.remove(label)

    def poll(self, *, concurrency: int = 1, batch_size: int | None = None) -> bool:
        """Feed every function what waits for it in its queue, in up to `concurrency` batches at once."""
        batches: list[tuple[EventSource, list[Json]]] = []
        for source in self._active():
            most = batch_size or source.batch_size
            for _ in range(concurrency):
                messages = self._receive(source, most) if self._is_due(source, most) else []
                batches += [(source, batch) for batch in batches_of(messages)]
        if len(batches) == 1:
            self._invoke(*batches[0])
        elif batches:
            with ThreadPoolExecutor(len(batches)) as executor:
                list(executor.map(self._invoke, *zip(*batches, strict=True)))
        return bool(batches)

    def due(self) -> list[float]:
        """When messages that are hidden now can be received, and when batches that gather now are handed over."""
        return [
            moment + source.window_seconds
            for source in self._active()
            for moment in self._queues.ready_at(source.queue_arn)
        ]

    def _active(self) -> list[EventSource]:
        return [source for source in self.sources.values() if self.function_of(source).label not in self._paused]

    def _is_due(self, source: EventSource, batch_size: int) -> bool:
        """Whether a batch is full, or its first message has waited long enough."""
        now = self._clock.now
        ready = [moment for moment in self._queues.ready_at(source.queue_arn) if moment <= now]
        return bool(ready) and (len(ready) >= batch_size or min(ready) + source.window_seconds <= now)

    def _receive(self, source: EventSource, batch_size: int) -> list[Json]:
        sqs, url = self._sqs(source)
        sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"])
        messages: list[Json] = []
        while len(messages) < batch_size:
            received: list[Json] = sqs.receive_message(
                QueueUrl=url,
                MaxNumberOfMessages=min(batch_size - len(messages), MOST_RECEIVED),
                MessageSystemAttributeNames=["All"],
                MessageAttributeNames=["All"],
                WaitTimeSeconds=0,
            ).get("Messages", [])
            messages += received
            if len(received) < MOST_RECEIVED:
                break
        return messages

    def _invoke(self, source: EventSource, messages: list[Json]) -> None:
        sqs, url = self._sqs(source)
        function = self.function_of(source)
        records = [_record(message, source.queue_arn) for message in messages]
        try:
            result = self._functions.invoke(function, {"Records": records})
        except FunctionError:
            return
        done = done_of([message["MessageId"] for message in messages], result if source.reports_failures else None)
        entries = [
            {"Id": message["MessageId"], "ReceiptHandle": message["ReceiptHandle"]}
            for message in messages
            if message["MessageId"] in done
        ]
        for first in range(0, len(entries), MOST_RECEIVED):
            sqs.delete_message_batch(QueueUrl=url, Entries=entries[first : first + MOST_RECEIVED])

    def _sqs(self, source: EventSource) -> tuple[Any, str]:
        account, name = source.queue_arn.split(":")[4:]
        region = region_of(source.queue_arn)
        client = self._gateway.client("sqs", self.function_of(source).session, region)
        return client, f"https://sqs.{region}.amazonaws.com/{account}/{name}"

    def _put(self, made: Made, _client: Client) -> None:
        made.physical_id = made.suffix
        properties = made.properties
        self.sources[made.physical_id] = EventSource(
            queue_arn=properties["EventSourceArn"],
            function_name=properties["FunctionName"],
            batch_size=int(properties.get("BatchSize", 10)),
            window_seconds=int(properties.get("MaximumBatchingWindowInSeconds", 0)),
            reports_failures="ReportBatchItemFailures" in properties.get("FunctionResponseTypes", []),
        )

    def _remove(self, made: Made, _client: Client) -> None:
        del self.sources[made.physical_id]


def batches_of(messages: list[Json]) -> Iterator[list[Json]]:
    """Yield messages in batches that an invocation can hold."""
    batch: list[Json] = []
    size = 0
    for message in messages:
        more = len(json.dumps(message["Body"]))
        if batch and size + more > LARGEST_BATCH_BYTES:
            yield batch
            batch, size = [], 0
        batch.append(message)
        size += more
    if batch:
        yield batch


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
