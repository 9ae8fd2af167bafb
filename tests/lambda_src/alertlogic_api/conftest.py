"""The client against the fake Alert Logic, over real connections on loopback."""

from __future__ import annotations

import socketserver
import threading
from typing import TYPE_CHECKING, Protocol

import pytest

from alertlogic_api import AccessKey, AlertLogic, AlertLogicSettings
from tests.rehearsal.alertlogic import FakeAlertLogic

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SECRET_ARN = "arn:aws:secretsmanager:us-east-1:444444444444:secret:alertlogic-AbCdEf"


class Clock:
    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


class MakeClient(Protocol):
    def __call__(
        self,
        *,
        url: str | None = None,
        residency: str = "default",
        access_key: Callable[[], AccessKey] | None = None,
        sleep: Callable[[float], None] | None = None,
    ) -> AlertLogic: ...


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def fake(clock: Clock) -> Iterator[FakeAlertLogic]:
    with FakeAlertLogic(clock=clock) as fake:
        yield fake
    assert fake.contract_violations == []


@pytest.fixture
def slept() -> list[float]:
    """What the clients of this test waited, in place of waiting."""
    return []


@pytest.fixture
def make_client(fake: FakeAlertLogic, clock: Clock, slept: list[float]) -> MakeClient:
    def make(
        *,
        url: str | None = None,
        residency: str = "default",
        access_key: Callable[[], AccessKey] | None = None,
        sleep: Callable[[float], None] | None = None,
    ) -> AlertLogic:
        return AlertLogic(
            AlertLogicSettings(
                customer_id=fake.customer_id,
                secret_arn=SECRET_ARN,
                global_endpoint=url or fake.url,
                residency=residency,
            ),
            access_key=access_key or (lambda: AccessKey.from_secret_string(fake.secret_string())),
            clock=clock,
            sleep=sleep or slept.append,
        )

    return make


@pytest.fixture
def client(make_client: MakeClient) -> AlertLogic:
    return make_client()


@pytest.fixture
def warm(client: AlertLogic, fake: FakeAlertLogic) -> AlertLogic:
    """A client that holds a token, the hosts and open connections; what it took is not in the log."""
    client.deployments.list()
    client.credentials.list()
    fake.requests.clear()
    return client


@pytest.fixture
def connects(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """What a proxy for https is asked, first lines only; it refuses, and it must not be shown credentials."""
    asked: list[str] = []

    class Refuse(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            first, *headers = iter(lambda: self.rfile.readline().decode().strip(), "")
            asked.append(first.removesuffix(" HTTP/1.1").removesuffix(" HTTP/1.0"))
            assert not [it for it in headers if it.lower().startswith(("authorization", "x-aims"))]
            self.wfile.write(b"HTTP/1.1 403 Forbidden\r\n\r\n")

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Refuse) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{server.server_address[1]}")
        for name in ("https_proxy", "NO_PROXY", "no_proxy"):
            monkeypatch.delenv(name, raising=False)
        yield asked
        server.shutdown()
