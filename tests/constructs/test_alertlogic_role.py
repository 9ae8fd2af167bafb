from __future__ import annotations

from typing import Any

import pytest
from aws_cdk import App, Environment, Stack
from aws_cdk import aws_iam as iam
from aws_cdk.assertions import Template

from alertlogic_constructs import AlertLogic, AlertLogicRole, DataCenter, DeploymentMode, ProtectionPolicy


def _role(stack: Stack) -> dict[str, Any]:
    [role] = Template.from_stack(stack).find_resources("AWS::IAM::Role").values()
    properties: dict[str, Any] = role["Properties"]
    return properties


def _sids(stack: Stack) -> set[str]:
    return {statement["Sid"] for statement in _role(stack)["Policies"][0]["PolicyDocument"]["Statement"]}


@pytest.mark.parametrize(("data_center", "account"), [(DataCenter.US, "733251395267"), (DataCenter.EU, "857795874556")])
def test_the_data_centers_account_may_assume_it_under_the_external_id(
    app: App, data_center: DataCenter, account: str
) -> None:
    stack = Stack(app, "Stack")
    alert_logic = AlertLogic(customer_id="12345678", data_center=data_center)

    AlertLogicRole(stack, "Role", alert_logic=alert_logic, policy=ProtectionPolicy.PROFESSIONAL)

    [statement] = _role(stack)["AssumeRolePolicyDocument"]["Statement"]
    assert statement["Condition"] == {"StringEquals": {"sts:ExternalId": "12345678"}}
    assert f":iam::{account}:root" in str(statement["Principal"])


@pytest.mark.parametrize(
    ("policy", "mode", "runs_appliances", "reads_metrics"),
    [
        (ProtectionPolicy.PROFESSIONAL, DeploymentMode.AUTOMATIC, True, True),
        (ProtectionPolicy.ENTERPRISE, DeploymentMode.MANUAL, False, True),
        (ProtectionPolicy.ESSENTIALS, DeploymentMode.AUTOMATIC, False, False),
    ],
)
def test_mode_and_policy_choose_the_vendors_role_type(
    app: App, policy: ProtectionPolicy, mode: DeploymentMode, *, runs_appliances: bool, reads_metrics: bool
) -> None:
    stack = Stack(app, "Stack")

    AlertLogicRole(stack, "Role", alert_logic=AlertLogic(customer_id="1"), policy=policy, mode=mode)

    assert ("RunAppliances" in _sids(stack)) is runs_appliances
    assert ("cloudwatch:Describe*" in str(_role(stack))) is reads_metrics


def test_central_logs_take_away_the_rights_over_trails(app: App) -> None:
    own, central = Stack(app, "Own"), Stack(app, "Central")
    for stack, central_logs in ((own, False), (central, True)):
        AlertLogicRole(
            stack,
            "Role",
            alert_logic=AlertLogic(customer_id="1"),
            policy=ProtectionPolicy.PROFESSIONAL,
            central_logs=central_logs,
        )

    assert _sids(own) - _sids(central) == {
        "ManageTrails",
        "CreateTrailBucket",
        "CreateTrailTopic",
        "ConfigureTrailTopic",
        "OwnTrailQueue",
    }


def test_a_pinned_document_replaces_everything(app: App) -> None:
    stack = Stack(app, "Stack")
    pinned = iam.PolicyDocument(
        statements=[iam.PolicyStatement(sid="Pinned", actions=["ec2:DescribeVpcs"], resources=["*"])]
    )

    AlertLogicRole(
        stack,
        "Role",
        alert_logic=AlertLogic(customer_id="1"),
        policy=ProtectionPolicy.PROFESSIONAL,
        policy_document=pinned,
    )

    assert _sids(stack) == {"Pinned"}


def test_no_partition_is_written_out(app: App) -> None:
    stack = Stack(app, "Stack")

    AlertLogicRole(
        stack,
        "Role",
        alert_logic=AlertLogic(customer_id="1"),
        policy=ProtectionPolicy.PROFESSIONAL,
        mode=DeploymentMode.AUTOMATIC,
    )

    assert "arn:aws:" not in str(_role(stack))


def test_fails_in_another_partition(app: App) -> None:
    stack = Stack(app, "China", env=Environment(account="555555555555", region="cn-north-1"))

    with pytest.raises(ValueError, match=r"env\.region is 'cn-north-1'; allowed is a region of the partition aws"):
        AlertLogicRole(stack, "Role", alert_logic=AlertLogic(customer_id="1"), policy=ProtectionPolicy.PROFESSIONAL)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"mode": "AUTOMATIC"}, "mode is 'AUTOMATIC'; allowed is one of DeploymentMode.AUTOMATIC"),
        ({"policy": "ESSENTIALS"}, "policy is 'ESSENTIALS'; allowed is one of ProtectionPolicy.ESSENTIALS"),
        ({"central_logs": "false"}, "central_logs is 'false'; allowed is True or False"),
    ],
)
def test_fails_with_what_would_pass_as_something_else(app: App, arguments: dict[str, Any], words: str) -> None:
    given = {"policy": ProtectionPolicy.PROFESSIONAL, **arguments}

    with pytest.raises(ValueError, match=words):
        AlertLogicRole(Stack(app, "Stack"), "Role", alert_logic=AlertLogic(customer_id="1"), **given)
