"""The time of the rehearsal: it stands still until somebody moves it."""

from __future__ import annotations

from datetime import UTC, datetime

import time_machine

START = datetime(2026, 1, 15, 12, 0, tzinfo=UTC)


class VirtualClock:
    """Holds the clock of this process, and with it moto's and the fake Alert Logic's."""

    def __init__(self) -> None:
        self._travel = time_machine.travel(START, tick=False)
        self._traveller: time_machine.Traveller | None = None
        self.now = START.timestamp()

    def start(self) -> None:
        self._traveller = self._travel.start()

    def stop(self) -> None:
        if self._traveller is not None:
            self._travel.stop()
            self._traveller = None

    def move_to(self, moment: float) -> None:
        """Move forward to a time in seconds since the epoch; a moment in the past changes nothing."""
        if moment > self.now and self._traveller is not None:
            self._traveller.move_to(moment)
            self.now = moment

    def iso(self) -> str:
        return datetime.fromtimestamp(self.now, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
