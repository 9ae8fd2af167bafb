"""Security messages on their way to Alert Logic, redirects included."""

from __future__ import annotations

import json
import socket
import time
import zlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
import time_machine

from alertlogic_api import AuthenticationError, ContentRefusedError, RejectedError, RetryableError, TooLargeError
from alertlogic_api.session import MOST_REDIRECTS, redirect_url
from alertlogic_api.transport import LONGEST_WAIT_SECONDS, SPARE_SECONDS
from tests.lambda_src.deliveries import raw_event
from tests.rehearsal.alertlogic_server import Answer, LoopbackServer, Request

if TYPE_CHECKING:
    from collections.abc import Iterator

    from alertlogic_api import AlertLogic
    from tests.rehearsal.alertlogic import FakeAlertLogic

SOURCE = "arn:aws:lambda:us-east-1:444444444444:function:findings"
FINDING = json.dumps(raw_event("guardduty-finding"), indent=1)
PAYLOAD = zlib.compress(
    f'{{"collected_batch":{{"source_id":"{SOURCE}","collected_messages":[{FINDING}]}}}}'.encode(), level=9
)


@pytest.fixture
def warm(client: AlertLogic, fake: FakeAlertLogic) -> AlertLogic:
    """A client that has sent before; what it took is forgotten."""
    client.ingest.send_security_messages(PAYLOAD)
    fake.requests.clear()
    fake.batches.clear()
    return client


class TestPayload:
    def test_arrives_as_it_was_made_with_all_that_ingest_asks_for(
        self, client: AlertLogic, fake: FakeAlertLogic
    ) -> None:
        seen: list[Request] = []

        def serve(request: Request) -> Answer:
            seen.append(request)
            return Answer(200, text="received")

        server = LoopbackServer(0, serve)
        fake.hosts["ingest"] = f"127.0.0.1:{server.server_port}"
        try:
            client.ingest.send_security_messages(PAYLOAD)
        finally:
            server.close()

        [request] = seen
        assert (request.method, request.path) == ("POST", f"/ingest/v1/{fake.customer_id}/data/secmsgs")
        assert request.query == {}
        assert request.raw_body == PAYLOAD
        assert request.headers["content-type"] == "alertlogic.com/cwe-json"
        assert request.headers["content-encoding"] == "deflate"
        assert request.headers["x-invoked-by"] == "lambda_function"
        assert request.headers["content-length"] == str(len(PAYLOAD))
        assert [request.headers["x-aims-auth-token"]] == fake.tokens
        assert "authorization" not in request.headers

    def test_is_taken_by_a_service_that_reads_it(self, client: AlertLogic, fake: FakeAlertLogic) -> None:
        client.ingest.send_security_messages(PAYLOAD)

        [batch] = fake.batches
        assert batch.source_id == SOURCE
        assert batch.texts == (FINDING,)
        assert [request.path.rsplit("/", 1)[1] for request in fake.requests] == ["authenticate", "endpoints", "secmsgs"]

    def test_is_sent_again_with_a_new_token(self, warm: AlertLogic, fake: FakeAlertLogic) -> None:
        fake.expire_tokens()

        warm.ingest.send_security_messages(PAYLOAD)

        assert [request.status for request in fake.requests] == [401, 200, 200]
        assert fake.finding_texts == [FINDING]


class TestHost:
    def test_is_looked_up_alone(self, client: AlertLogic, fake: FakeAlertLogic) -> None:
        """A lookup fails as a whole for one service that the customer does not have."""
        client.ingest.send_security_messages(PAYLOAD)
        client.deployments.list()

        lookups = [request.body for request in fake.requests if request.path.startswith("/endpoints/")]
        assert lookups == [["ingest"], ["aims", "credentials", "deployments", "policies", "themis"]]

    def test_is_known_even_if_another_is_missing_or_malformed(self, client: AlertLogic, fake: FakeAlertLogic) -> None:
        fake.fail(
            200, path="/endpoints/", body={"deployments": fake.own_host, "credentials": "http://malformed"}, times=1
        )

        assert client.deployments.list() == []
        with pytest.raises(RetryableError, match="for credentials is not a host name"):
            client.credentials.list()
        assert client.policies.list() != []
        assert client.credentials.list() == []


