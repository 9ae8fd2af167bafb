"""Makes Alert Logic know the collector, and hear of it.

A collector is registered under its account, region and name, so registering it once more changes nothing. All that is
remembered is the id that Alert Logic gives it: without one, or where Alert Logic does not know it, it is registered.
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
        """
        remembered = self._memory.read()
        return self._register() if remembered == UNREGISTERED else Registered(remembered, is_new=False)

    def report(self, registered: Registered, check_in: CheckIn, *, at: float) -> Reported:
        """Check in, and put the status of the stream.

        A collector that Alert Logic does not know, or no more, is registered anew, once.

        Raises:
            AlertLogicError: It has not checked in.
        """
        try:
            return self._report(registered, check_in, at)
        except RejectedError as refusal:
            if registered.is_new or not _is_unknown(refusal):
                raise
        return self._report(self._register(), check_in, at)

    def forget(self) -> None:
        """Have it registered at the next check-in."""
        self._memory.write(UNREGISTERED)

    def deregister(self, function_name: str) -> None:
        """Have Alert Logic forget the collector of a function, perhaps an earlier one of the same account and region.

        Raises:
            AlertLogicError: It may still be registered.
        """
        self._alert_logic.collectors.deregister(replace(self._collector, function_name=function_name))

    def _register(self) -> Registered:
        collector_id = self._alert_logic.collectors.register(self._collector)
        self._memory.write(collector_id)
        return Registered(collector_id, is_new=True)

    def _report(self, registered: Registered, check_in: CheckIn, at: float) -> Reported:
        self._alert_logic.collectors.check_in(self._collector, registered.collector_id, check_in)
        try:
            self._alert_logic.collector_statuses.put(registered.collector_id, check_in.problem, at=at)
        except AlertLogicError as refusal:
            if _is_unknown(refusal) and not registered.is_new:
                raise
            return Reported(registered, refusal)
        return Reported(registered, None)


def _is_unknown(error: AlertLogicError) -> bool:
    return isinstance(error, RejectedError) and error.status == HTTPStatus.NOT_FOUND
