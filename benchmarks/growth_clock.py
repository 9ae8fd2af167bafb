"""A virtual time in which the functions' own code runs: many invocations at once, and one thread at a time."""

from __future__ import annotations

import heapq
import itertools
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import time_machine

if TYPE_CHECKING:
    from collections.abc import Callable, Generator


class Simulation:
    """What is due, in the order of the virtual time, which stands still while anything runs.

    Attributes:
        now: Unix seconds.
    """

    def __init__(self, begins_at: float) -> None:
        self.now = begins_at
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = itertools.count()
        self._own: Final = threading.local()
        self._turn = _closed()
        self._failure: BaseException | None = None
        self._traveller: time_machine.Traveller | None = None

    def clock(self) -> float:
        """Return the time in Unix seconds."""
        return self.now

    def after(self, seconds: float, act: Callable[[], None]) -> None:
        """Have something done in so many seconds."""
        heapq.heappush(self._due, (self.now + seconds, next(self._numbers), act))

    def start(self, work: Callable[[], None]) -> None:
        """Have something done now that takes time: it may `pause`."""
        turn = _closed()

        def thread() -> None:
            turn.acquire()
            self._own.turn = turn
            try:
                work()
            except BaseException as error:  # noqa: BLE001 - raised by `run`
                self._failure = error
            self._turn.release()

        threading.Thread(target=thread, daemon=True).start()
        self.after(0, lambda: self._hand_over(turn))

    def pause(self, seconds: float) -> None:
        """Let time pass, in work that was started."""
        ends_at = self.now + seconds
        if self._due and self._due[0][0] <= ends_at:
            turn: threading.Lock = self._own.turn
            self.after(seconds, lambda: self._hand_over(turn))
            self._turn.release()
            turn.acquire()
        else:
            self._move_to(ends_at)

    def run(self) -> None:
        """Go on until nothing is due.

        Raises:
            Exception: What work that was started raised.
        """
        while self._due:
            at, _, act = heapq.heappop(self._due)
            self._move_to(at)
            act()
            if self._failure:
                raise self._failure

    @contextmanager
    def showing_its_time(self) -> Generator[None]:
        """Let all code see this time and no other."""
        with time_machine.travel(self.now, tick=False) as self._traveller:
            yield
        self._traveller = None

    def _hand_over(self, turn: threading.Lock) -> None:
        turn.release()
        self._turn.acquire()

    def _move_to(self, at: float) -> None:
        self.now = at
        if self._traveller:
            self._traveller.move_to(at)


def _closed() -> threading.Lock:
    lock = threading.Lock()
    lock.acquire()
    return lock
