"""AWS CDK constructs that connect Alert Logic MDR to an AWS Control Tower landing zone and to Amazon GuardDuty."""

from .alert_logic import AlertLogic, DataCenter, Residency
from .alertlogic_hub import AlertLogicHub
from .alertlogic_role import AlertLogicRole
from .central_trail import CentralTrail, Subscriber
from .cloudtrail_subscription import CloudTrailSubscription
from .control_tower_integration import ControlTowerIntegration
from .guardduty import GuardDutyCoverage
from .guardduty_findings_spoke import GuardDutyFindingsSpoke
from .guardduty_forwarder import GuardDutyForwarder
from .landing_zone import LandingZone, OrganizationalUnits
from .log_archive_ingestion import LogArchiveIngestion
from .operations_dashboard import OperationsDashboard
from .organizations_event_spoke import OrganizationsEventSpoke
from .protected_account import ProtectedAccount
from .protection import DeploymentMode, Offboarding, ProtectionPolicy, ProtectionScope
from .vpc_events_spoke import VpcEventsSpoke
from .vpc_scope_watcher import VpcScopeWatcher

__all__ = [
    "AlertLogic",
    "AlertLogicHub",
    "AlertLogicRole",
    "CentralTrail",
    "CloudTrailSubscription",
    "ControlTowerIntegration",
    "DataCenter",
    "DeploymentMode",
    "GuardDutyCoverage",
    "GuardDutyFindingsSpoke",
    "GuardDutyForwarder",
    "LandingZone",
    "LogArchiveIngestion",
    "Offboarding",
    "OperationsDashboard",
    "OrganizationalUnits",
    "OrganizationsEventSpoke",
    "ProtectedAccount",
    "ProtectionPolicy",
    "ProtectionScope",
    "Residency",
    "Subscriber",
    "VpcEventsSpoke",
    "VpcScopeWatcher",
]
