from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import App

import app as sample
from alertlogic_constructs import DeploymentMode
from alertlogic_constructs.settings import CONTEXT_KEY, read_settings
from docs.synthesis import Synthesized, sample_with


def _example() -> dict[str, Any]:
    cdk_json = json.loads(Path(sample.__file__).with_name("cdk.json").read_text("utf-8"))
    example: dict[str, Any] = cdk_json["context"][CONTEXT_KEY]
    return example


def _app(context: dict[str, Any]) -> App:
    return App(context={"aws:cdk:bundling-stacks": [], **context})


def test_without_context_the_example_is_used() -> None:
    assert sample.context_of(_app({})) == _example()


def test_context_may_be_json_text() -> None:
    text = json.dumps(_example() | {"mode": "AUTOMATIC"})

    assert read_settings(sample.context_of(_app({CONTEXT_KEY: text}))).mode is DeploymentMode.AUTOMATIC


def test_fails_when_cdk_json_has_no_such_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "cdk.json").write_text('{"context": {}}', "utf-8")
    monkeypatch.setattr(sample, "__file__", str(tmp_path / "app.py"))

    with pytest.raises(ValueError, match=r"the context alertlogic:landing-zone is None; allowed is an object"):
        read_settings(sample.context_of(_app({})))


@pytest.mark.parametrize("value", ["[]", "3", "{"])
def test_fails_when_the_context_is_no_object(value: str) -> None:
    with pytest.raises(ValueError, match=r"see cdk\.json for an example"):
        read_settings(sample.context_of(_app({CONTEXT_KEY: value})))


def test_the_stacks_are_for_the_accounts_of_the_settings() -> None:
    app = _app({})
    sample.build(app, read_settings(_example()))

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


def test_without_a_trail_nothing_is_in_log_archive_and_audit() -> None:
    synthesized = sample_with(trail=None)

    assert synthesized.templates.keys() == {"AlertLogic-Security", "AlertLogic-Master"}
    assert "'CentralLogs': 'false'" in str(synthesized.member)


@pytest.mark.parametrize(
    ("trail", "bucket"),
    [
        ({}, "aws-controltower-logs-333333333333-us-east-1"),
        ({"key_arn": "arn:aws:kms:us-east-1:111111111111:key/k"}, "aws-controltower-logs-333333333333-us-east-1"),
        ({"bucket_name": "logs-abc", "topic_arn": "arn:aws:sns:us-east-1:222222222222:trail"}, "logs-abc"),
    ],
)
def test_the_trail_reaches_the_log_archive(trail: dict[str, str], bucket: str) -> None:
    log_archive = sample_with(trail=trail).templates["AlertLogic-LogArchive"]

    assert f":s3:::{bucket}/o-exampleorg1/AWSLogs/*" in str(log_archive)


def test_the_topics_account_subscribes_whichever_it_is() -> None:
    trail = {"bucket_name": "logs-abc", "topic_arn": "arn:aws:sns:us-east-1:333333333333:trail"}

    assert sample_with(trail=trail).places["AlertLogic-Audit"] == "333333333333/us-east-1"


@pytest.mark.parametrize("trail", [5, "none", {"bucket": "x"}, {"bucket_name": "logs-abc"}, {"key_arn": "k"}])
def test_fails_when_the_trail_cannot_be_read(trail: Any) -> None:
    with pytest.raises(ValueError, match=r"trail is|topic_arn is None|key_arn is 'k'"):
        read_settings(_example() | {"trail": trail})


def test_fails_when_the_trail_is_missing() -> None:
    given = _example()
    del given["trail"]

    with pytest.raises(ValueError, match="trail is 'missing'"):
        read_settings(given)


def test_settings_reach_the_constructs() -> None:
    synthesized = sample_with(
        included_units=["ou-abcd-11111111"], mode="AUTOMATIC", offboarding="DELETE", data_center="EU"
    )

    master, security = (json.dumps(synthesized.templates[f"AlertLogic-{name}"]) for name in ("Master", "Security"))
    assert "'Mode': 'automatic'" in str(synthesized.member)
    assert '"INCLUDED_UNITS": "ou-abcd-11111111"' in master
    assert "857795874556" in master
    assert '"OFFBOARDING": "DELETE"' in security


def test_the_tags_reach_both_sides() -> None:
    synthesized = sample_with(vpc_tags={"Env": ["Prod", "Stage"]}, prune=True)

    security, master = (json.dumps(synthesized.templates[f"AlertLogic-{name}"]) for name in ("Security", "Master"))
    # Both times as JSON inside JSON: of a variable, and of the StackSet's template.
    tags = json.dumps(json.dumps([{"Key": "Env", "Value": "Prod"}, {"Key": "Env", "Value": "Stage"}]))[1:-1]
    assert tags in security
    assert tags.replace(" ", "") in master


def test_without_tags_there_is_no_watcher() -> None:
    assert "vpc_scope" not in str(sample_with(vpc_tags={}).templates["AlertLogic-Security"])


