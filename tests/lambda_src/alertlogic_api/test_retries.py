"""What is sent again, after how long, and what is not."""

from __future__ import annotations

import contextlib
import gzip
import socket
import threading
import time
from email.utils import formatdate
from typing import TYPE_CHECKING

import pytest

from alertlogic_api import RetryableError
from tests.rehearsal.alertlogic_server import Answer, LoopbackServer, Request

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from alertlogic_api import AlertLogic
    from tests.lambda_src.alertlogic_api.conftest import Clock, MakeClient
    from tests.rehearsal.alertlogic import FakeAlertLogic

ROLE = "arn:aws:iam::555555555555:role/alertlogic"
# What the client leaves for the function to report.
SPARE = 3.0


def statuses(fake: FakeAlertLogic) -> list[int | None]:
    return [it.status for it in fake.requests]


class TestAnswerThatSaysLater:
    @pytest.mark.parametrize("status", [429, 502, 503, 504])
    def test_to_a_get_is_followed_by_another_try(
        self, warm: AlertLogic, fake: FakeAlertLogic, status: int, slept: list[float]
    ) -> None:
        fake.fail(status, times=2)

        assert warm.deployments.list() == []
        assert statuses(fake) == [status, status, 200]
        assert 0 <= slept[0] <= 0.4
        assert 0 <= slept[1] <= 0.8

    def test_to_a_put_or_delete_is_followed_by_another_try(self, warm: AlertLogic, fake: FakeAlertLogic) -> None:
        fake.add_deployment(account_id="555555555555")
        [deployment] = warm.deployments.list()
        fake.fail(503, method="PUT", times=1)
        fake.fail(503, method="DELETE", times=1)

        warm.deployments.update(deployment.id, deployment.update_document())
        warm.deployments.delete(deployment.id)

        assert statuses(fake) == [200, 503, 200, 503, 204]

    def test_to_a_post_is_left_to_the_caller(self, warm: AlertLogic, fake: FakeAlertLogic, slept: list[float]) -> None:
        fake.fail(503, method="POST", retry_after=7)

        with pytest.raises(RetryableError, match="credentials answered 503") as failure:
            warm.credentials.create(name="n", role_arn=ROLE)

        assert failure.value.retry_after == 7
        assert statuses(fake) == [503]
        assert slept == []

    @pytest.mark.parametrize("status", [None, 500, 503])
    def test_to_a_post_that_took_effect_does_not_repeat_it(
        self, warm: AlertLogic, fake: FakeAlertLogic, status: int | None
    ) -> None:
        fake.fail(status, method="POST", after_effect=True)

        with pytest.raises(RetryableError) as failure:
            warm.credentials.create(name="n", role_arn=ROLE)

        assert not failure.value.had_no_effect
        assert statuses(fake) == [status]
        assert len(fake.credentials) == 1

    def test_to_a_post_that_was_one_too_many_had_no_effect(self, warm: AlertLogic, fake: FakeAlertLogic) -> None:
        fake.fail(429, method="POST")

        with pytest.raises(RetryableError, match="credentials answered 429") as failure:
            warm.credentials.create(name="n", role_arn=ROLE)

        assert failure.value.had_no_effect
        assert statuses(fake) == [429]

    def test_is_believed_in_the_end(self, warm: AlertLogic, fake: FakeAlertLogic) -> None:
        fake.fail(503)

        with pytest.raises(RetryableError, match="deployments answered 503") as failure:
            warm.deployments.list()

        assert failure.value.retry_after is None
        assert statuses(fake) == [503, 503, 503]

    @pytest.mark.parametrize("status", [408, 500, 501])
    def test_or_that_nothing_explains_is_left_to_the_caller(
        self, warm: AlertLogic, fake: FakeAlertLogic, status: int
    ) -> None:
        fake.fail(status)

        with pytest.raises(RetryableError, match=f"deployments answered {status}"):
            warm.deployments.list()

        assert statuses(fake) == [status]


