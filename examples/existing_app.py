"""An app of your own whose log archive stack lets Alert Logic collect the CloudTrail logs.

Synthesize it with `cdk synth --app "python examples/existing_app.py"`.
"""

from __future__ import annotations

from aws_cdk import App, Environment, Stack
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_sns as sns

from alertlogic_constructs import (
    AlertLogic,
    CentralTrail,
    CloudTrailSubscription,
    LogArchiveIngestion,
    Subscriber,
)

app = App()
logs = Stack(app, "Logs", env=Environment(account="333333333333", region="eu-west-1"))
alert_logic = AlertLogic(customer_id="12345678")
trail = CentralTrail(
    organization_id="o-exampleorg1",
    bucket_name="acme-organization-trail",
    topic_arn="arn:aws:sns:eu-west-1:333333333333:acme-organization-trail",
    key_arn="arn:aws:kms:eu-west-1:333333333333:key/11111111-2222-3333-4444-555555555555",
)
# The topic is your own, so the queue's owner may subscribe: no function is needed.
ingestion = LogArchiveIngestion(
    logs, "AlertLogic", alert_logic=alert_logic, trail=trail, subscriber=Subscriber.QUEUE_OWNER
)
subscription = CloudTrailSubscription(
    logs,
    "Subscription",
    alert_logic=alert_logic,
    trail=trail,
    log_archive_account="333333333333",
    subscriber=Subscriber.QUEUE_OWNER,
)
# The queue is known by name, so CloudFormation does not see by itself that it comes first.
subscription.node.add_dependency(ingestion)
# Whatever a construct creates can be extended: here, your on-call topic hears of its alarms.
on_call = sns.Topic.from_topic_arn(logs, "OnCall", "arn:aws:sns:eu-west-1:333333333333:on-call")
for alarm in (ingestion.age_alarm, ingestion.collection_alarm, ingestion.dead_letter_alarm):
    alarm.add_alarm_action(actions.SnsAction(on_call))
app.synth()
