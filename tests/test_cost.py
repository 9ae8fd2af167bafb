from __future__ import annotations

import re
from pathlib import Path

import pytest

from docs.cost import (
    MEMORY_GB,
    PAGE,
    PRICES,
    dollars,
    metrics,
    monthly,
    per_million_findings,
    tables,
    total,
    with_tables,
)
from docs.synthesis import Synthesized, sample_with

LAMBDA_SOURCES = Path(__file__).parents[1] / "lambda_src"


def _variables(function: str, **others: object) -> dict[str, object]:
    return {"POWERTOOLS_SERVICE_NAME": function, "QUEUE_URL": "q", "STATUS_BUCKET": "b", **others}


def test_the_page_is_what_the_templates_say() -> None:
    text = PAGE.read_text("utf-8")

    assert with_tables(text, tables()) == text, "run `make cost`"


def test_resources_cost_what_they_are_listed_for() -> None:
    resources = {
        "Secret": {"Type": "AWS::SecretsManager::Secret", "Properties": {}},
        "Key": {"Type": "AWS::KMS::Key"},
        "Alarm": {"Type": "AWS::CloudWatch::Alarm", "Properties": {"MetricName": "x"}},
        "OfTwo": {
            "Type": "AWS::CloudWatch::Alarm",
            "Properties": {"Metrics": [{"Expression": "a + b"}, {"MetricStat": {}}, {"MetricStat": {}}]},
        },
        "Composite": {"Type": "AWS::CloudWatch::CompositeAlarm", "Properties": {}},
        "Dashboard": {"Type": "AWS::CloudWatch::Dashboard", "Properties": {}},
        "Role": {"Type": "AWS::IAM::Role", "Properties": {}},
        "OnEvents": {"Type": "AWS::Events::Rule", "Properties": {"EventPattern": {}}},
        "Registration": {"Type": "Custom::AlertLogicRegistration", "Properties": {}},
    }

    bill = monthly({"Resources": resources})

    assert bill == {"secret": 1, "key": 1, "alarm": 3, "composite alarm": 1, "dashboard": 1}
    assert dollars(bill) == pytest.approx(0.40 + 1.00 + 0.30 + 0.50 + 3.00)


@pytest.mark.parametrize(
    ("rate", "runs"), [("15 minutes", 2920), ("1 hour", 730), ("6 hours", 730 / 6), ("1 day", 730 / 24)]
)
def test_a_schedule_costs_its_invocations(rate: str, runs: float) -> None:
    rule = {"Type": "AWS::Events::Rule", "Properties": {"ScheduleExpression": f"rate({rate})"}}

    assert monthly({"Resources": {"Rule": rule}})["invocation"] == pytest.approx(runs)


def test_fails_when_a_resource_has_no_price_here() -> None:
    with pytest.raises(ValueError, match="AWS::EC2::NatGateway is in no price list"):
        monthly({"Resources": {"Gateway": {"Type": "AWS::EC2::NatGateway"}}})


def test_the_metrics_of_all_functions_are_found_in_their_sources() -> None:
    declared = {
        name
        for module in LAMBDA_SOURCES.rglob("*.py")
        if "measures import emit" in (text := module.read_text("utf-8"))
        for name in re.findall(r'^\w+_METRIC: Final = "(\w+)"', text, re.MULTILINE)
    }
    functions = [_variables(handler.parent.name) for handler in LAMBDA_SOURCES.glob("*/handler.py")]

    assert set[str]().union(*map(metrics, functions)) == declared
    assert {"FindingsReceived", "OldestWaitingMessage"} <= metrics(_variables("guardduty_findings"))
    assert "FindingsReceived" not in metrics(_variables("collector_checkin")) | metrics(_variables("vpc_scope"))


def test_a_function_without_a_queue_has_no_waiting_messages_to_count() -> None:
    with_queue, without = _variables("collector_checkin"), _variables("collector_checkin", QUEUE_URL=None)

    assert metrics(with_queue) - metrics(without) == {"OldestWaitingMessage"}
    assert metrics(without) == {"CheckIn", "SecretUnusable"}


def test_only_a_hub_counts_accounts() -> None:
    # Of a ProtectedAccount the setting is there, and empty.
    hub, alone = _variables("account_registration"), _variables("account_registration", STATUS_BUCKET="")

    assert metrics(hub) - metrics(alone) == {
        "AccountsWanted",
        "AccountsEnrolled",
        "AccountsRegistered",
        "AccountsNotAsWanted",
    }


def test_the_settings_that_metrics_depend_on_are_those_of_the_functions() -> None:
    functions = {
        variables["POWERTOOLS_SERVICE_NAME"]: variables
        for template in sample_with().templates.values()
        for resource in template["Resources"].values()
        if resource["Type"] == "AWS::Lambda::Function"
        and (variables := resource["Properties"].get("Environment", {}).get("Variables"))
    }

    assert {name for name, it in functions.items() if "OldestWaitingMessage" in metrics(it)} == functions.keys() - {
        "collector_checkin",
        "trail_subscription",
    }
    assert {name for name, it in functions.items() if "AccountsWanted" in metrics(it)} == {"account_registration"}


def test_a_finding_on_the_forwarders_own_bus_is_not_sent_to_another() -> None:
    mapping = {"BatchSize": 500, "FunctionName": {"Ref": "Function"}}
    function = {"Environment": {"Variables": {"POWERTOOLS_SERVICE_NAME": "guardduty_findings"}}}
    rule = {"EventPattern": {"source": ["aws.guardduty"]}, "Targets": [{"Arn": "queue"}]}
    template = {
        "Resources": {
            "Mapping": {"Type": "AWS::Lambda::EventSourceMapping", "Properties": mapping},
            "Function": {"Type": "AWS::Lambda::Function", "Properties": function},
            "Rule": {"Type": "AWS::Events::Rule", "Properties": rule},
        }
    }

    least, most = per_million_findings(Synthesized(templates={"Alone": template}, places={}))

    assert (least["event"], most["event"]) == (0, 0)
    assert (least["invocation"], most["invocation"]) == (2000, 1_000_000)
    assert dollars(least) < 1 < dollars(most)


def test_functions_have_the_memory_that_is_assumed() -> None:
    memories = {
        resource["Properties"]["MemorySize"]
        for template in sample_with().templates.values()
        for resource in template["Resources"].values()
        if resource["Type"] == "AWS::Lambda::Function" and "Environment" in resource["Properties"]
    }

    assert memories == {MEMORY_GB * 1024}


def test_bills_add_up() -> None:
    assert total([{"key": 1}, {"key": 2, "sqs": 3}]) == {"key": 3, "sqs": 3}


def test_every_price_says_where_aws_publishes_it() -> None:
    assert all(
        re.fullmatch(r"https://aws\.amazon\.com/[a-z0-9-]+/pricing/(on-demand/)?", it.source) for it in PRICES.values()
    )
