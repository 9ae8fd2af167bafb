from __future__ import annotations

import io
import json
import re
from typing import TYPE_CHECKING, Any, cast

import pytest
import time_machine
from aws_lambda_powertools.logging import Logger
from botocore.exceptions import ClientError, EndpointConnectionError
from botocore.stub import Stubber
from hypothesis import given
from hypothesis import strategies as st

from aws.measures import NAMESPACE
from aws.queue import (
    UNFORESEEN_ATTEMPTS,
    WAITING_METRIC,
    Batch,
    Message,
    NotYet,
    Queue,
    Refused,
    reading,
    wait_seconds,
)
from tests.lambda_src.wire import answer_with_error, calls_of
from tests.rehearsal.findings import NOON

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.lambda_src.deliveries import Deliveries


class RetryLaterError(Exception):
    retry_after = 120.0


def throttled(code: str, status: int) -> ClientError:
    return ClientError({"Error": {"Code": code}, "ResponseMetadata": cast("Any", {"HTTPStatusCode": status})}, "Do")


class Bench:
    """Runs batches from a real queue and shows what became of them."""

    def __init__(self, deliveries: Deliveries) -> None:
        self.deliveries = deliveries
        self.log = io.StringIO()
        self.logger = Logger(service=f"bench-{id(self)}", stream=self.log)
        self.dead_letter_url = deliveries.dead_letter_url

    def run(
        self, event: dict[str, Any], handle: Callable[[Message], None], *, due_at: float = 0
    ) -> list[dict[str, str]]:
        queue = Queue(self.deliveries.sqs, url=self.deliveries.url, dead_letter_url=self.dead_letter_url)
        batch = Batch(event, queue, logger=self.logger, waits_for=(RetryLaterError,))
        for message in batch.messages:
            with batch.handling(message, correlation_id=f"id-{message.body}", due_at=due_at):
                handle(message)
        return batch.response()["batchItemFailures"]

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log.getvalue().splitlines()]


@pytest.fixture
def bench(deliveries: Deliveries) -> Bench:
    return Bench(deliveries)


def fail_with(error: Exception) -> Callable[[Message], None]:
    def handle(_: Message) -> None:
        raise error

    return handle


def test_takes_messages_that_are_done_off_the_queue(bench: Bench) -> None:
    assert bench.run(bench.deliveries.batch("a", "b"), lambda _: None) == []


def test_sets_a_refused_message_aside_with_the_reason(bench: Bench) -> None:
    failures = bench.run(bench.deliveries.batch("the body"), fail_with(Refused("it is\nforged")))

    assert failures == []
    assert bench.deliveries.dead_letters() == [("the body", "it is forged")]


def test_keeps_a_message_that_cannot_be_set_aside(bench: Bench) -> None:
    bench.dead_letter_url += "-that-does-not-exist"
    event = bench.deliveries.batch("the body")

    failures = bench.run(event, fail_with(Refused("forged")))

    assert failures == [{"itemIdentifier": event["Records"][0]["messageId"]}]


@pytest.mark.parametrize(
    "error",
    [
        NotYet("the stack is not there"),
        RetryLaterError(),
        throttled("Throttling", 400),
        throttled("TooManyRequestsException", 400),
        throttled("ProvisionedThroughputExceededException", 400),
        throttled("TransactionConflictException", 400),
        throttled("TransactionInProgressException", 400),
        throttled("Unknown", 429),
        throttled("InternalFailure", 500),
        EndpointConnectionError(endpoint_url="https://sts.amazonaws.com"),
    ],
)
def test_keeps_a_message_that_waits_however_often_it_came(bench: Bench, error: Exception) -> None:
    event = bench.deliveries.batch("the body", received=700)

    failures = bench.run(event, fail_with(error))

    assert failures == [{"itemIdentifier": event["Records"][0]["messageId"]}]
    assert bench.deliveries.dead_letters() == []
    [line] = bench.lines()
    assert (line["message"], line["level"]) == ("message waits", "INFO")


def test_shows_where_an_unforeseen_error_happened_and_tries_again(bench: Bench) -> None:
    failures = bench.run(bench.deliveries.batch("the body"), fail_with(KeyError("x")))

    assert len(failures) == 1
    [line] = bench.lines()
    assert line["level"] == "ERROR"
    assert "KeyError: 'x'" in line["exception"]


def test_sets_a_message_aside_that_fails_for_unforeseen_reasons_again_and_again(bench: Bench) -> None:
    for received in (UNFORESEEN_ATTEMPTS, 70 * UNFORESEEN_ATTEMPTS):
        event = bench.deliveries.batch("the body", received=received)

        failures = bench.run(event, fail_with(throttled("AccessDenied", 403)))

        assert failures == []
        reason = f"ClientError at delivery {received}; the log says where"
        assert bench.deliveries.dead_letters() == [("the body", reason)]


