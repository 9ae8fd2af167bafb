"""Beats and requests through the handler: AWS as moto plays it, the fake Alert Logic and a response bucket."""

from __future__ import annotations

import json
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from alertlogic_api.transport import SPARE_SECONDS
from aws.clients import client
from aws.measures import NAMESPACE
from aws.queue import NotYet, Refused
from collector_checkin import handler
from collector_checkin.handler import CHECK_IN_METRIC, RESERVED_SECONDS, ForeignEventError
from collector_checkin.registration import UNREGISTERED
from collector_checkin.request import NO_COLLECTOR
from tests.lambda_src.collector_checkin.custom_resources import ACCOUNT, FUNCTION_NAME, event
from tests.lambda_src.collector_checkin.test_settings import ENVIRONMENT
from tests.lambda_src.custom_resources import SIGNATURE
from tests.lambda_src.deliveries import Context
from tests.lambda_src.functions import running
from tests.lambda_src.response_bucket import ResponseBucket
from tests.lambda_src.wire import answer_with_error

if TYPE_CHECKING:
    import io
    from collections.abc import Iterator

    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_ssm import SSMClient

    from tests.lambda_src.deliveries import Deliveries
    from tests.rehearsal.alertlogic import FakeAlertLogic
    from tests.rehearsal.alertlogic_collection import RegisteredCollector

# https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-run-lambda-schedule.html
BEAT = {
    "version": "0",
    "id": "53dc4d37-cffa-4f76-80c9-8b7d4a4d2eaa",
    "detail-type": "Scheduled Event",
    "source": "aws.events",
    "account": ACCOUNT,
    "time": "2026-01-15T12:00:00Z",
    "region": "us-east-1",
    "resources": [f"arn:aws:events:us-east-1:{ACCOUNT}:rule/schedule"],
    "detail": {},
}
KEY = (ACCOUNT, "us-east-1", FUNCTION_NAME)


@dataclass
class Forwarder:
    """The account of the function that sends the findings."""

    fake: FakeAlertLogic
    bucket: ResponseBucket
    log: io.StringIO
    dead_letter_url: str
    capsys: pytest.CaptureFixture[str]

    @property
    def ssm(self) -> SSMClient:
        return client("ssm")

    @property
    def sqs(self) -> SQSClient:
        return client("sqs")

    def beat(self, *, remaining_ms: int = 300_000) -> bool:
        """Let the schedule invoke the function; return whether it counted a check-in."""
        handler.lambda_handler(BEAT, Context(remaining_ms=remaining_ms))  # type: ignore[arg-type]
        emitted = [json.loads(line) for line in self.capsys.readouterr().out.splitlines()]
        metrics = [metric for metric in emitted if CHECK_IN_METRIC in metric]
        if not metrics:
            return False
        [metric] = metrics
        assert (metric[CHECK_IN_METRIC], metric["service"]) == ([1.0], "collector_checkin")
        [directive] = metric["_aws"]["CloudWatchMetrics"]
        assert directive["Namespace"] == NAMESPACE
        assert directive["Dimensions"] == [["service"]]
        return True

    def invoke(self, request: dict[str, Any], *, remaining_ms: int = 300_000) -> dict[str, Any]:
        """Let CloudFormation invoke the function; return what it is answered."""
        before = len(self.bucket.answers)
        handler.lambda_handler(request, Context(remaining_ms=remaining_ms))  # type: ignore[arg-type]
        [answer] = self.bucket.answers[before:]
        return answer

    def remembered(self) -> str:
        return self.ssm.get_parameter(Name=ENVIRONMENT["COLLECTOR_PARAMETER"])["Parameter"].get("Value", "")

    def collector(self) -> RegisteredCollector:
        [collector] = self.fake.collectors.values()
        return collector

    def said(self) -> dict[str, Any]:
        """Return the last check-in."""
        return self.collector().check_ins[-1][1]

    def statistics(self) -> dict[str, list[float]]:
        return {one["Label"]: [point["Sum"] for point in one["Datapoints"]] for one in self.said()["statistics"]}

    def lines(self) -> list[dict[str, Any]]:
        """Return what the function said of outcomes."""
        lines = [json.loads(line) for line in self.log.getvalue().splitlines()]
        return [line for line in lines if line["message"] != "Alert Logic answered"]

    def measure(self, namespace: str, name: str, dimension: str, value: float, *, minutes_ago: float = 1) -> None:
        cloudwatch: CloudWatchClient = client("cloudwatch")
        owner = {"AWS/SQS": "QueueName", "AWS/Lambda": "FunctionName", NAMESPACE: "service"}[namespace]
        cloudwatch.put_metric_data(
            Namespace=namespace,
            MetricData=[
                {
                    "MetricName": name,
                    "Dimensions": [{"Name": owner, "Value": dimension}],
                    "Timestamp": datetime.fromtimestamp(time.time() - minutes_ago * 60, UTC),
                    "Value": value,
                }
            ],
        )

    def calls(self) -> list[tuple[str, str]]:
        """Return method and service of what Alert Logic's collecting services were asked."""
        asked = [(it.method, it.path.split("/")[1]) for it in self.fake.requests]
        return [call for call in asked if call[1] in {"azcollect", "collectors_status"}]


