from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from alertlogic_api import Problem, Statistic
from aws.metrics import Point
from collector_checkin.health import PATIENCE_SECONDS, Vitals, check_in_of

NOW = 1_800_000_000
WELL = Vitals(
    at=NOW,
    since=NOW - 900,
    queue_age=PATIENCE_SECONDS,
    dead_letters=0,
    invocations=12,
    errors=0,
    last_delivery=Point(NOW - 300, 40),
)


def test_tells_what_was_measured() -> None:
    check_in = check_in_of(WELL)

    assert check_in.problem is None
    assert check_in.statistics == (
        Statistic("Invocations", 12, NOW - 900),
        Statistic("Errors", 0, NOW - 900),
        Statistic("ApproximateAgeOfOldestMessage", PATIENCE_SECONDS, NOW, "Seconds"),
        Statistic("DeadLetters", 0, NOW),
        Statistic("FindingsForwarded", 40, NOW - 300),
    )


def test_silence_is_no_problem() -> None:
    check_in = check_in_of(replace(WELL, queue_age=0, invocations=None, errors=None, last_delivery=None))

    assert check_in.problem is None
    assert [one.value for one in check_in.statistics] == [None, None, 0, 0, None]


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        (
            {"queue_age": PATIENCE_SECONDS + 1},
            Problem("FINDINGS_WAIT", "the oldest finding has waited for 901 seconds"),
        ),
        ({"errors": 2.0}, Problem("FUNCTION_ERRORS", "the function failed 2 times in 15 minutes")),
        ({"dead_letters": 3}, Problem("DEAD_LETTERS", "messages in the dead-letter queue: 3")),
        (
            {"queue_age": 5000.4, "errors": 2.0, "dead_letters": 3},
            Problem(
                "FINDINGS_WAIT",
                "the oldest finding has waited for 5000 seconds; the function failed 2 times in 15 minutes; "
                "messages in the dead-letter queue: 3",
            ),
        ),
    ],
)
def test_tells_what_is_wrong_the_worst_first(changes: dict[str, Any], problem: Problem) -> None:
    assert check_in_of(replace(WELL, **changes)).problem == problem
