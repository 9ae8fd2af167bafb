"""Sends GuardDuty's findings to Alert Logic: events -> queue -> `guardduty_findings`."""

from __future__ import annotations

import json
from importlib import metadata
from typing import TYPE_CHECKING, Any

from aws_cdk import CfnOutput, CustomResource, Duration, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_ssm as ssm
from constructs import Construct

from ._acknowledge import acknowledge_wildcards
from ._alarms import RunbookAlarm, Section, create_delivery_alarm, notify, own_metric
from ._asset_function import AssetFunction
from ._queued_function import QueuedFunction
from ._validation import StackChecks

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aws_cdk import aws_sns as sns

    from ._validation import Checks
    from .alert_logic import AlertLogic
    from .guardduty import GuardDutyCoverage

# Few, large requests: one invocation sends up to 500 findings, and waits for half a minute for so many.
_BATCH_SIZE = 500
_BATCHING_WINDOW = Duration.seconds(30)
_CHECK_IN_EVERY = Duration.minutes(15)
_SILENT_AFTER = Duration.minutes(45)
# https://docs.aws.amazon.com/guardduty/latest/ug/guardduty_findings-severity.html
_HIGHEST_SEVERITY = 10
# Of the 2,048 characters of a pattern, what source, type and account leave:
# https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html
_LONGEST_DETAIL = 1800

# By these outputs of its stack, a backfill finds the forwarder.
QUEUE_OUTPUT = "FindingsQueueUrl"
RULE_OUTPUT = "FindingsRuleArn"


