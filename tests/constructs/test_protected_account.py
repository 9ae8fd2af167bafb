from __future__ import annotations

from typing import Any

import pytest
from aws_cdk import App, Environment, Stack
from aws_cdk import aws_sns as sns
from aws_cdk.assertions import Match, Template

from alertlogic_constructs import (
    AlertLogic,
    LandingZone,
    Offboarding,
    ProtectedAccount,
    ProtectionPolicy,
    ProtectionScope,
)


def _registration(template: Template) -> dict[str, Any]:
    [resource] = template.find_resources("Custom::AlertLogicRegistration").values()
    return dict(resource)


def _member(stack: Stack, landing_zone: LandingZone | None, **arguments: Any) -> Template:
    given = {"policy": ProtectionPolicy.PROFESSIONAL, **arguments}
    ProtectedAccount(stack, "Account", alert_logic=AlertLogic(customer_id="1"), landing_zone=landing_zone, **given)
    return Template.from_stack(stack)


def test_one_account_alone_brings_its_own_registration(security_stack: Stack, alert_logic: AlertLogic) -> None:
    ProtectedAccount(
        security_stack,
        "Account",
        alert_logic=alert_logic,
        policy=ProtectionPolicy.ESSENTIALS,
        account_name="Payments",
        offboarding=Offboarding.DELETE,
    )

    template = Template.from_stack(security_stack)
    properties = _registration(template)["Properties"]
    assert properties["AccountName"] == "Payments"
    assert properties["ScopeRegions"] == ["us-east-1"]
    assert properties["OrganizationId"] == ""
    assert set(properties["ServiceToken"]) == {"Ref"}
    template.has_resource_properties(
        "AWS::Lambda::Function", {"Environment": {"Variables": Match.object_like({"OFFBOARDING": "DELETE"})}}
    )
    assert "aws:PrincipalOrgID" not in str(template.to_json())


def test_alone_its_function_may_assume_this_accounts_reader_role_only(
    security_stack: Stack, alert_logic: AlertLogic
) -> None:
    ProtectedAccount(security_stack, "Account", alert_logic=alert_logic, policy=ProtectionPolicy.PROFESSIONAL)

    policies = Template.from_stack(security_stack).find_resources("AWS::IAM::Policy").values()
    [statement] = [
        s for p in policies for s in p["Properties"]["PolicyDocument"]["Statement"] if s["Action"] == "sts:AssumeRole"
    ]
    assert ":iam::444444444444:role/alertlogic-hub-reader" in str(statement["Resource"])


def test_in_a_landing_zone_it_registers_at_the_hub(app: App, landing_zone: LandingZone) -> None:
    template = _member(Stack(app, "Member"), landing_zone, protection_scope=ProtectionScope.regions("eu-west-1"))

    template.resource_count_is("AWS::Lambda::Function", 0)
    properties = _registration(template)["Properties"]
    assert ":sns:us-east-1:444444444444:alertlogic-registration" in str(properties["ServiceToken"])
    assert properties["ScopeRegions"] == ["eu-west-1"]


def test_only_the_hubs_function_may_read_and_only_this_stack(app: App, landing_zone: LandingZone) -> None:
    template = _member(Stack(app, "Member"), landing_zone)

    template.has_resource_properties(
        "AWS::IAM::Role",
        {
            "RoleName": "alertlogic-hub-reader",
            "AssumeRolePolicyDocument": {
                "Statement": [
                    {
                        "Action": "sts:AssumeRole",
                        "Effect": "Allow",
                        "Principal": {"AWS": _joined(":iam::444444444444:root")},
                        "Condition": {
                            "ArnEquals": {
                                "aws:PrincipalArn": [_joined(":iam::444444444444:role/alertlogic-registration")]
                            },
                            "StringEquals": {"aws:PrincipalOrgID": "o-exampleorg1"},
                        },
                    }
                ]
            },
        },
    )
    template.has_resource_properties(
        "AWS::IAM::Policy",
        {
            "PolicyDocument": {
                "Statement": [
                    {
                        "Action": "cloudformation:DescribeStacks",
                        "Effect": "Allow",
                        "Resource": {"Ref": "AWS::StackId"},
                    },
                    {
                        "Action": "account:GetAccountInformation",
                        "Effect": "Allow",
                        "Resource": _account_arn(),
                    },
                ]
            }
        },
    )


def test_the_registration_is_made_last_and_removed_first(app: App, landing_zone: LandingZone) -> None:
    template = _member(Stack(app, "Member"), landing_zone)

    roles = {*template.find_resources("AWS::IAM::Role"), *template.find_resources("AWS::IAM::Policy")}
    assert roles <= set(_registration(template)["DependsOn"])


def test_fails_when_offboarding_is_said_beside_a_hub(app: App, landing_zone: LandingZone) -> None:
    with pytest.raises(ValueError, match=r"offboarding is .*pass it to AlertLogicHub"):
        _member(Stack(app, "Member"), landing_zone, offboarding=Offboarding.DELETE)


