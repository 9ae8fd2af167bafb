"""For the owner of a Control Tower landing zone: accounts, tagged VPCs, CloudTrail logs and GuardDuty findings.

Creates a stack in each of four accounts: `AlertLogic-Security` (hub, scope and findings), `AlertLogic-Master` in the
management account (enrollment), `AlertLogic-LogArchive` and `AlertLogic-Audit` (logs); and through a StackSet Alert
Logic's role and the registration in every enrolled account. This landing zone was set up before version 4.0; for one
that was not, see `landing_zone_4.py`.

Deploy it with `cdk deploy --all --app "python examples/landing_zone.py"`, then run the command of the output
`FillSecret`.
"""

from __future__ import annotations

from aws_cdk import App, Environment, Stack

from alertlogic_constructs import (
    AlertLogic,
    AlertLogicHub,
    CentralTrail,
    CloudTrailSubscription,
    ControlTowerIntegration,
    GuardDutyCoverage,
    GuardDutyForwarder,
    LandingZone,
    LogArchiveIngestion,
    OrganizationalUnits,
    ProtectionPolicy,
    ProtectionScope,
    VpcScopeWatcher,
)

zone = LandingZone(
    organization_id="o-exampleorg1",
    management_account="111111111111",
    audit_account="222222222222",
    log_archive_account="333333333333",
    security_account="444444444444",
    home_region="us-east-1",
    governed_regions=("us-east-1", "us-west-2", "eu-west-1"),
)
policy = ProtectionPolicy.PROFESSIONAL
scope = ProtectionScope.vpc_tags({"alertlogic": "true"})
coverage = GuardDutyCoverage.administrator(zone.audit_account)
trail = CentralTrail.before_landing_zone_4(zone)

app = App()


def stack(name: str, account: str) -> Stack:
    """One for each account, in the home region."""
    return Stack(app, f"AlertLogic-{name}", env=Environment(account=account, region=zone.home_region))


security = stack("Security", zone.security_account)
alert_logic = AlertLogic.placeholder(security, "ApiKey", customer_id="12345678")
hub = AlertLogicHub(security, "Hub", alert_logic=alert_logic, landing_zone=zone)
VpcScopeWatcher(security, "Scope", alert_logic=alert_logic, policy=policy, protection_scope=scope, hub=hub)
GuardDutyForwarder(security, "Findings", alert_logic=alert_logic, event_bus=hub.bus, coverage=coverage)

log_archive = stack("LogArchive", zone.log_archive_account)
LogArchiveIngestion(log_archive, "Logs", alert_logic=alert_logic, trail=trail)
audit = stack("Audit", trail.topic_account)
CloudTrailSubscription(
    audit, "Subscription", alert_logic=alert_logic, trail=trail, log_archive_account=zone.log_archive_account
)
# The subscription is confirmed from the queue there.
audit.add_stack_dependency(log_archive)

master = stack("Master", zone.management_account)
ControlTowerIntegration(
    master,
    "ControlTower",
    landing_zone=zone,
    alert_logic=alert_logic,
    policy=policy,
    protection_scope=scope,
    central_logs=True,
    guardduty_coverage=coverage,
    organizational_units=OrganizationalUnits.all(excluding=["ou-abcd-11111111"]),
)
# Accounts register at the hub, and name the role that reads the logs, as soon as this stack enrolls them.
master.add_stack_dependency(security)
master.add_stack_dependency(log_archive)
app.synth()
