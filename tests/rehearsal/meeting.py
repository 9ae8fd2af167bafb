"""Where calls meet: a race whose order is not left to chance."""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import TracebackType

# How long, in real time, a call waits for the others.
MEETING_SECONDS = 10


class Meeting:
    """Holds the first calls of a kind until so many have arrived. Later ones pass.

    Use it as a context manager around what calls.

    Raises:
        AssertionError: at the block's end, fewer had met.
    """

    def __init__(self, callers: int, *, seconds: float = MEETING_SECONDS) -> None:
        self._awaited = callers
        self._callers = callers
        self._met = False
        self._seconds = seconds
        self._barrier = threading.Barrier(callers, action=self._note)
        self._lock = threading.Lock()

    def __enter__(self) -> None: ...

    def __exit__(self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None) -> None:
        if kind is None and not self._met:
            raise AssertionError(f"{self._callers - self._awaited} of {self._callers} calls met")

    def join(self) -> None:
        with self._lock:
            if not self._awaited:
                return
            self._awaited -= 1
        # Whoever waited in vain goes on, so that it ends; the block's end tells of it.
        with contextlib.suppress(threading.BrokenBarrierError):
            self._barrier.wait(timeout=self._seconds)

    def _note(self) -> None:
        self._met = True
