from __future__ import annotations

import itertools
import json
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from tests.rehearsal.principals import Operator

if TYPE_CHECKING:
    from tests.rehearsal import Rehearsal
    from tests.rehearsal.templates import Json

DEPLOYED = ()

OWNER, ELSEWHERE, HOME = "222222222222", "333333333333", "us-east-1"


NAMES = (f"notices-{number}" for number in itertools.count())


class Topic:
    """A topic of one account, and a queue of another that admits it."""

    def __init__(self, rehearsal: Rehearsal, *, queue_account: str = ELSEWHERE) -> None:
        name = next(NAMES)
        self.rehearsal = rehearsal
        self.sns: Any = rehearsal.client("sns", OWNER)
        self.arn: str = self.sns.create_topic(Name=name)["TopicArn"]
        self.queue = f"arn:aws:sqs:{HOME}:{queue_account}:{name}"
        statement = {
            "Effect": "Allow",
            "Principal": {"Service": "sns.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": self.queue,
        }
        policy = {"Version": "2012-10-17", "Statement": [statement]}
        self.sqs: Any = rehearsal.client("sqs", queue_account)
        self.url: str = self.sqs.create_queue(QueueName=name, Attributes={"Policy": json.dumps(policy)})["QueueUrl"]

    def subscribe(self, **attributes: str) -> str:
        arn: str = self.sns.subscribe(
            TopicArn=self.arn, Protocol="sqs", Endpoint=self.queue, Attributes=attributes, ReturnSubscriptionArn=True
        )["SubscriptionArn"]
        return arn

    def confirm(self, token: str) -> str:
        arn: str = self.sns.confirm_subscription(TopicArn=self.arn, Token=token, AuthenticateOnUnsubscribe="true")[
            "SubscriptionArn"
        ]
        return arn

    def received(self) -> list[Json]:
        """What is in the queue; nothing is afterwards."""
        bodies = [json.loads(body) for body, _ in self.rehearsal.queues.bodies(self.queue)]
        self.rehearsal.queues.drain(self.queue)
        return bodies

    def token(self) -> str:
        [confirmation] = self.received()
        assert confirmation["Type"] == "SubscriptionConfirmation"
        token: str = confirmation["Token"]
        return token

    def publish(self, message: str) -> list[Json]:
        self.sns.publish(TopicArn=self.arn, Message=message)
        return self.received()


def test_nobody_publishes_to_a_topic_in_another_region(rehearsal: Rehearsal) -> None:
    client = rehearsal.gateway.client("sns", Operator(rehearsal.zone.audit), "eu-west-1")

    with pytest.raises(ClientError, match="InvalidParameter"):
        client.publish(TopicArn=Topic(rehearsal).arn, Message="{}")


def test_a_queue_of_another_account_gets_nothing_until_it_is_confirmed(rehearsal: Rehearsal) -> None:
    topic = Topic(rehearsal)
    arn = topic.subscribe()
    token = topic.token()
    assert topic.publish("early") == []
    assert topic.sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]["PendingConfirmation"] == "true"
    [listed] = topic.sns.list_subscriptions_by_topic(TopicArn=topic.arn)["Subscriptions"]
    assert listed["SubscriptionArn"] == "PendingConfirmation"

    assert topic.confirm(token) == arn

    assert [notice["Message"] for notice in topic.publish("late")] == ["late"]
    assert topic.sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]["PendingConfirmation"] == "false"


def test_a_queue_of_the_caller_s_account_is_confirmed_at_once(rehearsal: Rehearsal) -> None:
    topic = Topic(rehearsal, queue_account=OWNER)
    topic.subscribe()

    assert [notice["Message"] for notice in topic.publish("text")] == ["text"]


def test_subscribing_again_asks_again_and_only_the_last_token_counts(rehearsal: Rehearsal) -> None:
    topic = Topic(rehearsal)
    arn = topic.subscribe()
    first = topic.token()
    assert topic.subscribe() == arn
    second = topic.token()

    with pytest.raises(ClientError, match="Token"):
        topic.confirm(first)
    assert topic.confirm(second) == arn
    assert topic.subscribe() == arn
    assert topic.received() == []


def test_a_subscription_with_another_filter_is_refused(rehearsal: Rehearsal) -> None:
    topic = Topic(rehearsal)
    topic.subscribe()

    with pytest.raises(ClientError, match="already exists with different attributes"):
        topic.subscribe(FilterPolicy='{"a": ["b"]}', FilterPolicyScope="MessageBody")


def test_a_policy_that_does_not_admit_the_topic_keeps_the_confirmation_out(rehearsal: Rehearsal) -> None:
    topic = Topic(rehearsal)
    topic.sqs.set_queue_attributes(QueueUrl=topic.url, Attributes={"Policy": ""})
    topic.subscribe()

    assert topic.received() == []
    assert rehearsal.authority.denials()[-1].action == "sqs:SendMessage"


@pytest.mark.parametrize(
    ("message", "passes"),
    [
        ('{"s3ObjectKey": ["log"]}', True),
        ('{"s3ObjectKey": "snapshot", "messageType": "ConfigurationSnapshotDeliveryCompleted"}', False),
        ("CloudTrail validation message.", False),
    ],
)
def test_a_filter_looks_into_the_message(rehearsal: Rehearsal, message: str, *, passes: bool) -> None:
    topic = Topic(rehearsal, queue_account=OWNER)
    topic.subscribe(FilterPolicy='{"messageType": [{"exists": false}]}', FilterPolicyScope="MessageBody")

    assert bool(topic.publish(message)) == passes


def test_what_is_unsubscribed_is_gone(rehearsal: Rehearsal) -> None:
    topic = Topic(rehearsal)
    arn = topic.subscribe()
    token = topic.token()
    with pytest.raises(ClientError, match="pending confirmation"):
        topic.sns.unsubscribe(SubscriptionArn=arn)

    topic.confirm(token)
    topic.sns.unsubscribe(SubscriptionArn=arn)

    assert topic.publish("text") == []
    with pytest.raises(ClientError, match="NotFound"):
        topic.sns.unsubscribe(SubscriptionArn=arn)
    assert topic.subscribe() != arn


def test_an_empty_queue_is_not_waited_for(rehearsal: Rehearsal) -> None:
    topic = Topic(rehearsal)

    assert "Messages" not in topic.sqs.receive_message(QueueUrl=topic.url, WaitTimeSeconds=20)