class TestRefusal:
    def test_for_the_size_is_told_apart(self, warm: AlertLogic, fake: FakeAlertLogic) -> None:
        fake.largest_payload_bytes = len(PAYLOAD) - 1

        with pytest.raises(TooLargeError, match=r"^Alert Logic answered 413: ingest: ") as refusal:
            warm.ingest.send_security_messages(PAYLOAD)

        assert isinstance(refusal.value, RejectedError)
        assert refusal.value.status == 413
        assert [request.status for request in fake.requests] == [413]

    def test_for_what_is_in_it_says_what_that_is(self, warm: AlertLogic, fake: FakeAlertLogic) -> None:
        fake.poison = "bastion"

        with pytest.raises(ContentRefusedError, match="ingest: a message cannot be read") as refusal:
            warm.ingest.send_security_messages(PAYLOAD)

        assert refusal.value.status == 400
        assert not isinstance(refusal.value, TooLargeError)

    @pytest.mark.parametrize("status", [400, 413])
    def test_of_the_lookup_is_not_for_what_is_in_it(
        self, client: AlertLogic, fake: FakeAlertLogic, status: int
    ) -> None:
        fake.fail(status, path="/endpoints/")

        with pytest.raises(RejectedError, match="endpoints: ") as refusal:
            client.ingest.send_security_messages(PAYLOAD)

        assert not isinstance(refusal.value, ContentRefusedError)

    @pytest.mark.parametrize("status", [403, 404, 415])
    def test_of_everybody_has_its_status(self, warm: AlertLogic, fake: FakeAlertLogic, status: int) -> None:
        fake.fail(status)

        with pytest.raises(RejectedError) as refusal:
            warm.ingest.send_security_messages(PAYLOAD)

        assert refusal.value.status == status
        assert not isinstance(refusal.value, ContentRefusedError)

    def test_of_the_token_is_not_ingest_s(self, warm: AlertLogic, fake: FakeAlertLogic) -> None:
        fake.fail(401, path="secmsgs")

        with pytest.raises(AuthenticationError):
            warm.ingest.send_security_messages(PAYLOAD)


class TestFailure:
    @pytest.mark.parametrize("status", [429, 500, 502, 503])
    def test_is_left_to_the_caller_with_the_time_to_wait(
        self, warm: AlertLogic, fake: FakeAlertLogic, slept: list[float], status: int
    ) -> None:
        fake.fail(status, retry_after=7)

        with pytest.raises(RetryableError, match=f"ingest answered {status}") as failure:
            warm.ingest.send_security_messages(PAYLOAD)

        assert failure.value.retry_after == 7
        assert [request.status for request in fake.requests] == [status]
        assert slept == []

    def test_after_the_effect_is_not_repeated_here(self, warm: AlertLogic, fake: FakeAlertLogic) -> None:
        fake.fail(503, after_effect=True)

        with pytest.raises(RetryableError):
            warm.ingest.send_security_messages(PAYLOAD)

        assert fake.finding_texts == [FINDING]

    def test_to_answer_ends_with_the_time_that_is_left(self, warm: AlertLogic, fake: FakeAlertLogic) -> None:
        end = time.monotonic() + SPARE_SECONDS + 1.0

        with (
            fake.silent("secmsgs"),
            warm.within(lambda: end - time.monotonic()),
            pytest.raises(RetryableError, match="no answer from"),
        ):
            warm.ingest.send_security_messages(PAYLOAD)

        assert len(fake.unanswered) == 1
        assert fake.batches == []

    def test_to_read_ends_with_the_time_that_is_left(self, warm: AlertLogic, fake: FakeAlertLogic) -> None:
        """A server that takes the connection and nothing of the body, which is larger than all buffers between."""
        end = time.monotonic() + SPARE_SECONDS + 1.0
        with socket.create_server(("127.0.0.1", 0)) as listener:
            fake.fail(307, path="secmsgs", location=f"http://127.0.0.1:{listener.getsockname()[1]}/")
            begin = time.monotonic()
            with warm.within(lambda: end - time.monotonic()), pytest.raises(RetryableError, match="no answer from"):
                warm.ingest.send_security_messages(bytes(50_000_000))

        assert time.monotonic() - begin < 5
        fake.contract_violations.clear()


