from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from aws_cdk import App, Environment, Stack
from aws_cdk import aws_events as events
from aws_cdk.assertions import Template

from alertlogic_constructs import AlertLogicHub, GuardDutyFindingsSpoke

if TYPE_CHECKING:
    from alertlogic_constructs import AlertLogic, LandingZone


def _stack(app: App, region: str = "eu-west-1") -> Stack:
    return Stack(app, "Administrator", env=Environment(account="222222222222", region=region))


def _default_bus(stack: Stack, region: str) -> events.IEventBus:
    arn = f"arn:aws:events:{region}:222222222222:event-bus/default"
    return events.EventBus.from_event_bus_arn(stack, "Bus", arn)


def test_findings_of_this_account_and_region_go_to_the_hub(
    app: App, security_stack: Stack, alert_logic: AlertLogic, landing_zone: LandingZone
) -> None:
    hub = AlertLogicHub(security_stack, "Hub", alert_logic=alert_logic, landing_zone=landing_zone)
    stack = _stack(app)
    GuardDutyFindingsSpoke(stack, "Findings", event_bus=hub.bus)

    template = Template.from_stack(stack)
    [rule] = template.find_resources("AWS::Events::Rule").values()
    assert rule["Properties"]["EventPattern"] == {
        "account": [{"Ref": "AWS::AccountId"}],
        "region": [{"Ref": "AWS::Region"}],
        "source": ["aws.guardduty"],
        "detail-type": ["GuardDuty Finding"],
    }
    [target] = rule["Properties"]["Targets"]
    assert ":events:us-east-1:444444444444:event-bus/alertlogic-hub" in str(target["Arn"])
    assert "RoleArn" in target
    [dead_letter_queue] = template.find_resources("AWS::SQS::Queue")
    assert target["DeadLetterConfig"] == {"Arn": {"Fn::GetAtt": [dead_letter_queue, "Arn"]}}
    # A rule without its role's policy would lose what it finds.
    assert any("DeliveryRoleDefaultPolicy" in one for one in rule["DependsOn"])


def test_its_role_serves_this_regions_rules_and_may_reach_that_bus_only(app: App) -> None:
    stack = _stack(app)
    GuardDutyFindingsSpoke(stack, "Findings", event_bus=_default_bus(stack, "us-east-1"))

    template = Template.from_stack(stack)
    [role] = template.find_resources("AWS::IAM::Role").values()
    [trust] = role["Properties"]["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Principal"] == {"Service": "events.amazonaws.com"}
    assert trust["Condition"]["StringEquals"] == {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}
    [policy] = template.find_resources("AWS::IAM::Policy").values()
    [statement] = policy["Properties"]["PolicyDocument"]["Statement"]
    assert statement["Action"] == "events:PutEvents"
    assert statement["Resource"] == "arn:aws:events:us-east-1:222222222222:event-bus/default"


def test_fails_where_events_would_come_back_to_the_same_bus(app: App) -> None:
    stack = _stack(app)

    with pytest.raises(ValueError, match="leave the spoke out there"):
        GuardDutyFindingsSpoke(stack, "Findings", event_bus=_default_bus(stack, "eu-west-1"))