@pytest.fixture
def forwarder(
    deliveries: Deliveries, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Forwarder]:
    ssm: SSMClient = client("ssm")
    ssm.put_parameter(Name=ENVIRONMENT["COLLECTOR_PARAMETER"], Value=UNREGISTERED, Type="String")
    with running(handler, ENVIRONMENT, deliveries, monkeypatch) as (fake, log), ResponseBucket() as bucket:
        bucket.receive_from(handler.wire().http)
        yield Forwarder(fake, bucket, log, deliveries.dead_letter_url, capsys)


def test_says_for_which_beat_it_asked_alert_logic(forwarder: Forwarder) -> None:
    forwarder.beat()

    lines = [json.loads(line) for line in forwarder.log.getvalue().splitlines()]
    assert {"checked in", "Alert Logic answered"} <= {line["message"] for line in lines}
    assert {line["correlation_id"] for line in lines} == {BEAT["id"]}


class TestRegistration:
    def test_happens_once_and_is_remembered(self, forwarder: Forwarder) -> None:
        assert forwarder.beat()
        assert forwarder.beat()

        assert list(forwarder.fake.collectors) == [KEY]
        assert forwarder.remembered() == forwarder.collector().id
        assert forwarder.collector().registration["collect_rule"] == "aws.guardduty"
        posts = [("POST", "azcollect"), ("PUT", "collectors_status")]
        assert forwarder.calls() == [("POST", "azcollect"), *posts, *posts]

    def test_takes_up_what_is_registered_already(self, forwarder: Forwarder) -> None:
        forwarder.beat()
        collector_id = forwarder.collector().id
        handler.wire().registration.forget()

        assert forwarder.beat()

        assert forwarder.remembered() == collector_id

    def test_is_repeated_when_alert_logic_has_forgotten_it(self, forwarder: Forwarder) -> None:
        forwarder.beat()
        old = forwarder.collector().id
        forwarder.fake.collectors.clear()
        forwarder.fake.requests.clear()

        assert forwarder.beat()

        assert forwarder.remembered() == forwarder.collector().id != old
        assert forwarder.said()["collectorId"] == forwarder.collector().id
        paths = [it.path for it in forwarder.fake.requests]
        assert len([path for path in paths if path.endswith(f"/cwe/{'/'.join(KEY)}")]) == 1
        assert forwarder.lines()[-1]["is_new"]

    def test_is_not_repeated_twice(self, forwarder: Forwarder) -> None:
        forwarder.beat()
        forwarder.fake.fail(404, path="checkin", body={"error": "collector_not_found"})
        forwarder.fake.requests.clear()

        assert not forwarder.beat()

        assert forwarder.calls() == [("POST", "azcollect")] * 3
        [_, line] = forwarder.lines()
        assert (line["level"], line["message"]) == ("ERROR", "not checked in")
        assert "collector_not_found" in line["reason"]

    def test_is_not_repeated_when_it_is_new(self, forwarder: Forwarder) -> None:
        forwarder.fake.fail(404, path="checkin", body={"error": "collector_not_found"})

        assert not forwarder.beat()

        assert forwarder.calls() == [("POST", "azcollect")] * 2

    def test_is_not_repeated_for_another_refusal(self, forwarder: Forwarder) -> None:
        forwarder.beat()
        forwarder.fake.fail(403, path="checkin", body={"error": "forbidden"})
        forwarder.fake.requests.clear()

        assert not forwarder.beat()

        assert forwarder.calls() == [("POST", "azcollect")]

    def test_that_could_not_be_remembered_is_repeated(
        self, forwarder: Forwarder, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with monkeypatch.context() as denied:
            answer_with_error(denied, "ssm", "PutParameter", "AccessDeniedException", status=400)
            assert not forwarder.beat()
        assert forwarder.remembered() == UNREGISTERED

        assert forwarder.beat()
        assert forwarder.remembered() == forwarder.collector().id


class TestCheckIn:
    def test_tells_that_all_is_well(self, forwarder: Forwarder) -> None:
        forwarder.measure("AWS/SQS", "ApproximateAgeOfOldestMessage", ENVIRONMENT["QUEUE_NAME"], 40)
        forwarder.measure("AWS/Lambda", "Invocations", FUNCTION_NAME, 2)
        forwarder.measure("AWS/Lambda", "Invocations", FUNCTION_NAME, 3, minutes_ago=13)
        forwarder.measure("AWS/Lambda", "Invocations", FUNCTION_NAME, 9, minutes_ago=17)
        forwarder.measure("AWS/Lambda", "Errors", FUNCTION_NAME, 0)
        forwarder.measure(NAMESPACE, "FindingsForwarded", "guardduty_findings", 0)
        forwarder.measure(NAMESPACE, "FindingsForwarded", "guardduty_findings", 7, minutes_ago=23 * 60)

        assert forwarder.beat()

        assert (forwarder.said()["status"], forwarder.said()["details"]) == ("ok", {})
        assert forwarder.statistics() == {
            "Invocations": [5],
            "Errors": [0],
            "ApproximateAgeOfOldestMessage": [40],
            "DeadLetters": [0],
            "FindingsForwarded": [7],
        }
        stream = forwarder.collector().streams["guardduty"]
        assert (stream["status"], stream["status_id"]) == ("ok", forwarder.collector().id)
        assert stream["timestamp"] == pytest.approx(time.time() * 1000, abs=60_000)
        [line] = forwarder.lines()
        assert (line["level"], line["message"], line["status"]) == ("INFO", "checked in", "ok")
        assert line["last_delivery"] == pytest.approx(time.time() - 23 * 3600, abs=400)

    def test_tells_of_a_function_at_rest(self, forwarder: Forwarder) -> None:
        assert forwarder.beat()

        assert forwarder.said()["status"] == "ok"
        assert forwarder.statistics() == {
            "Invocations": [],
            "Errors": [],
            "ApproximateAgeOfOldestMessage": [0],
            "DeadLetters": [0],
            "FindingsForwarded": [],
        }
        assert "last_delivery" not in forwarder.lines()[0]

    def test_tells_what_is_wrong_until_it_is_over(self, forwarder: Forwarder) -> None:
        forwarder.measure(NAMESPACE, "OldestWaitingMessage", "guardduty_findings", 4000, minutes_ago=19)
        forwarder.measure("AWS/SQS", "ApproximateAgeOfOldestMessage", ENVIRONMENT["QUEUE_NAME"], 20)
        forwarder.measure("AWS/Lambda", "Errors", FUNCTION_NAME, 2)
        forwarder.sqs.send_message(QueueUrl=forwarder.dead_letter_url, MessageBody="null")

        assert forwarder.beat()

        assert (forwarder.said()["status"], forwarder.said()["error_code"]) == ("error", "FINDINGS_WAIT")
        text = forwarder.said()["details"]["error"]["text"]
        assert "4000 seconds" in text
        assert "failed 2 times" in text
        assert "dead-letter queue: 1" in text
        assert forwarder.collector().streams["guardduty"]["errorinfo"]["details"][0] == {"error": text}
        [line] = forwarder.lines()
        assert (line["level"], line["status"], line["reason"]) == ("INFO", "error", text)

        # A younger finding that waits, too, makes the older one no younger.
        forwarder.measure(NAMESPACE, "OldestWaitingMessage", "guardduty_findings", 30, minutes_ago=0.1)
        forwarder.sqs.purge_queue(QueueUrl=forwarder.dead_letter_url)
        assert forwarder.beat()
        assert forwarder.said()["error_code"] == "FINDINGS_WAIT"
        assert "dead-letter" not in forwarder.said()["details"]["error"]["text"]

    def test_tells_of_the_stream_if_alert_logic_does_not_take_its_status(self, forwarder: Forwarder) -> None:
        forwarder.fake.fail(400, path="collectors_status", body={"error": "not_in_enum"})

        assert forwarder.beat()

        assert forwarder.said()["status"] == "ok"
        [checked_in, refused] = forwarder.lines()
        assert checked_in["message"] == "checked in"
        assert (refused["level"], refused["message"]) == ("WARNING", "the status of the stream was not taken")
        assert "not_in_enum" in refused["reason"]

    def test_goes_on_if_only_the_status_of_the_stream_is_unknown(self, forwarder: Forwarder) -> None:
        forwarder.beat()
        forwarder.fake.fail(404, path="collectors_status")

        assert forwarder.beat()
        assert len(forwarder.collector().check_ins) == 2
        assert forwarder.lines()[-1]["level"] == "WARNING"


class TestFailure:
    def check(self, forwarder: Forwarder, reason: str) -> None:
        """A beat that fails says so once, and counts nothing."""
        assert not forwarder.beat()
        [line] = forwarder.lines()
        assert (line["level"], line["message"]) == ("ERROR", "not checked in")
        assert reason in line["reason"]
        assert "exception" not in line

    @pytest.mark.parametrize(("status", "reason"), [(503, "503"), (401, "access key"), (403, "403"), (None, "answer")])
    def test_of_alert_logic(self, forwarder: Forwarder, status: int | None, reason: str) -> None:
        forwarder.fake.fail(status, path="azcollect")

        self.check(forwarder, reason)

        assert forwarder.remembered() == UNREGISTERED
        forwarder.fake.recover()
        assert forwarder.beat()

    def test_with_an_empty_secret(self, forwarder: Forwarder) -> None:
        client("secretsmanager").put_secret_value(SecretId="alertlogic", SecretString=" ")

        self.check(forwarder, "the secret is empty")

        assert forwarder.fake.requests == []
        client("secretsmanager").put_secret_value(SecretId="alertlogic", SecretString=forwarder.fake.secret_string())
        assert forwarder.beat()

    @pytest.mark.parametrize(
        ("service", "operation"),
        [("ssm", "GetParameter"), ("cloudwatch", "GetMetricData"), ("sqs", "GetQueueAttributes")],
    )
    def test_of_aws(self, forwarder: Forwarder, monkeypatch: pytest.MonkeyPatch, service: str, operation: str) -> None:
        answer_with_error(monkeypatch, service, operation, "AccessDenied", status=403)

        self.check(forwarder, operation)

    def test_for_want_of_time(self, forwarder: Forwarder) -> None:
        assert not forwarder.beat(remaining_ms=RESERVED_SECONDS * 1000 + 2000)

        assert forwarder.fake.requests == []
        assert "no time is left" in forwarder.lines()[0]["reason"]

    def test_that_nobody_foresaw_fails_the_invocation(
        self, forwarder: Forwarder, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(handler, "check_in_of", lambda _: 1 / 0)

        with pytest.raises(ZeroDivisionError):
            forwarder.beat()


class TestCustomResource:
    def test_that_is_created_is_answered_without_alert_logic(self, forwarder: Forwarder) -> None:
        request = event()

        assert forwarder.invoke(request) == {
            "Status": "SUCCESS",
            "PhysicalResourceId": FUNCTION_NAME,
            "StackId": request["StackId"],
            "RequestId": request["RequestId"],
            "LogicalResourceId": "Resource",
        }

        assert forwarder.fake.requests == []
        [line] = forwarder.lines()
        assert (line["message"], line["request_type"], line["Status"]) == ("answered", "Create", "SUCCESS")
        assert line["correlation_id"] == request["RequestId"]

    def test_that_is_deleted_is_not_registered_again_by_a_beat_that_is_under_way(self, forwarder: Forwarder) -> None:
        forwarder.beat()
        forwarder.invoke(event("Delete", changes={"PhysicalResourceId": FUNCTION_NAME}))

        assert not forwarder.beat()

        assert forwarder.fake.collectors == {}
        assert forwarder.lines()[-1]["reason"] == "the collector was deregistered"

    def test_that_is_updated_is_registered_at_the_next_beat(self, forwarder: Forwarder) -> None:
        forwarder.beat()
        forwarder.fake.requests.clear()

        answer = forwarder.invoke(event("Update", changes={"PhysicalResourceId": "old"}))

        assert (answer["Status"], answer["PhysicalResourceId"]) == ("SUCCESS", FUNCTION_NAME)
        assert forwarder.fake.requests == []
        assert forwarder.remembered() == UNREGISTERED
        assert forwarder.beat()
        assert forwarder.remembered() == forwarder.collector().id

    def test_that_is_updated_is_answered_even_if_nothing_can_be_forgotten(
        self, forwarder: Forwarder, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        answer_with_error(monkeypatch, "ssm", "PutParameter", "AccessDeniedException", status=400)

        assert forwarder.invoke(event("Update"))["Status"] == "SUCCESS"
        assert [line["message"] for line in forwarder.lines()] == ["not forgotten", "answered"]

    @pytest.mark.parametrize("request_type", ["Create", "Update"])
    def test_without_a_function_fails(self, forwarder: Forwarder, request_type: Any) -> None:
        answer = forwarder.invoke(event(request_type, function_name=None))

        assert answer["Status"] == "FAILED"
        assert "FunctionName" in answer["Reason"]
        assert answer["PhysicalResourceId"] == (NO_COLLECTOR if request_type == "Create" else FUNCTION_NAME)

    def test_that_is_deleted_is_deregistered_once_and_again(self, forwarder: Forwarder) -> None:
        forwarder.beat()

        answer = forwarder.invoke(event("Delete"))

        assert (answer["Status"], answer["PhysicalResourceId"]) == ("SUCCESS", FUNCTION_NAME)
        assert forwarder.fake.collectors == {}
        assert forwarder.invoke(event("Delete")) == answer

    def test_that_is_replaced_leaves_the_new_collector(self, forwarder: Forwarder) -> None:
        forwarder.beat()
        [collector] = forwarder.fake.collectors.values()
        forwarder.fake.collectors[ACCOUNT, "us-east-1", "old"] = collector

        assert forwarder.invoke(event("Delete", changes={"PhysicalResourceId": "old"}))["Status"] == "SUCCESS"
        assert list(forwarder.fake.collectors) == [KEY]

    def test_of_a_create_that_failed_has_nothing_to_deregister(self, forwarder: Forwarder) -> None:
        answer = forwarder.invoke(event("Delete", function_name=None, changes={"PhysicalResourceId": NO_COLLECTOR}))

        assert (answer["Status"], answer["PhysicalResourceId"]) == ("SUCCESS", NO_COLLECTOR)
        assert forwarder.fake.requests == []

    @pytest.mark.parametrize("status", [401, 403, 503, None])
    def test_is_deleted_even_if_alert_logic_does_not_agree(self, forwarder: Forwarder, status: int | None) -> None:
        forwarder.beat()
        forwarder.fake.fail(status, path="azcollect")

        assert forwarder.invoke(event("Delete"))["Status"] == "SUCCESS"

        [_, failed, answered] = forwarder.lines()
        assert (failed["level"], failed["message"]) == ("ERROR", "not deregistered")
        assert failed["reason"]
        assert answered["Status"] == "SUCCESS"

    def test_is_deleted_even_if_the_secret_is_empty(self, forwarder: Forwarder) -> None:
        client("secretsmanager").put_secret_value(SecretId="alertlogic", SecretString=" ")

        assert forwarder.invoke(event("Delete"))["Status"] == "SUCCESS"
        assert "the secret is empty" in forwarder.lines()[0]["reason"]

    def test_is_deleted_even_if_alert_logic_never_answers(self, forwarder: Forwarder) -> None:
        silent = threading.Event()
        begun_at = time.monotonic()
        with forwarder.fake.after_each("DELETE", "azcollect", lambda: silent.wait(20)):
            left = RESERVED_SECONDS + SPARE_SECONDS + 0.8
            answer = forwarder.invoke(event("Delete"), remaining_ms=int(left * 1000))
            silent.set()

        assert answer["Status"] == "SUCCESS"
        assert time.monotonic() - begun_at < 2, "all attempts together"
        assert forwarder.calls() == [("DELETE", "azcollect")]
        assert forwarder.lines()[0]["message"] == "not deregistered"

    def test_is_deleted_even_if_something_happens_that_nobody_foresaw(
        self, forwarder: Forwarder, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(handler, "is_function_name", lambda _: 1 / 0)

        assert forwarder.invoke(event("Delete"))["Status"] == "SUCCESS"
        assert forwarder.lines()[0]["exception_name"] == "ZeroDivisionError"

    def test_that_cannot_be_answered_is_tried_again_by_lambda(self, forwarder: Forwarder) -> None:
        forwarder.bucket.status = 503
        with pytest.raises(NotYet, match="response bucket"):
            forwarder.invoke(event())
        with pytest.raises(Refused, match="ResponseURL"):
            forwarder.invoke(event(changes={"ResponseURL": "https://evil.example/key"}))

        assert [line["message"] for line in forwarder.lines()] == ["not answered", "not answered"]

    @pytest.mark.parametrize("status", [200, 403, None])
    def test_shows_no_url(self, forwarder: Forwarder, status: int | None) -> None:
        forwarder.bucket.status = status
        shown = ""
        for request in (event(), event("Update"), event("Delete"), event(changes={"StackId": "wrong"})):
            try:
                shown += json.dumps(forwarder.invoke(request))
            except (NotYet, Refused) as error:
                shown += repr(error) + repr(error.__cause__) + repr(error.__context__)

        assert SIGNATURE not in shown + forwarder.log.getvalue()


@pytest.mark.parametrize(
    "foreign",
    [
        {},
        {"Records": []},
        BEAT | {"source": "aws.guardduty"},
        BEAT | {"detail-type": "GuardDuty Finding"},
        [],
        "x",
        None,
    ],
)
def test_refuses_what_somebody_else_invokes_it_with(forwarder: Forwarder, foreign: object) -> None:
    with pytest.raises(ForeignEventError, match="neither"):
        handler.lambda_handler(foreign, Context())  # type: ignore[arg-type]

    assert forwarder.fake.requests == []
