"""Where two halves meet that no type checker sees: templates and functions, patterns and events."""

from __future__ import annotations

import importlib
import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest
from moto.events.models import EventPattern

from aws.measures import NAMESPACE
from aws.queue import WAITING_METRIC, wait_seconds
from docs.diagram import templates
from vpc_scope.convergence import EVENT_DELAY_SECONDS

if TYPE_CHECKING:
    from moto.events.utils import EventMessageType

EVENTS = Path(__file__).parents[1] / "events"
# Read by Powertools itself.
NOT_OURS = {"POWERTOOLS_SERVICE_NAME"}
QUEUED_FUNCTIONS = ["account_enrollment", "account_registration", "guardduty_findings", "stackset_emptier", "vpc_scope"]
FUNCTIONS = sorted([*QUEUED_FUNCTIONS, "collector_checkin", "trail_subscription"])


@cache
def _resources(type_: str) -> list[dict[str, Any]]:
    return [
        resource["Properties"]
        for template in templates().values()
        for resource in template["Resources"].values()
        if resource["Type"] == type_
    ]


def _function(name: str) -> dict[str, Any]:
    [function] = [f for f in _resources("AWS::Lambda::Function") if f["Handler"].startswith(f"{name}.")]
    return function


class _Recorded(dict[str, str]):
    """An environment that remembers what was asked of it."""

    def __init__(self, values: dict[str, str]) -> None:
        super().__init__(values)
        self.read: set[str] = set()

    def __getitem__(self, key: str) -> str:
        self.read.add(key)
        return super().__getitem__(key)

    def get(self, key: str, default: Any = None) -> Any:
        self.read.add(key)
        return super().get(key, default)


def _environment(name: str) -> _Recorded:
    # What CloudFormation fills in: names, ARNs and URLs.
    filled_in = {
        "COLLECTOR_FUNCTION_ARN": "arn:aws:lambda:us-east-1:444444444444:function:AlertLogic-Security-Findings",
        "HUB_BUS_ARN": "arn:aws:events:us-east-1:444444444444:event-bus/alertlogic-hub",
        "COLLECTOR_PARAMETER": "CFN-FindingsCollectorId-AbCdEf",
        "QUEUE_NAME": "AlertLogic-Security-Findings",
        "QUEUE_URL": "https://sqs.us-east-1.amazonaws.com/444444444444/queue",
        "DEAD_LETTER_QUEUE_URL": "https://sqs.us-east-1.amazonaws.com/444444444444/dead-letters",
        "ALERTLOGIC_SECRET_ARN": "arn:aws:secretsmanager:us-east-1:444444444444:secret:key-AbCdEf",
        "TRAIL_READER_ROLE_ARN": "arn:aws:iam::333333333333:role/alertlogic-trail-reader",
        "CENTRAL_LOGS_ROLE_ARN": "arn:aws:iam::333333333333:role/alertlogic-central-logs",
        "TABLE_NAME": "AlertLogic-Security-HubRegistrationAccounts-AbCdEf",
        "STATUS_BUCKET": "alertlogic-security-hubstatus-abcdef",
    }
    variables: dict[str, Any] = _function(name)["Environment"]["Variables"]
    return _Recorded(
        {
            key: value if isinstance(value, str) else filled_in[key]
            for key, value in variables.items()
            if key not in NOT_OURS
        }
    )


def test_these_are_all_functions() -> None:
    # Whatever has no settings is CDK's own.
    functions = [function for function in _resources("AWS::Lambda::Function") if "Environment" in function]
    handlers = sorted(function["Handler"] for function in functions)

    assert handlers == [f"{name}.handler.lambda_handler" for name in FUNCTIONS]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_handler_string_names_a_function(name: str) -> None:
    module, function = _function(name)["Handler"].rsplit(".", maxsplit=1)

    assert callable(getattr(importlib.import_module(module), function))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_template_sets_exactly_what_the_settings_read(name: str) -> None:
    environment = _environment(name)

    importlib.import_module(f"{name}.settings").Settings.from_environment(environment)

    assert environment.read == set(environment)