class GuardDutyForwarder(Construct):
    """Sends every GuardDuty finding to Alert Logic, as a collector that shows in its console.

    Alone it sends the findings on the default bus of its account: the account's own, and those of its members if it is
    the GuardDuty administrator. With `event_bus` it sends what other accounts and regions put there
    (`GuardDutyFindingsSpoke`, or the StackSet of `ControlTowerIntegration`).

    A finding that cannot be delivered waits in the queue: Alert Logic may be unreachable for a week. What is no finding
    goes to the dead-letter queue with the reason.

    One is enough in an account and region: two would share their metrics, and so hide each other's silence.

    Creates in the account and region of the stack: rule, queue, dead-letter queue, alarms and function
    `guardduty_findings`; function `collector_checkin` with alarms, its schedule of 15 minutes, and the SSM parameter
    that keeps the collector's id. Outputs `FindingsQueueUrl` and `FindingsRuleArn`.

    The collector registers at a check-in, once the secret is filled; when the stack is destroyed it is deregistered, if
    Alert Logic can be reached then.

    Attributes:
        rule: The rule on findings.
        findings: The queue, dead-letter queue and function that send them.
        check_in: The function that registers the collector and reports its health.
        check_in_alarm: In alarm when no check-in succeeded for 45 minutes.
        collector: The custom resource that deregisters the collector.
        schedule: The schedule of the check-ins.

    See https://docs.aws.amazon.com/guardduty/latest/ug/guardduty_findings_eventbridge.html
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        alert_logic: AlertLogic,
        event_bus: events.IEventBus | None = None,
        coverage: GuardDutyCoverage | None = None,
        minimum_severity: float | None = None,
        finding_types: Sequence[str] = (),
        sample_findings: bool = True,
        alarm_topic: sns.ITopic | None = None,
    ) -> None:
        """Create the forwarder.

        Args:
            scope: The parent, in a stack of the account whose findings it sends, or of the bus.
            construct_id: The id in it.
            alert_logic: The customer, with the secret of its API key.
            event_bus: The bus on which findings arrive; the account's default bus, with findings of this account as it
                sees them, unless given.
            coverage: Which accounts put findings on `event_bus`.
            minimum_severity: The least severity that is sent, from 1 to 10; every one unless given.
            finding_types: The types that are sent, such as `Recon:EC2/PortProbeUnprotectedPort`, or patterns in which
                `*` stands for any letters, such as `*:EC2/*`; all if there is none.
            sample_findings: Whether GuardDuty's sample findings are sent, too.
            alarm_topic: Where every alarm is published, when it begins and when it ends; nowhere unless given. A topic
                of the stack's region, whose policy, and key, admit `cloudwatch.amazonaws.com`.

        Raises:
            ValueError: for a missing secret, `event_bus` and `coverage` that are not given together, a severity or type
                that no finding can have, too many types, a stack in another partition than `aws`, or a topic of another
                region.
        """
        super().__init__(scope, construct_id)
        _check(self, event_bus, coverage, minimum_severity, finding_types, sample_findings=sample_findings)
        detail = _detail_pattern(minimum_severity, finding_types, sample_findings=sample_findings)
        # On the default bus are this account's own events; on the other, anyone's of the organization.
        administrator = coverage.administrator_account if coverage else None
        self.findings = QueuedFunction(
            self,
            "GuardDutyFindings",
            function="guardduty_findings",
            description="Sends GuardDuty findings to Alert Logic",
            alert_logic=alert_logic,
            environment={
                "OWN_FINDINGS_ONLY": json.dumps(coverage is not None and administrator is None),
            },
            batch_size=_BATCH_SIZE,
            batching_window=_BATCHING_WINDOW,
        )
        self.rule = events.Rule(
            self,
            "Rule",
            description="Hands GuardDuty findings to Alert Logic's guardduty_findings",
            event_bus=event_bus,
            event_pattern=events.EventPattern(
                account=[administrator] if administrator else None,
                source=["aws.guardduty"],
                detail_type=["GuardDuty Finding"],
                detail=detail or None,
            ),
            targets=[self.findings.rule_target()],
        )
        create_delivery_alarm(self.rule, event_bus)
        self.check_in = self._create_check_in(alert_logic)
        self.check_in_alarm = self._create_check_in_alarm()
        self.collector = self._create_collector()
        self.schedule = self._create_schedule()
        notify(self, alarm_topic)
        for name, value in ((QUEUE_OUTPUT, self.findings.queue.queue_url), (RULE_OUTPUT, self.rule.rule_arn)):
            output = CfnOutput(self, name, description="What `make backfill` reads", value=value)
            output.override_logical_id(name)

    def _create_check_in(self, alert_logic: AlertLogic) -> AssetFunction:
        collector_id = ssm.StringParameter(
            self,
            "CollectorId",
            description="The id that Alert Logic gave to the collector; the function collector_checkin writes it",
            string_value="unregistered",
        )
        function = self.findings.function
        check_in = AssetFunction(
            self,
            "CollectorCheckin",
            function="collector_checkin",
            description="Registers the collector with Alert Logic and reports its health",
            alert_logic=alert_logic,
            environment={
                "COLLECTOR_FUNCTION_ARN": function.function_arn,
                "COLLECTOR_STACK_NAME": Stack.of(self).stack_name,
                "COLLECTOR_VERSION": metadata.version("alertlogic-constructs"),
                "COLLECTOR_PARAMETER": collector_id.parameter_name,
                "QUEUE_NAME": self.findings.queue.queue_name,
                "DEAD_LETTER_QUEUE_URL": self.findings.dead_letter_queue.queue_url,
            },
        )
        for statement in (
            iam.PolicyStatement(
                actions=["ssm:GetParameter", "ssm:PutParameter"], resources=[collector_id.parameter_arn]
            ),
            iam.PolicyStatement(
                actions=["sqs:GetQueueAttributes"], resources=[self.findings.dead_letter_queue.queue_arn]
            ),
        ):
            check_in.role.add_to_policy(statement)
        # https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoncloudwatch.html
        metrics = iam.PolicyStatement(actions=["cloudwatch:GetMetricData"], resources=["*"])
        check_in.role.add_to_policy(metrics)
        acknowledge_wildcards(check_in.role, "cloudwatch:GetMetricData knows no resource-level permissions", metrics)
        return check_in

    def _create_check_in_alarm(self) -> RunbookAlarm:
        return RunbookAlarm(
            self,
            "CheckInAlarm",
            metric=own_metric("collector_checkin", "CheckIn", statistic="Sum", period=_SILENT_AFTER),
            label="check-ins",
            threshold=1,
            comparison=cloudwatch.ComparisonOperator.LESS_THAN_THRESHOLD,
            section=Section.NO_CHECK_IN,
            description="collector_checkin: no check-in for 45 minutes; the log says why",
            # A check-in that fails reports nothing, and so does one that never runs.
            missing=cloudwatch.TreatMissingData.BREACHING,
        )

    def _create_collector(self) -> CustomResource:
        collector = CustomResource(
            self,
            "Collector",
            resource_type="Custom::GuardDutyCollector",
            service_token=self.check_in.function.function_arn,
            service_timeout=Duration.minutes(10),
            properties={"FunctionName": self.findings.function.function_name},
        )
        # Deregistered while the function may still do it.
        collector.node.add_dependency(self.check_in)
        return collector

    def _create_schedule(self) -> events.Rule:
        schedule = events.Rule(
            self,
            "Schedule",
            description="Lets Alert Logic's GuardDuty collector check in",
            schedule=events.Schedule.rate(_CHECK_IN_EVERY),
            targets=[targets.LambdaFunction(self.check_in.function)],
        )
        create_delivery_alarm(schedule)
        # No check-in may register again what was just deregistered.
        schedule.node.add_dependency(self.collector)
        return schedule


def _detail_pattern(
    minimum_severity: float | None, finding_types: Sequence[str], *, sample_findings: bool
) -> Mapping[str, Any]:
    """See https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html."""
    detail: dict[str, Any] = {}
    if minimum_severity is not None:
        detail["severity"] = [{"numeric": [">=", minimum_severity]}]
    if finding_types:
        detail["type"] = [{"wildcard": kind} if "*" in kind else kind for kind in finding_types]
    if not sample_findings:
        # https://docs.aws.amazon.com/guardduty/latest/ug/sample_findings.html
        detail["service"] = {"additionalInfo": {"sample": [{"exists": False}, False]}}
    return detail


def _check(
    forwarder: GuardDutyForwarder,
    event_bus: events.IEventBus | None,
    coverage: GuardDutyCoverage | None,
    minimum_severity: float | None,
    finding_types: Sequence[str],
    *,
    sample_findings: bool,
) -> None:
    checks = StackChecks(forwarder)
    checks.partition()
    checks.require(
        (event_bus is None) == (coverage is None),
        "coverage",
        coverage,
        "a GuardDutyCoverage with event_bus, and None without",
        "pass both, or neither for the findings on the account's default bus",
    )
    check_filters(
        checks, minimum_severity=minimum_severity, finding_types=finding_types, sample_findings=sample_findings
    )


def check_filters(
    checks: Checks,
    *,
    minimum_severity: float | None = None,
    finding_types: Sequence[str] = (),
    sample_findings: bool = True,
) -> None:
    """Require filters that a finding can pass, and that fit into an event pattern.

    Raises:
        ValueError: for these, and for what was found to be wrong before.
    """
    checks.require(
        minimum_severity is None
        or (
            isinstance(minimum_severity, (int, float))
            # A boolean is a number to Python.
            and not isinstance(minimum_severity, bool)
            and 1 <= minimum_severity <= _HIGHEST_SEVERITY
        ),
        "minimum_severity",
        minimum_severity,
        f"a number from 1 to {_HIGHEST_SEVERITY}, GuardDuty's scale",
        "leave it out for findings of every severity",
    )
    for kind in checks.strings("finding_types", finding_types):
        checks.matches(
            # EventBridge refuses two wildcards in a row.
            r"(?!.*\*\*)[A-Za-z0-9*][A-Za-z0-9:/.!&*-]*",
            "finding_types",
            kind,
            "a finding type, such as 'Recon:EC2/Portscan', or a pattern with single '*'",
            "see https://docs.aws.amazon.com/guardduty/latest/ug/guardduty_finding-types-active.html",
        )
    checks.boolean("sample_findings", sample_findings)
    checks.raise_problems()
    checks.require(
        len(json.dumps(_detail_pattern(minimum_severity, finding_types, sample_findings=sample_findings)))
        <= _LONGEST_DETAIL,
        "finding_types",
        f"{len(finding_types)} types",
        f"as many as {_LONGEST_DETAIL} characters of an event pattern hold",
        "use patterns such as '*:EC2/*'",
    )
    checks.raise_problems()
