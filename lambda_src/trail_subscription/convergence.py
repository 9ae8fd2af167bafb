"""From the subscription that is there to the one that is wanted, for as long as there is time."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from aws.clients import error_code, is_transient
from aws.queue import NotYet
from aws.reader import DENIED, NotReadableError

from .subscription import Keep, Replace, Subscribe, decide, token_in

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from typing import Protocol

    from .notices import Notice
    from .subscription import Subscription, Wanted

    class Topic(Protocol):
        """What is asked of the topic."""

        def find(self, queue_arn: str) -> Subscription | None:
            """Find the confirmed subscription of a queue."""
            ...

        def read(self, subscription_arn: str) -> Subscription | None:
            """Read a subscription, if it is confirmed."""
            ...

        def subscribe(self, wanted: Wanted) -> str | None:
            """Have a confirmation sent."""
            ...

        def confirm(self, token: str) -> str:
            """Confirm a subscription."""
            ...

        def unsubscribe(self, subscription_arn: str) -> None:
            """End a subscription."""
            ...

    class Search(Protocol):
        """What is asked of one pass through the queue."""

        def __iter__(self) -> Iterator[Notice]:
            """Take messages out."""
            ...

        def delete(self, notice: Notice) -> None:
            """Delete one of them."""
            ...

    class Notices(Protocol):
        """What is asked of the queue."""

        def search(self, *, hidden_seconds: int, is_over: Callable[[], bool]) -> AbstractContextManager[Search]:
            """Go through it."""
            ...


PAUSE_SECONDS: Final = 5
# Whoever else reads the queue may have taken the confirmation, so another is asked for.
ASK_AGAIN_SECONDS: Final = 60

# A role and its policies take a while until every service knows them.
_LAGGING: Final = DENIED | {"AuthorizationError"}

T = TypeVar("T")


class GivenUpError(Exception):
    """It cannot be done, or there is no time left to do it."""


@dataclass(frozen=True, slots=True)
class Patience:
    """The time that there is.

    Attributes:
        left: How much of it is left, in seconds.
        sleep: Waits for so many seconds.
    """

    left: Callable[[], float]
    sleep: Callable[[float], None]

    def until_done(self, step: Callable[[], T]) -> T:
        """Repeat a step until it is done, or cannot be done, or the time is up.

        Raises:
            GivenUpError: It is not done; says why.
        """
        while True:
            try:
                return step()
            except (NotYet, NotReadableError) as error:
                reason = str(error)
            except ClientError as error:
                if not is_transient(error) and error_code(error) not in _LAGGING:
                    raise GivenUpError(str(error)) from error
                reason = str(error)
            except BotoCoreError as error:
                if not is_transient(error):
                    raise
                reason = str(error)
            if self.left() < 2 * PAUSE_SECONDS:
                raise GivenUpError(f"there is no time left, and: {reason}")
            self.sleep(PAUSE_SECONDS)


@dataclass(slots=True)
class Subscribing:
    """One request's way to a confirmed subscription.

    Attributes:
        wanted: What it should be.
        topic: Where.
        notices: Opens the queue.
        patience: The time that there is.
        arn: The subscription, as far as it is known; it may still wait for its confirmation.
    """

    wanted: Wanted
    topic: Topic
    notices: Callable[[Wanted], Notices]
    patience: Patience
    arn: str | None = None
    _left_when_asked: float = field(default=math.inf, init=False)

    def step(self) -> str:
        """Look what is there, and do what is next; return the ARN of the confirmed subscription.

        Raises:
            NotYet: It is not confirmed yet; says what is missing.
            NotReadableError: The queue cannot be opened yet.
        """
        is_asked_for = self._left_when_asked - self.patience.left() < ASK_AGAIN_SECONDS
        match decide(self.topic.find(self.wanted.queue_arn), self.wanted, is_asked_for=is_asked_for):
            case Keep(arn):
                self.arn = arn
                return arn
            case Replace(arn):
                # What cannot be confirmed anew afterwards must not be ended.
                self.notices(self.wanted)
                self.topic.unsubscribe(arn)
                self._ask()
            case Subscribe():
                self._ask()
        self.arn = self._confirm()
        if decide(self.topic.read(self.arn), self.wanted, is_asked_for=True) == Keep(self.arn):
            return self.arn
        raise NotYet(f"SNS does not show {self.arn} as confirmed and with the filter that is wanted")

    def _ask(self) -> None:
        self._left_when_asked = math.inf
        self.arn = self.topic.subscribe(self.wanted)
        self._left_when_asked = self.patience.left()

    def _confirm(self) -> str:
        notices = self.notices(self.wanted)
        left = self.patience.left()
        seen = 0
        missing: NotYet | None = None
        # As long as it takes to look at messages, it takes to give them back.
        with notices.search(
            hidden_seconds=max(1, math.ceil(left)), is_over=lambda: self.patience.left() <= left / 2
        ) as search:
            for notice in search:
                seen += 1
                token = token_in(notice.body, topic_arn=self.wanted.topic_arn)
                if token is None:
                    continue
                try:
                    arn = self.topic.confirm(token)
                except NotYet as refusal:
                    missing = refusal
                else:
                    search.delete(notice)
                    return arn
        raise missing or NotYet(
            f"none of the {seen} messages found in {self.wanted.queue_arn} confirms a subscription to "
            f"{self.wanted.topic_arn}: the queue's policy does not admit the topic, or another reader takes them"
        )