class TestRedirect:
    @pytest.fixture
    def elsewhere(self, fake: FakeAlertLogic) -> Iterator[str]:
        with fake.another_host() as url:
            yield url

    def test_takes_the_same_request_to_another_host(
        self, warm: AlertLogic, fake: FakeAlertLogic, elsewhere: str
    ) -> None:
        path = f"/ingest/v1/{fake.customer_id}/data/secmsgs"
        fake.fail(307, path="secmsgs", times=1, location=elsewhere + path)

        warm.ingest.send_security_messages(PAYLOAD)

        assert [(request.status, request.host, request.path) for request in fake.requests] == [
            (307, fake.own_host, path),
            (200, elsewhere.removeprefix("http://"), path),
        ]
        assert all(request.token for request in fake.requests)
        assert fake.finding_texts == [FINDING]

    def test_may_name_a_path_only(self, warm: AlertLogic, fake: FakeAlertLogic) -> None:
        fake.fail(307, times=1, location=f"/ingest/v1/{fake.customer_id}/data/secmsgs")

        warm.ingest.send_security_messages(PAYLOAD)

        assert [request.status for request in fake.requests] == [307, 200]

    def test_holds_for_one_request(self, warm: AlertLogic, fake: FakeAlertLogic, elsewhere: str) -> None:
        fake.fail(307, times=1, location=f"{elsewhere}/ingest/v1/{fake.customer_id}/data/secmsgs")
        for _ in range(2):
            warm.ingest.send_security_messages(PAYLOAD)

        assert fake.requests[-1].host == fake.own_host

    def test_is_followed_with_a_new_token_if_that_is_asked_for(
        self, warm: AlertLogic, fake: FakeAlertLogic, elsewhere: str
    ) -> None:
        fake.fail(307, times=1, location=f"{elsewhere}/ingest/v1/{fake.customer_id}/data/secmsgs")
        fake.fail(401, path="secmsgs", times=1)

        warm.ingest.send_security_messages(PAYLOAD)

        assert [request.status for request in fake.requests] == [307, 401, 200, 200]
        assert fake.finding_texts == [FINDING]

    def test_is_followed_three_times(self, warm: AlertLogic, fake: FakeAlertLogic) -> None:
        location = f"/ingest/v1/{fake.customer_id}/data/secmsgs"
        fake.fail(307, times=MOST_REDIRECTS, location=location)
        warm.ingest.send_security_messages(PAYLOAD)
        fake.fail(307, location=location)

        with pytest.raises(RetryableError, match="ingest answered 307"):
            warm.ingest.send_security_messages(PAYLOAD)

        assert [request.status for request in fake.requests] == [307] * 3 + [200] + [307] * 4

    @pytest.mark.parametrize("retry_after", [5, "Thu, 15 Jan 2026 12:00:05 GMT"], ids=["seconds", "date"])
    @time_machine.travel(datetime(2026, 1, 15, 12, tzinfo=UTC), tick=False)
    def test_waits_as_long_as_it_is_told(
        self, warm: AlertLogic, fake: FakeAlertLogic, slept: list[float], retry_after: float | str
    ) -> None:
        fake.fail(307, times=1, location=f"/ingest/v1/{fake.customer_id}/data/secmsgs", retry_after=retry_after)

        warm.ingest.send_security_messages(PAYLOAD)

        assert slept == [5]

    @pytest.mark.parametrize(("retry_after", "left"), [(LONGEST_WAIT_SECONDS + 1, 300.0), (10.0, SPARE_SECONDS + 9.0)])
    def test_hands_a_long_wait_to_the_caller(
        self, warm: AlertLogic, fake: FakeAlertLogic, slept: list[float], retry_after: float, left: float
    ) -> None:
        location = f"/ingest/v1/{fake.customer_id}/data/secmsgs"
        fake.fail(307, location=location, retry_after=int(retry_after))

        with warm.within(lambda: left), pytest.raises(RetryableError) as failure:
            warm.ingest.send_security_messages(PAYLOAD)

        assert failure.value.retry_after == retry_after
        assert slept == []

    @pytest.mark.parametrize("status", [301, 302, 303, 308])
    def test_of_another_kind_is_not_followed(
        self, warm: AlertLogic, fake: FakeAlertLogic, status: int, elsewhere: str
    ) -> None:
        fake.fail(status, location=f"{elsewhere}/")

        with pytest.raises(RetryableError, match=f"ingest answered {status}"):
            warm.ingest.send_security_messages(PAYLOAD)

        assert len(fake.requests) == 1
        fake.contract_violations.clear()

    @pytest.mark.parametrize(
        "location",
        [
            None,
            "",
            "secmsgs",
            "http://localhost:{port}/",
            "//localhost:{port}/",
            "http://127.0.0.1@localhost:{port}/",
            "http://localhost:{port}/127.0.0.1",
            "http://localhost:{port}\\@127.0.0.1/",
            "http://127.0.0.1:{port}@localhost/",
            "http://127.0.0.2:{port}/",
            "http://[::1]:{port}/",
            "http://[not an address/",
            "ftp://127.0.0.1:{port}/",
        ],
    )
    def test_that_leads_away_from_alert_logic_is_not_followed(
        self, warm: AlertLogic, fake: FakeAlertLogic, elsewhere: str, location: str | None
    ) -> None:
        port = elsewhere.rsplit(":", 1)[1]
        fake.fail(307, location=None if location is None else location.format(port=port))

        with pytest.raises(RetryableError, match="redirects to a place that is not Alert Logic's"):
            warm.ingest.send_security_messages(PAYLOAD)

        assert [request.status for request in fake.requests] == [307]

    def test_to_alert_logic_is_encrypted(self, warm: AlertLogic, fake: FakeAlertLogic, connects: list[str]) -> None:
        fake.fail(307, location="https://ingest.us.alertlogic.com/ingest/v1/1/data/secmsgs")

        with pytest.raises(RetryableError, match=r"no answer from ingest\.us\.alertlogic\.com: ProxyError"):
            warm.ingest.send_security_messages(PAYLOAD)

        assert set(connects) == {"CONNECT ingest.us.alertlogic.com:443"}


