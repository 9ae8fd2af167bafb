"""The simulation of `make bench`, small: all ends as wanted, and an account costs no more where there are more."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import pytest

from benchmarks.growth import MOST_EXPONENT, MOST_SECONDS, exponent
from benchmarks.growth_lambda import CONCURRENCY, TIMEOUT_SECONDS
from benchmarks.growth_story import Story, World, tell
from docs.diagram import templates

if TYPE_CHECKING:
    from benchmarks.growth_lambda import Function

FEW, MANY = 20, 80
FUNCTIONS = ("account_enrollment", "account_registration", "vpc_scope")


@cache
def story(accounts: int) -> Story:
    # That every account ends as wanted it sees to itself.
    return tell(accounts)


@pytest.mark.parametrize("phase", ["deployment", "quiet sweep", "VPC events"])
def test_an_account_costs_no_more_where_there_are_more(phase: str) -> None:
    few, many = (story(number).phases[phase].traffic for number in (FEW, MANY))

    assert many.calls.total() / MANY < few.calls.total() / FEW
    assert many.bytes.total() / MANY < few.bytes.total() / FEW * 1.1


def test_grows_no_faster_than_allowed() -> None:
    stories = [story(FEW), story(MANY)]

    assert exponent(stories, [it.calls for it in stories]) <= MOST_EXPONENT
    assert exponent(stories, [it.bytes for it in stories]) <= MOST_EXPONENT
    assert max(story(MANY).longest(name) for name in FUNCTIONS) <= MOST_SECONDS


def test_the_exponent_is_that_of_a_power() -> None:
    stories = [story(FEW), story(MANY)]

    assert exponent(stories, [7 * it.accounts**1.5 for it in stories]) == pytest.approx(1.5)


def test_a_quiet_sweep_looks_at_everything_and_changes_nothing() -> None:
    calls = story(MANY).quiet_sweep.traffic.calls

    assert calls["Alert Logic", "GET deployments one"] >= MANY
    assert calls["cloudformation", "create_stack_instances"] == 0
    changes = {(api, it) for api, it in calls if api == "Alert Logic" and it.split()[0] in {"POST", "PUT"}}
    assert changes == {("Alert Logic", "POST aims"), ("Alert Logic", "POST endpoints")}


def test_says_what_did_not_end_as_wanted() -> None:
    world = World(FEW)
    with world.deployed():
        with pytest.raises(RuntimeError, match=f"{FEW} accounts without current instances"):
            world.require_protected()
        with pytest.raises(RuntimeError, match=f"{FEW} accounts of which the status does not say"):
            world.require_seen()


def _resources_with(function: str) -> dict[str, Any]:
    [resources] = [
        it["Resources"]
        for it in templates().values()
        if any(
            str(one.get("Properties", {}).get("Handler")).startswith(f"{function}.") for one in it["Resources"].values()
        )
    ]
    return resources


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_modeled_function_is_as_its_template_has_it(name: str) -> None:
    modeled: Function = next(it for it in World(FEW).functions if it.name == name)
    resources = _resources_with(name)
    [(function_id, function)] = [
        (key, it["Properties"])
        for key, it in resources.items()
        if it["Type"] == "AWS::Lambda::Function" and it["Properties"]["Handler"].startswith(f"{name}.")
    ]
    [source] = [
        it["Properties"]
        for it in resources.values()
        if it["Type"] == "AWS::Lambda::EventSourceMapping" and it["Properties"]["FunctionName"] == {"Ref": function_id}
    ]
    queue = resources[source["EventSourceArn"]["Fn::GetAtt"][0]]["Properties"]

    assert function["Timeout"] == TIMEOUT_SECONDS
    assert source["ScalingConfig"] == {"MaximumConcurrency": CONCURRENCY}
    assert source["BatchSize"] == modeled.batch_size
    assert source.get("MaximumBatchingWindowInSeconds", 0) == modeled.window
    assert queue.get("DelaySeconds", 0) == modeled.delay
    environment = function["Environment"]["Variables"]
    assert environment.get("MAX_CONCURRENT_PERCENTAGE") == modeled.environment.get("MAX_CONCURRENT_PERCENTAGE")
    assert set(environment) - {"POWERTOOLS_SERVICE_NAME"} == set(modeled.environment)
