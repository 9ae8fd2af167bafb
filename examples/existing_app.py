"""For whoever has a CDK app already: two constructs in its stack `Logs` let Alert Logic collect the CloudTrail logs.

Creates in the log archive account, beside what the stack holds: the queue of CloudTrail's notices and its subscription
to your own topic, the role with which Alert Logic reads queue and bucket, and alarms, which your on-call topic hears.

Deploy it with `cdk deploy --app "python examples/existing_app.py"`, and add what the output `KeyPolicyStatement` shows
to the policy of the trail's key.
"""

from __future__ import annotations

from aws_cdk import App, Environment, Stack
from aws_cdk import aws_iam as iam
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
on_call = sns.Topic.from_topic_arn(logs, "OnCall", "arn:aws:sns:eu-west-1:333333333333:on-call")
# The trail's topic is your own, so the queue's owner may subscribe: no function is needed.
ingestion = LogArchiveIngestion(
    logs,
    "AlertLogic",
    alert_logic=alert_logic,
    trail=trail,
    subscriber=Subscriber.QUEUE_OWNER,
    alarm_topic=on_call,
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
# Whatever a construct creates can be extended: here, an auditor of your own may look at the queue of notices.
ingestion.queue.grant(iam.Role.from_role_name(logs, "Auditor", "auditor"), "sqs:GetQueueAttributes")
app.synth()
