"""The templates that are looked at: the sample in several styles, and constructs on their own."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from aws_cdk import App, Environment, Stack
from aws_cdk import aws_events as events

from alertlogic_constructs import (
    AlertLogic,
    CentralTrail,
    CloudTrailSubscription,
    GuardDutyFindingsSpoke,
    GuardDutyForwarder,
    LogArchiveIngestion,
    ProtectedAccount,
    ProtectionPolicy,
    ProtectionScope,
    Subscriber,
    VpcScopeWatcher,
)
from docs.synthesis import sample_with
from tests.rehearsal.synthesis import TRAIL_KEY_ARN, settings
from tests.security.accounts import MEMBER, SECURITY

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.rehearsal.templates import Json

# A region that is off by default, in which CloudFormation has a principal of its own.
OPT_IN_REGION = "ap-east-1"


@dataclass(frozen=True)
class Deployed:
    """A template, and where it is deployed."""

    stack: str
    account: str
    region: str
    body: Json


@dataclass(frozen=True)
class Style:
    """One way to use the library: all templates that this comes to."""

    home_region: str
    deployed: tuple[Deployed, ...]
    # Whether there is an organization.
    is_organization: bool = True


def _sample(*accounts: str, **changes: object) -> Style:
    """The sample, with the member template in these accounts, in two regions each."""
    given = settings() | changes
    home = given["home_region"]
    synthesized = sample_with(**given)
    stacks = tuple(
        Deployed(name.removeprefix("AlertLogic-"), account, region, synthesized.templates[name])
        for name, place in synthesized.places.items()
        for account, region in [place.split("/")]
    )
    away = next(region for region in given["governed_regions"] if region != home)
    instances = tuple(
        Deployed(_instance(account, is_home=region == home), account, region, synthesized.member)
        for account in accounts
        for region in (home, away)
    )
    return Style(home, (*stacks, *instances))


def _instance(account: str, *, is_home: bool) -> str:
    return f"{'Member' if account == MEMBER else 'SecurityMember'}{'' if is_home else 'Away'}"


def _alone() -> Style:
    """Each construct by itself, where no landing zone is."""
    app = App(context={"aws:cdk:bundling-stacks": []})
    home, away = (Stack(app, name, env=Environment(account=SECURITY, region=region)) for name, region in _PLACES)
    alert_logic = AlertLogic.placeholder(home, "ApiKey", customer_id="12345678")
    policy, scope = ProtectionPolicy.PROFESSIONAL, ProtectionScope.vpc_tags({"alertlogic": "true"})
    ProtectedAccount(home, "Account", alert_logic=alert_logic, policy=policy, protection_scope=scope)
    VpcScopeWatcher(home, "Scope", alert_logic=alert_logic, policy=policy, protection_scope=scope)
    GuardDutyForwarder(home, "Findings", alert_logic=alert_logic)
    bus = events.EventBus.from_event_bus_arn(away, "Bus", f"arn:aws:events:us-east-1:{SECURITY}:event-bus/default")
    GuardDutyFindingsSpoke(away, "Spoke", event_bus=bus)
    trail = CentralTrail(
        organization_id="o-exampleorg1",
        bucket_name="acme-trail",
        topic_arn=f"arn:aws:sns:us-east-1:{SECURITY}:acme-trail",
        key_arn=TRAIL_KEY_ARN,
    )
    subscriber = Subscriber.QUEUE_OWNER
    LogArchiveIngestion(home, "Logs", alert_logic=alert_logic, trail=trail, subscriber=subscriber)
    CloudTrailSubscription(
        home,
        "Subscription",
        alert_logic=alert_logic,
        trail=trail,
        log_archive_account=SECURITY,
        subscriber=subscriber,
    )
    assembly = app.synth()
    stacks = tuple(
        Deployed(stack.stack_name, stack.account, stack.region, assembly.get_stack_by_name(stack.stack_name).template)
        for stack in (home, away)
    )
    return Style("us-east-1", stacks, is_organization=False)


_PLACES = (("Alone", "us-east-1"), ("AloneAway", "us-west-2"))


_STYLES: dict[str, Callable[[], Style]] = {
    "administrator": lambda: _sample(MEMBER, SECURITY),
    "every account": lambda: _sample(MEMBER, guardduty={"administrator": None}),
    "whole regions": lambda: _sample(
        MEMBER,
        home_region="eu-west-1",
        governed_regions=["eu-west-1", "us-east-1", OPT_IN_REGION],
        vpc_tags={},
        trail={"key_arn": TRAIL_KEY_ARN},
    ),
    "alone": _alone,
}
NAMES = tuple(_STYLES)


@cache
def style(name: str) -> Style:
    """The templates of a style, synthesized once in a process."""
    return _STYLES[name]()
