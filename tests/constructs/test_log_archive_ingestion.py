from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from aws_cdk import App, Environment, Stack
from aws_cdk import aws_iam as iam
from aws_cdk.assertions import Match, Template

from alertlogic_constructs import AlertLogic, CentralTrail, LogArchiveIngestion, Subscriber

if TYPE_CHECKING:
    from alertlogic_constructs import LandingZone

CUSTOMER = AlertLogic(customer_id="12345678")
KEY = "arn:aws:kms:us-east-1:111111111111:key/abc-123"
TOPIC = ":sns:us-east-1:222222222222:aws-controltower-AllConfigNotifications"


@pytest.fixture
def stack(app: App) -> Stack:
    return Stack(app, "LogArchive", env=Environment(account="333333333333", region="us-east-1"))


@pytest.fixture
def trail(landing_zone: LandingZone) -> CentralTrail:
    return CentralTrail.before_landing_zone_4(landing_zone)


def _ingestion(stack: Stack, trail: CentralTrail, **arguments: Any) -> tuple[LogArchiveIngestion, Template]:
    made = LogArchiveIngestion(stack, "Logs", alert_logic=CUSTOMER, trail=trail, **arguments)
    return made, Template.from_stack(stack)


def _role(template: Template, name: str) -> dict[str, Any]:
    [role] = [r for r in template.find_resources("AWS::IAM::Role").values() if r["Properties"].get("RoleName") == name]
    return dict(role["Properties"])


def _granted(template: Template) -> dict[str, dict[str, Any]]:
    [policy] = _role(template, "alertlogic-central-logs")["Policies"]
    return {statement["Sid"]: statement for statement in policy["PolicyDocument"]["Statement"]}


def test_the_queue_has_the_name_that_alert_logic_looks_for(stack: Stack, trail: CentralTrail) -> None:
    _, template = _ingestion(stack, trail)

    template.has_resource_properties(
        "AWS::SQS::Queue",
        {
            "QueueName": "outcomesbucket-12345678",
            "SqsManagedSseEnabled": True,
            "MessageRetentionPeriod": 1209600,
            "RedrivePolicy": {"maxReceiveCount": 1000, "deadLetterTargetArn": Match.any_value()},
        },
    )


def test_no_reader_uses_the_receive_count_up(stack: Stack, trail: CentralTrail) -> None:
    _, template = _ingestion(stack, trail)

    [queue] = [q for q in template.find_resources("AWS::SQS::Queue").values() if "RedrivePolicy" in q["Properties"]]
    properties = queue["Properties"]
    shortest = properties["VisibilityTimeout"] * properties["RedrivePolicy"]["maxReceiveCount"]
    assert shortest > properties["MessageRetentionPeriod"]


def test_only_the_trails_topic_may_send(stack: Stack, trail: CentralTrail) -> None:
    _, template = _ingestion(stack, trail)

    allowed = [
        statement
        for policy in template.find_resources("AWS::SQS::QueuePolicy").values()
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]
        if statement["Effect"] == "Allow"
    ]
    [statement] = allowed
    assert statement["Principal"] == {"Service": "sns.amazonaws.com"}
    assert statement["Action"] == "sqs:SendMessage"
    assert TOPIC in str(statement["Condition"]["ArnEquals"]["aws:SourceArn"])


def test_alert_logic_may_read_this_queue_and_this_organizations_logs(stack: Stack, trail: CentralTrail) -> None:
    _, template = _ingestion(stack, trail)

    trust = _role(template, "alertlogic-central-logs")["AssumeRolePolicyDocument"]["Statement"]
    assert [(s["Condition"], "733251395267" in str(s["Principal"])) for s in trust] == [
        ({"StringEquals": {"sts:ExternalId": "12345678"}}, True)
    ]
    granted = _granted(template)
    assert set(granted) == {"FindQueue", "ReadQueue", "ReadLogs", "ListLogs", "ReadTopic", "ValidateRole"}
    assert ":s3:::aws-controltower-logs-333333333333-us-east-1/o-exampleorg1/AWSLogs/*" in str(
        granted["ReadLogs"]["Resource"]
    )
    assert granted["ReadLogs"]["Action"] == "s3:GetObject"
    assert set(granted["ReadQueue"]["Action"]) == {
        "sqs:DeleteMessage",
        "sqs:GetQueueAttributes",
        "sqs:GetQueueUrl",
        "sqs:ReceiveMessage",
    }
    assert ":iam::333333333333:role/alertlogic-central-logs" in str(granted["ValidateRole"]["Resource"])


