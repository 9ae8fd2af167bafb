"""What sends an account's VPC events of one region to the hub."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import Stack, Token
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from constructs import Construct

from ._delivery_role import create_delivery_role
from ._hub_bus import hub_bus
from ._naming import DEFAULT_PREFIX, Names
from ._validation import StackChecks

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .landing_zone import LandingZone


def vpc_event_patterns(account: str | None = None) -> Mapping[str, events.EventPattern]:
    """The events, of one account or of all on the bus, that tell of VPCs and their tags, by the id of their rule.

    See https://docs.aws.amazon.com/tag-editor/latest/userguide/monitor-tags.html and
    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-service-event-cloudtrail.html
    """
    accounts = None if account is None else [account]
    return {
        "VpcTagRule": events.EventPattern(
            account=accounts,
            source=["aws.tag"],
            detail_type=["Tag Change on Resource"],
            detail={"service": ["ec2"], "resource-type": ["vpc"]},
        ),
        "VpcRule": events.EventPattern(
            account=accounts,
            source=["aws.ec2"],
            detail_type=["AWS API Call via CloudTrail"],
            detail={"eventName": ["CreateVpc", "DeleteVpc"], "errorCode": [{"exists": False}]},
        ),
    }


class VpcEventsSpoke(Construct):
    """Sends the events on VPCs and their tags to the hub's bus, from the account and region of the stack.

    Where VPC tags decide, `ControlTowerIntegration` puts one into every governed region of every account that it
    enrolls. Only an account that it does not reach, such as one of a `ProtectedAccount` of your own, needs this
    construct.

    EventBridge tries to deliver an event for 24 hours. Accounts hold no queue of ours for what is lost then: the next
    event of the same account and region, or the next sweep, makes up for it.

    Creates in the account and region of the stack: two rules on the default bus, and the role with which they put
    events on the hub's bus.

    Attributes:
        rules: The rules: on changed tags of VPCs, and on VPCs that are created or deleted.
        delivery_role: The role; it may put events on the hub's bus and nothing else.
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, landing_zone: LandingZone, prefix: str = DEFAULT_PREFIX
    ) -> None:
        """Create the rules.

        Args:
            scope: The parent, in a stack of a governed region.
            construct_id: The id in it.
            landing_zone: The landing zone, in whose security account the hub is.
            prefix: The prefix of all physical names, the hub's own.

        Raises:
            ValueError: for a stack in a region that is not governed, or a malformed prefix.
        """
        super().__init__(scope, construct_id)
        names = Names(prefix)
        _check(self, landing_zone)
        self.delivery_role = create_delivery_role(
            self, description="EventBridge sends VPC events to the Alert Logic hub with it"
        )
        bus = hub_bus(self, landing_zone, names)
        self.rules = [
            events.Rule(
                self,
                rule_id,
                description="Sends VPC events to the Alert Logic hub",
                event_pattern=pattern,
                targets=[targets.EventBus(bus, role=self.delivery_role)],
            )
            for rule_id, pattern in vpc_event_patterns().items()
        ]
        for rule in self.rules:
            # From its first event on it must be able to deliver.
            rule.node.add_dependency(self.delivery_role)


def _check(spoke: VpcEventsSpoke, landing_zone: LandingZone) -> None:
    region = Stack.of(spoke).region
    checks = StackChecks(spoke)
    checks.require(
        Token.is_unresolved(region) or region in landing_zone.governed_regions,
        "env.region",
        region,
        f"a governed region: {', '.join(landing_zone.governed_regions)}",
        "put it into a stack of one of these",
    )
    checks.raise_problems()
