from __future__ import annotations

import json
from typing import Any

import pytest

from tests.lambda_src.trail_subscription.requests_and_notices import (
    FILTER,
    OTHER_TOPIC,
    QUEUE,
    SUBSCRIPTION,
    TOPIC,
    confirmation,
    event,
    notice,
)
from trail_subscription.subscription import (
    Confirm,
    Decision,
    Keep,
    Replace,
    Subscribe,
    Subscription,
    UnusablePropertyError,
    Wanted,
    decide,
    is_subscription_of,
    region_of,
    token_in,
)

FILTERED = {"FilterPolicy": FILTER, "FilterPolicyScope": "MessageBody"}


def wanted(**properties: Any) -> Wanted:
    return Wanted.from_properties(event(properties=properties)["ResourceProperties"])


class TestWanted:
    def test_is_what_the_properties_say(self) -> None:
        assert wanted() == Wanted(TOPIC, QUEUE, FILTERED)
        assert wanted().queue_region == "eu-west-1"
        assert wanted().queue_url == "https://sqs.eu-west-1.amazonaws.com/333333333333/outcomesbucket-12345678"

    def test_may_go_without_a_filter(self) -> None:
        assert wanted(FilterPolicy="").attributes == {}

    @pytest.mark.parametrize(
        "properties",
        [
            {"TopicArn": None},
            {"TopicArn": QUEUE},
            {"TopicArn": SUBSCRIPTION},
            {"TopicArn": [TOPIC]},
            {"QueueArn": None},
            {"QueueArn": TOPIC},
            {"QueueArn": f"{QUEUE}/x"},
            {"FilterPolicy": None},
            {"FilterPolicy": "no JSON"},
            {"FilterPolicy": "{}"},
            {"FilterPolicy": "[" * 5000},
            {"FilterPolicy": "[1]"},
            {"FilterPolicy": {"messageType": []}},
        ],
    )
    def test_refuses_a_property_that_is_missing_or_malformed(self, properties: dict[str, Any]) -> None:
        [name] = properties
        with pytest.raises(UnusablePropertyError, match=name):
            wanted(**properties)


class TestSubscription:
    @pytest.mark.parametrize("policy", [FILTER, json.dumps(json.loads(FILTER), indent=2)])
    def test_knows_its_filter_however_it_is_spelled(self, policy: str) -> None:
        said = {"FilterPolicy": policy, "FilterPolicyScope": "MessageBody", "Owner": "222222222222"}

        assert Subscription.from_attributes(SUBSCRIPTION, said).attributes == FILTERED

    @pytest.mark.parametrize("said", [{}, {"FilterPolicy": ""}, {"FilterPolicy": "{}"}])
    def test_may_have_no_filter(self, said: dict[str, str]) -> None:
        assert Subscription.from_attributes(SUBSCRIPTION, said).attributes == {}


@pytest.mark.parametrize(
    ("found", "is_asked_for", "decision"),
    [
        (None, False, Subscribe()),
        (None, True, Confirm()),
        (FILTERED, False, Keep(SUBSCRIPTION)),
        (FILTERED, True, Keep(SUBSCRIPTION)),
        ({}, False, Replace(SUBSCRIPTION)),
        ({}, True, Replace(SUBSCRIPTION)),
        ({**FILTERED, "FilterPolicyScope": "MessageAttributes"}, False, Replace(SUBSCRIPTION)),
        ({**FILTERED, "FilterPolicy": '{"messageType": ["x"]}'}, False, Replace(SUBSCRIPTION)),
    ],
)
def test_decides(found: dict[str, str] | None, is_asked_for: bool, decision: Decision) -> None:  # noqa: FBT001
    subscription = None if found is None else Subscription.from_attributes(SUBSCRIPTION, found)

    assert decide(subscription, wanted(), is_asked_for=is_asked_for) == decision


def test_a_filter_that_is_no_longer_wanted_is_another_filter() -> None:
    assert decide(Subscription(SUBSCRIPTION, FILTERED), wanted(FilterPolicy=""), is_asked_for=False) == Replace(
        SUBSCRIPTION
    )


def test_knows_a_subscription_to_the_topic() -> None:
    assert is_subscription_of(TOPIC, SUBSCRIPTION)
    assert region_of(SUBSCRIPTION) == "us-east-1"


@pytest.mark.parametrize(
    ("topic", "physical_id"),
    [
        (OTHER_TOPIC, SUBSCRIPTION),
        (TOPIC, "unsubscribed/aws-controltower-AllConfigNotifications"),
        (TOPIC, TOPIC),
        (TOPIC, f"{TOPIC}:"),
        (TOPIC, f"{TOPIC}:PendingConfirmation"),
        ("unsubscribed", "unsubscribed:0"),
        (TOPIC, ""),
    ],
)
def test_knows_no_other(topic: str, physical_id: str) -> None:
    assert not is_subscription_of(topic, physical_id)


def test_finds_the_token_of_the_topic() -> None:
    assert token_in(confirmation("t"), topic_arn=TOPIC) == "t"


@pytest.mark.parametrize(
    "body",
    [
        notice(1),
        confirmation("t", topic=OTHER_TOPIC),
        confirmation("t").replace("SubscriptionConfirmation", "UnsubscribeConfirmation"),
        json.dumps({"Type": "SubscriptionConfirmation", "TopicArn": TOPIC}),
        json.dumps({"Type": "SubscriptionConfirmation", "TopicArn": TOPIC, "Token": 1}),
        "CloudTrail validation message.",
        "",
        "null",
        "[]",
    ],
)
def test_finds_none_in_any_other_message(body: str) -> None:
    assert token_in(body, topic_arn=TOPIC) is None
