"""What an operator looks at first: one dashboard for whatever of this library is in a stack."""

from __future__ import annotations

from typing import TYPE_CHECKING

import jsii
from aws_cdk import Aspects, Duration, IAspect, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from ._alarms import RUNBOOK, Section, alarms_in, own_metric
from ._asset_function import AssetFunction
from .alertlogic_hub import AlertLogicHub
from .control_tower_integration import ControlTowerIntegration
from .guardduty_forwarder import GuardDutyForwarder

if TYPE_CHECKING:
    from collections.abc import Sequence

    from constructs import IConstruct

    from ._alarms import RunbookAlarm

    _Row = Sequence[cloudwatch.IWidget]

_WHOLE_WIDTH = 24
_GRAPH_WIDTH = 8
_GRAPH_HEIGHT = 6
_ALARMS_IN_A_ROW = 4
_SHOWN = Duration.days(1)

# What the metrics of a section's alarms answer; those that are told of with other figures have none.
_QUESTIONS = {
    Section.MESSAGE_WAITS: "Is anything stuck? Age of the oldest message (s)",
    Section.NOTICES_NOT_POLLED: "Does Alert Logic poll? Age of the oldest notice (s)",
    Section.LOGS_NOT_COLLECTED: "Are logs collected? 1: received, and none deleted",
    Section.DEAD_LETTERS: "Did anything fail for good? Dead letters",
    Section.FUNCTION_FAILS: "Do the functions work? Errors",
    Section.FUNCTION_THROTTLED: "May they run? Throttles",
    Section.RULE_FAILS: "Do the rules deliver? Failed deliveries",
    Section.SECRET_UNUSABLE: "Is the secret usable? Failures to read a key",
    Section.NO_CHECK_IN: "Does the collector check in? Check-ins in 45 minutes",
    Section.REMOVALS_HELD_BACK: "Does the deletion guard hold? Removals held back",
}


class OperationsDashboard(Construct):
    """A CloudWatch dashboard of all that is this library's in a stack, whether it is added before or after.

    It answers, as far as the stack knows: are all accounts enrolled, is anything stuck, how old is the oldest finding.
    It shows the state of every alarm, what the alarms watch, and the last lines about messages that wait or failed.

    Put one into each stack; more than three in an account cost money: https://aws.amazon.com/cloudwatch/pricing/

    Attributes:
        dashboard: The dashboard; add widgets of your own with `add_widgets`, which come first.
    """

    def __init__(self, scope: Construct, construct_id: str) -> None:
        """Create the dashboard.

        Args:
            scope: The parent, in the stack that is shown.
            construct_id: The id in it.
        """
        super().__init__(scope, construct_id)
        self.dashboard = cloudwatch.Dashboard(self, "Resource", default_interval=_SHOWN)
        # When the stack is synthesized, all that it will ever hold is there.
        Aspects.of(self.dashboard).add(_Fill())


@jsii.implements(IAspect)
class _Fill:
    """Fills a dashboard from its stack."""

    def visit(self, node: IConstruct) -> None:
        if isinstance(node, cloudwatch.Dashboard):
            constructs = Stack.of(node).node.find_all()
            alarms = alarms_in(Stack.of(node))
            for row in (*_business(constructs), _alarm_state(alarms), *_graphs(alarms), _troubles(constructs)):
                node.add_widgets(*row)


def _business(constructs: Sequence[IConstruct]) -> list[_Row]:
    rows: list[_Row] = []
    if any(isinstance(one, AlertLogicHub) for one in constructs):
        rows.append([_accounts()])
    rows += [[_sweeps(one)] for one in constructs if isinstance(one, ControlTowerIntegration)]
    rows += [_findings(one) for one in constructs if isinstance(one, GuardDutyForwarder)]
    return rows


def _accounts() -> cloudwatch.IWidget:
    figures = {
        "AccountsWanted": "wanted",
        "AccountsEnrolled": "of these enrolled",
        "AccountsRegistered": "of these registered",
        "AccountsNotAsWanted": "not as wanted",
    }
    return cloudwatch.SingleValueWidget(
        title="Are all accounts enrolled?",
        width=_WHOLE_WIDTH,
        height=4,
        metrics=[
            own_metric("account_registration", name, statistic="Maximum", label=label)
            for name, label in figures.items()
        ],
    )


def _sweeps(integration: ControlTowerIntegration) -> cloudwatch.IWidget:
    return cloudwatch.LogQueryWidget(
        title="Are all accounts enrolled? Accounts that the sweeps looked at, and those that needed nothing",
        width=_WHOLE_WIDTH,
        height=_GRAPH_HEIGHT,
        log_group_names=[integration.enrollment.function.log_group.log_group_name],
        query_lines=[
            "filter message = 'looked at accounts'",
            "stats sum(accounts) as looked_at, sum(nothing_to_do) as in_order by bin(6h)",
        ],
    )


def _findings(forwarder: GuardDutyForwarder) -> _Row:
    service = "guardduty_findings"
    return [
        cloudwatch.GraphWidget(
            title="How old is the oldest finding? (s)",
            width=_WHOLE_WIDTH // 2,
            height=_GRAPH_HEIGHT,
            left=[
                forwarder.findings.age_alarm.graphed,
                own_metric(service, "DeliveryDelay", statistic="Maximum", label="delivered: longest delay"),
            ],
        ),
        cloudwatch.GraphWidget(
            title="Findings",
            width=_WHOLE_WIDTH // 2,
            height=_GRAPH_HEIGHT,
            left=[
                own_metric(service, name, statistic="Sum")
                for name in ("FindingsReceived", "FindingsForwarded", "FindingsFailed")
            ],
        ),
    ]


def _alarm_state(alarms: Sequence[RunbookAlarm]) -> _Row:
    if not alarms:
        return []
    return [
        cloudwatch.AlarmStatusWidget(
            title=f"Is anything wrong? What to do: {RUNBOOK}",
            width=_WHOLE_WIDTH,
            height=2 + -(-len(alarms) // _ALARMS_IN_A_ROW),
            alarms=alarms,
            sort_by=cloudwatch.AlarmStatusWidgetSortBy.STATE_UPDATED_TIMESTAMP,
        )
    ]


def _graphs(alarms: Sequence[RunbookAlarm]) -> list[_Row]:
    graphs = [
        cloudwatch.GraphWidget(title=question, width=_GRAPH_WIDTH, height=_GRAPH_HEIGHT, left=metrics)
        for section, question in _QUESTIONS.items()
        if (metrics := [alarm.graphed for alarm in alarms if alarm.section is section])
    ]
    in_a_row = _WHOLE_WIDTH // _GRAPH_WIDTH
    return [graphs[first : first + in_a_row] for first in range(0, len(graphs), in_a_row)]


def _troubles(constructs: Sequence[IConstruct]) -> _Row:
    groups = [one.function.log_group.log_group_name for one in constructs if isinstance(one, AssetFunction)]
    if not groups:
        return []
    return [
        cloudwatch.LogQueryWidget(
            title="What waits or failed, and why?",
            width=_WHOLE_WIDTH,
            height=_GRAPH_HEIGHT,
            log_group_names=groups,
            query_lines=[
                "fields @timestamp, service, level, message, reason, correlation_id, message_id",
                "filter level in ['ERROR', 'WARNING'] or message = 'message waits'",
                "sort @timestamp desc",
                "limit 50",
            ],
        )
    ]