@pytest.mark.parametrize("received", [UNFORESEEN_ATTEMPTS - 1, UNFORESEEN_ATTEMPTS + 1, 699])
def test_tries_again_a_message_that_waited_long_and_fails_once(bench: Bench, received: int) -> None:
    event = bench.deliveries.batch("the body", received=received)

    failures = bench.run(event, fail_with(KeyError("x")))

    assert failures == [{"itemIdentifier": event["Records"][0]["messageId"]}]
    assert bench.deliveries.dead_letters() == []


def test_handles_the_others_when_one_message_is_bad(bench: Bench) -> None:
    handled: list[str] = []

    def handle(message: Message) -> None:
        if message.body == "bad":
            raise ValueError
        handled.append(message.body)

    event = bench.deliveries.batch("good", "bad", "better")
    failures = bench.run(event, handle)

    [bad] = [record["messageId"] for record in event["Records"] if record["body"] == "bad"]
    assert failures == [{"itemIdentifier": bad}]
    assert sorted(handled) == ["better", "good"]


def test_reports_a_message_once_that_waits_in_two_steps(bench: Bench) -> None:
    event = bench.deliveries.batch("a")
    event["Records"] *= 2

    assert len(bench.run(event, fail_with(NotYet("")))) == 1


def test_hides_a_postponed_message_until_its_time_has_come(bench: Bench) -> None:
    bench.run(bench.deliveries.batch("a"), fail_with(NotYet("")))

    assert bench.deliveries.batch() == {"Records": []}


def test_survives_that_a_message_cannot_be_postponed(bench: Bench) -> None:
    event = bench.deliveries.batch("a")
    event["Records"][0]["receiptHandle"] = "no longer valid"

    assert len(bench.run(event, fail_with(NotYet("")))) == 1
    [line] = [line for line in bench.lines() if line["level"] == "WARNING"]
    assert line["reasons"] == {event["Records"][0]["messageId"]: "ReceiptHandleIsInvalid"}


