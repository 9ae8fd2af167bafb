"""What AWS has measured -> what Alert Logic is told about the collector."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from alertlogic_api import CheckIn, Problem, Statistic

if TYPE_CHECKING:
    from aws.metrics import Point

# As often as the collector checks in; a short disturbance is over by then.
PATIENCE_SECONDS: Final = 15 * 60


@dataclass(frozen=True, slots=True)
class Vitals:
    """How the function that sends the findings is, as AWS sees it.

    Attributes:
        at: When that was so, Unix seconds.
        since: When the interval began in which invocations and errors are counted, Unix seconds.
        queue_age: For how long the oldest finding has waited, in seconds; 0 if none does.
        dead_letters: How many messages are in the dead-letter queue.
        invocations: How often the function was invoked; None if it was not.
        errors: How often it failed as a whole; None if it was not invoked.
        last_delivery: When findings were last delivered, and how many; None if not in the last day.
    """

    at: float
    since: float
    queue_age: float
    dead_letters: int
    invocations: float | None
    errors: float | None
    last_delivery: Point | None


def check_in_of(vitals: Vitals) -> CheckIn:
    """Return what Alert Logic is told."""
    delivery = vitals.last_delivery
    return CheckIn(
        _problem(vitals),
        (
            # The first two in the order of Alert Logic's own collector, which others follow at will there, too.
            Statistic("Invocations", vitals.invocations, vitals.since),
            Statistic("Errors", vitals.errors, vitals.since),
            Statistic("ApproximateAgeOfOldestMessage", vitals.queue_age, vitals.at, "Seconds"),
            Statistic("DeadLetters", vitals.dead_letters, vitals.at),
            Statistic("FindingsForwarded", *((delivery.value, delivery.at) if delivery else (None, vitals.at))),
        ),
    )


def _problem(vitals: Vitals) -> Problem | None:
    problems: list[Problem] = []
    if vitals.queue_age > PATIENCE_SECONDS:
        text = f"the oldest finding has waited for {vitals.queue_age:.0f} seconds"
        problems.append(Problem("FINDINGS_WAIT", text))
    if vitals.errors:
        minutes = (vitals.at - vitals.since) // 60
        text = f"the function failed {vitals.errors:.0f} times in {minutes:.0f} minutes"
        problems.append(Problem("FUNCTION_ERRORS", text))
    if vitals.dead_letters:
        text = f"messages in the dead-letter queue: {vitals.dead_letters}"
        problems.append(Problem("DEAD_LETTERS", text))
    # There is room for one code: that of the worst.
    return Problem(problems[0].code, "; ".join(problem.text for problem in problems)) if problems else None
