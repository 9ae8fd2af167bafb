"""SQS and Lambda: a queue, and a function whose own handler works on batches of its messages, five at a time."""

# ruff: noqa: D102, N803 - operations and arguments are boto3's
from __future__ import annotations

import itertools
import os
import threading
from collections import deque
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Final
from unittest import mock

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping, Sequence
    from types import ModuleType

    from .growth_clock import Simulation

# As `alertlogic_constructs._queued_function` and `_asset_function` have it, which `tests/test_growth.py` checks.
CONCURRENCY: Final = 5
TIMEOUT_SECONDS: Final = 300.0
VISIBILITY_SECONDS: Final = 6 * TIMEOUT_SECONDS


@dataclass
class _Message:
    id: str
    body: str
    sent_at: float
    received: int = 0
    visible_in: float = VISIBILITY_SECONDS


@dataclass(frozen=True)
class _Context:
    """Lambda's context object, as far as Powertools and the functions look at it."""

    function_name: str
    invoked_function_arn: str
    ends_at: float
    clock: Callable[[], float]
    memory_limit_in_mb: int = 512
    aws_request_id: str = "00000000-0000-4000-8000-000000000000"

    def get_remaining_time_in_millis(self) -> int:
        return round((self.ends_at - self.clock()) * 1000)


@dataclass
class Function:
    """A function and its queue, which is also what a client of SQS does with it.

    Attributes:
        name: The folder in `lambda_src`.
        handler: Its module `handler`.
        account: Where it runs.
        environment: Its variables.
        simulation: Its time.
        batch_size: How many messages an invocation gets at most.
        window: For how many seconds messages are gathered.
        delay: For how many seconds the queue holds back each.
        seconds: How long each invocation took.
        done_at: When the last one ended, Unix seconds.
        longest_wait: How many seconds a message waited at most to be delivered for the first time.
        dead_letters: The reasons for which messages were set aside.
        waits: How often a message had to come back.
    """

    name: str
    handler: ModuleType
    account: str
    environment: Mapping[str, str]
    simulation: Simulation
    batch_size: int = 10
    window: float = 0
    delay: float = 0
    seconds: list[float] = field(default_factory=list[float])
    done_at: float = 0
    longest_wait: float = 0
    dead_letters: list[str] = field(default_factory=list[str])
    waits: int = 0
    _visible: deque[_Message] = field(default_factory=deque[_Message])
    _due_at: float = 0
    _hidden: int = 0
    _in_flight: dict[str, _Message] = field(default_factory=dict[str, _Message])
    _idle: list[Any] = field(default_factory=list[Any])
    _containers: int = 0
    _ids: itertools.count[int] = field(default_factory=itertools.count)
    _own: threading.local = field(default_factory=threading.local)

    @property
    def is_idle(self) -> bool:
        """Whether no message is left, nor on its way back."""
        return not (self._visible or self._hidden or self._in_flight)

    def __post_init__(self) -> None:
        # What the cache around it would make once for all containers.
        self._wire: Callable[[], object] = self.handler.wire.__wrapped__

    @contextmanager
    def deployed(self) -> Generator[None]:
        """Have the handler find the wiring of the container in which it is invoked."""
        with mock.patch.object(self.handler, "wire", self._wiring):
            yield

    def rest(self) -> None:
        """Lose the containers, as after some time without work."""
        self._containers -= len(self._idle)
        self._idle.clear()

    def send(self, body: str, *, delay: float = 0) -> None:
        """Put a message into the queue, where it arrives after a moment."""
        message = _Message(f"{self.name}-{next(self._ids)}", body, self.simulation.now)
        self._show_in(delay or self.delay, message)

    def send_message(self, *, QueueUrl: str, MessageBody: str, **how: Any) -> dict[str, Any]:  # noqa: ANN401 - as boto3
        if QueueUrl == self.environment["DEAD_LETTER_QUEUE_URL"]:
            self.dead_letters.append(how["MessageAttributes"]["reason"]["StringValue"])
        else:
            self.send(MessageBody, delay=how["DelaySeconds"])
        return {"MessageId": "0" * 36}

    def send_message_batch(self, *, Entries: Sequence[Mapping[str, str]], **_: object) -> dict[str, Any]:
        for entry in Entries:
            self.send(entry["MessageBody"])
        return {"Successful": [{"Id": it["Id"], "MessageId": "0" * 36, "MD5OfMessageBody": "0" * 32} for it in Entries]}

    def change_message_visibility_batch(self, *, Entries: Sequence[Mapping[str, Any]], **_: object) -> dict[str, Any]:
        for entry in Entries:
            self._in_flight[entry["ReceiptHandle"]].visible_in = entry["VisibilityTimeout"]
        return {"Successful": [{"Id": it["Id"]} for it in Entries]}

    def _show_in(self, seconds: float, message: _Message) -> None:
        self._hidden += 1

        def show() -> None:
            self._hidden -= 1
            self._visible.append(message)
            if len(self._visible) == 1:
                self._due_at = self.simulation.now + self.window
                self.simulation.after(self.window, self._poll)
            self._poll()

        self.simulation.after(seconds, show)

    def _poll(self) -> None:
        while self._is_batch_due() and (self._idle or self._containers < CONCURRENCY):
            if not self._idle:
                self._containers += 1
            wiring = self._idle.pop() if self._idle else None
            batch = [self._visible.popleft() for _ in range(min(self.batch_size, len(self._visible)))]
            self.simulation.start(partial(self._invoke, wiring, batch))

    def _is_batch_due(self) -> bool:
        waiting = len(self._visible)
        return waiting >= self.batch_size or (waiting > 0 and self.simulation.now >= self._due_at)

    def _invoke(self, wiring: object, batch: Sequence[_Message]) -> None:
        began_at = self.simulation.now
        self._own.wiring = wiring or self._container()
        for message in batch:
            if not message.received:
                self.longest_wait = max(self.longest_wait, began_at - message.sent_at)
            message.received += 1
            message.visible_in = VISIBILITY_SECONDS - TIMEOUT_SECONDS
            self._in_flight[message.id] = message
        context = _Context(
            function_name=self.name,
            invoked_function_arn=f"arn:aws:lambda:us-east-1:{self.account}:function:{self.name}",
            ends_at=began_at + TIMEOUT_SECONDS,
            clock=self.simulation.clock,
        )
        answer = self.handler.lambda_handler({"Records": [_record(it) for it in batch]}, context)
        self.seconds.append(self.simulation.now - began_at)
        failed = {it["itemIdentifier"] for it in answer["batchItemFailures"]}
        for message in batch:
            del self._in_flight[message.id]
            if message.id in failed:
                self.waits += 1
                self._show_in(message.visible_in, message)
        self.done_at = self.simulation.now
        self._idle.append(self._own.wiring)
        self._poll()

    def _wiring(self) -> object:
        return self._own.wiring

    def _container(self) -> object:
        with mock.patch.dict(os.environ, self.environment):
            return self._wire()


def _record(message: _Message) -> dict[str, Any]:
    """See https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html."""
    return {
        "messageId": message.id,
        "receiptHandle": message.id,
        "body": message.body,
        "attributes": {
            "ApproximateReceiveCount": str(message.received),
            "SentTimestamp": str(round(message.sent_at * 1000)),
        },
    }