def test_survives_that_the_queue_does_not_answer(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    event = bench.deliveries.batch("a")
    answer_with_error(monkeypatch, "sqs", "ChangeMessageVisibilityBatch", "AccessDenied", status=403)

    assert len(bench.run(event, fail_with(NotYet("")))) == 1
    assert [line["message"] for line in bench.lines()] == ["messages cannot be postponed", "message waits"]


class TestFateThatMessagesShare:
    """Messages that went to a service in one request, say."""

    def run(self, bench: Bench, event: dict[str, Any], error: Exception | None) -> list[str]:
        queue = Queue(bench.deliveries.sqs, url=bench.deliveries.url, dead_letter_url=bench.dead_letter_url)
        batch = Batch(event, queue, logger=bench.logger, waits_for=(RetryLaterError,))
        with batch.handling(*batch.messages, correlation_id="id"):
            if error:
                raise error
        assert batch.set_aside == len(bench.deliveries.dead_letters())
        return [failure["itemIdentifier"] for failure in batch.response()["batchItemFailures"]]

    def test_is_that_they_are_done(self, bench: Bench) -> None:
        assert self.run(bench, bench.deliveries.batch("a", "b"), None) == []
        assert bench.lines() == []

    def test_is_that_they_wait_which_takes_a_call_for_ten_and_a_line_for_all(
        self, bench: Bench, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        records = [*bench.deliveries.batch(*"abcdefghij")["Records"], *bench.deliveries.batch(*"klm")["Records"]]
        calls = calls_of(monkeypatch, "sqs", "ChangeMessageVisibilityBatch")

        assert self.run(bench, {"Records": records}, RetryLaterError()) == [it["messageId"] for it in records]

        assert len(calls) == 2
        assert bench.deliveries.batch() == {"Records": []}
        [line] = bench.lines()
        assert (line["message"], line["messages"], line["correlation_id"]) == ("message waits", 13, "id")
        assert line["message_id"] == records[0]["messageId"]

    def test_is_that_they_are_refused(self, bench: Bench) -> None:
        assert self.run(bench, bench.deliveries.batch("a", "b"), Refused("no")) == []

    def test_is_that_each_fails_as_often_as_it_may(self, bench: Bench) -> None:
        event = bench.deliveries.batch("a", "b", "c")
        event["Records"][1]["attributes"]["ApproximateReceiveCount"] = str(UNFORESEEN_ATTEMPTS)

        assert self.run(bench, event, KeyError("x")) == [event["Records"][at]["messageId"] for at in (0, 2)]
        assert [line["message"] for line in bench.lines()] == ["message failed", "message refused"]


def test_counts_what_is_in_the_dead_letter_queue_and_not_what_should_be(bench: Bench) -> None:
    bench.dead_letter_url += "-that-does-not-exist"
    event = bench.deliveries.batch("a")
    batch = Batch(
        event,
        Queue(bench.deliveries.sqs, url=bench.deliveries.url, dead_letter_url=bench.dead_letter_url),
        logger=bench.logger,
    )

    with batch.handling(batch.messages[0]):
        raise Refused("no")

    assert batch.set_aside == 0


def test_never_logs_a_body_and_always_the_correlation_id_of_the_message_at_hand(bench: Bench) -> None:
    def handle(message: Message) -> None:
        if message.body == "secret-1":
            raise Refused("no")
        bench.logger.info("done")

    bench.run(bench.deliveries.batch("secret-1", "secret-2"), handle)

    assert {line["correlation_id"] for line in bench.lines()} == {"id-secret-1", "id-secret-2"}
    for line in bench.lines():
        del line["correlation_id"]
        assert not re.search("secret", json.dumps(line))
    assert "secret" not in repr(Message.from_record(bench.deliveries.batch("secret-3")["Records"][0]))


@given(
    received=st.integers(1, 800),
    retry_after=st.none() | st.floats(0, 100_000),
    due_in=st.floats(-100_000, 100_000),
)
def test_waits_between_30_seconds_and_what_is_asked_for_and_no_longer_than_it_may(
    received: int, retry_after: float | None, due_in: float
) -> None:
    seconds = wait_seconds(received=received, retry_after=retry_after, due_in=due_in)

    assert 30 <= seconds <= max(900, round(min(retry_after or 0, 6 * 3600)))
    if due_in > 0:
        assert seconds <= max(30, round(due_in))


@pytest.mark.parametrize(
    ("received", "shortest", "longest"), [(1, 30, 60), (3, 120, 240), (5, 450, 900), (99, 450, 900)]
)
def test_backs_off_the_longer_the_more_often_a_message_came(received: int, shortest: int, longest: int) -> None:
    waits = {wait_seconds(received=received, retry_after=None, due_in=0) for _ in range(200)}

    assert shortest <= min(waits) < max(waits) <= longest


def test_waits_as_long_as_the_service_asks() -> None:
    assert wait_seconds(received=1, retry_after=120, due_in=0) == 120
    assert wait_seconds(received=1, retry_after=3600, due_in=0) == 3600
    assert wait_seconds(received=1, retry_after=1e9, due_in=0) == 6 * 3600


def test_backs_off_even_if_the_service_asks_for_less() -> None:
    assert wait_seconds(received=99, retry_after=5, due_in=0) >= 450


@time_machine.travel(NOON, tick=False)
def test_says_how_old_the_oldest_waiting_message_is(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    bench.run(bench.deliveries.batch("a", "b", age=5000), fail_with(NotYet("")))
    bench.run(bench.deliveries.batch("c"), lambda _: None)

    [emitted] = [json.loads(line) for line in capsys.readouterr().out.splitlines() if WAITING_METRIC in line]
    assert emitted["_aws"]["CloudWatchMetrics"][0]["Namespace"] == NAMESPACE
    assert emitted[WAITING_METRIC] == [5000.0]
    assert emitted["service"] == bench.logger.service


@time_machine.travel(NOON, tick=False)
def test_postpones_no_further_than_the_time_that_is_due(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[int] = []

    def postpone(_: Queue, asked: dict[Message, int]) -> dict[str, str]:
        waits.extend(asked.values())
        return {}

    monkeypatch.setattr(Queue, "postpone", postpone)

    bench.run(bench.deliveries.batch("a", received=20), fail_with(NotYet("")), due_at=NOON + 100)

    assert waits == [100]


class TestSendAll:
    @pytest.mark.parametrize("number", [0, 1, 10, 25])
    def test_puts_any_number_of_messages_into_the_queue(self, deliveries: Deliveries, number: int) -> None:
        bodies = [f"message-{it}" for it in range(number)]

        Queue(deliveries.sqs, url=deliveries.url, dead_letter_url=deliveries.dead_letter_url).send_all(bodies)

        found: list[str] = []
        while records := deliveries.batch()["Records"]:
            found += [record["body"] for record in records]
        assert sorted(found) == sorted(bodies)

    def test_waits_where_the_queue_does_not_take_all(self, deliveries: Deliveries) -> None:
        failed = {"Id": "0", "SenderFault": False, "Code": "InternalError"}
        with Stubber(deliveries.sqs) as stubber:
            stubber.add_response("send_message_batch", {"Successful": [], "Failed": [failed]})
            with pytest.raises(NotYet, match="does not take 1 messages: InternalError"):
                Queue(deliveries.sqs, url=deliveries.url, dead_letter_url="").send_all(["message"])


class TestReading:
    @pytest.mark.parametrize(
        ("error", "reason"),
        [
            (ValueError("x"), "the message is not JSON"),
            (KeyError("Id"), "the message is not an event: 'Id' is missing or unknown"),
            (TypeError(), "the message is not an event"),
            (AttributeError(), "the message is not an event"),
            (Refused("forged"), "forged"),
        ],
    )
    def test_refuses_what_cannot_be_read_and_shows_nothing_of_it(self, error: Exception, reason: str) -> None:
        with pytest.raises(Refused) as caught, reading("an event"):
            raise error

        assert str(caught.value) == reason
        assert caught.value.__suppress_context__ or caught.value is error

    def test_hides_no_other_error(self) -> None:
        with pytest.raises(RuntimeError), reading("an event"):
            raise RuntimeError