def test_fails_when_alarms_are_to_be_published_beside_a_hub(app: App, landing_zone: LandingZone) -> None:
    stack = Stack(app, "Member")
    topic = sns.Topic.from_topic_arn(stack, "OnCall", "arn:aws:sns:us-east-1:555555555555:on-call")

    with pytest.raises(ValueError, match=r"alarm_topic is 'arn:.*whose hub has the alarms; pass it to AlertLogicHub"):
        _member(stack, landing_zone, alarm_topic=topic)


@pytest.mark.parametrize("in_landing_zone", [True, False])
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"mode": "AUTOMATIC"}, "mode is 'AUTOMATIC'; allowed is one of DeploymentMode.AUTOMATIC"),
        ({"policy": "ESSENTIALS"}, "policy is 'ESSENTIALS'; allowed is one of ProtectionPolicy.ESSENTIALS"),
        ({"central_logs": "false"}, "central_logs is 'false'; allowed is True or False"),
        ({"offboarding": "DELETE"}, "offboarding is 'DELETE'; allowed is"),
    ],
)
def test_fails_with_what_would_pass_as_something_else(
    app: App, landing_zone: LandingZone, arguments: dict[str, Any], words: str, *, in_landing_zone: bool
) -> None:
    with pytest.raises(ValueError, match=words):
        _member(Stack(app, "Member"), landing_zone if in_landing_zone else None, **arguments)


def test_fails_alone_with_central_logs(app: App) -> None:
    with pytest.raises(ValueError, match="central_logs is True; allowed is False without a landing zone"):
        _member(Stack(app, "Member"), None, central_logs=True)


def test_fails_alone_without_a_secret(app: App) -> None:
    with pytest.raises(ValueError, match=r"alert_logic\.secret is None"):
        _member(Stack(app, "Member"), None)


def _joined(end: str) -> dict[str, Any]:
    return {"Fn::Join": ["", ["arn:", {"Ref": "AWS::Partition"}, end]]}


def test_fails_outside_of_the_home_region(app: App, landing_zone: LandingZone) -> None:
    stack = Stack(app, "Ireland", env=Environment(account="555555555555", region="eu-west-1"))

    with pytest.raises(ValueError, match=r"env\.region is 'eu-west-1'; allowed is 'us-east-1'"):
        _member(stack, landing_zone)


def test_where_tags_decide_no_region_is_protected_whole(app: App, landing_zone: LandingZone) -> None:
    tags = ProtectionScope.vpc_tags({"alertlogic": "true"}, prune=True)

    properties = _registration(_member(Stack(app, "Member"), landing_zone, protection_scope=tags))["Properties"]

    assert properties["ScopeRegions"] == []
    assert properties["GovernedRegions"] == ["us-east-1", "eu-west-1"]
    assert properties["VpcTags"] == [{"Key": "alertlogic", "Value": "true"}]
    assert properties["Prune"] == "true"


def test_where_tags_decide_both_functions_of_the_hub_may_list_vpcs(app: App, landing_zone: LandingZone) -> None:
    template = _member(
        Stack(app, "Member"), landing_zone, protection_scope=ProtectionScope.vpc_tags({"alertlogic": "true"})
    )

    [reader] = [
        role["Properties"]
        for role in template.find_resources("AWS::IAM::Role").values()
        if role["Properties"].get("RoleName") == "alertlogic-hub-reader"
    ]
    [trust] = reader["AssumeRolePolicyDocument"]["Statement"]
    assert [arn["Fn::Join"][1][-1] for arn in trust["Condition"]["ArnEquals"]["aws:PrincipalArn"]] == [
        ":iam::444444444444:role/alertlogic-registration",
        ":iam::444444444444:role/alertlogic-vpc-scope",
    ]
    template.has_resource_properties(
        "AWS::IAM::Policy",
        {
            "PolicyDocument": {
                "Statement": Match.array_with(
                    [
                        {
                            "Action": "ec2:DescribeVpcs",
                            "Effect": "Allow",
                            "Resource": "*",
                            "Condition": {"StringEquals": {"aws:RequestedRegion": ["us-east-1", "eu-west-1"]}},
                        }
                    ]
                )
            }
        },
    )


def test_with_whole_regions_nobody_may_list_vpcs(app: App, landing_zone: LandingZone) -> None:
    template = _member(Stack(app, "Member"), landing_zone)

    [policy] = template.find_resources("AWS::IAM::Policy").values()
    actions = [statement["Action"] for statement in policy["Properties"]["PolicyDocument"]["Statement"]]
    assert actions == ["cloudformation:DescribeStacks", "account:GetAccountInformation"]
    assert "alertlogic-vpc-scope" not in str(template.to_json())


def _account_arn() -> dict[str, Any]:
    own = {"Ref": "AWS::AccountId"}
    return {"Fn::Join": ["", ["arn:", {"Ref": "AWS::Partition"}, ":account::", own, ":account"]]}
