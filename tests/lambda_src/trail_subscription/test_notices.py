"""The queue as moto plays it."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest
from aws_lambda_powertools.logging import Logger
from botocore.stub import Stubber

from aws.clients import client
from tests.lambda_src.wire import answer_with_error
from trail_subscription.notices import Notice, SqsNotices

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

URL = "https://sqs.us-east-1.amazonaws.com/123456789012/notices"


class Fill:
    def __init__(self, sqs: SQSClient) -> None:
        self.sqs = sqs
        self.log = io.StringIO()
        sqs.create_queue(QueueName="notices")
        for number in range(25):
            sqs.send_message(QueueUrl=URL, MessageBody=f"body {number}")
        self.notices = SqsNotices(sqs, url=URL, logger=Logger(service=f"test {id(self)}", stream=self.log))

    def waiting(self) -> tuple[int, int]:
        """Return how many messages are to be seen, and how many are hidden."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        attributes = self.sqs.get_queue_attributes(QueueUrl=URL, AttributeNames=["All"])["Attributes"]
        visible, hidden = (int(attributes[name]) for name in names)  # type: ignore[index]
        return visible, hidden


@pytest.fixture
def fill(aws: None) -> Fill:  # noqa: ARG001 - AWS must be there
    return Fill(client("sqs"))


def test_sees_every_message_once_and_gives_all_back(fill: Fill) -> None:
    with fill.notices.search(hidden_seconds=100, is_over=lambda: False) as search:
        bodies = [notice.body for notice in search]
        assert fill.waiting() == (0, 25)

    assert sorted(bodies) == sorted(f"body {number}" for number in range(25))
    assert fill.waiting() == (25, 0)
    assert fill.log.getvalue() == ""


def test_gives_all_back_but_what_it_deletes(fill: Fill) -> None:
    with fill.notices.search(hidden_seconds=100, is_over=lambda: False) as search:
        search.delete(next(iter(search)))
        assert fill.waiting() == (15, 9)

    assert fill.waiting() == (24, 0)


def test_gives_all_back_when_the_search_fails(fill: Fill) -> None:
    with (  # noqa: PT012 - it must be inside
        pytest.raises(RuntimeError),
        fill.notices.search(hidden_seconds=100, is_over=lambda: False) as search,
    ):
        next(iter(search))
        raise RuntimeError

    assert fill.waiting() == (25, 0)


def test_ends_when_it_is_over(fill: Fill) -> None:
    answers = iter([False, True])
    with fill.notices.search(hidden_seconds=100, is_over=lambda: next(answers)) as search:
        assert len(list(search)) == 10


def test_hides_messages_for_as_long_as_it_is_told_and_waits_for_an_answer_of_all_servers(fill: Fill) -> None:
    asked: list[dict[str, object]] = []
    fill.sqs.meta.events.register("before-parameter-build.sqs.ReceiveMessage", lambda params, **_: asked.append(params))

    with fill.notices.search(hidden_seconds=100, is_over=lambda: bool(asked)) as search:
        list(search)

    assert asked == [{"QueueUrl": URL, "MaxNumberOfMessages": 10, "VisibilityTimeout": 100, "WaitTimeSeconds": 1}]


class TestWhenSqsFails:
    def test_gives_back_what_can_be(self, fill: Fill) -> None:
        failed = {"Id": "0", "SenderFault": True, "Code": "InvalidParameterValue"}
        with Stubber(fill.sqs) as stub:
            for count in (10, 1, 0):
                messages = [{"Body": f"secret {n}", "ReceiptHandle": f"handle {n}"} for n in range(count)]
                stub.add_response("receive_message", {"Messages": messages})
            stub.add_client_error("change_message_visibility_batch", "Throttling")
            stub.add_response("change_message_visibility_batch", {"Successful": [], "Failed": [failed]})
            with fill.notices.search(hidden_seconds=100, is_over=lambda: False) as search:
                assert len(list(search)) == 11
            stub.assert_no_pending_responses()

        assert '"messages":11' in fill.log.getvalue()
        assert "secret" not in fill.log.getvalue()

    def test_gives_back_what_it_cannot_delete(self, fill: Fill, monkeypatch: pytest.MonkeyPatch) -> None:
        answer_with_error(monkeypatch, "sqs", "DeleteMessage", "AccessDenied", status=403)

        with fill.notices.search(hidden_seconds=100, is_over=lambda: False) as search:
            search.delete(next(iter(search)))

        assert fill.waiting() == (25, 0)
        assert "the confirmation cannot be deleted" in fill.log.getvalue()
        assert "body" not in fill.log.getvalue()


def test_a_notice_shows_nothing() -> None:
    assert repr(Notice("body", "handle")) == "Notice()"