def _rules(synthesized: Synthesized, stack: str) -> list[dict[str, Any]]:
    return [
        resource["Properties"]
        for resource in synthesized.templates[stack]["Resources"].values()
        if resource["Type"] == "AWS::Events::Rule" and "GuardDuty" in resource["Properties"]["Description"]
    ]


def test_without_guardduty_there_is_no_forwarder() -> None:
    synthesized = sample_with(guardduty=None)

    assert _rules(synthesized, "AlertLogic-Security") == []
    assert "aws.guardduty" not in str(synthesized.templates["AlertLogic-Master"])


def test_filters_reach_the_forwarder() -> None:
    filters = {"minimum_severity": 4, "finding_types": ["*:EC2/*"], "sample_findings": False}
    synthesized = sample_with(guardduty={"administrator": "222222222222", **filters})

    [rule] = [rule for rule in _rules(synthesized, "AlertLogic-Security") if "EventPattern" in rule]
    assert rule["EventPattern"]["account"] == ["222222222222"]
    assert rule["EventPattern"]["detail"] == {
        "severity": [{"numeric": [">=", 4]}],
        "type": [{"wildcard": "*:EC2/*"}],
        "service": {"additionalInfo": {"sample": [{"exists": False}, False]}},
    }


@pytest.mark.parametrize("administrator", [None, "111111111111"])
def test_the_management_account_forwards_its_own_findings(administrator: str | None) -> None:
    synthesized = sample_with(guardduty={"administrator": administrator})

    for stack, region in (
        ("AlertLogic-Master", "us-east-1"),
        ("AlertLogic-Master-us-west-2", "us-west-2"),
        ("AlertLogic-Master-eu-west-1", "eu-west-1"),
    ):
        [rule] = _rules(synthesized, stack)
        assert rule["EventPattern"]["region"] == [{"Ref": "AWS::Region"}]
        assert ":events:us-east-1:444444444444:event-bus/alertlogic-hub" in str(rule["Targets"])
        assert synthesized.places[stack] == f"111111111111/{region}"


@pytest.mark.parametrize(
    "guardduty", [5, "none", {}, {"administrator": "222222222222", "severity": 4}, {"administrator": "2222"}]
)
def test_fails_when_guardduty_cannot_be_read(guardduty: Any) -> None:
    with pytest.raises(ValueError, match=r"guardduty is|account is '2222'"):
        read_settings(_example() | {"guardduty": guardduty})


def test_fails_when_guardduty_is_missing() -> None:
    given = _example()
    del given["guardduty"]

    with pytest.raises(ValueError, match="guardduty is 'missing'"):
        read_settings(given)


@pytest.mark.parametrize(
    ("key", "value"), [("vpc_tags", None), ("vpc_tags", []), ("vpc_tags", {"": "x"}), ("prune", None), ("prune", "no")]
)
def test_fails_when_the_scope_is_not_said(key: str, value: Any) -> None:
    with pytest.raises(ValueError, match=rf"{key.removeprefix('vpc_')} is "):
        read_settings(_example() | {key: value})


@pytest.mark.parametrize("percentage", [None, "10", True, 101])
def test_fails_when_the_deletion_guard_is_no_percentage(percentage: Any) -> None:
    with pytest.raises(ValueError, match="deletion_guard_percentage is"):
        read_settings(_example() | {"deletion_guard_percentage": percentage})


def test_organizations_events_come_from_us_east_1() -> None:
    away = sample_with(home_region="us-west-2")

    assert "aws.organizations" in str(away.templates["AlertLogic-Master-Global"])
    assert away.places["AlertLogic-Master-Global"] == "111111111111/us-east-1"
    assert "AlertLogic-Master-Global" not in sample_with().templates


@pytest.mark.parametrize("included", [None, 5, "ou-abcd-11111111", {}])
def test_fails_when_the_included_units_are_no_list(included: Any) -> None:
    with pytest.raises(ValueError, match=r"included_units is .*a list of strings"):
        read_settings(_example() | {"included_units": included})


def test_fails_when_a_choice_is_no_name() -> None:
    with pytest.raises(ValueError, match=r"policy is \[\]; allowed is one of"):
        read_settings(_example() | {"policy": []})


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

    with pytest.raises(ValueError, match=re.escape(CONTEXT_KEY)) as refusal:
        read_settings(wrong)

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
    synthesized = sample_with(alarm_topic_name="operations")

    for stack, place in synthesized.places.items():
        [arn] = {
            json.dumps(action)
            for resource in synthesized.templates[stack]["Resources"].values()
            if resource["Type"] == "AWS::CloudWatch::Alarm"
            for action in resource["Properties"]["AlarmActions"]
        }
        assert f":sns:us-east-1:{place.partition('/')[0]}:operations" in arn


@pytest.mark.parametrize("name", [5, "", "operations.fifo", "arn:aws:sns:us-east-1:444444444444:operations"])
def test_fails_when_the_alarm_topic_has_no_such_name(name: Any) -> None:
    with pytest.raises(ValueError, match=r"alarm_topic_name is .*; give its name, not its ARN"):
        read_settings(_example() | {"alarm_topic_name": name})
