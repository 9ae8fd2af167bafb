"""What a landing zone says of itself: Control Tower, the trail, the regions of each account, GuardDuty's organization.

moto knows none of it. All of it may be set at any time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.rehearsal.central_logs import TRAIL
from tests.rehearsal.gateway import AwsError

if TYPE_CHECKING:
    from tests.rehearsal.calls import ApiCall
    from tests.rehearsal.gateway import Handler
    from tests.rehearsal.organization import Zone
    from tests.rehearsal.templates import Json

# Those that AWS enables by default, but for some.
REGIONS = ("ap-northeast-1", "ap-southeast-2", "eu-central-1", "eu-west-1", "us-east-1", "us-east-2", "us-west-2")
LANDING_ZONE_ID = "1A2B3C4D5E6F7G8H"


class ControlTower:
    """A landing zone of version 3.3, as its services describe it.

    Attributes:
        landing_zones: What GetLandingZone answers, by the region that is asked.
        trails: What DescribeTrails answers in the management account.
        trail_statuses: What GetTrailStatus answers, by the trail's ARN.
        disabled_regions: The regions that an account has not enabled, by the account.
        organization_configuration: What GuardDuty's DescribeOrganizationConfiguration answers.
    """

    def __init__(self, zone: Zone, *, bucket: str, topic: str) -> None:
        home = zone.home_region
        self.trail_arn = f"arn:aws:cloudtrail:{home}:{zone.management}:trail/{TRAIL}"
        self.landing_zones: dict[str, Json] = {
            home: {
                "arn": f"arn:aws:controltower:{home}:{zone.management}:landingzone/{LANDING_ZONE_ID}",
                "version": "3.3",
                "latestAvailableVersion": "4.0",
                "status": "ACTIVE",
                "driftStatus": {"status": "IN_SYNC"},
                # https://docs.aws.amazon.com/controltower/latest/userguide/lz-manifest-file.html
                "manifest": {
                    "accessManagement": {"enabled": True},
                    "centralizedLogging": {"accountId": zone.log_archive, "enabled": True},
                    "governedRegions": list(zone.governed_regions),
                    "organizationStructure": {"security": {"name": "Security"}},
                    "securityRoles": {"accountId": zone.audit},
                },
            }
        }
        self.trails: list[Json] = [
            {
                "Name": TRAIL,
                "TrailARN": self.trail_arn,
                "HomeRegion": home,
                "IsMultiRegionTrail": True,
                "IsOrganizationTrail": True,
                "S3BucketName": bucket,
                "SnsTopicARN": topic,
            }
        ]
        self.trail_statuses: dict[str, Json] = {self.trail_arn: {"IsLogging": True}}
        self.disabled_regions: dict[str, set[str]] = {}
        self.organization_configuration: Json = {
            "AutoEnableOrganizationMembers": "ALL",
            "MemberAccountLimitReached": False,
        }
        self._zone = zone

    def handlers(self) -> dict[str, dict[str, Handler]]:
        """The operations, by their services."""
        return {
            "controltower": {
                "ListLandingZones": self._list_landing_zones,
                "GetLandingZone": lambda call: {"landingZone": self.landing_zones[call.region]},
            },
            "cloudtrail": {
                "DescribeTrails": lambda _: {"trailList": self.trails},
                "GetTrailStatus": lambda call: self.trail_statuses[call.parameters["Name"]],
            },
            "account": {"ListRegions": self._list_regions},
            "guardduty": {"DescribeOrganizationConfiguration": self._describe_organization_configuration},
        }

    def _list_landing_zones(self, call: ApiCall) -> dict[str, Any]:
        zones = [self.landing_zones[call.region]] if call.region in self.landing_zones else []
        return {"landingZones": [{"arn": zone["arn"]} for zone in zones]}

    def _list_regions(self, call: ApiCall) -> dict[str, Any]:
        disabled = self.disabled_regions.get(call.account, set())
        return {
            "Regions": [
                {"RegionName": name, "RegionOptStatus": "DISABLED" if name in disabled else "ENABLED_BY_DEFAULT"}
                for name in REGIONS
            ]
        }

    def _describe_organization_configuration(self, call: ApiCall) -> dict[str, Any]:
        if call.account != self._zone.guardduty_administrator:
            raise AwsError("BadRequestException", "The request is rejected: the account is not the administrator.")
        return self.organization_configuration
