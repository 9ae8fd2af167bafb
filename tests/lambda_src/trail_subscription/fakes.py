"""A topic that waits for confirmations, as SNS does and moto does not, a queue, and the time."""

from __future__ import annotations

import itertools
import random
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from aws.queue import NotYet
from tests.lambda_src.trail_subscription.requests_and_notices import TOPIC, confirmation
from trail_subscription.notices import Notice
from trail_subscription.subscription import Subscription

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Mapping

    from trail_subscription.subscription import Wanted

TOKEN = "2336412f37fb687f5d51e6e2425c464d"


@dataclass
class Clock:
    left: float = 240

    def sleep(self, seconds: float) -> None:
        self.left -= seconds


@dataclass
class Held:
    queue_arn: str
    attributes: Mapping[str, str]
    is_confirmed: bool = False


@dataclass
class FakeTopic:
    """Implements `convergence.Topic`; `deliver` puts a message into the queue."""

    deliver: Callable[[str], object]
    arn: str = TOPIC
    held: dict[str, Held] = field(default_factory=dict[str, Held])
    tokens: dict[str, str] = field(default_factory=dict[str, str])
    calls: list[str] = field(default_factory=list[str])
    errors: list[Exception] = field(default_factory=list[Exception])
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    def find(self, queue_arn: str) -> Subscription | None:
        self._call("find")
        arns = [arn for arn, held in self.held.items() if held.queue_arn == queue_arn]
        return next((found for arn in arns if (found := self._shown(arn))), None)

    def read(self, subscription_arn: str) -> Subscription | None:
        self._call("read")
        return self._shown(subscription_arn)

    def subscribe(self, wanted: Wanted) -> str | None:
        self._call("subscribe")
        for arn, held in self.held.items():
            if held.queue_arn == wanted.queue_arn:
                assert not held.is_confirmed
                if held.attributes != wanted.attributes:
                    return None
                self._send_confirmation(arn)
                return arn
        arn = f"{self.arn}:00000000-0000-4000-8000-{next(self._numbers):012}"
        self.held[arn] = Held(wanted.queue_arn, wanted.attributes)
        self._send_confirmation(arn)
        return arn

    def confirm(self, token: str) -> str:
        self._call("confirm")
        arn = self.tokens.get(token)
        if arn not in self.held:
            raise NotYet("SNS does not take the confirmation in the queue: InvalidParameter")
        self.held[arn].is_confirmed = True
        return arn

    def unsubscribe(self, subscription_arn: str) -> None:
        self._call("unsubscribe")
        self.held.pop(subscription_arn, None)

    def confirmed(self) -> list[str]:
        return [arn for arn, held in self.held.items() if held.is_confirmed]

    def _call(self, name: str) -> None:
        self.calls.append(name)
        if self.errors:
            raise self.errors.pop(0)

    def _shown(self, arn: str) -> Subscription | None:
        held = self.held.get(arn)
        return Subscription(arn, held.attributes) if held and held.is_confirmed else None

    def _send_confirmation(self, arn: str) -> None:
        token = f"{TOKEN}{next(self._numbers)}"
        self.tokens[token] = arn
        self.deliver(confirmation(token, topic=self.arn))


@dataclass
class Message:
    body: str
    handle: str
    visible_at: float
    received: int = 0


@dataclass
class FakeSqs:
    """A standard queue: no order, and a message that is received is hidden for a while. A call takes 20 ms."""

    clock: Clock
    messages: list[Message] = field(default_factory=list[Message])
    _random: random.Random = field(default_factory=lambda: random.Random(1))  # noqa: S311 - no secret

    def send(self, *bodies: str) -> None:
        for body in bodies:
            self.messages.append(Message(body, f"handle {self._random.random()}", self._now))

    def visible(self) -> list[str]:
        return [message.body for message in self._visible()]

    def receive_message(self, **asked: Any) -> dict[str, Any]:
        self.clock.sleep(0.02)
        visible = self._visible()
        taken = self._random.sample(visible, min(len(visible), asked["MaxNumberOfMessages"]))
        if not taken:
            self.clock.sleep(asked["WaitTimeSeconds"])
            return {}
        for message in taken:
            message.visible_at = self._now + asked["VisibilityTimeout"]
            message.received += 1
        return {"Messages": [{"Body": message.body, "ReceiptHandle": message.handle} for message in taken]}

    def delete_message(self, **asked: Any) -> None:
        [message] = [message for message in self.messages if message.handle == asked["ReceiptHandle"]]
        self.messages.remove(message)

    def change_message_visibility_batch(self, **asked: Any) -> dict[str, Any]:
        self.clock.sleep(0.02)
        timeouts = {entry["ReceiptHandle"]: entry["VisibilityTimeout"] for entry in asked["Entries"]}
        assert 0 < len(timeouts) <= 10
        for message in self.messages:
            if message.handle in timeouts:
                message.visible_at = self._now + timeouts[message.handle]
        return {"Successful": []}

    @property
    def _now(self) -> float:
        return -self.clock.left

    def _visible(self) -> list[Message]:
        return [message for message in self.messages if message.visible_at <= self._now]


@dataclass
class FakeNotices:
    """Implements `convergence.Notices`; every message taken out costs a second."""

    clock: Clock
    bodies: list[str] = field(default_factory=list[str])
    hidden: list[Notice] = field(default_factory=list[Notice])
    hidden_seconds: list[int] = field(default_factory=list[int])

    @contextmanager
    def search(self, *, hidden_seconds: int, is_over: Callable[[], bool]) -> Generator[FakeSearch]:
        assert not self.hidden
        self.hidden_seconds.append(hidden_seconds)
        try:
            yield FakeSearch(self, is_over)
        finally:
            self.bodies += [notice.body for notice in self.hidden]
            self.hidden.clear()


@dataclass
class FakeSearch:
    notices: FakeNotices
    is_over: Callable[[], bool]

    def __iter__(self) -> Iterator[Notice]:
        while self.notices.bodies and not self.is_over():
            self.notices.clock.sleep(1)
            taken = Notice(self.notices.bodies.pop(0), "receipt")
            self.notices.hidden.append(taken)
            yield taken

    def delete(self, notice: Notice) -> None:
        self.notices.hidden.remove(notice)
