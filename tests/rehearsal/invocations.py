"""Lambda's asynchronous invocations: an event is taken at once, and tried again twice where the function fails."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.rehearsal.functions import FunctionError

if TYPE_CHECKING:
    from tests.rehearsal.clock import VirtualClock
    from tests.rehearsal.functions import Functions
    from tests.rehearsal.templates import Json

# https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
RETRY_SECONDS = (60, 120)


@dataclass
class Invocation:
    """An event that a function is to get."""

    function_arn: str
    event: Json
    at: float
    attempts: int = 0


class Invocations:
    """All events that wait for their function."""

    def __init__(self, functions: Functions, clock: VirtualClock) -> None:
        self._waiting: list[Invocation] = []
        self._functions = functions
        self._clock = clock

    def add(self, function_arn: str, event: Json) -> None:
        """Take an event. That its sender may invoke the function is judged before."""
        self._waiting.append(Invocation(function_arn, event, at=self._clock.now))

    def step(self) -> bool:
        """Invoke the functions whose turn it is; tell whether there was one."""
        ready = [one for one in self._waiting if one.at <= self._clock.now]
        for invocation in ready:
            self._waiting.remove(invocation)
            # Of a function that has gone meanwhile Lambda drops the events.
            function = self._functions.all.get(invocation.function_arn)
            if function is None:
                continue
            try:
                self._functions.invoke(function, invocation.event)
            except FunctionError:
                if invocation.attempts < len(RETRY_SECONDS):
                    invocation.at = self._clock.now + RETRY_SECONDS[invocation.attempts]
                    invocation.attempts += 1
                    self._waiting.append(invocation)
        return bool(ready)

    def due(self) -> list[float]:
        """When functions that failed are tried again."""
        return [invocation.at for invocation in self._waiting]
