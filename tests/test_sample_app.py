from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import App
from aws_cdk.assertions import Template

import app as sample
from alertlogic_constructs import DeploymentMode


def _example() -> dict[str, Any]:
    cdk_json = json.loads(Path(sample.__file__).with_name("cdk.json").read_text("utf-8"))
    example: dict[str, Any] = cdk_json["context"][sample.CONTEXT_KEY]
    return example


def _app(context: dict[str, Any]) -> App:
    return App(context={"aws:cdk:bundling-stacks": [], **context})


def test_without_context_the_example_is_used() -> None:
    assert sample.context_of(_app({})) == _example()


def test_context_may_be_json_text() -> None:
    text = json.dumps(_example() | {"mode": "AUTOMATIC"})

    assert sample.context_of(_app({sample.CONTEXT_KEY: text}))["mode"] == "AUTOMATIC"


@pytest.mark.parametrize("value", ["[]", "3", "{"])
def test_fails_when_the_context_is_no_object(value: str) -> None:
    with pytest.raises(ValueError, match=r"see cdk\.json for an example"):
        sample.context_of(_app({sample.CONTEXT_KEY: value}))


def test_the_stacks_are_for_the_accounts_of_the_settings() -> None:
    app = _app({})
    sample.build(app, sample.read_settings(_example()))

    stacks = {stack.stack_name: stack for stack in app.synth().stacks}
    assert {name: stack.environment.account for name, stack in stacks.items()} == {
        "AlertLogic-Security": "444444444444",
        "AlertLogic-Master": "111111111111",
        "AlertLogic-LogArchive": "333333333333",
        "AlertLogic-Audit": "222222222222",
    }
    dependencies = {
        name: {dependency.id for dependency in stack.dependencies} & set(stacks) for name, stack in stacks.items()
    }
    assert dependencies == {
        "AlertLogic-Security": set(),
        "AlertLogic-LogArchive": set(),
        "AlertLogic-Audit": {"AlertLogic-LogArchive"},
        "AlertLogic-Master": {"AlertLogic-Security", "AlertLogic-LogArchive"},
    }


def _template(trail: Any, name: str) -> Template | None:
    app = _app({})
    sample.build(app, sample.read_settings(_example() | {"trail": trail}))
    stack = app.node.try_find_child(f"AlertLogic-{name}")
    return Template.from_stack(stack) if stack else None  # type: ignore[arg-type]


def test_without_a_trail_nothing_is_in_log_archive_and_audit() -> None:
    assert _template(None, "LogArchive") is None
    assert _template(None, "Audit") is None
    master = _template(None, "Master")
    assert master is not None
    assert '\\"CentralLogs\\":\\"false\\"' in json.dumps(master.to_json())


@pytest.mark.parametrize(
    ("trail", "bucket"),
    [
        ({}, "aws-controltower-logs-333333333333-us-east-1"),
        ({"key_arn": "arn:aws:kms:us-east-1:111111111111:key/k"}, "aws-controltower-logs-333333333333-us-east-1"),
        ({"bucket_name": "logs-abc", "topic_arn": "arn:aws:sns:us-east-1:222222222222:trail"}, "logs-abc"),
    ],
)
def test_the_trail_reaches_the_log_archive(trail: dict[str, str], bucket: str) -> None:
    log_archive = _template(trail, "LogArchive")

    assert log_archive is not None
    assert f":s3:::{bucket}/o-exampleorg1/AWSLogs/*" in str(log_archive.to_json())


def test_the_topics_account_subscribes_whichever_it_is() -> None:
    app = _app({})
    trail = {"bucket_name": "logs-abc", "topic_arn": "arn:aws:sns:us-east-1:333333333333:trail"}
    sample.build(app, sample.read_settings(_example() | {"trail": trail}))

    accounts = {stack.stack_name: stack.environment.account for stack in app.synth().stacks}
    assert accounts["AlertLogic-Audit"] == "333333333333"


@pytest.mark.parametrize("trail", [5, "none", {"bucket": "x"}, {"bucket_name": "logs-abc"}, {"key_arn": "k"}])
def test_fails_when_the_trail_cannot_be_read(trail: Any) -> None:
    with pytest.raises(ValueError, match=r"trail is|topic_arn is None|key_arn is 'k'"):
        sample.read_settings(_example() | {"trail": trail})


