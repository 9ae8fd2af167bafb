"""Everybody who might want something: those who are to have it, and those who differ from them in one thing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.rehearsal.principals import ForeignRole, RoleSession, Service
from tests.security.accounts import (
    ALERT_LOGIC,
    AUDIT,
    CUSTOMER_ID,
    MANAGEMENT,
    MEMBER,
    MEMBERS,
    SECURITY,
    STRANGER,
)
from tests.security.laws import EXECUTION_ROLE, Caller, session
from tests.security.styles import OPT_IN_REGION

if TYPE_CHECKING:
    from tests.security.styles import Style
    from tests.security.world import Resource, World

_RULE, _TOPIC = "AWS::Events::Rule", "AWS::SNS::Topic"
_OWN_TRAIL = (SECURITY, "acme-trail")
STACK_SET = "alertlogic-member-account"
# The roles that others trust by their names, and where they are.
TRUSTED = {
    "alertlogic-registration": SECURITY,
    "alertlogic-vpc-scope": SECURITY,
    "alertlogic-trail-subscription": AUDIT,
}


def everybody(world: World, of: Resource, style: Style) -> dict[str, Caller]:
    """Who may want something of a resource, by who they are; `here` is where that resource is."""
    everybody = {
        **_services(of, style.home_region),
        **_senders(world, style),
        **_alert_logic(),
        **_impostors(),
        **{role.label: session(role.arn) for role in world.roles.values() if role is not of},
        **{f"an administrator in {account}": session(_role(account, "Administrator")) for account in sorted(MEMBERS)},
        "the execution role of a member account": session(_role(MEMBER, EXECUTION_ROLE)),
        "the execution role of an account of a stranger": Caller(ForeignRole(_role(STRANGER, EXECUTION_ROLE))),
        f"{EXECUTION_ROLE} whose account has left": _expelled(_role(MEMBER, EXECUTION_ROLE)),
    }
    # Where there is no organization, nothing can leave it.
    return {name: one for name, one in everybody.items() if style.is_organization or not name.endswith("has left")}


def _services(of: Resource, home_region: str) -> dict[str, Caller]:
    events, cloudformation = "events.amazonaws.com", "cloudformation.amazonaws.com"

    def rule(account: str, region: str) -> str:
        return f"arn:aws:events:{region}:{account}:rule/any"

    another = MEMBER if of.account != MEMBER else AUDIT

    def stack_set(account: str, name: str) -> str:
        return f"arn:aws:cloudformation:{home_region}:{account}:stackset/{name}:0"

    sources = {
        "Lambda": ("lambda.amazonaws.com", None),
        "EC2": ("ec2.amazonaws.com", None),
        "S3 for a bucket of a stranger": ("s3.amazonaws.com", "arn:aws:s3:::strangers-bucket"),
        "EventBridge for any rule here": (events, rule(of.account, of.region)),
        "EventBridge for a rule of another region": (events, rule(of.account, "sa-east-1")),
        "EventBridge for a rule of another account": (
            events,
            rule(another, of.region),
        ),
        "EventBridge for a rule of a stranger": (events, rule(STRANGER, of.region)),
        "EventBridge for no rule": (events, None),
        "CloudFormation for the StackSet": (cloudformation, stack_set(MANAGEMENT, STACK_SET)),
        "CloudFormation for another StackSet": (cloudformation, stack_set(MANAGEMENT, "another")),
        "CloudFormation for a StackSet of a stranger": (cloudformation, stack_set(STRANGER, STACK_SET)),
        "CloudFormation for no StackSet": (cloudformation, None),
        "CloudFormation in the opt-in region": (
            f"cloudformation.{OPT_IN_REGION}.amazonaws.com",
            stack_set(MANAGEMENT, STACK_SET),
        ),
        "CloudFormation in another opt-in region": (
            "cloudformation.me-south-1.amazonaws.com",
            stack_set(MANAGEMENT, STACK_SET),
        ),
        "SNS for a topic of a stranger": ("sns.amazonaws.com", f"arn:aws:sns:{of.region}:{STRANGER}:topic"),
        "SNS for no topic": ("sns.amazonaws.com", None),
    }
    return {name: Caller(Service(service, source)) for name, (service, source) in sources.items()}


def _senders(world: World, style: Style) -> dict[str, Caller]:
    """The rules and topics that send to our queues and functions."""
    owner, topic = (AUDIT, "aws-controltower-AllConfigNotifications") if style.is_organization else _OWN_TRAIL
    trail = f"arn:aws:sns:{style.home_region}:{owner}:{topic}"
    events, sns = "events.amazonaws.com", "sns.amazonaws.com"
    return {
        **{f"EventBridge for {one.label}": Caller(Service(events, one.arn)) for one in world.of_type(_RULE).values()},
        **{f"SNS for {one.label}": Caller(Service(sns, one.arn)) for one in world.of_type(_TOPIC).values()},
        "SNS for the trail's topic": Caller(Service(sns, trail)),
        "SNS for the trail's topic of a stranger": Caller(Service(sns, trail.replace(owner, STRANGER))),
    }


def _alert_logic() -> dict[str, Caller]:
    theirs = ForeignRole(_role(ALERT_LOGIC, "collection"))
    another = ForeignRole(_role(STRANGER, "collection"))
    ours = RoleSession(_role(MEMBER, "collection"), "session")
    return {
        "Alert Logic": Caller(theirs, {"sts:ExternalId": CUSTOMER_ID}),
        "Alert Logic without an External ID": Caller(theirs),
        "Alert Logic for another customer": Caller(theirs, {"sts:ExternalId": "87654321"}),
        "a stranger with our External ID": Caller(another, {"sts:ExternalId": CUSTOMER_ID}),
        "a member account with our External ID": Caller(ours, {"sts:ExternalId": CUSTOMER_ID}),
    }


def _impostors() -> dict[str, Caller]:
    """Roles that are called as those that are trusted, and those that are trusted, but outside the organization."""
    return {
        name: caller
        for role, account in TRUSTED.items()
        for name, caller in {
            f"{role} of a member account": session(_role(MEMBER, role)),
            f"{role} of a stranger": Caller(ForeignRole(_role(STRANGER, role))),
            f"{role} whose account has left": _expelled(_role(account, role)),
        }.items()
    }


def _expelled(role_arn: str) -> Caller:
    return Caller(RoleSession(role_arn, "session"), {"aws:PrincipalOrgID": "o-somebodyelse"})


def _role(account: str, name: str) -> str:
    return f"arn:aws:iam::{account}:role/{name}"
