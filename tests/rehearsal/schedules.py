"""EventBridge's schedules: rules that invoke at a rate, instead of on an event."""

from __future__ import annotations

import contextlib
import re
import uuid
from typing import TYPE_CHECKING, Any

from tests.rehearsal.moto_state import backends
from tests.rehearsal.principals import account_of, region_of

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from tests.rehearsal.clock import VirtualClock
    from tests.rehearsal.eventbridge import EventBridge
    from tests.rehearsal.templates import Json

_SECONDS = {"minute": 60, "hour": 3600, "day": 86400}


class Schedules:
    """The schedule rules of all accounts.

    They tick only inside `running`: elsewhere, each advance of the clock would pay for all the beats of its hours, and
    no scene would look at them.
    """

    def __init__(self, event_bridge: EventBridge, clock: VirtualClock) -> None:
        self._event_bridge = event_bridge
        self._clock = clock
        self._since: float | None = None
        self._last: dict[str, float] = {}
        self._ticks = 0

    @contextlib.contextmanager
    def running(self) -> Generator[None]:
        """Tick for as long as the block lasts, for the first time one interval after its begin."""
        self._since = self._clock.now
        try:
            yield
        finally:
            self._since = None
            self._last.clear()

    def tick(self, target_arn: str) -> None:
        """Tick now all that is to reach a target, whether schedules run or not.

        Raises:
            LookupError: no schedule has this target.
        """
        ticked = False
        for rule in _rules():
            for target in rule.targets:
                if target["Arn"] == target_arn:
                    self._event_bridge.deliver(rule.arn, target, self._beat(rule.arn))
                    ticked = True
        if not ticked:
            raise LookupError(f"no schedule has the target {target_arn}")

    def step(self) -> bool:
        """Tick where it is time; tell whether it was somewhere."""
        ready = [(rule, moment) for rule, moment in self._next() if moment <= self._clock.now]
        for rule, moment in ready:
            self._last[rule.arn] = moment
            event = self._beat(rule.arn)
            for target in rule.targets:
                self._event_bridge.deliver(rule.arn, target, event)
        return bool(ready)

    def due(self) -> list[float]:
        return [moment for _, moment in self._next()]

    def _next(self) -> Iterator[tuple[Any, float]]:
        """Yield each rule that is due at some time, and when."""
        if self._since is None:
            return
        for rule in _rules():
            last = self._last.get(rule.arn, self._since)
            yield rule, last + interval_seconds(rule.scheduled_expression)

    def _beat(self, rule_arn: str) -> Json:
        """See https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-rule-schedule.html."""
        self._ticks += 1
        return {
            "version": "0",
            "id": str(uuid.uuid5(uuid.NAMESPACE_URL, f"tick/{self._ticks}")),
            "detail-type": "Scheduled Event",
            "source": "aws.events",
            "account": account_of(rule_arn),
            "time": self._clock.iso(),
            "region": region_of(rule_arn),
            "resources": [rule_arn],
            "detail": {},
        }


def _rules() -> list[Any]:
    """All rules with a schedule."""
    return [
        rule
        for events in backends("events")
        for rule in events.event_buses["default"].rules.values()
        if rule.scheduled_expression and rule.state == "ENABLED"
    ]


def interval_seconds(expression: str) -> int:
    """Seconds between two ticks.

    Raises:
        NotImplementedError: it is no rate.
    """
    rate = re.fullmatch(r"rate\((\d+) (minute|hour|day)s?\)", expression)
    if rate is None:
        raise NotImplementedError(f"the schedule {expression} is not known to tests/rehearsal/schedules.py")
    return int(rate[1]) * _SECONDS[rate[2]]
