"""AWS CDK constructs that connect Alert Logic MDR to an AWS Control Tower landing zone and to Amazon GuardDuty."""

from .alert_logic import AlertLogic, DataCenter, Residency
from .alertlogic_hub import AlertLogicHub
from .alertlogic_role import AlertLogicRole
from .control_tower_integration import ControlTowerIntegration
from .landing_zone import LandingZone, OrganizationalUnits
from .protected_account import ProtectedAccount
from .protection import DeploymentMode, Offboarding, ProtectionPolicy, ProtectionScope
from .vpc_events_spoke import VpcEventsSpoke
from .vpc_scope_watcher import VpcScopeWatcher

__all__ = [
    "AlertLogic",
    "AlertLogicHub",
    "AlertLogicRole",
    "ControlTowerIntegration",
    "DataCenter",
    "DeploymentMode",
    "LandingZone",
    "Offboarding",
    "OrganizationalUnits",
    "ProtectedAccount",
    "ProtectionPolicy",
    "ProtectionScope",
    "Residency",
    "VpcEventsSpoke",
    "VpcScopeWatcher",
]
