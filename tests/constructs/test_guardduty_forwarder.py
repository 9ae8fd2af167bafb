from __future__ import annotations

import math
from typing import Any

import pytest
from aws_cdk import App, Environment, Stack
from aws_cdk import aws_events as events
from aws_cdk.assertions import Template

from alertlogic_constructs import AlertLogic, AlertLogicHub, GuardDutyCoverage, GuardDutyForwarder, LandingZone
from aws.queue import LONGEST_WAIT_SECONDS, SHORTEST_WAIT_SECONDS

DAY = 24 * 3600
ADMINISTRATOR = GuardDutyCoverage.administrator("222222222222")


def _forwarder(stack: Stack, alert_logic: AlertLogic, **arguments: Any) -> Template:
    GuardDutyForwarder(stack, "Findings", alert_logic=alert_logic, **arguments)
    return Template.from_stack(stack)


def _rule(template: Template) -> dict[str, Any]:
    [rule] = [
        rule["Properties"]
        for rule in template.find_resources("AWS::Events::Rule").values()
        if "GuardDuty" in rule["Properties"]["Description"] and "EventPattern" in rule["Properties"]
    ]
    return rule


def _variables(template: Template, function: str) -> dict[str, Any]:
    [variables] = [
        one["Properties"]["Environment"]["Variables"]
        for one in template.find_resources("AWS::Lambda::Function").values()
        if one["Properties"]["Handler"].startswith(f"{function}.")
    ]
    return variables


def test_alone_it_sends_what_its_accounts_default_bus_holds(security_stack: Stack, alert_logic: AlertLogic) -> None:
    template = _forwarder(security_stack, alert_logic)

    rule = _rule(template)
    assert "EventBusName" not in rule
    assert rule["EventPattern"] == {
        "source": ["aws.guardduty"],
        "detail-type": ["GuardDuty Finding"],
    }
    assert "DeadLetterConfig" in rule["Targets"][0]
    assert _variables(template, "guardduty_findings")["OWN_FINDINGS_ONLY"] == "false"


@pytest.mark.parametrize(
    ("coverage", "expected"),
    [(ADMINISTRATOR, (["222222222222"], "false")), (GuardDutyCoverage.every_account(), (None, "true"))],
)
def test_with_the_hubs_bus_it_sends_what_the_coverage_says(
    security_stack: Stack,
    alert_logic: AlertLogic,
    landing_zone: LandingZone,
    coverage: GuardDutyCoverage,
    expected: tuple[list[str] | None, str],
) -> None:
    hub = AlertLogicHub(security_stack, "Hub", alert_logic=alert_logic, landing_zone=landing_zone)
    template = _forwarder(security_stack, alert_logic, event_bus=hub.bus, coverage=coverage)

    rule = _rule(template)
    assert "Hub" in rule["EventBusName"]["Ref"]
    own_only = _variables(template, "guardduty_findings")["OWN_FINDINGS_ONLY"]
    assert (rule["EventPattern"].get("account"), own_only) == expected


def test_filters_are_event_patterns(security_stack: Stack, alert_logic: AlertLogic) -> None:
    types = ["Recon:EC2/Portscan", "*:S3/*", "Backdoor:EC2/C&CActivity.B!DNS"]
    template = _forwarder(security_stack, alert_logic, minimum_severity=4.5, finding_types=types, sample_findings=False)

    assert _rule(template)["EventPattern"]["detail"] == {
        "severity": [{"numeric": [">=", 4.5]}],
        "type": ["Recon:EC2/Portscan", {"wildcard": "*:S3/*"}, "Backdoor:EC2/C&CActivity.B!DNS"],
        "service": {"additionalInfo": {"sample": [{"exists": False}, False]}},
    }


def test_a_backfill_finds_it_by_its_outputs(security_stack: Stack, alert_logic: AlertLogic) -> None:
    template = _forwarder(security_stack, alert_logic)

    rules = template.find_resources("AWS::Events::Rule")
    [rule_id] = [id_ for id_, rule in rules.items() if rule["Properties"] == _rule(template)]
    [source] = template.find_resources("AWS::Lambda::EventSourceMapping").values()
    [queue_id, _] = source["Properties"]["EventSourceArn"]["Fn::GetAtt"]
    template.has_output("FindingsRuleArn", {"Value": {"Fn::GetAtt": [rule_id, "Arn"]}})
    template.has_output("FindingsQueueUrl", {"Value": {"Ref": queue_id}})


def test_hundreds_of_findings_are_one_batch(security_stack: Stack, alert_logic: AlertLogic) -> None:
    template = _forwarder(security_stack, alert_logic)

    template.has_resource_properties(
        "AWS::Lambda::EventSourceMapping",
        {
            "BatchSize": 500,
            "MaximumBatchingWindowInSeconds": 30,
            "FunctionResponseTypes": ["ReportBatchItemFailures"],
        },
    )


