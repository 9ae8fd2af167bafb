"""Each program in `examples/` synthesizes, and holds what it is an example of."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from docs.synthesis import example as run

if TYPE_CHECKING:
    from docs.synthesis import Synthesized

EXAMPLES = Path(__file__).parents[1] / "examples"
CONTROL_TOWER = {"AlertLogic-Security": "444444444444", "AlertLogic-Master": "111111111111"}


def test_one_account_sends_its_findings_and_registers_nothing() -> None:
    example = run("one_account")

    assert example.places == {"AlertLogic-GuardDuty": "555555555555/eu-west-1"}
    [pattern] = _patterns(example, "AlertLogic-GuardDuty", "aws.guardduty")
    assert pattern["detail"] == {"severity": [{"numeric": [">=", 2]}]}
    assert "Custom::AlertLogicRegistration" not in _types(example, "AlertLogic-GuardDuty")
    assert "FillSecret" in str(example.templates["AlertLogic-GuardDuty"]["Outputs"])


def test_cost_savings_registers_one_account_and_takes_the_findings_of_all_its_regions() -> None:
    example = run("cost_savings")

    assert example.places == {
        "AlertLogic-Administrator": "222222222222/us-east-1",
        "AlertLogic-Findings-us-west-2": "222222222222/us-west-2",
        "AlertLogic-Findings-eu-west-1": "222222222222/eu-west-1",
    }
    assert _types(example, "AlertLogic-Administrator").count("Custom::AlertLogicRegistration") == 1
    [pattern] = _patterns(example, "AlertLogic-Administrator", "aws.guardduty")
    # Those of every member, from every region.
    assert not {"account", "region"} & pattern.keys()
    for region in ("us-west-2", "eu-west-1"):
        [rule] = _properties(example, f"AlertLogic-Findings-{region}", "AWS::Events::Rule")
        [target] = rule["Targets"]
        assert target["Arn"] == "arn:aws:events:us-east-1:222222222222:event-bus/default"


def test_an_existing_apps_stack_gets_queue_role_and_subscription() -> None:
    example = run("existing_app")

    assert example.places == {"Logs": "333333333333/eu-west-1"}
    assert "outcomesbucket-12345678" in [
        queue.get("QueueName") for queue in _properties(example, "Logs", "AWS::SQS::Queue")
    ]
    [subscription] = _properties(example, "Logs", "AWS::SNS::Subscription")
    assert ":sns:eu-west-1:333333333333:acme-organization-trail" in json.dumps(subscription["TopicArn"])
    on_call = "arn:aws:sns:eu-west-1:333333333333:on-call"
    alarms = _properties(example, "Logs", "AWS::CloudWatch::Alarm")
    assert [alarm["AlarmActions"] for alarm in alarms] == [[on_call]] * len(alarms) != []
    assert "AWS::Lambda::Function" not in _types(example, "Logs")


def test_the_landing_zone_has_all_four_flows() -> None:
    example = run("landing_zone")

    accounts = {**CONTROL_TOWER, "AlertLogic-LogArchive": "333333333333", "AlertLogic-Audit": "222222222222"}
    assert example.places == {stack: f"{account}/us-east-1" for stack, account in accounts.items()}
    functions = {
        function["Environment"]["Variables"]["POWERTOOLS_SERVICE_NAME"]
        for stack in accounts
        for function in _properties(example, stack, "AWS::Lambda::Function")
        if "Environment" in function
    }
    assert functions == {
        "account_enrollment",
        "account_registration",
        "collector_checkin",
        "guardduty_findings",
        "stackset_emptier",
        "trail_subscription",
        "vpc_scope",
    }
    [findings] = _patterns(example, "AlertLogic-Security", "aws.guardduty")
    assert findings["account"] == ["222222222222"]
    conditions = example.member["Conditions"]
    assert conditions["IsGuardDutyAdministrator"] == {"Fn::Equals": [{"Ref": "AWS::AccountId"}, "222222222222"]}
    assert '\\"CentralLogs\\":\\"true\\"' in json.dumps(example.member["Outputs"])


def test_in_landing_zone_4_the_logs_role_may_decrypt_and_the_keys_owner_is_told_how() -> None:
    example = run("landing_zone_4")

    assert example.places == {
        **{stack: f"{account}/eu-west-1" for stack, account in CONTROL_TOWER.items()},
        "AlertLogic-Master-Global": "111111111111/us-east-1",
        "AlertLogic-LogArchive": "333333333333/eu-west-1",
        "AlertLogic-Topic": "222222222222/eu-west-1",
    }
    key = ":kms:eu-west-1:111111111111:key/11111111-2222-3333-4444-555555555555"
    [decrypt] = [
        statement
        for role in _properties(example, "AlertLogic-LogArchive", "AWS::IAM::Role")
        for policy in role.get("Policies", [])
        for statement in policy["PolicyDocument"]["Statement"]
        if statement["Action"] == "kms:Decrypt"
    ]
    assert key in json.dumps(decrypt["Resource"])
    statement = json.dumps(example.templates["AlertLogic-LogArchive"]["Outputs"]["KeyPolicyStatement"])
    for words in ("kms:Decrypt", "333333333333", "role/alertlogic-central-logs", "aws:cloudtrail:arn"):
        assert words in statement
    bucket = ":s3:::aws-controltower-cloudtrail-logs-333333333333-abc-def"
    assert bucket in json.dumps(example.templates["AlertLogic-LogArchive"])


def test_without_an_administrator_every_account_and_region_forwards_its_own() -> None:
    example = run("guardduty_without_administrator")

    regions = ("us-east-1", "us-west-2")
    assert example.places == {
        **{stack: f"{account}/us-east-1" for stack, account in CONTROL_TOWER.items()},
        **{f"AlertLogic-Master-{region}": f"111111111111/{region}" for region in regions},
    }
    [hub_pattern] = _patterns(example, "AlertLogic-Security", "aws.guardduty")
    assert "account" not in hub_pattern
    assert {"OWN_FINDINGS_ONLY": "true"}.items() <= _variables(example, "guardduty_findings").items()
    rules = [one for one in example.member["Resources"].values() if one["Type"] == "AWS::Events::Rule"]
    assert [rule["Properties"]["EventPattern"]["source"] for rule in rules] == [["aws.guardduty"]]
    # In every region: no condition holds it back.
    assert "Condition" not in rules[0]
    assert _variables(example, "account_enrollment", "AlertLogic-Master")["REGIONS"] == ",".join(regions)
    for region in regions:
        [own] = _patterns(example, f"AlertLogic-Master-{region}", "aws.guardduty")
        assert own["account"] == [{"Ref": "AWS::AccountId"}]


def _types(example: Synthesized, stack: str) -> list[str]:
    return [resource["Type"] for resource in example.templates[stack]["Resources"].values()]


def _properties(example: Synthesized, stack: str, type_: str) -> list[dict[str, Any]]:
    return [r["Properties"] for r in example.templates[stack]["Resources"].values() if r["Type"] == type_]


def _patterns(example: Synthesized, stack: str, source: str) -> list[dict[str, Any]]:
    rules = [it["EventPattern"] for it in _properties(example, stack, "AWS::Events::Rule") if "EventPattern" in it]
    return [pattern for pattern in rules if source in pattern["source"]]


def _variables(example: Synthesized, function: str, stack: str = "AlertLogic-Security") -> dict[str, str]:
    [found] = [
        variables
        for one in _properties(example, stack, "AWS::Lambda::Function")
        if (variables := one.get("Environment", {}).get("Variables", {})).get("POWERTOOLS_SERVICE_NAME") == function
    ]
    return found


def test_every_example_is_tested_here() -> None:
    tested = Path(__file__).read_text("utf-8")

    assert all(f'run("{path.stem}")' in tested for path in EXAMPLES.glob("*.py"))