def test_the_key_is_named_in_the_role_and_in_a_statement_for_its_policy(stack: Stack, trail: CentralTrail) -> None:
    made, template = _ingestion(stack, replace(trail, key_arn=KEY))

    assert ":kms:us-east-1:111111111111:key/abc-123" in str(_granted(template)["DecryptLogs"]["Resource"])
    assert isinstance(made.key_policy_statement, iam.PolicyStatement)
    statement = stack.resolve(made.key_policy_statement.to_statement_json())
    assert ":iam::333333333333:root" in str(statement["Principal"])
    assert (statement["Action"], statement["Resource"]) == ("kms:Decrypt", "*")
    assert statement["Condition"]["Null"] == {"kms:EncryptionContext:aws:cloudtrail:arn": "false"}
    assert "role/alertlogic-central-logs" in str(statement["Condition"]["ArnEquals"]["aws:PrincipalArn"])
    [output] = template.find_outputs("KeyPolicyStatement").values()
    assert "kms:Decrypt" in json.dumps(output["Value"])


def test_without_a_key_there_is_no_statement(stack: Stack, trail: CentralTrail) -> None:
    made, template = _ingestion(stack, trail)

    assert made.key_policy_statement is None
    assert set(template.find_outputs("*")) == {"CentralLogsRoleArn", "NoticeQueueUrl"}
    assert "kms:" not in json.dumps(_role(template, "alertlogic-central-logs"))


@pytest.mark.parametrize(("key", "has_key"), [(None, False), (KEY, True)])
def test_all_of_the_vendors_policy_can_be_granted(
    stack: Stack,
    trail: CentralTrail,
    key: str | None,
    has_key: bool,  # noqa: FBT001 - pytest's
) -> None:
    _, template = _ingestion(stack, replace(trail, key_arn=key), vendor_policy=True)

    granted = _granted(template)
    assert {"ListQueues", "OwnTrailQueue", "ReadTrailBucket", "CreateTrailTopic", "ValidateRole"} <= set(granted)
    assert ("DecryptTrailLogs" in granted) == has_key
    assert "KMS_KEY_ARN" not in json.dumps(granted)


def test_where_the_topics_owner_subscribes_its_function_may_search_the_queue(stack: Stack, trail: CentralTrail) -> None:
    made, template = _ingestion(stack, trail)

    assert made.trail_reader_role is not None
    [trust] = _role(template, "alertlogic-trail-reader")["AssumeRolePolicyDocument"]["Statement"]
    assert ":iam::222222222222:root" in str(trust["Principal"])
    assert trust["Condition"]["StringEquals"] == {"aws:PrincipalOrgID": "o-exampleorg1"}
    assert ":iam::222222222222:role/alertlogic-trail-subscription" in str(
        trust["Condition"]["ArnEquals"]["aws:PrincipalArn"]
    )
    [policy] = template.find_resources("AWS::IAM::Policy").values()
    [statement] = policy["Properties"]["PolicyDocument"]["Statement"]
    assert set(statement["Action"]) == {"sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:ReceiveMessage"}


def test_where_the_queues_owner_subscribes_nobody_else_may_search_it(stack: Stack, trail: CentralTrail) -> None:
    made, template = _ingestion(stack, trail, subscriber=Subscriber.QUEUE_OWNER)

    assert made.trail_reader_role is None
    template.resource_count_is("AWS::IAM::Role", 1)


def test_alarms_tell_when_nobody_collects(stack: Stack, trail: CentralTrail) -> None:
    _, template = _ingestion(stack, trail)

    template.has_resource_properties(
        "AWS::CloudWatch::Alarm", {"MetricName": "ApproximateAgeOfOldestMessage", "Threshold": 3600}
    )
    template.has_resource_properties(
        "AWS::CloudWatch::Alarm", {"MetricName": "ApproximateNumberOfMessagesVisible", "Threshold": 0}
    )
    template.has_resource_properties(
        "AWS::CloudWatch::Alarm",
        {
            "Metrics": Match.array_with(
                [Match.object_like({"Expression": "IF(FILL(received, 0) > 0 AND FILL(deleted, 0) == 0, 1, 0)"})]
            ),
            "Threshold": 0,
        },
    )


def test_fails_with_a_key_when_the_account_is_not_known(app: App, trail: CentralTrail) -> None:
    with pytest.raises(ValueError, match=r"env\.account is .*; allowed is an account that is known at synthesis"):
        _ingestion(Stack(app, "Agnostic"), replace(trail, key_arn=KEY))
    _ingestion(Stack(app, "AgnosticWithoutKey"), trail)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"subscriber": "QUEUE_OWNER"}, "subscriber is 'QUEUE_OWNER'; allowed is one of Subscriber.TOPIC_OWNER"),
        ({"vendor_policy": "false"}, "vendor_policy is 'false'; allowed is True or False"),
    ],
)
def test_fails_with_what_would_pass_as_something_else(
    stack: Stack, trail: CentralTrail, arguments: dict[str, Any], words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        _ingestion(stack, trail, **arguments)
