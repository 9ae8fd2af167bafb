"""The topic as moto plays it; where moto does not play SNS, what SNS is documented to answer."""

from __future__ import annotations

import logging
import traceback
from typing import TYPE_CHECKING

import pytest
from botocore.exceptions import ClientError
from botocore.stub import ANY, Stubber

from aws.clients import client
from aws.queue import NotYet
from tests.lambda_src.trail_subscription.requests_and_notices import FILTER, QUEUE, SUBSCRIPTION, TOPIC
from tests.lambda_src.trail_subscription.test_subscription import FILTERED, wanted
from tests.lambda_src.wire import calls_of
from trail_subscription.subscription import Subscription
from trail_subscription.topic import SnsTopic

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mypy_boto3_sns import SNSClient

TOKEN = "2336412f37fb687f5d51e6e2425c464d"


@pytest.fixture
def sns(aws: None) -> SNSClient:  # noqa: ARG001 - AWS must be there
    return client("sns")


@pytest.fixture
def arn(sns: SNSClient) -> str:
    return sns.create_topic(Name="trail")["TopicArn"]


@pytest.fixture
def stub(sns: SNSClient) -> Iterator[Stubber]:
    with Stubber(sns) as stub:
        yield stub
        stub.assert_no_pending_responses()


class TestWithMoto:
    def test_subscribes_with_the_filter_in_the_same_call(
        self, sns: SNSClient, arn: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        calls = calls_of(monkeypatch, "sns", "Subscribe")
        topic = SnsTopic(sns, arn=arn)

        subscribed = topic.subscribe(wanted(TopicArn=arn))

        assert topic.find(QUEUE) == Subscription(str(subscribed), FILTERED)
        [call] = calls
        assert call["ReturnSubscriptionArn"] == ["true"]
        assert call["Attributes.entry.1.value"] == [FILTER]
        assert call["Attributes.entry.2.value"] == ["MessageBody"]

    def test_finds_its_subscription_among_many(self, sns: SNSClient, arn: str) -> None:
        topic = SnsTopic(sns, arn=arn)
        for number in range(150):
            sns.subscribe(TopicArn=arn, Protocol="sqs", Endpoint=f"{QUEUE}-{number}")
        topic.subscribe(wanted(TopicArn=arn, FilterPolicy=""))
        topic.subscribe(wanted(TopicArn=arn, QueueArn=f"{QUEUE}-x"))

        found = topic.find(QUEUE)

        assert found is not None
        assert found.attributes == {}
        assert topic.read(found.arn) == found

    def test_unsubscribes_once_and_again(self, sns: SNSClient, arn: str) -> None:
        topic = SnsTopic(sns, arn=arn)
        subscribed = str(topic.subscribe(wanted(TopicArn=arn)))

        topic.unsubscribe(subscribed)
        topic.unsubscribe(subscribed)

        assert topic.find(QUEUE) is None
        assert topic.read(subscribed) is None


class TestAsDocumented:
    @pytest.mark.parametrize("shown", ["PendingConfirmation", "Deleted"])
    def test_finds_no_subscription_that_is_not_confirmed(self, sns: SNSClient, stub: Stubber, shown: str) -> None:
        listed = {"SubscriptionArn": shown, "Endpoint": QUEUE, "Protocol": "sqs", "TopicArn": TOPIC}
        stub.add_response("list_subscriptions_by_topic", {"Subscriptions": [listed]}, {"TopicArn": TOPIC})

        assert SnsTopic(sns, arn=TOPIC).find(QUEUE) is None

    def test_reads_no_subscription_that_is_not_confirmed(self, sns: SNSClient, stub: Stubber) -> None:
        stub.add_response("get_subscription_attributes", {"Attributes": {"PendingConfirmation": "true"}})

        assert SnsTopic(sns, arn=TOPIC).read(SUBSCRIPTION) is None

    def test_another_filter_may_wait_for_its_confirmation(self, sns: SNSClient, stub: Stubber) -> None:
        stub.add_client_error(
            "subscribe",
            "InvalidParameter",
            "Invalid parameter: Attributes Reason: Subscription already exists with different attributes",
        )

        assert SnsTopic(sns, arn=TOPIC).subscribe(wanted()) is None

    def test_confirms_so_that_strangers_cannot_unsubscribe(self, sns: SNSClient, stub: Stubber) -> None:
        expected = {"TopicArn": TOPIC, "Token": TOKEN, "AuthenticateOnUnsubscribe": "true"}
        stub.add_response("confirm_subscription", {"SubscriptionArn": SUBSCRIPTION}, expected)

        assert SnsTopic(sns, arn=TOPIC).confirm(TOKEN) == SUBSCRIPTION

    @pytest.mark.parametrize("code", ["InvalidParameter", "AuthorizationError", "Throttled"])
    def test_never_shows_a_token_that_sns_does_not_take(
        self, sns: SNSClient, stub: Stubber, caplog: pytest.LogCaptureFixture, code: str
    ) -> None:
        caplog.set_level(logging.DEBUG)
        stub.add_client_error("confirm_subscription", code, f"Invalid parameter: Token {TOKEN}")

        with pytest.raises(NotYet, match=code) as caught:
            SnsTopic(sns, arn=TOPIC).confirm(TOKEN)

        assert TOKEN not in "".join(traceback.format_exception(caught.value)) + caplog.text
        assert caught.value.__context__ is None

    @pytest.mark.parametrize(
        ("code", "words"),
        [
            ("NotFound", "Subscription does not exist"),
            (
                "InvalidParameter",
                "SubscriptionArn Reason: Cannot unsubscribe a subscription that is pending confirmation",
            ),
        ],
    )
    def test_is_content_when_there_is_nothing_to_unsubscribe(
        self, sns: SNSClient, stub: Stubber, code: str, words: str
    ) -> None:
        stub.add_client_error("unsubscribe", code, words, expected_params={"SubscriptionArn": SUBSCRIPTION})

        SnsTopic(sns, arn=TOPIC).unsubscribe(SUBSCRIPTION)

    @pytest.mark.parametrize("code", ["InvalidParameter", "AuthorizationError"])
    @pytest.mark.parametrize("operation", ["list_subscriptions_by_topic", "subscribe", "unsubscribe"])
    def test_hides_no_other_error(self, sns: SNSClient, stub: Stubber, operation: str, code: str) -> None:
        stub.add_client_error(operation, code, "No")
        topic = SnsTopic(sns, arn=TOPIC)
        calls: dict[str, Callable[[], object]] = {
            "list_subscriptions_by_topic": lambda: topic.find(QUEUE),
            "subscribe": lambda: topic.subscribe(wanted()),
            "unsubscribe": lambda: topic.unsubscribe(SUBSCRIPTION),
        }

        with pytest.raises(ClientError, match=code):
            calls[operation]()

    def test_hides_no_other_error_of_a_subscription(self, sns: SNSClient, stub: Stubber) -> None:
        stub.add_client_error(
            "get_subscription_attributes", "AuthorizationError", expected_params={"SubscriptionArn": ANY}
        )

        with pytest.raises(ClientError, match="AuthorizationError"):
            SnsTopic(sns, arn=TOPIC).read(SUBSCRIPTION)