def test_a_week_without_alert_logic_loses_nothing(security_stack: Stack, alert_logic: AlertLogic) -> None:
    template = _forwarder(security_stack, alert_logic)

    queues = [queue["Properties"] for queue in template.find_resources("AWS::SQS::Queue").values()]
    [queue] = [queue for queue in queues if "RedrivePolicy" in queue]
    [dead_letters] = [queue for queue in queues if "RedrivePolicy" not in queue]
    receives = queue["RedrivePolicy"]["maxReceiveCount"]
    # Waits are uniform from half of the longest to all of it, but for the first few, so their sum is normal.
    longest = LONGEST_WAIT_SECONDS
    few = math.ceil(math.log2(longest / SHORTEST_WAIT_SECONDS))
    mean, deviation = 0.75 * longest, longest / 2 / math.sqrt(12)
    unlikely_short = (receives - few) * mean - 5 * deviation * math.sqrt(receives)
    assert unlikely_short > 7 * DAY
    # A redrive keeps the age of a message: what is set aside on the seventh day stays for some more.
    assert queue["MessageRetentionPeriod"] == dead_letters["MessageRetentionPeriod"] == 14 * DAY
    [mapping] = template.find_resources("AWS::Lambda::EventSourceMapping").values()
    timeouts = {
        function["Properties"]["Timeout"] for function in template.find_resources("AWS::Lambda::Function").values()
    }
    assert queue["VisibilityTimeout"] >= 6 * max(timeouts) + mapping["Properties"]["MaximumBatchingWindowInSeconds"]
    assert _rule(template)["Targets"][0]["RetryPolicy"]["MaximumEventAgeInSeconds"] == DAY


def test_the_collector_checks_in_every_quarter_of_an_hour(security_stack: Stack, alert_logic: AlertLogic) -> None:
    forwarder = GuardDutyForwarder(security_stack, "Findings", alert_logic=alert_logic)

    template = Template.from_stack(security_stack)
    [(schedule_id, schedule)] = template.find_resources(
        "AWS::Events::Rule", {"Properties": {"ScheduleExpression": "rate(15 minutes)"}}
    ).items()
    assert security_stack.resolve(forwarder.schedule.rule_name) == {"Ref": schedule_id}
    [(collector_id, collector)] = template.find_resources("Custom::GuardDutyCollector").items()
    # Nothing registers again what was deregistered, and the function is there to deregister it.
    assert schedule["DependsOn"] == [collector_id]
    assert any("CollectorCheckinFunction" in one for one in collector["DependsOn"])
    assert any("CollectorCheckinRoleDefaultPolicy" in one for one in collector["DependsOn"])
    variables = _variables(template, "collector_checkin")
    function = collector["Properties"]["FunctionName"]["Ref"]
    assert variables["COLLECTOR_FUNCTION_ARN"] == {"Fn::GetAtt": [function, "Arn"]}
    assert variables["COLLECTOR_STACK_NAME"] == "Security"
    template.has_resource_properties("AWS::SSM::Parameter", {"Value": "unregistered", "Type": "String"})
    template.has_resource_properties(
        "AWS::CloudWatch::Alarm",
        {
            "MetricName": "CheckIn",
            "Period": 2700,
            "TreatMissingData": "breaching",
            "ComparisonOperator": "LessThanThreshold",
        },
    )


def test_the_check_in_may_do_this_and_no_more(security_stack: Stack, alert_logic: AlertLogic) -> None:
    template = _forwarder(security_stack, alert_logic)

    allowed = {
        (action, "*" if statement["Resource"] == "*" else "its own")
        for policy in template.find_resources("AWS::IAM::Policy").values()
        if "CollectorCheckinRole" in str(policy["Properties"]["Roles"])
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]
        for action in ([statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"])
    }
    own = {
        *(f"logs:{action}" for action in ("CreateLogStream", "PutLogEvents")),
        *(f"secretsmanager:{action}" for action in ("GetSecretValue", "DescribeSecret")),
        *(f"ssm:{action}" for action in ("GetParameter", "PutParameter")),
        "sqs:GetQueueAttributes",
    }
    assert allowed == {("cloudwatch:GetMetricData", "*"), *((action, "its own") for action in own)}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"coverage": ADMINISTRATOR}, "coverage is .*pass both, or neither"),
        ({"minimum_severity": 0}, "minimum_severity is 0; allowed is a number from 1 to 10"),
        ({"minimum_severity": "4"}, "minimum_severity is '4'"),
        ({"minimum_severity": True}, "minimum_severity is True"),
        ({"finding_types": "Recon:EC2/Portscan"}, "finding_types is 'Recon:EC2/Portscan'; allowed is a list"),
        ({"finding_types": ["**"]}, r"finding_types is '\*\*'"),
        ({"finding_types": [""]}, "finding_types is ''"),
        ({"finding_types": [5]}, "finding_types is 5; allowed is a string in the list"),
        ({"finding_types": [f"Recon:EC2/Portscan{n}" for n in range(200)]}, "200 types"),
        ({"sample_findings": "no"}, "sample_findings is 'no'; allowed is True or False"),
    ],
)
def test_fails_with_what_cannot_be(
    security_stack: Stack, alert_logic: AlertLogic, arguments: dict[str, Any], words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        _forwarder(security_stack, alert_logic, **arguments)


def test_fails_with_a_bus_and_no_coverage(security_stack: Stack, alert_logic: AlertLogic) -> None:
    bus = events.EventBus(security_stack, "Bus")

    with pytest.raises(ValueError, match="coverage is None; allowed is a GuardDutyCoverage with event_bus"):
        _forwarder(security_stack, alert_logic, event_bus=bus)


def test_fails_without_a_secret(security_stack: Stack) -> None:
    with pytest.raises(ValueError, match=r"alert_logic\.secret is None"):
        _forwarder(security_stack, AlertLogic(customer_id="1"))


def test_fails_in_another_partition(app: App, alert_logic: AlertLogic) -> None:
    china = Stack(app, "China", env=Environment(account="444444444444", region="cn-north-1"))

    with pytest.raises(ValueError, match="partition aws"):
        _forwarder(china, alert_logic)


def test_fails_with_an_administrator_that_is_no_account() -> None:
    with pytest.raises(ValueError, match="account is 'security'; allowed is an AWS account id"):
        GuardDutyCoverage.administrator("security")
