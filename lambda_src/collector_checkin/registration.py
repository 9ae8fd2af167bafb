"""Makes Alert Logic know the collector, and hear of it.

All that is remembered is the id that Alert Logic gives it: without one, or where Alert Logic does not know the
collector any more, it is registered; under its account, region and name, so that it stays one however often that is.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from alertlogic_api import AlertLogicError, RejectedError

if TYPE_CHECKING:
    from alertlogic_api import AlertLogic, CheckIn, Collector
    from aws.parameter import Parameter

# What the parameter holds from the start.
UNREGISTERED: Final = "unregistered"
# What it holds when the collector is about to go: a check-in that is under way must not register it again.
DEREGISTERED: Final = "deregistered"


class DeregisteredError(Exception):
    """The collector was deregistered, and is not to be registered again."""


@dataclass(frozen=True, slots=True)
class Registered:
    """A registration; `is_new` if it was made in this invocation."""

    collector_id: str
    is_new: bool


@dataclass(frozen=True, slots=True)
class Reported:
    """What was reported.

    Attributes:
        registered: The collector that checked in.
        stream_refusal: Why the status of its stream was not taken, if so.
    """

    registered: Registered
    stream_refusal: AlertLogicError | None


class Registration:
    """The registration of one collector.

    Args:
        collector: What is to be registered.
        alert_logic: Where.
        memory: Keeps the id.
    """

    def __init__(self, collector: Collector, *, alert_logic: AlertLogic, memory: Parameter) -> None:
        self._collector = collector
        self._alert_logic = alert_logic
        self._memory = memory

    def ensure(self) -> Registered:
        """Return the registration that there is, else register.

        Raises:
            AlertLogicError: It cannot be registered.
            DeregisteredError: It is not to be.
        """
        remembered = self._remembered()
        return self._register() if remembered == UNREGISTERED else Registered(remembered, is_new=False)

    def report(self, registered: Registered, check_in: CheckIn, *, at: float) -> Reported:
        """Check in, and put the status of the stream.

        A collector that Alert Logic does not know, or no more, is registered anew, once.

        Raises:
            AlertLogicError: It has not checked in.
            DeregisteredError: It is not known any more, and is not to be.
        """
        try:
            self._check_in(registered, check_in)
        except RejectedError as refusal:
            if registered.is_new or refusal.status != HTTPStatus.NOT_FOUND:
                raise
            self._remembered()
            registered = self._register()
            self._check_in(registered, check_in)
        try:
            self._alert_logic.collector_statuses.put(registered.collector_id, check_in.problem, at=at)
        except AlertLogicError as refusal:
            return Reported(registered, refusal)
        return Reported(registered, None)

    def forget(self) -> None:
        """Have it registered at the next check-in."""
        self._memory.write(UNREGISTERED)

    def deregister(self, function_name: str) -> None:
        """Have Alert Logic forget the collector of a function, perhaps an earlier one of the same account and region.

        Raises:
            AlertLogicError: It may still be registered.
        """
        if function_name == self._collector.function_name:
            self._memory.write(DEREGISTERED)
        self._alert_logic.collectors.deregister(replace(self._collector, function_name=function_name))

    def _register(self) -> Registered:
        collector_id = self._alert_logic.collectors.register(self._collector)
        self._memory.write(collector_id)
        return Registered(collector_id, is_new=True)

    def _check_in(self, registered: Registered, check_in: CheckIn) -> None:
        self._alert_logic.collectors.check_in(self._collector, registered.collector_id, check_in)

    def _remembered(self) -> str:
        remembered = self._memory.read()
        if remembered == DEREGISTERED:
            raise DeregisteredError("the collector was deregistered")
        return remembered
