from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from aws_cdk import App, Environment, Stack
from aws_cdk.assertions import Match, Template

from alertlogic_constructs import VpcEventsSpoke

if TYPE_CHECKING:
    from alertlogic_constructs import LandingZone


def _spoke(stack: Stack, landing_zone: LandingZone) -> Template:
    VpcEventsSpoke(stack, "VpcEvents", landing_zone=landing_zone)
    return Template.from_stack(stack)


def test_vpc_events_go_straight_to_the_hub_in_the_home_region(app: App, landing_zone: LandingZone) -> None:
    stack = Stack(app, "Member", env=Environment(account="555555555555", region="eu-west-1"))
    template = _spoke(stack, landing_zone)

    rules = template.find_resources("AWS::Events::Rule").values()
    assert [rule["Properties"]["EventPattern"] for rule in rules] == [
        {
            "source": ["aws.tag"],
            "detail-type": ["Tag Change on Resource"],
            "detail": {"service": ["ec2"], "resource-type": ["vpc"]},
        },
        {
            "source": ["aws.ec2"],
            "detail-type": ["AWS API Call via CloudTrail"],
            "detail": {"eventName": ["CreateVpc", "DeleteVpc"], "errorCode": [{"exists": False}]},
        },
    ]
    for rule in rules:
        [target] = rule["Properties"]["Targets"]
        assert ":events:us-east-1:444444444444:event-bus/alertlogic-hub" in str(target["Arn"])
        assert "RoleArn" in target
        # A rule without its role's policy would lose what it finds.
        assert any("DeliveryRoleDefaultPolicy" in one for one in rule["DependsOn"])


def test_the_delivery_role_serves_this_regions_rules_and_may_reach_that_bus_only(
    app: App, landing_zone: LandingZone
) -> None:
    template = _spoke(Stack(app, "Member"), landing_zone)

    template.has_resource_properties(
        "AWS::IAM::Role",
        {
            "AssumeRolePolicyDocument": {
                "Statement": [
                    Match.object_like(
                        {
                            "Principal": {"Service": "events.amazonaws.com"},
                            "Condition": {
                                "StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}},
                                "ArnLike": {"aws:SourceArn": Match.any_value()},
                            },
                        }
                    )
                ]
            },
            "RoleName": Match.absent(),
        },
    )
    [policy] = template.find_resources("AWS::IAM::Policy").values()
    [statement] = policy["Properties"]["PolicyDocument"]["Statement"]
    assert statement["Action"] == "events:PutEvents"
    assert "event-bus/alertlogic-hub" in str(statement["Resource"])


def test_fails_in_a_region_that_is_not_governed(app: App, landing_zone: LandingZone) -> None:
    stack = Stack(app, "Member", env=Environment(account="555555555555", region="us-west-2"))

    with pytest.raises(ValueError, match=r"env\.region is 'us-west-2'; allowed is a governed region"):
        _spoke(stack, landing_zone)
