"""Raw messages through the handler: AWS as moto plays it, and the fake Alert Logic on loopback."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
import time_machine
from botocore.exceptions import NoCredentialsError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alertlogic_api.ingest import Ingest
from alertlogic_api.transport import SPARE_SECONDS
from aws.clients import client
from aws.measures import NAMESPACE
from aws.queue import Message, Queue
from guardduty_findings import handler
from guardduty_findings.handler import RESERVED_SECONDS
from tests.lambda_src.deliveries import Context, Deliveries, raw_event
from tests.lambda_src.functions import running
from tests.lambda_src.guardduty_findings.test_payload import noise
from tests.lambda_src.guardduty_findings.test_settings import ENVIRONMENT
from tests.lambda_src.wire import answer_with_error, calls_of
from tests.rehearsal.alertlogic import ACCESS_KEY_ID, SECRET_KEY, FakeAlertLogic
from tests.rehearsal.event_text import event_text
from tests.rehearsal.findings import FAMILIES, NOON, finding

if TYPE_CHECKING:
    import io
    from collections.abc import Callable, Iterator

ADMINISTRATOR, MEMBER, REGION = "444444444444", "555555555555", "us-west-2"
SOURCE = "arn:aws:lambda:us-east-1:444444444444:function:findings"


def text(number: int, *, at: float = NOON, **changes: Any) -> str:
    """Return a finding as it stands in the queue."""
    made = finding(
        FAMILIES[number % len(FAMILIES)],
        number=number,
        account=MEMBER,
        region=REGION,
        administrator=ADMINISTRATOR,
        at=at,
    )
    return event_text(made | changes)


@dataclass
class Hub:
    """The security account."""

    fake: FakeAlertLogic
    deliveries: Deliveries
    log: io.StringIO
    output: pytest.CaptureFixture[str]

    def deliver(
        self, *bodies: str, age: float = 0, received: int = 1, remaining_ms: int = 300_000
    ) -> list[dict[str, str]]:
        """Return what stays in the queue."""
        return self.invoke(self.deliveries.batch(*bodies, age=age, received=received), remaining_ms=remaining_ms)

    def invoke(self, event: dict[str, Any], *, remaining_ms: int = 300_000) -> list[dict[str, str]]:
        context = Context(remaining_ms=remaining_ms, invoked_function_arn=SOURCE)
        failures: list[dict[str, str]] = handler.lambda_handler(event, context)["batchItemFailures"]  # type: ignore[arg-type]
        return failures

    def lines(self, message: str) -> list[dict[str, Any]]:
        lines = [json.loads(line) for line in self.log.getvalue().splitlines()]
        return [line for line in lines if line["message"] == message]

    def metrics(self, *names: str) -> list[dict[str, Any]]:
        """Return the measurements since the last call that hold any of these metrics; without names, the counts."""
        measured = [json.loads(line) for line in self.output.readouterr().out.splitlines() if "_aws" in line]
        return [metrics for metrics in measured if metrics.keys() & set(names or ["FindingsReceived"])]

    def sent(self) -> int:
        return len([request for request in self.fake.requests if request.path.endswith("/secmsgs")])


@pytest.fixture
def environment() -> dict[str, str]:
    return ENVIRONMENT


@pytest.fixture
def hub(
    deliveries: Deliveries,
    environment: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Iterator[Hub]:
    with running(handler, environment, deliveries, monkeypatch) as (fake, log):
        yield Hub(fake, deliveries, log, capsys)


class TestForwarding:
    def test_sends_a_batch_in_one_request_each_event_as_it_came(self, hub: Hub) -> None:
        texts = [text(number) for number in range(40)]

        assert hub.deliver(*texts) == []

        [batch] = hub.fake.batches
        assert sorted(batch.texts) == sorted(texts)
        assert batch.source_id == SOURCE
        assert hub.deliveries.dead_letters() == []

    @time_machine.travel(NOON, tick=False)
    def test_says_what_it_sent_and_not_what_is_in_it(self, hub: Hub) -> None:
        hub.deliver(text(0, at=NOON - 60), text(1, at=NOON - 30))

        [line] = hub.lines("forwarded")
        [batch] = hub.fake.batches
        first, second = batch.messages
        assert (line["findings"], line["messages"], line["request_bytes"]) == (2, 2, batch.payload_bytes)
        assert line["finding_ids"] == [first["detail"]["id"], second["detail"]["id"]]
        assert line["correlation_id"] == first["id"]
        assert line["function_request_id"] == Context().aws_request_id
        assert line["longest_delay_seconds"] == 60
        assert first["detail"]["title"] not in hub.log.getvalue()

    def test_says_of_each_request_for_which_finding_it_was(self, hub: Hub) -> None:
        hub.fake.fail(400, path="/secmsgs", times=1)

        hub.deliver(text(0), text(1))

        requests = [line for line in hub.lines("Alert Logic answered") if line["call"].endswith("/secmsgs")]
        first, second = (batch.messages[0]["id"] for batch in hub.fake.batches)
        assert [(line["status"], line["correlation_id"]) for line in requests] == [
            (400, first),
            (200, first),
            (200, second),
        ]

    @time_machine.travel(NOON, tick=False)
    def test_measures(self, hub: Hub) -> None:
        at = NOON - 60
        hub.deliver(text(0, at=at), text(1, at=at), text(1, at=at), "null")

        metric, delay = hub.metrics("FindingsReceived", "DeliveryDelay")
        for it in (metric, delay):
            assert it["_aws"]["CloudWatchMetrics"][0]["Namespace"] == NAMESPACE
            assert it["_aws"]["CloudWatchMetrics"][0]["Dimensions"] == [["service"]]
            assert it["service"] == "guardduty_findings"
        assert metric["FindingsReceived"] == [4.0]
        assert metric["FindingsForwarded"] == [2.0]
        assert metric["FindingsFailed"] == [1.0]
        assert delay["DeliveryDelay"] == [60.0]
        units = {
            one["Name"]: one["Unit"] for it in (metric, delay) for one in it["_aws"]["CloudWatchMetrics"][0]["Metrics"]
        }
        assert units["DeliveryDelay"] == "Seconds"
        assert units["FindingsReceived"] == units["FindingsForwarded"] == units["FindingsFailed"] == "Count"

    @time_machine.travel(NOON, tick=False)
    def test_measures_the_delay_of_a_finding_without_a_time_from_when_it_was_queued(self, hub: Hub) -> None:
        hub.deliver(text(0, time="soon"), age=500)

        [metric] = hub.metrics("DeliveryDelay")
        assert metric["DeliveryDelay"] == [500.0]
        hub.fake.contract_violations.clear()

    def test_measures_no_delay_where_the_clocks_differ(self, hub: Hub) -> None:
        hub.deliver(text(0, time="2100-01-01T00:00:00Z"))

        [metric] = hub.metrics("DeliveryDelay")
        assert metric["DeliveryDelay"] == [0.0]

    def test_counts_what_waited_when_it_came_first(self, hub: Hub) -> None:
        hub.fake.fail(503)
        hub.deliver(text(0), text(1))
        hub.deliver(text(0), text(1), received=2)

        first, second = hub.metrics("FindingsReceived", "DeliveryDelay")
        assert [(it["FindingsReceived"], it["FindingsForwarded"]) for it in (first, second)] == [
            ([2.0], [0.0]),
            ([0.0], [0.0]),
        ]

    def test_sends_a_finding_once_that_is_in_a_batch_twice(self, hub: Hub) -> None:
        once, other = text(0), text(1)

        assert hub.deliver(once, other, once, text(0, id="another event")) == []

        assert len(hub.fake.findings) == 2
        [line] = hub.lines("forwarded")
        assert (line["findings"], line["messages"]) == (2, 4)

    def test_sends_a_finding_again_that_has_changed(self, hub: Hub) -> None:
        made = json.loads(text(0))
        made["detail"]["updatedAt"] = "2026-01-16T12:00:00.000Z"

        assert hub.deliver(text(0), json.dumps(made)) == []

        assert len(hub.fake.findings) == 2

    def test_does_nothing_with_a_batch_of_nothing(self, hub: Hub) -> None:
        assert hub.invoke({"Records": []}) == []

        assert hub.fake.requests == []
        assert hub.metrics() == []
        assert hub.log.getvalue() == ""

    def test_reads_the_secret_once_in_a_container(self, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
        asked = calls_of(monkeypatch, "secrets-manager", "GetSecretValue")
        for number in range(3):
            hub.deliver(text(number))

        assert len(asked) == 1
        assert [request.path.rsplit("/", 1)[1] for request in hub.fake.requests] == [
            "authenticate",
            "endpoints",
            *["secmsgs"] * 3,
        ]

    def test_follows_alert_logic_to_another_host(self, hub: Hub) -> None:
        with hub.fake.another_host() as url:
            hub.fake.fail(307, times=1, path="secmsgs", location=f"{url}/ingest/v1/{hub.fake.customer_id}/data/secmsgs")

            assert hub.deliver(text(0)) == []

        assert len(hub.fake.findings) == 1
        assert hub.fake.requests[-1].host == url.removeprefix("http://")


class TestOwnFindingsOnly:
    """Every account forwards its own findings, and the administrator has them all."""

    @pytest.fixture
    def environment(self) -> dict[str, str]:
        return ENVIRONMENT | {"OWN_FINDINGS_ONLY": "true"}

    def test_drops_what_another_account_sends(self, hub: Hub) -> None:
        own, foreign = text(0, account=MEMBER), text(1)

        assert hub.deliver(own, text(0), foreign) == []

        assert hub.fake.finding_texts == [own]
        assert hub.deliveries.dead_letters() == []
        [line] = hub.lines("ignored")
        assert line["level"] == "INFO"
        assert line["findings"] == 2
        assert line["reported_by"] == [ADMINISTRATOR]
        assert sorted(line["finding_ids"]) == sorted(json.loads(it)["detail"]["id"] for it in (own, foreign))

    def test_sends_nothing_if_nothing_is_left(self, hub: Hub) -> None:
        assert hub.deliver(text(0)) == []

        assert hub.fake.requests == []
        [metric] = hub.metrics()
        assert (metric["FindingsReceived"], metric["FindingsForwarded"]) == ([1.0], [0.0])


class TestRefusal:
    def test_sets_aside_what_is_no_finding_and_sends_the_others(self, hub: Hub) -> None:
        good = [text(number) for number in range(97)]
        poison = ['{"broken', "null", json.dumps(raw_event("tag-change-vpc-added"))]

        assert hub.deliver(*good[:40], poison[0], *good[40:80], poison[1], poison[2], *good[80:]) == []

        assert sorted(hub.fake.finding_texts) == sorted(good)
        assert hub.sent() == 1
        letters = dict(hub.deliveries.dead_letters())
        assert set(letters) == set(poison)
        assert "not JSON" in letters[poison[0]]
        assert "not a GuardDuty finding" in letters[poison[1]]
        assert "not a GuardDuty finding" in letters[poison[2]]

    def test_finds_the_message_that_alert_logic_cannot_read(self, hub: Hub) -> None:
        hub.fake.poison = "unreadable"
        good, bad = [text(number) for number in range(30)], text(30, extra="unreadable")

        assert hub.deliver(*good[:20], bad, *good[20:]) == []

        assert sorted(hub.fake.finding_texts) == sorted(good)
        assert hub.deliveries.dead_letters() == [
            (bad, "Alert Logic answered 400: ingest: a message cannot be read"),
        ]
        [metric] = hub.metrics()
        assert (metric["FindingsForwarded"], metric["FindingsFailed"]) == ([30.0], [1.0])

    def test_sets_aside_every_message_that_brought_it(self, hub: Hub) -> None:
        hub.fake.poison = "unreadable"
        bad = text(0, extra="unreadable")

        assert hub.deliver(bad, text(1), bad) == []

        assert [body for body, _ in hub.deliveries.dead_letters()] == [bad, bad]

    def test_splits_what_is_too_large_for_alert_logic(self, hub: Hub) -> None:
        texts = [text(number) for number in range(60)]
        hub.fake.largest_payload_bytes = 20_000

        assert hub.deliver(*texts) == []

        assert sorted(hub.fake.finding_texts) == sorted(texts)
        assert all(batch.payload_bytes <= 20_000 for batch in hub.fake.batches)
        assert len(hub.lines("forwarded")) == len(hub.fake.batches) > 1

    def test_sets_aside_what_is_too_large_even_alone(self, hub: Hub) -> None:
        large = text(0, padding=json.loads(noise(1, 1_000_000)))

        assert hub.deliver(text(1), large, text(2)) == []

        assert sorted(hub.fake.finding_texts) == sorted([text(1), text(2)])
        [(body, reason)] = hub.deliveries.dead_letters()
        assert body == large
        assert "too large to send" in reason
        hub.fake.contract_violations.clear()

    def test_sends_large_findings(self, hub: Hub) -> None:
        made = [
            finding("runtime_eks", number=number, account=MEMBER, region=REGION, size=200_000) for number in range(12)
        ]
        texts = [event_text(it) for it in made]

        assert hub.deliver(*texts) == []

        assert sorted(hub.fake.finding_texts) == sorted(texts)


class TestWaiting:
    @pytest.mark.parametrize("status", [None, 307, 401, 403, 404, 409, 415, 429, 500, 503])
    def test_waits_for_alert_logic_however_often_and_loses_nothing(self, hub: Hub, status: int | None) -> None:
        hub.fake.fail(status, path="secmsgs")
        texts = [text(number) for number in range(25)]

        assert len(hub.deliver(*texts, received=700)) == 25
        assert hub.deliveries.dead_letters() == []
        assert hub.sent() == (2 if status == 401 else 1)
        [line] = hub.lines("message waits")
        assert (line["level"], line["messages"], line["received"]) == ("INFO", 25, 700)

        hub.fake.recover()
        hub.fake.contract_violations.clear()
        assert hub.deliver(*texts) == []
        assert sorted(hub.fake.finding_texts) == sorted(texts)

    @pytest.mark.parametrize("path", ["authenticate", "/endpoints/"])
    @pytest.mark.parametrize("status", [400, 404, 413, 503])
    def test_does_not_blame_a_message_for_what_goes_wrong_on_the_way(self, hub: Hub, path: str, status: int) -> None:
        hub.fake.fail(status, path=path)

        assert len(hub.deliver(text(0), received=700)) == 1
        assert hub.deliveries.dead_letters() == []

    def test_waits_for_the_secret_to_be_filled(self, hub: Hub) -> None:
        secret = handler.wire().settings.alert_logic.secret_arn
        client("secretsmanager").put_secret_value(SecretId=secret, SecretString=" ")

        assert len(hub.deliver(text(0), text(1))) == 2
        [line] = hub.lines("message waits")
        assert "the secret is empty" in line["reason"]

        client("secretsmanager").put_secret_value(SecretId=secret, SecretString=hub.fake.secret_string())
        assert hub.deliver(text(0), text(1)) == []

    def test_costs_no_finding_what_nobody_foresaw(self, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
        def fail(*_: object) -> None:
            raise NoCredentialsError

        monkeypatch.setattr(Ingest, "send_security_messages", fail)

        assert len(hub.deliver(text(0), text(1), received=40)) == 2
        assert hub.deliveries.dead_letters() == []
        [line] = hub.lines("not sent")
        assert "NoCredentialsError" in line["exception"]

    def test_waits_for_a_better_key(self, hub: Hub) -> None:
        hub.fake.revoke_access_key(ACCESS_KEY_ID)
        assert len(hub.deliver(text(0))) == 1

        hub.fake.set_access_key(ACCESS_KEY_ID, SECRET_KEY)
        assert hub.deliver(text(0)) == []

    def test_waits_as_long_as_alert_logic_asks(self, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
        hub.fake.fail(503, path="secmsgs", retry_after=700)
        waits: list[int] = []

        def postpone(_: Queue, asked: dict[Message, int]) -> dict[str, str]:
            waits.extend(asked.values())
            return {}

        monkeypatch.setattr(Queue, "postpone", postpone)

        hub.deliver(text(0), text(1))

        assert waits == [700, 700]

    def test_puts_hundreds_of_messages_back_with_few_calls(self, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
        hub.fake.fail(503, path="secmsgs")
        calls = calls_of(monkeypatch, "sqs", "ChangeMessageVisibilityBatch")

        assert len(hub.deliver(*(text(number) for number in range(205)))) == 205

        assert len(calls) == 21
        assert hub.deliveries.batch() == {"Records": []}

    def test_does_not_send_again_what_was_accepted_before_the_failure(self, hub: Hub) -> None:
        texts = [text(number, padding=json.loads(noise(number, 400_000))) for number in range(4)]
        with hub.fake.after_each("POST", "secmsgs", lambda: hub.fake.fail(503, path="secmsgs")):
            failures = hub.deliver(*texts)

        # The first and the one that was under way when it began to fail; a third was not tried.
        assert hub.sent() == 2
        assert len(hub.fake.findings) == 1
        assert len(failures) == 3
        assert len(hub.lines("forwarded")) == 1

    def test_sends_a_batch_again_that_took_effect_unheard(self, hub: Hub) -> None:
        hub.fake.fail(503, path="secmsgs", after_effect=True, times=1)

        assert len(hub.deliver(text(0))) == 1
        assert hub.deliver(text(0), received=2) == []

        assert hub.fake.finding_texts == [text(0)] * 2

    def test_gives_up_on_a_server_that_never_answers_before_time_is_up(self, hub: Hub) -> None:
        hub.deliver(text(0))
        begin = time.monotonic()
        with hub.fake.silent("secmsgs"):
            left = RESERVED_SECONDS + SPARE_SECONDS + 0.5
            failures = hub.deliver(text(1), text(2), remaining_ms=int(left * 1000))

        assert len(failures) == 2
        assert time.monotonic() - begin < 3
        assert len(hub.fake.unanswered) == 1

    def test_keeps_time_to_put_messages_back(self, hub: Hub) -> None:
        assert len(hub.deliver(text(0), remaining_ms=RESERVED_SECONDS * 1000 + 2_000)) == 1

        assert hub.fake.requests == []

    def test_keeps_what_cannot_be_set_aside(self, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
        event = hub.deliveries.batch("null", text(0))
        answer_with_error(monkeypatch, "sqs", "SendMessage", "InternalFailure", status=500)

        assert hub.invoke(event) == [{"itemIdentifier": event["Records"][0]["messageId"]}]
        assert len(hub.fake.findings) == 1
        [metric] = hub.metrics()
        assert (metric["FindingsForwarded"], metric["FindingsFailed"]) == ([1.0], [0.0])


GOOD, NO_FINDING, UNREADABLE = "good", "no finding", "unreadable"


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    kinds=st.lists(st.sampled_from([GOOD, GOOD, GOOD, NO_FINDING, UNREADABLE]), max_size=25),
    statuses=st.lists(st.sampled_from([503, 429, 403, 413]), max_size=2),
)
def test_of_any_mix_the_good_arrive_and_the_others_are_set_aside(
    hub: Hub, kinds: list[str], statuses: list[int]
) -> None:
    hub.fake.batches.clear()
    hub.fake.recover()
    hub.fake.poison = UNREADABLE
    made: dict[str, Callable[[int], str]] = {
        GOOD: text,
        NO_FINDING: lambda at: f"no finding {at}",
        UNREADABLE: lambda at: text(at, extra=UNREADABLE),
    }
    bodies = {kind: [made[kind](at) for at, one in enumerate(kinds) if one == kind] for kind in made}
    for status in statuses:
        hub.fake.fail(status, path="secmsgs", times=1)

    event = hub.deliveries.batch(*(made[kind](at) for at, kind in enumerate(kinds)))
    left = event["Records"]
    for _ in range(len(statuses) + 1):
        failures = {failure["itemIdentifier"] for failure in hub.invoke({"Records": left})}
        left = [record for record in left if record["messageId"] in failures]

    assert left == []
    dead = sorted(body for body, _ in hub.deliveries.dead_letters())
    # A lone finding that is answered 413 is too large.
    lone = [one for one in dead if one in bodies[GOOD]]
    assert len(lone) <= (413 in statuses)
    assert dead == sorted([*bodies[NO_FINDING], *bodies[UNREADABLE], *lone])
    assert sorted([*hub.fake.finding_texts, *lone]) == sorted(bodies[GOOD])
