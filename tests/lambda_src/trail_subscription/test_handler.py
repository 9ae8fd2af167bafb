"""Requests through the handler: the queue as moto plays it in the log archive account, and a response bucket.

moto confirms the subscription of a queue at once, so where a confirmation matters, the topic is the fake.
"""

from __future__ import annotations

import io
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import NoCredentialsError

from aws.clients import client
from aws.queue import NotYet, Refused
from tests.lambda_src.custom_resources import SIGNATURE
from tests.lambda_src.deliveries import Context
from tests.lambda_src.response_bucket import ResponseBucket
from tests.lambda_src.trail_subscription.fakes import TOKEN, Clock, FakeSqs, FakeTopic
from tests.lambda_src.trail_subscription.requests_and_notices import (
    LOG_ARCHIVE,
    OTHER_TOPIC,
    QUEUE,
    QUEUE_NAME,
    SUBSCRIPTION,
    TOPIC,
    confirmation,
    event,
    notice,
)
from tests.lambda_src.trail_subscription.test_settings import ROLE_ARN
from tests.lambda_src.trail_subscription.test_subscription import FILTERED
from tests.lambda_src.wire import answer_with_error
from trail_subscription import handler
from trail_subscription.notices import SqsNotices

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_sns import SNSClient
    from mypy_boto3_sqs import SQSClient

UNSUBSCRIBED = "unsubscribed/aws-controltower-AllConfigNotifications"


@dataclass(frozen=True)
class TimedContext(Context):
    clock: Clock = field(default_factory=Clock)

    def get_remaining_time_in_millis(self) -> int:
        return int((self.clock.left + handler.RESERVED_SECONDS) * 1000)


@dataclass
class Audit:
    """The audit account, and the queue in the log archive account."""

    bucket: ResponseBucket
    sqs: SQSClient
    url: str
    log: io.StringIO
    clock: Clock = field(default_factory=Clock)

    def invoke(self, request: dict[str, Any]) -> dict[str, Any]:
        """Invoke the function, and return what it answers."""
        before = len(self.bucket.answers)
        handler.lambda_handler(request, TimedContext(clock=self.clock))  # type: ignore[arg-type]
        [answer] = self.bucket.answers[before:]
        return answer

    def send(self, *bodies: str) -> None:
        for first in range(0, len(bodies), 10):
            entries = [{"Id": str(n), "MessageBody": body} for n, body in enumerate(bodies[first : first + 10])]
            self.sqs.send_message_batch(QueueUrl=self.url, Entries=entries)  # type: ignore[arg-type]

    def waiting(self) -> list[str]:
        """Return the bodies of all messages that can be received at this very moment."""
        bodies: list[str] = []
        while received := self.sqs.receive_message(QueueUrl=self.url, MaxNumberOfMessages=10).get("Messages", []):
            bodies += [message.get("Body", "") for message in received]
        return bodies

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log.getvalue().splitlines()]


@pytest.fixture
def audit(aws: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Audit]:  # noqa: ARG001 - AWS must be there
    monkeypatch.setenv("TRAIL_READER_ROLE_ARN", ROLE_ARN)
    handler.wire.cache_clear()
    clients = handler.wire().reader_role.clients(LOG_ARCHIVE)  # type: ignore[arg-type]
    sqs: SQSClient = clients("sqs", "eu-west-1")
    url = sqs.create_queue(QueueName=QUEUE_NAME, Attributes={"VisibilityTimeout": "1000"})["QueueUrl"]
    log = io.StringIO()
    monkeypatch.setattr(handler.logger.registered_handler, "stream", log)
    with ResponseBucket() as bucket:
        bucket.receive_from(handler.wire().http)
        audit = Audit(bucket, sqs, url, log)
        monkeypatch.setattr(handler, "sleep", audit.clock.sleep)
        yield audit
    handler.wire.cache_clear()


@pytest.fixture
def topic(audit: Audit, monkeypatch: pytest.MonkeyPatch) -> FakeTopic:
    topic = FakeTopic(audit.send)

    def reach(_: object, arn: str) -> FakeTopic:
        assert arn == topic.arn
        return topic

    monkeypatch.setattr(handler.Wiring, "topic", reach)
    return topic


