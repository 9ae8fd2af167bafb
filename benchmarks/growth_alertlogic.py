"""Alert Logic behind the client's transport: every call with its time and its bytes, without HTTP."""

from __future__ import annotations

import json
import re
from contextlib import contextmanager
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote, urlsplit

from alertlogic_api.transport import Answer
from tests.rehearsal.alertlogic_server import Answer as Served
from tests.rehearsal.alertlogic_server import RefusedError, Request
from tests.rehearsal.alertlogic_services import Customer

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping

    from requests.auth import AuthBase

    from .growth_network import Network

CUSTOMER: Final = "12345678"

_TOKEN_SECONDS: Final = 6 * 3600


class AlertLogic(Customer):
    """The rehearsal's services, which nobody has to log in to."""

    def __init__(self, clock: Callable[[], float]) -> None:
        super().__init__(customer_id=CUSTOMER, clock=clock)
        self.own_host = "api.cloudinsight.alertlogic.com"
        self._now = clock

    def answer(self, request: Request) -> Served:
        """Answer a request."""
        if request.path == "/aims/v1/authenticate":
            authentication = {"token": "t" * 900, "token_expiration": int(self._now()) + _TOKEN_SECONDS}
            return Served(200, {"authentication": {**authentication, "account": self.account_document()}})
        try:
            for method, pattern, handler in self.ROUTES:
                match = re.fullmatch(pattern, request.path) if method == request.method else None
                if match:
                    values = {name: unquote(value) for name, value in match.groupdict().items() if name != "cid"}
                    return handler(self, request, **values)
        except RefusedError as refused:
            return refused.answer
        raise ValueError(f"Alert Logic has nothing at {request.method} {request.path}")


class Transport:
    """Stands in for `alertlogic_api.transport.Transport`."""

    def __init__(self, network: Network, alert_logic: AlertLogic) -> None:
        self._network = network
        self._alert_logic = alert_logic

    @contextmanager
    def within(self, _: Callable[[], float]) -> Generator[None]:
        """Bound nothing: how long invocations last is what is measured."""
        yield

    def send(
        self,
        method: str,
        url: str,
        *,
        auth: AuthBase,
        body: object = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send a request and take the whole answer."""
        prepared: Any = SimpleNamespace(headers=dict(headers or {}))
        auth(prepared)
        path = urlsplit(url).path
        raw_body = b"" if body is None else json.dumps(body).encode()
        request = Request(method, path, {}, prepared.headers, raw_body)
        sent = len(json.dumps(prepared.headers)) + len(url) + len(raw_body)

        def serve() -> tuple[Answer, int]:
            answer = self._alert_logic.answer(request)
            return Answer(answer.status, None, None, answer.body), len(answer.body)

        return self._network.exchange("Alert Logic", _operation(method, path), sent, serve)


def _operation(method: str, path: str) -> str:
    # /service/version/customer/kind/id
    parts = path.split("/")
    return " ".join([method, parts[1], *(["one"] if len(parts) == 6 else [])])  # noqa: PLR2004 - as above