def test_fails_when_the_trail_is_missing() -> None:
    given = _example()
    del given["trail"]

    with pytest.raises(ValueError, match="trail is 'missing'"):
        sample.read_settings(given)


def test_settings_reach_the_constructs() -> None:
    units = {"included_units": ["ou-abcd-11111111"], "mode": "AUTOMATIC", "offboarding": "DELETE", "data_center": "EU"}
    settings = sample.read_settings(_example() | units)
    app = _app({})
    sample.build(app, settings)

    assert settings.mode is DeploymentMode.AUTOMATIC
    master = json.dumps(Template.from_stack(app.node.find_child("AlertLogic-Master")).to_json())  # type: ignore[arg-type]
    security = json.dumps(Template.from_stack(app.node.find_child("AlertLogic-Security")).to_json())  # type: ignore[arg-type]
    assert '"INCLUDED_UNITS": "ou-abcd-11111111"' in master
    assert "857795874556" in master
    assert '"OFFBOARDING": "DELETE"' in security


def test_the_tags_reach_both_sides() -> None:
    app = _app({})
    sample.build(app, sample.read_settings(_example() | {"vpc_tags": {"Env": ["Prod", "Stage"]}, "prune": True}))

    security, master = (
        json.dumps(Template.from_stack(app.node.find_child(f"AlertLogic-{name}")).to_json())  # type: ignore[arg-type]
        for name in ("Security", "Master")
    )
    # Both times as JSON inside JSON: of a variable, and of the StackSet's template.
    tags = json.dumps(json.dumps([{"Key": "Env", "Value": "Prod"}, {"Key": "Env", "Value": "Stage"}]))[1:-1]
    assert tags in security
    assert tags.replace(" ", "") in master


def test_without_tags_there_is_no_watcher() -> None:
    app = _app({})
    sample.build(app, sample.read_settings(_example() | {"vpc_tags": {}}))

    security = Template.from_stack(app.node.find_child("AlertLogic-Security"))  # type: ignore[arg-type]
    assert "vpc_scope" not in str(security.to_json())


def _stacks(**changes: Any) -> App:
    app = _app({})
    sample.build(app, sample.read_settings(_example() | changes))
    return app


def _rules(app: App, stack: str) -> list[dict[str, Any]]:
    template = Template.from_stack(app.node.find_child(stack))  # type: ignore[arg-type]
    rules = template.find_resources("AWS::Events::Rule").values()
    return [rule["Properties"] for rule in rules if "GuardDuty" in rule["Properties"]["Description"]]


def test_without_guardduty_there_is_no_forwarder() -> None:
    app = _stacks(guardduty=None)

    assert _rules(app, "AlertLogic-Security") == []
    assert "aws.guardduty" not in str(Template.from_stack(app.node.find_child("AlertLogic-Master")).to_json())  # type: ignore[arg-type]


def test_filters_reach_the_forwarder() -> None:
    filters = {"minimum_severity": 4, "finding_types": ["*:EC2/*"], "sample_findings": False}
    app = _stacks(guardduty={"administrator": "222222222222", **filters})

    [rule] = [rule for rule in _rules(app, "AlertLogic-Security") if "EventPattern" in rule]
    assert rule["EventPattern"]["account"] == ["222222222222"]
    assert rule["EventPattern"]["detail"] == {
        "severity": [{"numeric": [">=", 4]}],
        "type": [{"wildcard": "*:EC2/*"}],
        "service": {"additionalInfo": {"sample": [{"exists": False}, False]}},
    }


@pytest.mark.parametrize("administrator", [None, "111111111111"])
def test_the_management_account_forwards_its_own_findings(administrator: str | None) -> None:
    app = _stacks(guardduty={"administrator": administrator})

    for stack, region in (
        ("AlertLogic-Master", "us-east-1"),
        ("AlertLogic-Master-us-west-2", "us-west-2"),
        ("AlertLogic-Master-eu-west-1", "eu-west-1"),
    ):
        [rule] = _rules(app, stack)
        assert rule["EventPattern"]["region"] == [{"Ref": "AWS::Region"}]
        assert ":events:us-east-1:444444444444:event-bus/alertlogic-hub" in str(rule["Targets"])
        assert app.node.find_child(stack).region == region  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "guardduty", [5, "none", {}, {"administrator": "222222222222", "severity": 4}, {"administrator": "2222"}]
)
def test_fails_when_guardduty_cannot_be_read(guardduty: Any) -> None:
    with pytest.raises(ValueError, match=r"guardduty is|account is '2222'"):
        sample.read_settings(_example() | {"guardduty": guardduty})


