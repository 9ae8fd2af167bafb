"""The one shape of this library's alarms, and of the metrics that its functions emit."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from aws_cdk import Duration, Fn, Stack, Token
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions

from ._validation import StackChecks

if TYPE_CHECKING:
    from aws_cdk import aws_events as events
    from aws_cdk import aws_sns as sns
    from constructs import Construct

PERIOD = Duration.minutes(15)
# For how long a message may wait.
PATIENCE = Duration.hours(1)

# In this project's own tree, wherever that is kept.
RUNBOOK = "docs/runbook.md"

_DEFAULT_BUS = "default"


class Section(StrEnum):
    """The runbook's sections on alarms, by their anchors."""

    ACCOUNTS_NOT_AS_WANTED = "accounts-are-not-as-wanted"
    DEAD_LETTERS = "dead-letters"
    FUNCTION_FAILS = "a-function-fails"
    FUNCTION_THROTTLED = "a-function-is-throttled"
    LOGS_NOT_COLLECTED = "logs-are-not-collected"
    MESSAGE_WAITS = "a-message-waits"
    NO_CHECK_IN = "no-check-in-for-45-minutes"
    NOTICES_NOT_POLLED = "notices-are-not-polled"
    REMOVALS_HELD_BACK = "removals-are-held-back"
    RULE_FAILS = "a-rule-cannot-deliver"
    SECRET_UNUSABLE = "the-secret-is-empty-or-malformed"  # noqa: S105 - an anchor


class RunbookAlarm(cloudwatch.Alarm):
    """An alarm whose description ends in a link to what to do about it.

    Attributes:
        section: The section of the runbook.
        graphed: What it watches, under a name that a graph of several can show.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        metric: cloudwatch.Metric | cloudwatch.MathExpression,
        label: str,
        threshold: float,
        section: Section,
        description: str,
        missing: cloudwatch.TreatMissingData,
        comparison: cloudwatch.ComparisonOperator = cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
        periods: int = 1,
    ) -> None:
        """Create an alarm.

        Args:
            scope: The parent.
            construct_id: The id in it.
            metric: What is watched.
            label: Whose metric it is, for graphs.
            threshold: With what it is compared.
            section: The section of the runbook.
            description: What it means, without a full stop.
            missing: What a period without data stands for.
            comparison: How it is compared.
            periods: How many periods in a row it must be so.
        """
        super().__init__(
            scope,
            construct_id,
            alarm_description=f"{description}. Runbook: {RUNBOOK}#{section}",
            metric=metric,
            threshold=threshold,
            comparison_operator=comparison,
            evaluation_periods=periods,
            treat_missing_data=missing,
        )
        self.section = section
        # An alarm on a metric with a label of its own would be rendered, and read, as metric math.
        self.graphed = metric.with_(label=label)


def create_delivery_alarm(rule: events.Rule, event_bus: events.IEventBus | None = None) -> None:
    """Create an alarm on events that a rule could not deliver for good.

    Args:
        rule: The rule.
        event_bus: The bus that it is on; the default bus unless given.

    See https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-monitoring.html
    """
    name = event_bus.event_bus_name if event_bus else _DEFAULT_BUS
    RunbookAlarm(
        rule,
        "DeliveryAlarm",
        metric=cloudwatch.Metric(
            namespace="AWS/Events",
            metric_name="FailedInvocations",
            dimensions_map={"RuleName": rule.rule_name}
            if name == _DEFAULT_BUS
            # Of a rule on another bus, CloudFormation's name for it is not the name alone.
            else {"EventBusName": name, "RuleName": Fn.select(2, Fn.split("/", rule.rule_arn))},
            period=PERIOD,
            statistic="Sum",
        ),
        label=rule.node.path,
        threshold=0,
        section=Section.RULE_FAILS,
        description=f"The rule {rule.node.path} could not deliver an event",
        # EventBridge reports failures only.
        missing=cloudwatch.TreatMissingData.NOT_BREACHING,
    )


def alarms_in(construct: Construct) -> list[RunbookAlarm]:
    """Return every alarm of ours below a construct."""
    return [found for found in construct.node.find_all() if isinstance(found, RunbookAlarm)]


def notify(construct: Construct, alarm_topic: sns.ITopic | None) -> None:
    """Have every alarm of a construct published to a topic, if there is one, when it begins and when it ends.

    Whoever is told of trouble wants to know that it is over, and a ticket closes itself. When it is created, each
    alarm says once that all is well, which shows that the topic works.

    Raises:
        ValueError: for a topic of another region, which CloudWatch does not publish to.
    """
    if alarm_topic is None:
        return
    region, topic_region = Stack.of(construct).region, alarm_topic.env.region
    checks = StackChecks(construct)
    checks.require(
        Token.is_unresolved(region) or Token.is_unresolved(topic_region) or region == topic_region,
        "alarm_topic",
        alarm_topic.topic_arn,
        f"a topic of {region}, the region of the alarms",
        "make one there",
    )
    checks.raise_problems()
    action = actions.SnsAction(alarm_topic)
    for alarm in alarms_in(construct):
        alarm.add_alarm_action(action)
        alarm.add_ok_action(action)


def own_metric(
    function: str,
    name: str,
    *,
    statistic: str,
    period: Duration = PERIOD,
    label: str | None = None,
) -> cloudwatch.Metric:
    """Return a metric that a function of ours emits."""
    return cloudwatch.Metric(
        namespace="AlertLogic",
        metric_name=name,
        dimensions_map={"service": function},
        period=period,
        statistic=statistic,
        label=label,
    )
