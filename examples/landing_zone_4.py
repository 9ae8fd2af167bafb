"""For the owner of a landing zone that was set up with version 4.0, and encrypts its CloudTrail logs with a KMS key.

Since 4.0 bucket and topic have names that nobody can compute: `aws cloudtrail describe-trails` in the management
account shows them as S3BucketName, SnsTopicARN and KmsKeyId. Creates `AlertLogic-LogArchive`, `AlertLogic-Topic` in the
topic's account, `AlertLogic-Security` with the hub, and `AlertLogic-Master` in the management account; there also
`AlertLogic-Master-Global` in us-east-1, where alone AWS Organizations reports what happens.

Deploy it with `cdk deploy --all --app "python examples/landing_zone_4.py"`. Then run the command of the output
`FillSecret`, and add what the output `KeyPolicyStatement` of `AlertLogic-LogArchive` shows to the key's policy: the key
is in the management account, and yours to change.
"""

from __future__ import annotations

from aws_cdk import App, Environment, Stack

from alertlogic_constructs import (
    AlertLogic,
    AlertLogicHub,
    CentralTrail,
    CloudTrailSubscription,
    ControlTowerIntegration,
    LandingZone,
    LogArchiveIngestion,
    OrganizationsEventSpoke,
    ProtectionPolicy,
)

zone = LandingZone(
    organization_id="o-exampleorg1",
    management_account="111111111111",
    audit_account="222222222222",
    log_archive_account="333333333333",
    security_account="444444444444",
    home_region="eu-west-1",
    governed_regions=("eu-west-1", "eu-south-1"),
)
trail = CentralTrail(
    organization_id=zone.organization_id,
    bucket_name="aws-controltower-cloudtrail-logs-333333333333-abc-def",
    topic_arn="arn:aws:sns:eu-west-1:222222222222:aws-controltower-CentralizedLoggingNotifications",
    key_arn="arn:aws:kms:eu-west-1:111111111111:key/11111111-2222-3333-4444-555555555555",
)

app = App()
security = Stack(app, "AlertLogic-Security", env=Environment(account=zone.security_account, region=zone.home_region))
alert_logic = AlertLogic.placeholder(security, "ApiKey", customer_id="12345678")
AlertLogicHub(security, "Hub", alert_logic=alert_logic, landing_zone=zone)

log_archive = Stack(
    app, "AlertLogic-LogArchive", env=Environment(account=zone.log_archive_account, region=zone.home_region)
)
LogArchiveIngestion(log_archive, "Logs", alert_logic=alert_logic, trail=trail)
topic = Stack(app, "AlertLogic-Topic", env=Environment(account=trail.topic_account, region=zone.home_region))
CloudTrailSubscription(
    topic, "Subscription", alert_logic=alert_logic, trail=trail, log_archive_account=zone.log_archive_account
)
# The subscription is confirmed from the queue there.
topic.add_stack_dependency(log_archive)

master = Stack(app, "AlertLogic-Master", env=Environment(account=zone.management_account, region=zone.home_region))
ControlTowerIntegration(
    master,
    "ControlTower",
    landing_zone=zone,
    alert_logic=alert_logic,
    policy=ProtectionPolicy.PROFESSIONAL,
    central_logs=True,
)
# Accounts register at the hub, and name the role that reads the logs, as soon as this stack enrolls them.
master.add_stack_dependency(security)
master.add_stack_dependency(log_archive)
everywhere = Stack(
    app, "AlertLogic-Master-Global", env=Environment(account=zone.management_account, region="us-east-1")
)
OrganizationsEventSpoke(everywhere, "Organizations", landing_zone=zone)
app.synth()
