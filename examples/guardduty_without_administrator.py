"""For a landing zone whose accounts run GuardDuty each on its own: every account forwards its own findings.

Creates `AlertLogic-Security` with the hub and the forwarder, and `AlertLogic-Master` in the management account, whose
StackSet puts the registration, and in every governed region a rule on findings, into each enrolled account. A StackSet
does not reach the management account: its own findings need a stack in each governed region,
`AlertLogic-Master-REGION`.

Deploy it with `cdk deploy --all --app "python examples/guardduty_without_administrator.py"`, then run the command of
the output `FillSecret`.
"""

from __future__ import annotations

from aws_cdk import App, Environment, Stack

from alertlogic_constructs import (
    AlertLogic,
    AlertLogicHub,
    ControlTowerIntegration,
    GuardDutyCoverage,
    GuardDutyFindingsSpoke,
    GuardDutyForwarder,
    LandingZone,
    ProtectionPolicy,
)

zone = LandingZone(
    organization_id="o-exampleorg1",
    management_account="111111111111",
    audit_account="222222222222",
    log_archive_account="333333333333",
    security_account="444444444444",
    home_region="us-east-1",
    governed_regions=("us-east-1", "us-west-2"),
)
coverage = GuardDutyCoverage.every_account()

app = App()
security = Stack(app, "AlertLogic-Security", env=Environment(account=zone.security_account, region=zone.home_region))
alert_logic = AlertLogic.placeholder(security, "ApiKey", customer_id="12345678")
hub = AlertLogicHub(security, "Hub", alert_logic=alert_logic, landing_zone=zone)
GuardDutyForwarder(security, "Findings", alert_logic=alert_logic, event_bus=hub.bus, coverage=coverage)

master = Stack(app, "AlertLogic-Master", env=Environment(account=zone.management_account, region=zone.home_region))
ControlTowerIntegration(
    master,
    "ControlTower",
    landing_zone=zone,
    alert_logic=alert_logic,
    policy=ProtectionPolicy.PROFESSIONAL,
    guardduty_coverage=coverage,
)
# Accounts register at the hub, and send to its bus, as soon as this stack enrolls them.
master.add_stack_dependency(security)
for region in zone.governed_regions:
    own = Stack(app, f"AlertLogic-Master-{region}", env=Environment(account=zone.management_account, region=region))
    GuardDutyFindingsSpoke(own, "Findings", event_bus=hub.bus)
    # The bus is known by name, so CloudFormation does not see by itself that it comes first.
    own.add_stack_dependency(security)
app.synth()
