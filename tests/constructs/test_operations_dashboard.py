from __future__ import annotations

import json
from typing import TYPE_CHECKING

from aws_cdk.assertions import Template

from alertlogic_constructs import AlertLogicHub, GuardDutyForwarder, OperationsDashboard

if TYPE_CHECKING:
    from aws_cdk import Stack

    from alertlogic_constructs import AlertLogic, LandingZone


def _body(stack: Stack) -> str:
    [dashboard] = Template.from_stack(stack).find_resources("AWS::CloudWatch::Dashboard").values()
    return json.dumps(dashboard["Properties"]["DashboardBody"])


def test_shows_what_was_put_into_the_stack_before_and_after(
    security_stack: Stack, alert_logic: AlertLogic, landing_zone: LandingZone
) -> None:
    AlertLogicHub(security_stack, "Hub", alert_logic=alert_logic, landing_zone=landing_zone)
    OperationsDashboard(security_stack, "Dashboard")
    GuardDutyForwarder(security_stack, "Findings", alert_logic=alert_logic)

    body = _body(security_stack)

    assert "Are all accounts enrolled?" in body
    assert "How old is the oldest finding?" in body


def test_asks_only_what_concerns_the_stack(security_stack: Stack, alert_logic: AlertLogic) -> None:
    GuardDutyForwarder(security_stack, "Findings", alert_logic=alert_logic)
    OperationsDashboard(security_stack, "Dashboard")

    body = _body(security_stack)

    assert "enrolled" not in body
    assert "Does Alert Logic poll?" not in body


def test_is_empty_in_a_stack_without_anything_of_ours(security_stack: Stack) -> None:
    dashboard = OperationsDashboard(security_stack, "Dashboard")

    assert dashboard.dashboard.dashboard_name
    assert '"widgets\\":[]' in _body(security_stack)