@pytest.fixture
def sqs(audit: Audit, monkeypatch: pytest.MonkeyPatch) -> FakeSqs:
    """A queue that is as fast as SQS, with hundreds of messages, too."""
    sqs = FakeSqs(audit.clock)
    notices = SqsNotices(sqs, url=audit.url, logger=handler.logger)  # type: ignore[arg-type]
    monkeypatch.setattr(handler.Wiring, "notices", lambda *_: notices)
    return sqs


@pytest.fixture
def sns(audit: Audit) -> SNSClient:  # noqa: ARG001 - AWS must be there
    return client("sns", region_name="us-east-1")


@pytest.fixture
def topic_arn(sns: SNSClient) -> str:
    """A true topic, of moto."""
    return sns.create_topic(Name="trail")["TopicArn"]


class TestCreate:
    def test_subscribes_and_tells_cloudformation(self, audit: Audit, topic: FakeTopic) -> None:
        request = event()

        answer = audit.invoke(request)

        [arn] = topic.confirmed()
        assert answer == {
            "Status": "SUCCESS",
            "PhysicalResourceId": arn,
            "StackId": request["StackId"],
            "RequestId": request["RequestId"],
            "LogicalResourceId": "Resource",
        }
        assert topic.held[arn].attributes == FILTERED
        assert audit.waiting() == []
        [line] = audit.lines()
        assert (line["message"], line["correlation_id"], line["physical_id"]) == ("done", request["RequestId"], arn)

    def test_loses_none_of_500_notices_around_the_confirmation(
        self, audit: Audit, topic: FakeTopic, sqs: FakeSqs
    ) -> None:
        notices = [notice(number) for number in range(500)]
        sqs.send(*notices[:300])
        topic.deliver = lambda body: sqs.send(body, *notices[300:])

        assert audit.invoke(event())["Status"] == "SUCCESS"

        assert sorted(sqs.visible()) == sorted(notices)
        assert [line["message"] for line in audit.lines()] == ["done"]

    def test_loses_none_of_500_messages_if_the_confirmation_never_comes(
        self, audit: Audit, topic: FakeTopic, sqs: FakeSqs
    ) -> None:
        others = [confirmation("other", topic=OTHER_TOPIC), "no JSON", *(notice(number) for number in range(498))]
        sqs.send(*others)
        topic.deliver = lambda _: None

        answer = audit.invoke(event())

        assert answer["Status"] == "FAILED"
        assert "none of the 500 messages found" in answer["Reason"]
        assert answer["PhysicalResourceId"] in topic.held
        assert sorted(sqs.visible()) == sorted(others)
        # The queue allows 1,000 deliveries.
        assert max(message.received for message in sqs.messages) < 40

    def test_takes_the_confirmation_out_of_the_true_queue(self, audit: Audit, topic: FakeTopic) -> None:
        notices = [notice(number) for number in range(30)]
        audit.send(*notices[:15])
        topic.deliver = lambda body: audit.send(body, *notices[15:])

        assert audit.invoke(event())["Status"] == "SUCCESS"

        assert sorted(audit.waiting()) == sorted(notices)

    def test_answers_a_duplicate_of_the_request_alike(self, audit: Audit, topic: FakeTopic) -> None:
        first = audit.invoke(event())

        assert audit.invoke(event()) == first
        assert topic.calls.count("subscribe") == 1

    def test_tells_why_it_failed_before_there_was_a_subscription(
        self, audit: Audit, topic: FakeTopic, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        audit.clock.left = 0
        monkeypatch.setattr(topic, "subscribe", lambda _: None)

        answer = audit.invoke(event())

        assert (answer["Status"], answer["PhysicalResourceId"]) == ("FAILED", UNSUBSCRIBED)
        assert audit.lines()[-1]["reason"] == answer["Reason"]

    def test_waits_for_the_role_and_tells_that_it_is_missing(
        self, audit: Audit, topic: FakeTopic, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with monkeypatch.context() as denied:
            answer_with_error(denied, "sts", "AssumeRole", "AccessDenied", status=403)
            answer = audit.invoke(event())
            assert answer["Status"] == "FAILED"
            assert f"role alertlogic-trail-reader in account {LOG_ARCHIVE} cannot be assumed" in answer["Reason"]
            assert audit.clock.left < 10

        audit.clock.left = 240
        assert audit.invoke(event())["PhysicalResourceId"] in topic.confirmed()

    def test_tells_that_the_queue_is_missing(self, audit: Audit, topic: FakeTopic) -> None:
        audit.sqs.delete_queue(QueueUrl=audit.url)
        topic.deliver = lambda _: None

        answer = audit.invoke(event())

        assert "ReceiveMessage" in answer["Reason"]
        assert audit.clock.left == 240

    @pytest.mark.parametrize("name", ["TopicArn", "QueueArn", "FilterPolicy"])
    def test_tells_what_property_is_wrong(self, audit: Audit, topic: FakeTopic, name: str) -> None:
        answer = audit.invoke(event(properties={name: "wrong"}))

        assert (answer["Status"], name in answer["Reason"]) == ("FAILED", True)
        assert topic.calls == []

    def test_answers_even_if_something_happens_that_nobody_foresaw(self, audit: Audit, topic: FakeTopic) -> None:
        topic.errors = [NoCredentialsError()]

        answer = audit.invoke(event())

        assert (answer["Status"], answer["PhysicalResourceId"]) == ("FAILED", UNSUBSCRIBED)
        assert answer["Reason"].startswith("NoCredentialsError;")
        assert audit.lines()[0]["message"] == "unforeseen"

    def test_that_fails_after_it_has_subscribed_says_what_it_leaves_behind(
        self, audit: Audit, topic: FakeTopic, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def read(_: str) -> None:
            raise NoCredentialsError

        monkeypatch.setattr(topic, "read", read)

        answer = audit.invoke(event())

        assert answer["Status"] == "FAILED"
        assert [answer["PhysicalResourceId"]] == topic.confirmed()
        assert "NoCredentialsError" in answer["Reason"]


class TestUpdate:
    def test_that_changes_nothing_keeps_the_subscription(self, audit: Audit, topic: FakeTopic) -> None:
        arn = audit.invoke(event())["PhysicalResourceId"]

        answer = audit.invoke(event("Update", changes={"PhysicalResourceId": arn}))

        assert (answer["Status"], answer["PhysicalResourceId"]) == ("SUCCESS", arn)
        assert topic.calls.count("subscribe") == 1

    def test_of_the_filter_makes_a_new_subscription_that_outlives_the_delete_of_the_old(
        self, audit: Audit, topic: FakeTopic
    ) -> None:
        old = audit.invoke(event())["PhysicalResourceId"]

        new = audit.invoke(event("Update", changes={"PhysicalResourceId": old}, properties={"FilterPolicy": ""}))
        audit.invoke(event("Delete", changes={"PhysicalResourceId": old}))

        assert topic.confirmed() == [new["PhysicalResourceId"]] != [old]

    def test_of_the_queue_ends_the_old_subscription_with_its_delete(self, audit: Audit, topic: FakeTopic) -> None:
        old = audit.invoke(event())["PhysicalResourceId"]
        clients = handler.wire().reader_role.clients(LOG_ARCHIVE)  # type: ignore[arg-type]
        sqs: SQSClient = clients("sqs", "us-east-1")
        url = sqs.create_queue(QueueName="other")["QueueUrl"]
        topic.deliver = lambda body: sqs.send_message(QueueUrl=url, MessageBody=body)
        properties = {"QueueArn": f"arn:aws:sqs:us-east-1:{LOG_ARCHIVE}:other"}

        new = audit.invoke(event("Update", changes={"PhysicalResourceId": old}, properties=properties))
        assert topic.confirmed() == [old, new["PhysicalResourceId"]]
        audit.invoke(event("Delete", changes={"PhysicalResourceId": old}))

        assert topic.confirmed() == [new["PhysicalResourceId"]]

    def test_that_fails_keeps_its_id(self, audit: Audit, topic: FakeTopic) -> None:
        audit.clock.left = 0
        topic.deliver = lambda _: None

        answer = audit.invoke(event("Update"))

        assert (answer["Status"], answer["PhysicalResourceId"]) == ("FAILED", SUBSCRIPTION)


class TestDelete:
    def test_unsubscribes_once_and_again(self, audit: Audit, topic: FakeTopic) -> None:
        arn = audit.invoke(event())["PhysicalResourceId"]
        delete = event("Delete", changes={"PhysicalResourceId": arn})

        first = audit.invoke(delete)

        assert (first["Status"], first["PhysicalResourceId"]) == ("SUCCESS", arn)
        assert topic.held == {}
        assert audit.invoke(delete) == first

    @pytest.mark.parametrize("physical_id", [UNSUBSCRIBED, "foreign", f"{OTHER_TOPIC}:0"])
    def test_of_what_is_no_subscription_of_the_topic_does_nothing(
        self, audit: Audit, topic: FakeTopic, physical_id: str
    ) -> None:
        answer = audit.invoke(event("Delete", changes={"PhysicalResourceId": physical_id}))

        assert (answer["Status"], answer["PhysicalResourceId"]) == ("SUCCESS", physical_id)
        assert topic.calls == []

    def test_after_a_create_with_wrong_properties_succeeds(self, audit: Audit, topic: FakeTopic) -> None:
        wrong = {"TopicArn": "wrong", "QueueArn": "wrong"}
        created = audit.invoke(event(properties=wrong))["PhysicalResourceId"]

        answer = audit.invoke(event("Delete", changes={"PhysicalResourceId": created}, properties=wrong))

        assert (answer["Status"], topic.calls) == ("SUCCESS", [])


class TestWithTheTopicOfMoto:
    def test_subscribes_and_unsubscribes(self, audit: Audit, sns: SNSClient, topic_arn: str) -> None:
        properties = {"TopicArn": topic_arn}

        created = audit.invoke(event(properties=properties))

        arn = created["PhysicalResourceId"]
        attributes = sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]
        assert attributes["Endpoint"] == QUEUE
        assert {name: attributes[name] for name in FILTERED} == FILTERED
        audit.invoke(event("Delete", changes={"PhysicalResourceId": arn}, properties=properties))
        assert sns.list_subscriptions_by_topic(TopicArn=topic_arn)["Subscriptions"] == []

    def test_tells_that_the_topic_is_missing(self, audit: Audit) -> None:
        assert "Topic does not exist" in audit.invoke(event())["Reason"]

    def test_tries_a_delete_that_aws_denies_until_there_is_no_time_left(
        self, audit: Audit, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        answer_with_error(monkeypatch, "sns", "Unsubscribe", "AuthorizationError", status=403)

        answer = audit.invoke(event("Delete"))

        assert (answer["Status"], answer["PhysicalResourceId"]) == ("FAILED", SUBSCRIPTION)
        assert "AuthorizationError" in answer["Reason"]
        assert audit.clock.left < 10


class TestWhatCannotBeAnswered:
    def test_is_not_carried_out_either(self, audit: Audit, topic: FakeTopic) -> None:
        with pytest.raises(Refused, match="ResponseURL"):
            audit.invoke(event(changes={"ResponseURL": f"https://evil.example/key?{SIGNATURE}"}))

        assert topic.calls == []
        assert audit.bucket.paths == []
        [line] = audit.lines()
        assert (line["level"], line["message"]) == ("ERROR", "not answered")
        assert "ResponseURL" in line["reason"]

    def test_is_tried_again_by_lambda(self, audit: Audit, topic: FakeTopic) -> None:
        audit.bucket.status = 503
        with pytest.raises(NotYet, match="response bucket"):
            audit.invoke(event())
        audit.bucket.status = 200

        assert [audit.invoke(event())["PhysicalResourceId"]] == topic.confirmed()
        assert [line["message"] for line in audit.lines()] == ["done", "not answered", "done"]


@pytest.mark.usefixtures("topic")
@pytest.mark.parametrize("status", [200, 403, None])
def test_shows_neither_url_nor_token_nor_message(audit: Audit, status: int | None) -> None:
    audit.bucket.status = status
    audit.send(notice(1), confirmation(f"{TOKEN}-too-old"))
    shown = ""
    for request in (event(), event("Delete"), event(changes={"StackId": "wrong"})):
        try:
            shown += json.dumps(audit.invoke(request))
        except (NotYet, Refused) as error:
            shown += repr(error) + repr(error.__cause__) + repr(error.__context__)

    assert TOPIC in shown + audit.log.getvalue()
    for secret in ("0123456789abcdef", TOKEN, "s3ObjectKey"):
        assert secret not in shown + audit.log.getvalue()
