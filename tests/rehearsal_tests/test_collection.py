"""The fake Alert Logic takes what a collector may send, and says what is wrong with the rest."""

from __future__ import annotations

import json
import re
import threading
import zlib
from typing import TYPE_CHECKING, Any

import pytest
import requests

from tests.rehearsal.alertlogic import ACCESS_KEY_ID, SECRET_KEY, FakeAlertLogic
from tests.rehearsal.event_text import event_text
from tests.rehearsal.findings import FAMILIES, finding

if TYPE_CHECKING:
    from collections.abc import Generator

ACCOUNT, REGION = "500000000001", "eu-west-1"
SOURCE = "arn:aws:lambda:us-east-1:444444444444:function:findings"
HEADERS = {
    "content-type": "alertlogic.com/cwe-json",
    "content-encoding": "deflate",
    "x-invoked-by": "lambda_function",
}
INGEST = "/ingest/v1/12345678/data/secmsgs"
COLLECTOR = "/azcollect/v1/12345678/aws/cwe/444444444444/us-east-1/findings"
CHECK_IN = COLLECTOR.replace("/cwe/", "/cwe/checkin/")
REGISTRATION = {"version": "1.0", "data_type": "secmsgs", "cf_stack_name": "stack", "collect_rule": "aws.guardduty"}
OK = {"version": "1.0", "status": "ok", "details": {}, "statistics": []}
TEXTS = [event_text(finding(family, number=0, account=ACCOUNT, region=REGION)) for family in FAMILIES]


class Customer(requests.Session):
    """Somebody with a token."""

    def __init__(self, fake: FakeAlertLogic) -> None:
        super().__init__()
        answer = self.post(f"{fake.url}/aims/v1/authenticate", auth=(ACCESS_KEY_ID, SECRET_KEY), timeout=5)
        self.headers["x-aims-auth-token"] = answer.json()["authentication"]["token"]
        self.fake = fake

    def ask(self, method: str, path: str, body: Any = None, **options: Any) -> requests.Response:
        options = {"json": body, "timeout": 5, "allow_redirects": False} | options
        return self.request(method, path if "://" in path else self.fake.url + path, **options)

    def send_messages(self, body: str, *, path: str = INGEST, **headers: str) -> requests.Response:
        return self.ask("POST", path, data=zlib.compress(body.encode()), headers=HEADERS | headers)


@pytest.fixture
def customer() -> Generator[Customer]:
    with FakeAlertLogic() as fake, Customer(fake) as customer:
        yield customer


def batch(*texts: str, source: str = SOURCE) -> str:
    return f'{{"collected_batch":{{"source_id":"{source}","collected_messages":[{",".join(texts)}]}}}}'


def test_every_message_is_kept_as_it_was_sent(customer: Customer) -> None:
    answer = customer.send_messages(batch(*TEXTS))
    fake = customer.fake

    assert (answer.status_code, answer.text) == (200, "received")
    assert fake.finding_texts == TEXTS
    assert fake.findings == [json.loads(text) for text in TEXTS]
    assert fake.batches[0].source_id == SOURCE
    assert fake.contract_violations == []
    assert {request.request_schema for request in fake.requests[1:]} == {"own"}
    assert {request.answer_schema for request in fake.requests[1:]} == {"vendor"}
    # A number that Python would write otherwise.
    assert re.search(r'"createdAt":1\.[0-9]+E9', TEXTS[FAMILIES.index("s3")])


@pytest.mark.parametrize(
    ("body", "headers", "status", "violation"),
    [
        (batch(*TEXTS), {"content-type": "application/json"}, 415, "the content type is 'application/json'"),
        (batch(*TEXTS), {"content-encoding": "gzip"}, 400, "the body is not JSON"),
        (batch(*TEXTS), {"x-invoked-by": "somebody"}, 200, "x-invoked-by"),
        (batch(TEXTS[0], "null"), {}, 200, "None is not of type 'object'"),
        (batch("{}"), {}, 200, "'version' is a required property"),
        (batch(TEXTS[0] + ","), {}, 400, "the body is not JSON"),
        (batch(*TEXTS, source="findings"), {}, 200, "'findings' does not match"),
        ('{"collected_batch":{}}', {}, 400, "'source_id' is a required property"),
    ],
)
def test_what_is_wrong_with_a_batch_is_a_violation(
    customer: Customer, body: str, headers: dict[str, str], status: int, violation: str
) -> None:
    assert customer.send_messages(body, **headers).status_code == status
    assert violation in " ".join(map(str, customer.fake.contract_violations))