@pytest.mark.parametrize("retry_after", [None, 1, 60])
def test_a_message_can_wait_for_a_week(retry_after: float | None) -> None:
    queues = [queue for queue in _resources("AWS::SQS::Queue") if "RedrivePolicy" in queue]
    assert len(queues) >= len(QUEUED_FUNCTIONS)
    for queue in queues:
        deliveries = range(1, queue["RedrivePolicy"]["maxReceiveCount"])
        waits = sum(wait_seconds(received=n, retry_after=retry_after, due_in=0) for n in deliveries)
        assert 7 * 24 * 3600 < waits < queue["MessageRetentionPeriod"]


@pytest.mark.parametrize("name", QUEUED_FUNCTIONS)
def test_an_alarm_watches_the_metric_that_the_function_emits(name: str) -> None:
    watched = [
        (metric["Namespace"], metric["MetricName"], {one["Name"]: one["Value"] for one in metric["Dimensions"]})
        for alarm in _resources("AWS::CloudWatch::Alarm")
        for query in alarm.get("Metrics", [])
        if (metric := query.get("MetricStat", {}).get("Metric"))
    ]

    assert (NAMESPACE, WAITING_METRIC, {"service": name}) in watched


def test_the_queue_holds_events_back_as_long_as_the_function_relies_on() -> None:
    assert [q["DelaySeconds"] for q in _resources("AWS::SQS::Queue") if "DelaySeconds" in q] == [EVENT_DELAY_SECONDS]


# What tests/events/stack-status-change.json is about.
STACK_ID = "arn:aws:cloudformation:us-east-1:111111111111:stack/AlertLogic-Master/0f6e8a10-1111-11f1-8b1b-0a1b2c3d4e5f"
LIFECYCLE_RULE = "LifecycleRule"
FINDINGS_RULE = "FindingsRule"
TAG_RULE = "VpcTagRule"
VPC_RULE = "VpcRule"
ACCOUNTS_RULE = "AccountsRule"
DEPLOYMENT_RULE = "DeploymentRule"
DRIFT_RULE = "DriftRule"
ORGANIZATIONS_RULE = "OrganizationsRule"
TAKEN = [
    (LIFECYCLE_RULE, "create-managed-account-succeeded"),
    (LIFECYCLE_RULE, "update-managed-account-succeeded"),
    (LIFECYCLE_RULE, "enable-baseline-account"),
    (LIFECYCLE_RULE, "disable-baseline-unit"),
    (LIFECYCLE_RULE, "register-organizational-unit"),
    (LIFECYCLE_RULE, "update-landing-zone"),
    (DRIFT_RULE, "drift-account-moved"),
    (ORGANIZATIONS_RULE, "move-account"),
    (ORGANIZATIONS_RULE, "close-account"),
    (ORGANIZATIONS_RULE, "remove-account-from-organization"),
    (ORGANIZATIONS_RULE, "account-departed-organization"),
    (ORGANIZATIONS_RULE, "create-account-result-succeeded"),
    (DEPLOYMENT_RULE, "stack-status-change"),
    (TAG_RULE, "tag-change-vpc-added"),
    (TAG_RULE, "tag-change-vpc-removed"),
    (VPC_RULE, "create-vpc"),
    (VPC_RULE, "delete-vpc"),
    (FINDINGS_RULE, "guardduty-finding"),
    (ACCOUNTS_RULE, "accounts"),
]


def test_an_event_is_there_for_each_rule() -> None:
    rules = [id_ for template in templates().values() for id_ in _patterns_in(template)]

    assert {id_ for id_ in rules if not any(rule in id_ for rule, _ in TAKEN)} == set()


@pytest.mark.parametrize(("rule", "event"), TAKEN)
def test_the_rules_take_the_event(rule: str, event: str) -> None:
    assert _matches(rule, _event(event))


