"""The events that tell `account_enrollment` where to look."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import Aws
from aws_cdk import aws_events as events

from .organizations_event_spoke import organizations_event_pattern

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .landing_zone import LandingZone


def enrollment_patterns(landing_zone: LandingZone) -> Mapping[str, tuple[str, events.EventPattern]]:
    """Return a description and a pattern for each rule, by its id."""
    return {
        "LifecycleRule": ("Control Tower changed accounts or units", _lifecycle_pattern(landing_zone)),
        "DriftRule": ("Control Tower detected drift", _drift_pattern(landing_zone)),
        "OrganizationsRule": ("Accounts moved, joined or left", organizations_event_pattern(landing_zone)),
        "DeploymentRule": ("This stack was deployed", deployment_pattern()),
    }


def _lifecycle_pattern(landing_zone: LandingZone) -> events.EventPattern:
    """See https://docs.aws.amazon.com/controltower/latest/userguide/lifecycle-events.html."""
    return events.EventPattern(
        source=["aws.controltower"],
        detail_type=["AWS Service Event via CloudTrail"],
        account=[landing_zone.management_account],
        detail={
            "eventName": [
                "CreateManagedAccount",
                "UpdateManagedAccount",
                "RegisterOrganizationalUnit",
                "DeregisterOrganizationalUnit",
                "EnableBaseline",
                "ResetEnabledBaseline",
                "UpdateEnabledBaseline",
                "DisableBaseline",
                "SetupLandingZone",
                "UpdateLandingZone",
            ]
        },
    )


def _drift_pattern(landing_zone: LandingZone) -> events.EventPattern:
    """See https://docs.aws.amazon.com/controltower/latest/userguide/governance-drift.html."""
    return events.EventPattern(
        source=["aws.controltower"], detail_type=["Drift Detected"], account=[landing_zone.management_account]
    )


def deployment_pattern() -> events.EventPattern:
    """Return what tells that the stack it stands in was deployed.

    See https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-cloudformation-events.html
    """
    return events.EventPattern(
        source=["aws.cloudformation"],
        detail_type=["CloudFormation Stack Status Change"],
        detail={
            "stack-id": [Aws.STACK_ID],
            "status-details": {"status": ["CREATE_COMPLETE", "UPDATE_COMPLETE"]},
        },
    )
