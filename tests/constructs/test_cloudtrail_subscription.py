from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from aws_cdk import App, Environment, Stack
from aws_cdk import aws_sns as sns
from aws_cdk.assertions import Template

from alertlogic_constructs import AlertLogic, CentralTrail, CloudTrailSubscription, Subscriber

if TYPE_CHECKING:
    from alertlogic_constructs import LandingZone

CUSTOMER = AlertLogic(customer_id="12345678")
QUEUE = ":sqs:us-east-1:333333333333:outcomesbucket-12345678"
FILTER = {"messageType": [{"exists": False}]}


@pytest.fixture
def audit_stack(app: App) -> Stack:
    return Stack(app, "Audit", env=Environment(account="222222222222", region="us-east-1"))


@pytest.fixture
def log_archive_stack(app: App) -> Stack:
    return Stack(app, "LogArchive", env=Environment(account="333333333333", region="us-east-1"))


@pytest.fixture
def trail(landing_zone: LandingZone) -> CentralTrail:
    return CentralTrail.before_landing_zone_4(landing_zone)


def _subscription(stack: Stack, trail: CentralTrail, **arguments: Any) -> Template:
    given = {"log_archive_account": "333333333333", **arguments}
    CloudTrailSubscription(stack, "Subscription", alert_logic=CUSTOMER, trail=trail, **given)
    return Template.from_stack(stack)


def _resource(template: Template) -> dict[str, Any]:
    [resource] = template.find_resources("Custom::AlertLogicTrailSubscription").values()
    return dict(resource)


def test_the_topics_owner_subscribes_by_a_function(audit_stack: Stack, trail: CentralTrail) -> None:
    template = _subscription(audit_stack, trail)

    properties = _resource(template)["Properties"]
    assert ":sns:us-east-1:222222222222:aws-controltower-AllConfigNotifications" in str(properties["TopicArn"])
    assert QUEUE in str(properties["QueueArn"])
    assert json.loads(properties["FilterPolicy"]) == FILTER
    assert set(properties["ServiceToken"]) == {"Fn::GetAtt"}
    [function] = template.find_resources("AWS::Lambda::Function").values()
    assert function["Properties"]["Handler"] == "trail_subscription.handler.lambda_handler"
    role = function["Properties"]["Environment"]["Variables"]["TRAIL_READER_ROLE_ARN"]
    assert ":iam::333333333333:role/alertlogic-trail-reader" in str(role)


def test_a_topic_of_cloudtrail_alone_needs_no_filter(audit_stack: Stack, trail: CentralTrail) -> None:
    template = _subscription(audit_stack, replace(trail, topic_serves_config=False))

    assert _resource(template)["Properties"]["FilterPolicy"] == ""


def test_the_function_may_subscribe_this_queue_to_this_topic_only(audit_stack: Stack, trail: CentralTrail) -> None:
    template = _subscription(audit_stack, trail)

    [policy] = template.find_resources("AWS::IAM::Policy").values()
    statements = {str(s["Action"]): s for s in policy["Properties"]["PolicyDocument"]["Statement"]}
    subscribe = statements["sns:Subscribe"]
    assert subscribe["Condition"]["StringEquals"]["sns:Protocol"] == "sqs"
    assert QUEUE in str(subscribe["Condition"]["StringEquals"]["sns:Endpoint"])
    assert "aws-controltower-AllConfigNotifications" in str(subscribe["Resource"])
    assert "alertlogic-trail-reader" in str(statements["sts:AssumeRole"]["Resource"])
    assert "sns:SetSubscriptionAttributes" not in str(statements)


def test_it_is_unsubscribed_while_the_function_is_still_there(audit_stack: Stack, trail: CentralTrail) -> None:
    template = _subscription(audit_stack, trail)

    assert any("Policy" in name for name in _resource(template)["DependsOn"])


def test_the_queues_owner_subscribes_plainly(log_archive_stack: Stack, trail: CentralTrail) -> None:
    template = _subscription(log_archive_stack, trail, subscriber=Subscriber.QUEUE_OWNER)

    template.resource_count_is("AWS::Lambda::Function", 0)
    [subscription] = template.find_resources("AWS::SNS::Subscription").values()
    properties = subscription["Properties"]
    assert (properties["Protocol"], properties["Region"]) == ("sqs", "us-east-1")
    assert (properties["FilterPolicy"], properties["FilterPolicyScope"]) == (FILTER, "MessageBody")
    assert QUEUE in str(properties["Endpoint"])


def test_the_queue_may_be_in_another_region_than_the_topic(audit_stack: Stack, trail: CentralTrail) -> None:
    template = _subscription(audit_stack, trail, queue_region="eu-west-1")

    assert ":sqs:eu-west-1:333333333333:" in str(_resource(template)["Properties"]["QueueArn"])


@pytest.mark.parametrize(
    ("subscriber", "owner"), [(Subscriber.TOPIC_OWNER, "222222222222"), (Subscriber.QUEUE_OWNER, "333333333333")]
)
def test_fails_in_the_stack_of_another_account(
    security_stack: Stack, trail: CentralTrail, subscriber: Subscriber, owner: str
) -> None:
    with pytest.raises(ValueError, match=rf"env\.account is '444444444444'; allowed is '{owner}'"):
        _subscription(security_stack, trail, subscriber=subscriber)


def test_fails_when_account_and_region_are_malformed(audit_stack: Stack, trail: CentralTrail) -> None:
    with pytest.raises(ValueError, match=r"(?s)log_archive_account is '3'.*queue_region is 'mars'"):
        _subscription(audit_stack, trail, log_archive_account="3", queue_region="mars")


def test_fails_when_the_subscriber_is_no_choice(audit_stack: Stack, trail: CentralTrail) -> None:
    with pytest.raises(
        ValueError, match=r"subscriber is 'QUEUE_OWNER'; allowed is one of Subscriber\.TOPIC_OWNER"
    ) as caught:
        _subscription(audit_stack, trail, subscriber="QUEUE_OWNER")

    assert "env.account" not in str(caught.value)


def test_fails_with_a_topic_where_there_is_no_alarm(log_archive_stack: Stack, trail: CentralTrail) -> None:
    topic = sns.Topic(log_archive_stack, "OnCall")

    with pytest.raises(ValueError, match=r"alarm_topic is .*no alarm of its own; pass it to LogArchiveIngestion"):
        _subscription(log_archive_stack, trail, subscriber=Subscriber.QUEUE_OWNER, alarm_topic=topic)
