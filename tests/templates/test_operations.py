"""Whatever runs here has alarms that lead somewhere, in whichever way the sample is set up."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from account_enrollment.convergence import HELD_BACK_METRIC
from account_registration.status import ENROLLED_METRIC, NOT_AS_WANTED_METRIC, REGISTERED_METRIC, WANTED_METRIC
from alertlogic_constructs._alarms import RUNBOOK, Section
from aws.queue import WAITING_METRIC
from aws.secret import UNUSABLE_METRIC
from collector_checkin.handler import CHECK_IN_METRIC
from docs.synthesis import sample_with
from guardduty_findings.handler import DELAY_METRIC, FAILED_METRIC, FORWARDED_METRIC, RECEIVED_METRIC

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ROOT = Path(__file__).parents[2]
RUNBOOK_TEXT = (ROOT / RUNBOOK).read_text("utf-8")
TOPIC_NAME = "operations"
# The second puts a spoke into each region of the management account.
STYLES: dict[str, dict[str, Any]] = {
    "administrator": {},
    "every account, other home region": {
        "home_region": "eu-west-1",
        "governed_regions": ["eu-west-1", "us-east-1"],
        "guardduty": {"administrator": None},
        "alarm_topic_name": TOPIC_NAME,
    },
}
# CDK's function that empties a bucket at the end has no settings.
IS_OURS = "Environment"

Template = dict[str, Any]


def _templates(style: str) -> Mapping[str, Template]:
    return sample_with(**STYLES[style]).templates


@pytest.fixture(params=STYLES)
def templates(request: pytest.FixtureRequest) -> Mapping[str, Template]:
    return _templates(request.param)


def _of_type(template: Template, kind: str) -> dict[str, Any]:
    return {
        id_: resource.get("Properties", {})
        for id_, resource in template["Resources"].items()
        if resource["Type"] == kind
    }


def _metrics(alarm: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if "MetricName" in alarm:
        yield alarm
    for query in alarm.get("Metrics", []):
        if "MetricStat" in query:
            yield query["MetricStat"]["Metric"]


def _watched(template: Template) -> dict[str, str]:
    """Return each alarm's metrics and their dimensions as text, by the metric's name."""
    watched: dict[str, str] = {}
    for alarm in _of_type(template, "AWS::CloudWatch::Alarm").values():
        for metric in _metrics(alarm):
            name = metric["MetricName"]
            watched[name] = watched.get(name, "") + json.dumps(metric["Dimensions"])
    return watched


def _unwatched(template: Template, ids: set[str], metric: str) -> set[str]:
    return {id_ for id_ in ids if f'"{id_}"' not in _watched(template).get(metric, "")}


def _is_of_spoke(id_: str, stack: str) -> bool:
    # One would cost money in each region of each account that forwards: docs/decisions.md. Those of the management
    # account are as all others.
    return stack.startswith("AlertLogic-Master") and id_.startswith("Findings")


def test_every_function_has_alarms_on_errors_and_throttles(templates: Mapping[str, Template]) -> None:
    for template in templates.values():
        ours = {id_ for id_, it in _of_type(template, "AWS::Lambda::Function").items() if IS_OURS in it}

        assert _unwatched(template, ours, "Errors") == set()
        assert _unwatched(template, ours, "Throttles") == set()


def test_every_function_with_the_secret_has_an_alarm_on_it(templates: Mapping[str, Template]) -> None:
    for template in templates.values():
        functions = _of_type(template, "AWS::Lambda::Function").values()
        variables = [it[IS_OURS]["Variables"] for it in functions if IS_OURS in it]
        readers = {it["POWERTOOLS_SERVICE_NAME"] for it in variables if "ALERTLOGIC_SECRET_ARN" in it}

        assert _unwatched(template, readers, UNUSABLE_METRIC) == set()


def test_every_queue_has_an_alarm_on_its_age_and_every_dead_letter_queue_on_what_is_there(
    templates: Mapping[str, Template],
) -> None:
    for name, template in templates.items():
        queues = _of_type(template, "AWS::SQS::Queue")
        fed = {id_ for id_, it in queues.items() if "RedrivePolicy" in it}
        dead = {id_ for id_ in queues.keys() - fed if not _is_of_spoke(id_, name)}

        assert _unwatched(template, fed, "ApproximateAgeOfOldestMessage") == set()
        assert _unwatched(template, dead, "ApproximateNumberOfMessagesVisible") == set()


def test_every_rule_has_an_alarm_on_what_it_cannot_deliver(templates: Mapping[str, Template]) -> None:
    for name, template in templates.items():
        rules = {id_ for id_ in _of_type(template, "AWS::Events::Rule") if not _is_of_spoke(id_, name)}

        assert _unwatched(template, rules, "FailedInvocations") == set()


def test_a_rule_on_another_bus_is_watched_under_the_name_of_that_bus() -> None:
    template = _templates("administrator")["AlertLogic-Security"]
    [rule] = [id_ for id_ in _of_type(template, "AWS::Events::Rule") if "AccountsRule" in id_]
    [bus] = _of_type(template, "AWS::Events::EventBus")

    [dimensions] = [
        {one["Name"]: one["Value"] for one in metric["Dimensions"]}
        for alarm in _of_type(template, "AWS::CloudWatch::Alarm").values()
        for metric in _metrics(alarm)
        if f'"{rule}"' in json.dumps(metric["Dimensions"])
    ]
    # arn:aws:events:REGION:ACCOUNT:rule/BUS/NAME
    name = {"Fn::Select": [2, {"Fn::Split": ["/", {"Fn::GetAtt": [rule, "Arn"]}]}]}
    assert dimensions == {"EventBusName": {"Ref": bus}, "RuleName": name}


def test_members_have_none_of_it_and_no_queue_or_function_that_would_need_it() -> None:
    for settings in STYLES.values():
        template = sample_with(**settings).member

        assert _of_type(template, "AWS::CloudWatch::Alarm") == {}
        assert _of_type(template, "AWS::CloudWatch::Dashboard") == {}
        assert _of_type(template, "AWS::Lambda::Function") == {}
        # The dead-letter queue of the spoke.
        assert len(_of_type(template, "AWS::SQS::Queue")) <= 1


def test_alarms_watch_metrics_that_the_functions_emit(templates: Mapping[str, Template]) -> None:
    emitted = {CHECK_IN_METRIC, HELD_BACK_METRIC, NOT_AS_WANTED_METRIC, UNUSABLE_METRIC, WAITING_METRIC}

    watched = {
        metric["MetricName"]
        for template in templates.values()
        for alarm in _of_type(template, "AWS::CloudWatch::Alarm").values()
        for metric in _metrics(alarm)
        if metric["Namespace"] == "AlertLogic"
    }
    assert watched == emitted


def test_every_alarm_chooses_what_missing_data_stands_for(templates: Mapping[str, Template]) -> None:
    for template in templates.values():
        for alarm in _of_type(template, "AWS::CloudWatch::Alarm").values():
            expected = {CHECK_IN_METRIC: "breaching", NOT_AS_WANTED_METRIC: "missing"}
            assert alarm["TreatMissingData"] == expected.get(alarm.get("MetricName", ""), "notBreaching")


def _text(value: Any) -> str:
    """Return a text as a deployment makes it, but for the ids that stand for ARNs."""
    if isinstance(value, str):
        return value
    [(function, argument)] = value.items()
    return "".join(_text(part) for part in argument[1]) if function == "Fn::Join" else f"<{argument[0]}>"


def _descriptions(style: str) -> list[str]:
    return [
        _text(alarm["AlarmDescription"])
        for template in _templates(style).values()
        for alarm in _of_type(template, "AWS::CloudWatch::Alarm").values()
    ]


def test_every_alarm_leads_to_its_section_of_the_runbook_and_every_section_has_an_alarm() -> None:
    links = [re.search(rf"Runbook: {re.escape(RUNBOOK)}#([a-z0-9-]+)$", it) for it in _descriptions("administrator")]
    _, _, alarms = RUNBOOK_TEXT.partition("\n## Alarms\n")
    headings = re.findall(r"^### (.+)$", alarms.partition("\n## ")[0], re.MULTILINE)

    assert None not in links
    assert {link[1] for link in links if link} == set(Section)
    assert sorted(heading.lower().replace(" ", "-") for heading in headings) == sorted(Section)


def _anchors(page: Path) -> set[str]:
    headings = re.findall(r"^##+ (.+)$", page.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^a-z0-9 -]", "", it.lower()).replace(" ", "-") for it in headings}


def test_links_of_the_runbook_lead_somewhere() -> None:
    runbook = ROOT / RUNBOOK
    links = re.findall(r"\]\(([^)#]*)(?:#([^)]+))?\)", RUNBOOK_TEXT)
    pages = {name: runbook.parent / name if name else runbook for name, _ in links}

    assert {name for name, page in pages.items() if not page.is_file()} == set()
    assert {(name, anchor) for name, anchor in links if anchor and anchor not in _anchors(pages[name])} == set()


def test_every_dead_letter_alarm_says_how_to_redrive_that_queue() -> None:
    said = "\n".join(_descriptions("administrator"))
    pairs = re.findall(r"aws sqs start-message-move-task --source-arn <(\w+)> --destination-arn <(\w+)>", said)

    redriven = {
        (queue["RedrivePolicy"]["deadLetterTargetArn"]["Fn::GetAtt"][0], id_)
        for template in _templates("administrator").values()
        for id_, queue in _of_type(template, "AWS::SQS::Queue").items()
        if "RedrivePolicy" in queue
    }
    assert set(pairs) == redriven


def test_an_alarm_is_published_when_it_begins_and_when_it_ends_if_there_is_a_topic() -> None:
    for style, others in STYLES.items():
        for template in _templates(style).values():
            for alarm in _of_type(template, "AWS::CloudWatch::Alarm").values():
                actions = alarm.get("AlarmActions", [])
                assert alarm.get("OKActions", []) == actions
                assert [_text(it).endswith(f":{TOPIC_NAME}") for it in actions] == ["alarm_topic_name" in others] * len(
                    actions
                )
                assert len(actions) == ("alarm_topic_name" in others)


def _bodies(style: str) -> dict[str, str]:
    return {
        name: json.dumps(it["DashboardBody"])
        for name, template in _templates(style).items()
        for it in _of_type(template, "AWS::CloudWatch::Dashboard").values()
    }


def test_each_account_has_a_dashboard() -> None:
    names = {"AlertLogic-Security", "AlertLogic-Master", "AlertLogic-LogArchive", "AlertLogic-Audit"}

    assert set(_bodies("administrator")) == names


def test_a_dashboard_shows_every_alarm_and_every_function_of_its_stack(templates: Mapping[str, Template]) -> None:
    for template in templates.values():
        for dashboard in _of_type(template, "AWS::CloudWatch::Dashboard").values():
            body = json.dumps(dashboard)
            groups = _of_type(template, "AWS::Logs::LogGroup")

            assert {
                id_ for id_ in _of_type(template, "AWS::CloudWatch::Alarm") if f'"{id_}", "Arn"' not in body
            } == set()
            assert {id_ for id_ in groups if f'"Ref": "{id_}"' not in body} == set()


@pytest.mark.parametrize(
    ("stack", "answers"),
    [
        (
            "AlertLogic-Security",
            [
                "Are all accounts enrolled?",
                WANTED_METRIC,
                ENROLLED_METRIC,
                REGISTERED_METRIC,
                NOT_AS_WANTED_METRIC,
                "How old is the oldest finding?",
                DELAY_METRIC,
                RECEIVED_METRIC,
                FORWARDED_METRIC,
                FAILED_METRIC,
                "Is anything stuck?",
                CHECK_IN_METRIC,
            ],
        ),
        ("AlertLogic-Master", ["Are all accounts enrolled?", "looked at accounts", "Is anything stuck?"]),
        ("AlertLogic-LogArchive", ["Does Alert Logic poll?", "Are logs collected?"]),
        ("AlertLogic-Audit", ["Is anything wrong?", "Do the functions work?"]),
    ],
)
def test_a_dashboard_answers_at_a_glance(stack: str, answers: list[str]) -> None:
    body = _bodies("administrator")[stack]

    assert [answer for answer in answers if answer not in body] == []
