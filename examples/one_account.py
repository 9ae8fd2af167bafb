"""For one AWS account with GuardDuty: its findings go to Alert Logic, and nothing else is connected.

Creates one stack, `AlertLogic-GuardDuty`, in the account and region: the secret for Alert Logic's API key, a rule on
the findings, queues, alarms and two functions. Of a GuardDuty administrator it sends the findings of all members, too.

Deploy it with `cdk deploy --app "python examples/one_account.py"`, then run the command of the output `FillSecret`.
"""

from __future__ import annotations

from aws_cdk import App, Environment, Stack

from alertlogic_constructs import AlertLogic, GuardDutyForwarder

app = App()
stack = Stack(app, "AlertLogic-GuardDuty", env=Environment(account="555555555555", region="eu-west-1"))
alert_logic = AlertLogic.placeholder(stack, "ApiKey", customer_id="12345678")
# Informational findings stay in GuardDuty.
GuardDutyForwarder(stack, "Findings", alert_logic=alert_logic, minimum_severity=2)
app.synth()
