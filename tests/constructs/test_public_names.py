from __future__ import annotations

import inspect

import alertlogic_constructs


def test_exactly_these_names_are_public() -> None:
    assert sorted(alertlogic_constructs.__all__) == [
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


def test_every_public_name_is_documented() -> None:
    undocumented = [
        name for name in alertlogic_constructs.__all__ if not inspect.getdoc(getattr(alertlogic_constructs, name))
    ]

    assert undocumented == []
