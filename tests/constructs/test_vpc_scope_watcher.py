from __future__ import annotations

import json
from typing import Any

import pytest
from aws_cdk import App, Environment, Stack
from aws_cdk.assertions import Match, Template

from alertlogic_constructs import (
    AlertLogic,
    AlertLogicHub,
    LandingZone,
    ProtectionPolicy,
    ProtectionScope,
    VpcScopeWatcher,
)

TAGGED = ProtectionScope.vpc_tags({"alertlogic": "true"})


def _watcher(stack: Stack, alert_logic: AlertLogic, **arguments: Any) -> Template:
    given = {"policy": ProtectionPolicy.PROFESSIONAL, "protection_scope": TAGGED, **arguments}
    VpcScopeWatcher(stack, "Scope", alert_logic=alert_logic, **given)
    return Template.from_stack(stack)


def _beside_hub(stack: Stack, alert_logic: AlertLogic, landing_zone: LandingZone) -> Template:
    hub = AlertLogicHub(stack, "Hub", alert_logic=alert_logic, landing_zone=landing_zone, prefix="shop")
    return _watcher(stack, alert_logic, hub=hub)


def _variables(template: Template) -> dict[str, Any]:
    functions = template.find_resources("AWS::Lambda::Function").values()
    [function] = [f for f in functions if f["Properties"]["Handler"].startswith("vpc_scope.")]
    variables: dict[str, Any] = function["Properties"]["Environment"]["Variables"]
    return variables


def _statements(template: Template, action: str) -> list[dict[str, Any]]:
    return [
        statement
        for policy in template.find_resources("AWS::IAM::Policy").values()
        if "VpcScope" in str(policy["Properties"]["Roles"])
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]
        if statement["Action"] == action
    ]


def test_beside_a_hub_it_works_for_every_governed_region(
    security_stack: Stack, alert_logic: AlertLogic, landing_zone: LandingZone
) -> None:
    template = _beside_hub(security_stack, alert_logic, landing_zone)

    variables = _variables(template)
    assert variables["REGIONS"] == "us-east-1,eu-west-1"
    assert variables["READER_ROLE_NAME"] == "shop-hub-reader"
    assert json.loads(variables["VPC_TAGS"]) == [{"Key": "alertlogic", "Value": "true"}]
    assert (variables["POLICY"], variables["PRUNE"]) == ("Professional", "false")
    template.has_resource_properties("AWS::IAM::Role", {"RoleName": "shop-vpc-scope"})


def test_beside_a_hub_it_listens_on_the_hubs_bus(
    security_stack: Stack, alert_logic: AlertLogic, landing_zone: LandingZone
) -> None:
    template = _beside_hub(security_stack, alert_logic, landing_zone)

    rules = [rule["Properties"] for rule in template.find_resources("AWS::Events::Rule").values()]
    rules = [rule for rule in rules if "VPC" in rule["Description"]]
    assert [rule["EventPattern"]["source"] for rule in rules] == [["aws.tag"], ["aws.ec2"]]
    for rule in rules:
        assert "Hub" in rule["EventBusName"]["Ref"]
        assert "account" not in rule["EventPattern"]
        [target] = rule["Targets"]
        assert "DeadLetterConfig" in target
        assert "RoleArn" not in target


def test_beside_a_hub_it_reads_accounts_of_the_organization_through_the_reader_role_only(
    security_stack: Stack, alert_logic: AlertLogic, landing_zone: LandingZone
) -> None:
    template = _beside_hub(security_stack, alert_logic, landing_zone)

    [statement] = _statements(template, "sts:AssumeRole")
    assert statement["Condition"] == {"StringEquals": {"aws:ResourceOrgID": "o-exampleorg1"}}
    assert ":iam::*:role/shop-hub-reader" in str(statement["Resource"])
    assert _statements(template, "ec2:DescribeVpcs") == []


def test_alone_it_works_for_its_own_account_and_region(security_stack: Stack, alert_logic: AlertLogic) -> None:
    template = _watcher(
        security_stack, alert_logic, protection_scope=ProtectionScope.vpc_tags({"Env": "*"}, prune=True)
    )

    variables = _variables(template)
    assert variables["REGIONS"] == "us-east-1"
    assert (variables["READER_ROLE_NAME"], variables["PRUNE"]) == ("", "true")
    [statement] = _statements(template, "ec2:DescribeVpcs")
    assert statement["Condition"] == {"StringEquals": {"aws:RequestedRegion": ["us-east-1"]}}
    assert _statements(template, "sts:AssumeRole") == []
    rules = [rule["Properties"] for rule in template.find_resources("AWS::Events::Rule").values()]
    assert [rule["EventPattern"]["account"] for rule in rules] == [["444444444444"]] * 2
    assert all("EventBusName" not in rule for rule in rules)
    assert all("RoleName" not in r["Properties"] for r in template.find_resources("AWS::IAM::Role").values())


def test_a_burst_becomes_one_piece_of_work(security_stack: Stack, alert_logic: AlertLogic) -> None:
    template = _watcher(security_stack, alert_logic)

    template.has_resource_properties(
        "AWS::Lambda::EventSourceMapping", {"BatchSize": 100, "MaximumBatchingWindowInSeconds": 10}
    )
    # Six times the function's timeout, and the window.
    template.has_resource_properties("AWS::SQS::Queue", {"VisibilityTimeout": 1810, "RedrivePolicy": Match.any_value()})


def test_fails_without_tags(security_stack: Stack, alert_logic: AlertLogic) -> None:
    with pytest.raises(ValueError, match=r"allowed is a scope with tags; use ProtectionScope\.vpc_tags"):
        _watcher(security_stack, alert_logic, protection_scope=ProtectionScope.regions())


def test_fails_when_the_policy_is_no_choice(security_stack: Stack, alert_logic: AlertLogic) -> None:
    with pytest.raises(ValueError, match=r"policy is 'Professional'; allowed is one of ProtectionPolicy\.ESSENTIALS"):
        _watcher(security_stack, alert_logic, policy="Professional")


def test_fails_without_a_secret(security_stack: Stack) -> None:
    with pytest.raises(ValueError, match=r"alert_logic\.secret is None"):
        _watcher(security_stack, AlertLogic(customer_id="1"))


def test_fails_in_another_account_than_the_hubs(
    management_stack: Stack, security_stack: Stack, alert_logic: AlertLogic, landing_zone: LandingZone
) -> None:
    hub = AlertLogicHub(security_stack, "Hub", alert_logic=alert_logic, landing_zone=landing_zone)

    with pytest.raises(ValueError, match=r"env\.account is '111111111111'; allowed is '444444444444'"):
        _watcher(management_stack, alert_logic, hub=hub)


def test_fails_in_another_partition(app: App, alert_logic: AlertLogic) -> None:
    china = Stack(app, "China", env=Environment(account="444444444444", region="cn-north-1"))

    with pytest.raises(ValueError, match="partition aws"):
        _watcher(china, alert_logic)
