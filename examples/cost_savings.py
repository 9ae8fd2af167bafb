"""For whoever wants the findings of many accounts, and one Alert Logic deployment: the cost savings style.

Creates in the GuardDuty administrator account, which has the findings of all its members: in the home region the stack
`AlertLogic-Administrator` with the account's registration (`ProtectedAccount`) and the forwarder, and in each other
region a stack `AlertLogic-Findings-REGION` with a rule that sends the findings there. The members hold nothing.

Deploy it with `cdk deploy --all --app "python examples/cost_savings.py"`, then run the command of the output
`FillSecret`.
"""

from __future__ import annotations

from aws_cdk import App, Environment, Stack
from aws_cdk import aws_events as events

from alertlogic_constructs import (
    AlertLogic,
    GuardDutyFindingsSpoke,
    GuardDutyForwarder,
    ProtectedAccount,
    ProtectionPolicy,
    ProtectionScope,
)

ADMINISTRATOR = "222222222222"
HOME_REGION = "us-east-1"
OTHER_REGIONS = ("us-west-2", "eu-west-1")

app = App()
home = Stack(app, "AlertLogic-Administrator", env=Environment(account=ADMINISTRATOR, region=HOME_REGION))
alert_logic = AlertLogic.placeholder(home, "ApiKey", customer_id="12345678")
ProtectedAccount(
    home,
    "Account",
    alert_logic=alert_logic,
    policy=ProtectionPolicy.PROFESSIONAL,
    protection_scope=ProtectionScope.regions(HOME_REGION, *OTHER_REGIONS),
)
# On the default bus are the findings of the account, as administrator of all members, and what the spokes send there.
GuardDutyForwarder(home, "Findings", alert_logic=alert_logic)
for region in OTHER_REGIONS:
    spoke = Stack(app, f"AlertLogic-Findings-{region}", env=Environment(account=ADMINISTRATOR, region=region))
    bus = events.EventBus.from_event_bus_arn(
        spoke, "HomeBus", f"arn:aws:events:{HOME_REGION}:{ADMINISTRATOR}:event-bus/default"
    )
    GuardDutyFindingsSpoke(spoke, "Findings", event_bus=bus)
app.synth()