class TestRetryAfter:
    def test_in_seconds_is_waited_for(self, warm: AlertLogic, fake: FakeAlertLogic, slept: list[float]) -> None:
        fake.fail(503, times=1, retry_after=5)
        warm.deployments.list()

        [waited] = slept
        assert 5 <= waited <= 5.4

    def test_as_a_date_is_waited_for(self, warm: AlertLogic, fake: FakeAlertLogic, slept: list[float]) -> None:
        fake.fail(429, times=1, retry_after=formatdate(time.time() + 10, usegmt=True))
        warm.deployments.list()

        [waited] = slept
        assert 8 <= waited <= 10.4

    def test_that_is_long_is_handed_to_the_caller(
        self, warm: AlertLogic, fake: FakeAlertLogic, slept: list[float]
    ) -> None:
        fake.fail(503, retry_after=120)

        with pytest.raises(RetryableError) as failure:
            warm.deployments.list()

        assert failure.value.retry_after == 120
        assert statuses(fake) == [503]
        assert slept == []

    @pytest.mark.parametrize("nonsense", ["soon", "-5", "Mon, 99 Foo 999999999999 99:99:99 GMT"])
    def test_that_cannot_be_read_counts_as_none(
        self, warm: AlertLogic, fake: FakeAlertLogic, nonsense: str, slept: list[float]
    ) -> None:
        fake.fail(503, times=1, retry_after=nonsense)
        fake.fail(500, times=1, retry_after=nonsense)

        with pytest.raises(RetryableError) as failure:
            warm.deployments.list()

        assert failure.value.retry_after is None
        assert len(slept) == 1


class TestNoConnection:
    def test_lets_even_a_post_be_sent_again(self, make_client: MakeClient, fake: FakeAlertLogic) -> None:
        """A request that met a closed port surely did not arrive."""
        client = make_client(sleep=lambda _: fake.start())
        client.credentials.list()
        fake.stop()

        client.credentials.create(name="n", role_arn=ROLE)

        assert len(fake.credentials) == 1

    def test_that_lasts_is_left_to_the_caller(self, warm: AlertLogic, fake: FakeAlertLogic, slept: list[float]) -> None:
        with fake.unreachable(), pytest.raises(RetryableError, match=r"no answer from 127\.0\.0\.1:\d+: Connection"):
            warm.deployments.list()

        assert len(slept) == 2
        assert warm.deployments.list() == []

    def test_that_breaks_lets_a_get_be_sent_again(self, warm: AlertLogic, fake: FakeAlertLogic) -> None:
        fake.fail(None, times=1)

        assert warm.deployments.list() == []
        assert statuses(fake) == [None, 200]


class TestUnreadableAnswer:
    @pytest.mark.parametrize("path", ["authenticate", "/endpoints/", "/deployments$"])
    @pytest.mark.parametrize("body", [None, "text", [{"no": "id"}], {"authentication": {"token": "a b"}}])
    def test_is_a_reason_to_try_later(self, client: AlertLogic, fake: FakeAlertLogic, path: str, body: object) -> None:
        fake.fail(200, path=path, body=body)

        with pytest.raises(RetryableError, match="answered 200 with something that cannot be read"):
            client.deployments.list()
        # The fake was told to break the contract.
        fake.contract_violations.clear()