def test_fails_when_guardduty_is_missing() -> None:
    given = _example()
    del given["guardduty"]

    with pytest.raises(ValueError, match="guardduty is 'missing'"):
        sample.read_settings(given)


@pytest.mark.parametrize(
    ("key", "value"), [("vpc_tags", None), ("vpc_tags", []), ("vpc_tags", {"": "x"}), ("prune", None), ("prune", "no")]
)
def test_fails_when_the_scope_is_not_said(key: str, value: Any) -> None:
    with pytest.raises(ValueError, match=rf"{key.removeprefix('vpc_')} is "):
        sample.read_settings(_example() | {key: value})


@pytest.mark.parametrize("percentage", [None, "10", True, 101])
def test_fails_when_the_deletion_guard_is_no_percentage(percentage: Any) -> None:
    with pytest.raises(ValueError, match="deletion_guard_percentage is"):
        _stacks(deletion_guard_percentage=percentage)


def test_organizations_events_come_from_us_east_1() -> None:
    app = _stacks(home_region="us-west-2")

    spoke = Template.from_stack(app.node.find_child("AlertLogic-Master-Global"))  # type: ignore[arg-type]
    assert "aws.organizations" in str(spoke.find_resources("AWS::Events::Rule"))
    assert _stacks().node.try_find_child("AlertLogic-Master-Global") is None


@pytest.mark.parametrize("included", [None, 5, "ou-abcd-11111111", {}])
def test_fails_when_the_included_units_are_no_list(included: Any) -> None:
    with pytest.raises(ValueError, match=r"included_units is .*a list of strings"):
        sample.read_settings(_example() | {"included_units": included})


def test_fails_when_a_choice_is_no_name() -> None:
    with pytest.raises(ValueError, match=r"policy is \[\]; allowed is one of"):
        sample.read_settings(_example() | {"policy": []})


def test_one_error_lists_everything_that_is_wrong() -> None:
    wrong = _example() | {
        "organization_id": "exampleorg",
        "audit_account": "22",
        "customer_id": "acme",
        "data_center": "MARS",
        "included_units": None,
        "policy": "GOLD",
        "mode": None,
        "excluded_units": "ou-abcd-11111111",
        "polciy": "ENTERPRISE",
    }
    del wrong["offboarding"]

    with pytest.raises(ValueError, match=re.escape(sample.CONTEXT_KEY)) as refusal:
        sample.read_settings(wrong)

    words = [
        "organization_id is 'exampleorg'",
        "audit_account is '22'",
        "customer_id is 'acme'",
        "data_center is 'MARS'",
        "included_units is None",
        "policy is 'GOLD'; allowed is one of ESSENTIALS, PROFESSIONAL, ENTERPRISE",
        "mode is None",
        "excluding is 'ou-abcd-11111111'; allowed is a list of strings",
        "polciy is unknown",
        "offboarding is None",
    ]
    assert [word for word in words if word not in str(refusal.value)] == []


def test_alarms_are_published_to_the_topic_of_that_name_in_each_account() -> None:
    app = _app({})
    sample.build(app, sample.read_settings(_example() | {"alarm_topic_name": "operations"}))

    actions = {
        stack.environment.account: {
            json.dumps(action)
            for resource in stack.template["Resources"].values()
            if resource["Type"] == "AWS::CloudWatch::Alarm"
            for action in resource["Properties"]["AlarmActions"]
        }
        for stack in app.synth().stacks
    }
    for account, arns in actions.items():
        [arn] = arns
        assert f":sns:us-east-1:{account}:operations" in arn


@pytest.mark.parametrize("name", [5, "", "operations.fifo", "arn:aws:sns:us-east-1:444444444444:operations"])
def test_fails_when_the_alarm_topic_has_no_such_name(name: Any) -> None:
    with pytest.raises(ValueError, match=r"alarm_topic_name is .*; give its name, not its ARN"):
        sample.read_settings(_example() | {"alarm_topic_name": name})
