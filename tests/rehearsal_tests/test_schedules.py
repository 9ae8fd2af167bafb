"""Schedules tick while they run, and invoke the functions that they may; what fails is tried again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.rehearsal.principals import Service
from tests.rehearsal.schedules import interval_seconds

if TYPE_CHECKING:
    from tests.rehearsal import Rehearsal
    from tests.rehearsal.functions import Function


@pytest.fixture
def function(security: Rehearsal) -> Function:
    """The one function with a schedule, of every 15 minutes."""
    found = security.functions.labeled("collector_checkin")
    found.invocations.clear()
    return found


def test_there_is_no_status_before_it_is_written(security: Rehearsal) -> None:
    with security.pollers.paused("account_registration"):
        assert security.status() is None

    assert security.status_versions() == []


def test_a_schedule_ticks_while_it_runs(security: Rehearsal, function: Function) -> None:
    security.advance(minutes=60)
    assert function.invocations == []

    begun = security.clock.now
    with security.schedules.running():
        security.advance(minutes=31)
    security.advance(minutes=60)

    assert function.invocations == [(begun + 900, False), (begun + 1800, False)]
    call = next(call for call in reversed(security.calls) if call.action == "lambda:InvokeFunction")
    assert (call.principal.arn, call.resource, call.allowed) == ("events.amazonaws.com", function.arn, True)


def test_a_schedule_that_is_disabled_does_not_tick(security: Rehearsal, function: Function) -> None:
    events = security.client("events", security.zone.security)
    rules = [rule["Name"] for rule in events.list_rules()["Rules"] if "ScheduleExpression" in rule]
    [rule] = [rule for rule in rules if events.list_targets_by_rule(Rule=rule)["Targets"][0]["Arn"] == function.arn]
    events.disable_rule(Name=rule)
    with security.schedules.running():
        security.advance(minutes=16)
    events.enable_rule(Name=rule)

    assert function.invocations == []


def test_whatever_reaches_a_target_can_be_ticked(security: Rehearsal, function: Function) -> None:
    security.schedules.tick(function.arn)
    security.settle()

    assert function.invocations == [(security.clock.now, False)]
    with pytest.raises(LookupError, match=r"no schedule has the target arn:.*-2"):
        security.schedules.tick(f"{function.arn}-2")


def test_a_function_says_who_may_invoke_it(security: Rehearsal, function: Function) -> None:
    policy = security.authority.function_policies[function.arn]
    [statement] = policy["Statement"]
    [rule] = statement["Condition"]["ArnLike"].values()

    def may_invoke(service: str, source: str) -> bool:
        return security.authority.asks(Service(service, source), "lambda:InvokeFunction", function.arn).allowed

    assert may_invoke("events.amazonaws.com", rule)
    assert not may_invoke("events.amazonaws.com", f"{rule}-2")
    assert not may_invoke("s3.amazonaws.com", rule)

    policy["Statement"].clear()
    with security.schedules.running():
        security.advance(minutes=16)
    policy["Statement"].append(statement)

    assert function.invocations == []
    assert security.authority.denials()[-1].action == "lambda:InvokeFunction"


def test_what_fails_is_tried_again_twice(security: Rehearsal, function: Function) -> None:
    begun = security.clock.now
    security.invocations.add(function.arn, {"source": "nobody"})
    security.advance(minutes=10)

    assert function.invocations == [(begun + seconds, True) for seconds in (0, 60, 180)]
    assert len(function.errors) == 3


def test_what_nobody_can_take_any_more_is_dropped(security: Rehearsal, function: Function) -> None:
    security.invocations.add(f"{function.arn}-2", {"source": "nobody"})
    security.settle()

    assert security.invocations.due() == []


@pytest.mark.parametrize(
    ("expression", "seconds"), [("rate(1 minute)", 60), ("rate(15 minutes)", 900), ("rate(2 days)", 172800)]
)
def test_a_rate_is_an_interval(expression: str, seconds: int) -> None:
    assert interval_seconds(expression) == seconds


def test_nothing_but_a_rate_is_known() -> None:
    with pytest.raises(NotImplementedError, match="cron"):
        interval_seconds("cron(0 12 * * ? *)")
