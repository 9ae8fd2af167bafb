"""What brings AWS Organizations' events to the landing zone's home region."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import Stack
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from constructs import Construct

from ._alarms import create_delivery_alarm, notify
from ._delivery_role import create_delivery_role
from ._validation import StackChecks

if TYPE_CHECKING:
    from aws_cdk import aws_sns as sns

    from .landing_zone import LandingZone

# https://docs.aws.amazon.com/organizations/latest/userguide/orgs_cloudtrail-integration.html
ORGANIZATIONS_REGION = "us-east-1"


def organizations_event_pattern(landing_zone: LandingZone) -> events.EventPattern:
    """The events that tell of accounts which move, join or leave.

    That an account joined or departed may be told by either kind of event, so the kind is left open.
    """
    return events.EventPattern(
        account=[landing_zone.management_account],
        source=["aws.organizations"],
        detail={
            "eventName": [
                "MoveAccount",
                "CreateAccountResult",
                "CloseAccount",
                "CloseAccountResult",
                "RemoveAccountFromOrganization",
                "AccountJoinedOrganization",
                "AccountDepartedOrganization",
            ],
            # Calls that failed are told of, too.
            "errorCode": [{"exists": False}],
        },
    )


class OrganizationsEventSpoke(Construct):
    """Sends AWS Organizations' events from us-east-1, where alone they exist, to the home region.

    Needed beside `ControlTowerIntegration` where the home region is another.

    Creates in the management account, us-east-1: a rule on the default bus with an alarm, and the role with which it
    puts events on the default bus of the home region.

    Attributes:
        rule: The rule.
        delivery_role: The role; it may put events on that bus and nothing else.

    See https://docs.aws.amazon.com/organizations/latest/userguide/orgs_cloudtrail-integration.html
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        landing_zone: LandingZone,
        alarm_topic: sns.ITopic | None = None,
    ) -> None:
        """Create the rule.

        Args:
            scope: The parent, in a stack of the management account in us-east-1.
            construct_id: The id in it.
            landing_zone: The landing zone.
            alarm_topic: Where every alarm is published, when it begins and when it ends; nowhere unless given. A topic
                of the stack's region, whose policy, and key, admit `cloudwatch.amazonaws.com`.

        Raises:
            ValueError: for a stack in another account or region, a topic of another region, or a landing zone whose
                home region is us-east-1.
        """
        super().__init__(scope, construct_id)
        _check(self, landing_zone)
        self.delivery_role = create_delivery_role(
            self, description="EventBridge sends AWS Organizations' events to the home region with it"
        )
        arn = Stack.of(self).format_arn(
            service="events",
            region=landing_zone.home_region,
            account=landing_zone.management_account,
            resource="event-bus",
            resource_name="default",
        )
        bus = events.EventBus.from_event_bus_arn(self, "HomeBus", arn)
        self.rule = events.Rule(
            self,
            "Rule",
            description="Sends AWS Organizations' events to the home region for Alert Logic's account_enrollment",
            event_pattern=organizations_event_pattern(landing_zone),
            targets=[targets.EventBus(bus, role=self.delivery_role)],
        )
        # From its first event on it must be able to deliver.
        self.rule.node.add_dependency(self.delivery_role)
        create_delivery_alarm(self.rule)
        notify(self, alarm_topic)


def _check(spoke: OrganizationsEventSpoke, landing_zone: LandingZone) -> None:
    checks = StackChecks(spoke)
    checks.environment(account=landing_zone.management_account, region=ORGANIZATIONS_REGION)
    checks.require(
        landing_zone.home_region != ORGANIZATIONS_REGION,
        "landing_zone.home_region",
        landing_zone.home_region,
        f"a region other than {ORGANIZATIONS_REGION}, where the events are already",
        "leave the spoke out",
    )
    checks.raise_problems()