def test_there_is_a_largest_payload_and_a_message_that_cannot_be_read(customer: Customer) -> None:
    fake = customer.fake
    fake.largest_payload_bytes = 2000
    fake.poison = "A:EC2/B"

    assert customer.send_messages(batch(*TEXTS)).status_code == 413
    assert customer.send_messages(batch(TEXTS[0], '{"type":"A:EC2/B"}')).status_code == 400
    assert customer.send_messages(batch(TEXTS[0])).status_code == 200
    assert fake.finding_texts == TEXTS[:1]


def test_ingest_redirects_to_another_host(customer: Customer) -> None:
    fake = customer.fake
    with fake.another_host() as url:
        fake.fail(307, path="secmsgs", times=1, location=url + INGEST, retry_after=1)
        answer = customer.send_messages(batch(TEXTS[0]))
        assert (answer.status_code, answer.headers["location"], answer.headers["retry-after"]) == (
            307,
            url + INGEST,
            "1",
        )
        assert customer.send_messages(batch(TEXTS[0]), path=url + INGEST).status_code == 200

    assert [request.host for request in fake.requests[1:]] == [fake.own_host, url.removeprefix("http://")]
    assert fake.contract_violations == []


def test_ingest_never_answers(customer: Customer) -> None:
    before = threading.active_count()
    with customer.fake.silent("secmsgs"), pytest.raises(requests.ReadTimeout):
        customer.ask("POST", INGEST, data=b"", headers=HEADERS, timeout=0.2)

    assert (customer.fake.unanswered, customer.fake.batches) == ([INGEST], [])
    assert threading.active_count() <= before


def test_a_collector_lives(customer: Customer) -> None:
    fake = customer.fake
    assert customer.ask("POST", CHECK_IN, OK).status_code == 404
    first, again = (customer.ask("POST", COLLECTOR, REGISTRATION).json()["collector"]["id"] for _ in range(2))
    assert first == again
    [collector] = fake.collectors.values()
    assert (collector.status, collector.version, collector.checked_in_at) == (None, "1.0", None)

    answer = customer.ask("POST", CHECK_IN, {**OK, "version": "1.1"})
    assert answer.json() == {"force_update": False}
    assert (collector.status, collector.version) == ("ok", "1.1")
    assert collector.checked_in_at is not None

    assert customer.ask("DELETE", COLLECTOR).status_code == 204
    assert fake.collectors == {}
    assert customer.ask("DELETE", COLLECTOR).status_code == 404
    assert fake.contract_violations == []


def test_a_stream_has_a_status(customer: Customer) -> None:
    collector_id = customer.ask("POST", COLLECTOR, REGISTRATION).json()["collector"]["id"]
    path = f"/collectors_status/v1/12345678/statuses/{collector_id}/streams/guardduty"
    status: dict[str, Any] = {
        "status": "ok",
        "inst_type": "collector",
        "stream": "guardduty",
        "status_id": collector_id,
        "timestamp": 1_800_000_000_000,
        "reported_by": "cwe",
        "collection_type": "guardduty",
    }
    later = {**status, "timestamp": 1_800_000_900_000}
    wrong = {**later, "status": "error", "errorinfo": {"details": []}}
    assert [customer.ask("PUT", path, one).status_code for one in (status, later, wrong)] == [200, 304, 200]
    assert customer.ask("PUT", path.replace(collector_id, "0" * 36), status).status_code == 404
    assert next(iter(customer.fake.collectors.values())).streams == {"guardduty": wrong}
    assert customer.fake.contract_violations == []

    customer.ask("PUT", path, {**status, "timestamp": 1_800_000_000})
    assert "less than the minimum" in str(customer.fake.contract_violations[0])