@pytest.mark.parametrize(
    ("rule", "event", "change"),
    [
        (LIFECYCLE_RULE, "create-managed-account-succeeded", {"source": "custom.controltower"}),
        (LIFECYCLE_RULE, "create-managed-account-succeeded", {"account": "555555555555"}),
        (LIFECYCLE_RULE, "create-managed-account-succeeded", {"detail-type": "AWS API Call via CloudTrail"}),
        (LIFECYCLE_RULE, "create-managed-account-succeeded", {"detail": {"eventName": "CreateManagedAccountX"}}),
        (LIFECYCLE_RULE, "create-managed-account-succeeded", {"detail": {"eventName": "EnableGuardrail"}}),
        (DRIFT_RULE, "drift-account-moved", {"account": "555555555555"}),
        (DRIFT_RULE, "drift-account-moved", {"detail-type": "Drift Resolved"}),
        (ORGANIZATIONS_RULE, "move-account", {"account": "555555555555"}),
        (ORGANIZATIONS_RULE, "move-account", {"detail": {"eventName": "TagResource"}}),
        (DEPLOYMENT_RULE, "stack-status-change", {"detail": {"stack-id": f"{STACK_ID}0"}}),
        (DEPLOYMENT_RULE, "stack-status-change", {"detail": {"status-details": {"status": "UPDATE_IN_PROGRESS"}}}),
        (TAG_RULE, "tag-change-vpc-added", {"source": "custom.tag"}),
        (TAG_RULE, "tag-change-vpc-added", {"detail": {"resource-type": "subnet"}}),
        (TAG_RULE, "tag-change-vpc-added", {"detail": {"service": "rds"}}),
        (VPC_RULE, "create-vpc", {"source": "custom.ec2"}),
        (VPC_RULE, "create-vpc", {"detail": {"errorCode": "Client.VpcLimitExceeded"}}),
        (VPC_RULE, "delete-vpc", {"detail": {"eventName": "DeleteVpcEndpoints"}}),
        (FINDINGS_RULE, "guardduty-finding", {"source": "custom.guardduty"}),
        (FINDINGS_RULE, "guardduty-finding", {"detail-type": "GuardDuty Malware Protection Object Scan Result"}),
        (ACCOUNTS_RULE, "accounts", {"account": "555555555555"}),
        (ACCOUNTS_RULE, "accounts", {"source": "custom.accounts"}),
        (ACCOUNTS_RULE, "accounts", {"detail-type": "Account"}),
    ],
)
def test_the_rules_refuse_near_misses(rule: str, event: str, change: dict[str, Any]) -> None:
    near_miss = _event(event)
    near_miss["detail"].update(change.get("detail", {}))
    near_miss.update({key: value for key, value in change.items() if key != "detail"})

    assert not _matches(rule, near_miss)


def _matches(rule: str, event: dict[str, Any]) -> bool:
    """Whether a rule takes an event, wherever it stands: in an account and again at the hub."""
    here = {"AWS::AccountId": event["account"], "AWS::Region": event["region"], "AWS::StackId": STACK_ID}
    found = [
        EventPattern.load(json.dumps(_filled(pattern, here)))
        for template in templates().values()
        for id_, pattern in _patterns_in(template).items()
        if rule in id_
    ]
    verdicts = {pattern.matches_event(cast("EventMessageType", event)) for pattern in found}
    [verdict] = verdicts
    return verdict


def _patterns_in(template: dict[str, Any]) -> dict[str, Any]:
    return {
        id_: resource["Properties"]["EventPattern"]
        for id_, resource in template["Resources"].items()
        if resource["Type"] == "AWS::Events::Rule" and "EventPattern" in resource["Properties"]
    }


def _filled(pattern: Any, here: dict[str, str]) -> Any:
    """Put an account and region where a pattern names those of its stack."""
    if isinstance(pattern, dict):
        return here[pattern["Ref"]] if "Ref" in pattern else {key: _filled(part, here) for key, part in pattern.items()}
    return [_filled(part, here) for part in pattern] if isinstance(pattern, list) else pattern


def _event(name: str) -> dict[str, Any]:
    return dict(json.loads((EVENTS / f"{name}.json").read_text("utf-8")))
