"""The hub's event bus, as seen from an account and region that send to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import Stack
from aws_cdk import aws_events as events

if TYPE_CHECKING:
    from constructs import Construct

    from ._naming import Names
    from .landing_zone import LandingZone


def hub_bus(scope: Construct, landing_zone: LandingZone, names: Names) -> events.IEventBus:
    """Name the bus of the security account in the home region."""
    arn = Stack.of(scope).format_arn(
        service="events",
        region=landing_zone.home_region,
        account=landing_zone.security_account,
        resource="event-bus",
        resource_name=names.bus,
    )
    return events.EventBus.from_event_bus_arn(scope, "HubBus", arn)