def test_connections_are_kept(client: AlertLogic, fake: FakeAlertLogic, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG", "urllib3")
    fake.fail(503, method="GET", times=1)
    for _ in range(3):
        client.deployments.list()
        client.credentials.create(name="n", role_arn=ROLE)

    assert caplog.text.count("Starting new HTTP connection") == 1


@pytest.mark.parametrize(("rest", "connections"), [(30, 1), (31, 2)])
def test_connections_are_renewed_after_a_rest(
    client: AlertLogic, clock: Clock, caplog: pytest.LogCaptureFixture, rest: float, connections: int
) -> None:
    """Lambda stops a container between invocations, and the other end hangs up meanwhile."""
    caplog.set_level("DEBUG", "urllib3")
    for _ in range(2):
        client.deployments.list()
        client.deployments.list()
        clock.now += rest

    assert caplog.text.count("Starting new HTTP connection") == connections


def serve_bytes(answer: bytes, *, then_every_tenth_second: bytes = b"") -> Iterator[str]:
    """Answer each connection with fixed bytes, and then drip; yield the URL."""
    stopped = threading.Event()

    def serve(connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            connection.recv(65536)
            connection.sendall(answer)
            while then_every_tenth_second and not stopped.wait(0.1):
                connection.sendall(then_every_tenth_second)

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=serve, args=(listener.accept()[0],)).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        accepting = threading.Thread(target=accept)
        accepting.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        stopped.set()
        listener.shutdown(socket.SHUT_RDWR)
        accepting.join()


@pytest.fixture
def silent_url() -> Iterator[str]:
    """A server that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


@pytest.fixture
def dripping_url() -> Iterator[str]:
    """A server that takes five seconds for its answer, and never falls silent meanwhile."""
    yield from serve_bytes(b"HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\n", then_every_tenth_second=b" ")


@pytest.fixture
def truncating_url() -> Iterator[str]:
    """A server that hangs up in the midst of an answer."""
    yield from serve_bytes(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{")


def seconds_of(work: Callable[[], object]) -> float:
    begin = time.monotonic()
    with pytest.raises(RetryableError):
        work()
    return time.monotonic() - begin


class TestTimeLeft:
    @pytest.fixture
    def half_a_second(self) -> Callable[[], float]:
        end = time.monotonic() + SPARE + 0.5
        return lambda: end - time.monotonic()

    def test_bounds_a_server_that_never_answers(
        self, make_client: MakeClient, silent_url: str, half_a_second: Callable[[], float]
    ) -> None:
        client = make_client(url=silent_url)

        with client.within(half_a_second):
            assert 0.3 < seconds_of(client.deployments.list) < 1.5

    def test_bounds_an_answer_that_trickles_in(
        self, make_client: MakeClient, dripping_url: str, half_a_second: Callable[[], float]
    ) -> None:
        client = make_client(url=dripping_url)

        with client.within(half_a_second):
            assert 0.3 < seconds_of(client.deployments.list) < 1.5

    def test_bounds_all_tries_together(
        self, client: AlertLogic, fake: FakeAlertLogic, silent_url: str, half_a_second: Callable[[], float]
    ) -> None:
        """A GET would be sent three times, each waiting as long as the read timeout allows."""
        fake.hosts["deployments"] = silent_url.removeprefix("http://")
        client.credentials.list()

        with client.within(half_a_second):
            assert 0.3 < seconds_of(client.deployments.list) < 1.5

    def test_that_is_shorter_than_the_wait_ends_it(
        self, warm: AlertLogic, fake: FakeAlertLogic, slept: list[float]
    ) -> None:
        fake.fail(503, retry_after=10)

        with warm.within(lambda: SPARE + 9), pytest.raises(RetryableError) as failure:
            warm.deployments.list()

        assert failure.value.retry_after == 10
        assert slept == []

    def test_of_nothing_sends_nothing(self, warm: AlertLogic, fake: FakeAlertLogic) -> None:
        with warm.within(lambda: SPARE), pytest.raises(RetryableError, match="no time is left") as failure:
            warm.deployments.list()

        assert failure.value.had_no_effect
        assert fake.requests == []

    def test_is_forgotten_when_the_invocation_ends(self, warm: AlertLogic) -> None:
        with warm.within(lambda: 0):
            pass

        assert warm.deployments.list() == []


def test_answer_that_breaks_off_is_a_reason_to_try_later(make_client: MakeClient, truncating_url: str) -> None:
    with pytest.raises(RetryableError, match="no answer from"):
        make_client(url=truncating_url).deployments.list()


def test_compressed_answer_is_read(make_client: MakeClient) -> None:
    class Compressed(Answer):
        @property
        def body(self) -> bytes:
            return gzip.compress(b'{"error": "mfa_code_required"}')

    def answer(_: Request) -> Answer:
        return Compressed(401, {}, (("content-encoding", "gzip"),))

    server = LoopbackServer(0, answer)
    try:
        with pytest.raises(Exception, match="a user with MFA"):
            make_client(url=f"http://127.0.0.1:{server.server_port}").deployments.list()
    finally:
        server.close()
