"""Every construct that makes alarms publishes all of them to a topic, if it is given one."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from aws_cdk import App, Environment, Stack
from aws_cdk import aws_sns as sns
from aws_cdk.assertions import Template

from alertlogic_constructs import (
    AlertLogic,
    AlertLogicHub,
    CentralTrail,
    CloudTrailSubscription,
    ControlTowerIntegration,
    GuardDutyForwarder,
    LogArchiveIngestion,
    OrganizationsEventSpoke,
    ProtectedAccount,
    ProtectionPolicy,
    ProtectionScope,
    VpcScopeWatcher,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from alertlogic_constructs import LandingZone

    Make = Callable[[Stack, LandingZone, dict[str, Any]], object]

CUSTOMER = "12345678"
POLICY = ProtectionPolicy.ESSENTIALS


def _secret(stack: Stack) -> AlertLogic:
    return AlertLogic.placeholder(stack, "ApiKey", customer_id=CUSTOMER)


def _trail(zone: LandingZone) -> CentralTrail:
    return CentralTrail.before_landing_zone_4(zone)


def _watcher(stack: Stack, _: LandingZone, given: dict[str, Any]) -> object:
    scope = ProtectionScope.vpc_tags({"alertlogic": "true"})
    return VpcScopeWatcher(stack, "It", alert_logic=_secret(stack), policy=POLICY, protection_scope=scope, **given)


def _subscription(stack: Stack, zone: LandingZone, given: dict[str, Any]) -> object:
    customer = AlertLogic(customer_id=CUSTOMER)
    archive = zone.log_archive_account
    return CloudTrailSubscription(
        stack, "It", alert_logic=customer, trail=_trail(zone), log_archive_account=archive, **given
    )


MAKE: dict[str, tuple[str, Make]] = {
    "AlertLogicHub": (
        "security_account",
        lambda stack, zone, given: AlertLogicHub(stack, "It", alert_logic=_secret(stack), landing_zone=zone, **given),
    ),
    "CloudTrailSubscription": ("audit_account", _subscription),
    "ControlTowerIntegration": (
        "management_account",
        lambda stack, zone, given: ControlTowerIntegration(
            stack, "It", landing_zone=zone, alert_logic=AlertLogic(customer_id=CUSTOMER), policy=POLICY, **given
        ),
    ),
    "GuardDutyForwarder": (
        "security_account",
        lambda stack, _, given: GuardDutyForwarder(stack, "It", alert_logic=_secret(stack), **given),
    ),
    "LogArchiveIngestion": (
        "log_archive_account",
        lambda stack, zone, given: LogArchiveIngestion(
            stack, "It", alert_logic=AlertLogic(customer_id=CUSTOMER), trail=_trail(zone), **given
        ),
    ),
    "ProtectedAccount": (
        "security_account",
        lambda stack, _, given: ProtectedAccount(stack, "It", alert_logic=_secret(stack), policy=POLICY, **given),
    ),
    "VpcScopeWatcher": ("security_account", _watcher),
}


@pytest.mark.parametrize("name", MAKE)
@pytest.mark.parametrize("is_given", [True, False])
def test_every_alarm_is_published_if_there_is_a_topic(
    app: App, landing_zone: LandingZone, name: str, *, is_given: bool
) -> None:
    account, make = MAKE[name]
    stack = Stack(app, name, env=Environment(account=getattr(landing_zone, account), region=landing_zone.home_region))
    topic = sns.Topic(stack, "Operations") if is_given else None

    make(stack, landing_zone, {"alarm_topic": topic})

    alarms = Template.from_stack(stack).find_resources("AWS::CloudWatch::Alarm").values()
    arns = [{"Ref": stack.get_logical_id(topic.node.default_child)}] if topic else []  # type: ignore[arg-type]
    assert alarms
    for alarm in alarms:
        properties = alarm["Properties"]
        assert (properties.get("AlarmActions", []), properties.get("OKActions", [])) == (arns, arns)


def test_the_spoke_of_organizations_publishes_too(app: App, landing_zone: LandingZone) -> None:
    zone = replace(landing_zone, home_region="eu-west-1")
    stack = Stack(app, "Spoke", env=Environment(account=zone.management_account, region="us-east-1"))

    OrganizationsEventSpoke(stack, "It", landing_zone=zone, alarm_topic=sns.Topic(stack, "Operations"))

    [alarm] = Template.from_stack(stack).find_resources("AWS::CloudWatch::Alarm").values()
    assert len(alarm["Properties"]["AlarmActions"]) == 1


def test_fails_when_the_topic_is_of_another_region(security_stack: Stack, alert_logic: AlertLogic) -> None:
    topic = sns.Topic.from_topic_arn(security_stack, "Topic", "arn:aws:sns:eu-west-1:444444444444:operations")

    with pytest.raises(ValueError, match=r"GuardDutyForwarder.*\n- alarm_topic is .*; allowed is a topic of us-east-1"):
        GuardDutyForwarder(security_stack, "Findings", alert_logic=alert_logic, alarm_topic=topic)