class TestRedirectUrl:
    PRODUCTION = "https://api.global-services.global.alertlogic.com"
    HERE = "https://ingest.us.alertlogic.com/ingest/v1/1/data/secmsgs"

    @pytest.mark.parametrize(
        "location",
        [
            "https://ingest.emea.alertlogic.com/ingest/v1/1/data/secmsgs?a=b",
            "https://a.b-c.product.dev.alertlogic.com:443/",
            "https://x.alertlogic.com",
        ],
    )
    def test_leads_to_alert_logic(self, location: str) -> None:
        assert redirect_url(self.HERE, location, global_endpoint=self.PRODUCTION) == location

    def test_keeps_the_host_if_there_is_only_a_path(self) -> None:
        url = redirect_url(self.HERE, "/other?x=1", global_endpoint=self.PRODUCTION)

        assert url == "https://ingest.us.alertlogic.com/other?x=1"

    @pytest.mark.parametrize(
        "location",
        [
            "http://ingest.us.alertlogic.com/",
            "http://127.0.0.1/",
            "https://127.0.0.1/",
            "https://alertlogic.com.example.com/",
            "https://examplealertlogic.com/",
            "https://x.alertlogic.com.:443/",
            "https://x.alertlogic.com:8443/",
            "https://x.alertlogic.com@example.com/",
            "https://example.com\\@x.alertlogic.com/",
            "https://example.com/https://x.alertlogic.com/",
            "https://example.com#.alertlogic.com/",
            "https://example.com?.alertlogic.com/",
            "https://x.alertlogic.com\n.example.com/",
            "https://x.alertlogic.com/ \r\nHost: example.com",
            "//example.com/",
            "/\\example.com/",
            "///example.com/",
            "\thttps://x.alertlogic.com/",
            None,
        ],
    )
    def test_leads_nowhere_else(self, location: str | None) -> None:
        with pytest.raises(RetryableError, match="redirects to a place that is not Alert Logic's"):
            redirect_url(self.HERE, location, global_endpoint=self.PRODUCTION)
