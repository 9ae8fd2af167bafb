"""The time of the rehearsal: it stands still until somebody moves it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from unittest import mock

import time_machine
from moto.sqs import models as sqs_models

if TYPE_CHECKING:
    from collections.abc import Callable

START = datetime(2026, 1, 15, 12, 0, tzinfo=UTC)


class VirtualClock:
    """Holds the clock of this process, and with it moto's and the fake Alert Logic's."""

    def __init__(self) -> None:
        self._travel = time_machine.travel(START, tick=False)
        # A queue looks at the clock several times for each of its messages, which takes moto most of its time.
        self._of_queues = mock.patch.object(sqs_models, "unix_time_millis", self.milliseconds)
        # For each message that is received, moto would work out all that can be said of its queue's messages.
        self._of_retention = mock.patch.object(
            sqs_models.SQSBackend, "is_message_valid_based_on_retention_period", _retained_at(lambda: self.now)
        )
        self._traveller: time_machine.Traveller | None = None
        self.now = START.timestamp()

    def start(self) -> None:
        self._traveller = self._travel.start()
        self._of_queues.start()
        self._of_retention.start()

    def stop(self) -> None:
        if self._traveller is not None:
            self._of_retention.stop()
            self._of_queues.stop()
            self._travel.stop()
            self._traveller = None

    def move_to(self, moment: float) -> None:
        """Move forward to a time in seconds since the epoch; a moment in the past changes nothing."""
        if moment > self.now and self._traveller is not None:
            self._traveller.move_to(moment)
            self.now = moment

    def milliseconds(self) -> float:
        return self.now * 1000

    def iso(self) -> str:
        return datetime.fromtimestamp(self.now, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _retained_at(now: Callable[[], float]) -> Callable[[Any, str, Any], bool]:
    """A method of moto's that tells whether a queue still keeps a message."""

    def is_retained(backend: Any, queue_name: str, message: Any) -> bool:
        retention = int(backend.get_queue(queue_name).message_retention_period)
        return bool(now() < message.sent_timestamp / 1000 + retention)

    return is_retained
