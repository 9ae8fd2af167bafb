from __future__ import annotations

from dataclasses import replace

import pytest
from aws_cdk import App, Environment, Stack
from aws_cdk.assertions import Template

from alertlogic_constructs import LandingZone, OrganizationsEventSpoke


@pytest.fixture
def abroad(landing_zone: LandingZone) -> LandingZone:
    return replace(landing_zone, home_region="eu-west-1")


def _global_stack(app: App, region: str = "us-east-1") -> Stack:
    return Stack(app, "Global", env=Environment(account="111111111111", region=region))


def test_organizations_events_go_to_the_home_region(app: App, abroad: LandingZone) -> None:
    stack = _global_stack(app)
    OrganizationsEventSpoke(stack, "Organizations", landing_zone=abroad)

    template = Template.from_stack(stack)
    [rule] = template.find_resources("AWS::Events::Rule").values()
    pattern = rule["Properties"]["EventPattern"]
    assert (pattern["source"], pattern["account"]) == (["aws.organizations"], ["111111111111"])
    assert {"MoveAccount", "CloseAccount", "AccountDepartedOrganization"} <= set(pattern["detail"]["eventName"])
    assert pattern["detail"]["errorCode"] == [{"exists": False}]
    [target] = rule["Properties"]["Targets"]
    assert ":events:eu-west-1:111111111111:event-bus/default" in str(target["Arn"])
    # A rule without its role's policy would lose what it finds.
    assert any("DeliveryRoleDefaultPolicy" in one for one in rule["DependsOn"])
    [policy] = template.find_resources("AWS::IAM::Policy").values()
    [statement] = policy["Properties"]["PolicyDocument"]["Statement"]
    assert statement["Action"] == "events:PutEvents"


def test_fails_in_another_region(app: App, abroad: LandingZone) -> None:
    with pytest.raises(ValueError, match=r"env\.region is 'eu-west-1'; allowed is 'us-east-1'"):
        OrganizationsEventSpoke(_global_stack(app, "eu-west-1"), "Organizations", landing_zone=abroad)


def test_fails_where_the_events_are_already(app: App, landing_zone: LandingZone) -> None:
    with pytest.raises(ValueError, match="leave the spoke out"):
        OrganizationsEventSpoke(_global_stack(app), "Organizations", landing_zone=landing_zone)
