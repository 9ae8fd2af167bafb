"""The time of the rehearsal: it stands still until somebody moves it."""

from __future__ import annotations

from datetime import UTC, datetime
from unittest import mock

import time_machine
from moto.sqs import models as sqs_models

START = datetime(2026, 1, 15, 12, 0, tzinfo=UTC)


class VirtualClock:
    """Holds the clock of this process, and with it moto's and the fake Alert Logic's."""

    def __init__(self) -> None:
        self._travel = time_machine.travel(START, tick=False)
        # A queue looks at the clock several times for each of its messages, which takes moto most of its time.
        self._of_queues = mock.patch.object(sqs_models, "unix_time_millis", self.milliseconds)
        self._traveller: time_machine.Traveller | None = None
        self.now = START.timestamp()

    def start(self) -> None:
        self._traveller = self._travel.start()
        self._of_queues.start()

    def stop(self) -> None:
        if self._traveller is not None:
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
