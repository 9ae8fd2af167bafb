"""Alert Logic's API as far as this project uses it, served on loopback and held against the vendor's documents."""

from __future__ import annotations

import base64
import contextlib
import json
import re
import secrets
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Self
from urllib.parse import unquote

from tests.rehearsal.alertlogic_server import Answer, LoopbackServer, RefusedError, Request
from tests.rehearsal.alertlogic_services import Customer
from tests.rehearsal.contract import Source, Violation, alertlogic_contract
from tests.rehearsal.meeting import Meeting

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

# By which a token is recognized, wherever it shows.
TOKEN_PREFIX = "token-of-alert-logic-"
ACCESS_KEY_ID = "0123456789abcdef"
SECRET_KEY = "rehearsal-secret-key-7f3a9d"

Refusal = Literal["mfa_code_required", "mfa_enrollment_required", "account_inactive", "password_expired"]


@dataclass(frozen=True)
class LoggedRequest:
    """A request as it was served; `status` is None where the connection was dropped instead of an answer.

    Of security messages, which may be megabytes, the body is None: what ingest took is in `FakeAlertLogic.batches`.
    """

    at: float
    method: str
    path: str
    status: int | None
    basic: bool
    token: bool
    body: Any
    request_schema: Source
    answer_schema: Source | None
    host: str = ""


@dataclass
class _AccessKey:
    secret_key: str
    refusal: Refusal | None


@dataclass
class _Fault:
    status: int | None
    method: str | None
    path: str
    times: int | None
    until: float | None
    retry_after: float | str | None
    location: str | None
    after_effect: bool
    body: Any

    def strikes(self, request: Request, now: float) -> bool:
        return (
            self.method in {None, request.method}
            and re.search(self.path, request.path) is not None
            and (self.times is None or self.times > 0)
            and (self.until is None or now < self.until)
        )


class FakeAlertLogic(Customer):
    """One customer at Alert Logic. It takes part in no time but its `clock`'s.

    Use it as a context manager, or call `start` and `stop`. What it holds may be read, and set, at any time.

    Attributes:
        token_lifetime: Seconds that a token lasts from its issue.
        requests: Every request that was served, in order.
        unanswered: The paths of requests that were met with silence.
        contract_violations: What was asked or answered against the API's documents.
    """

    def __init__(self, *, customer_id: str = "12345678", clock: Callable[[], float] = time.time) -> None:
        super().__init__(customer_id=customer_id, clock=clock)
        self.token_lifetime = 6 * 3600.0
        self.requests: list[LoggedRequest] = []
        self.unanswered: list[str] = []
        self.contract_violations: list[Violation] = []
        self._contract = alertlogic_contract()
        self._access_keys = {ACCESS_KEY_ID: _AccessKey(SECRET_KEY, None)}
        self._tokens: dict[str, tuple[str, float]] = {}
        self._faults: list[_Fault] = []
        self._afterwards: list[tuple[str, str, Callable[[], object]]] = []
        self._silences: dict[str, threading.Event] = {}
        self._server: LoopbackServer | None = None
        self._port = 0

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Listen, on the same port as before if it was stopped."""
        self._server = LoopbackServer(self._port, self._serve)
        self._port = self._server.server_port
        self.own_host = f"127.0.0.1:{self._port}"

    def stop(self) -> None:
        """Close the port and every connection."""
        if self._server:
            self._server.close()
            self._server = None

    @property
    def url(self) -> str:
        """The global endpoint."""
        return f"http://127.0.0.1:{self._port}"

    @property
    def tokens(self) -> list[str]:
        """Every token that was issued and neither revoked nor ended by `expire_tokens`."""
        with self._lock:
            return list(self._tokens)

    def secret_string(self) -> str:
        """Return what the secret holds when it holds the key that is good from the start."""
        return json.dumps({"access_key_id": ACCESS_KEY_ID, "secret_key": SECRET_KEY})

    @property
    def access_keys(self) -> dict[str, str]:
        """The secret of every key that is good, or at least known, by the key's id."""
        with self._lock:
            return {access_key_id: key.secret_key for access_key_id, key in self._access_keys.items()}

    def set_access_key(self, access_key_id: str, secret_key: str, *, refusal: Refusal | None = None) -> None:
        """Make a key known, or change it; with `refusal` it is known but authenticates nobody."""
        with self._lock:
            self._access_keys[access_key_id] = _AccessKey(secret_key, refusal)

    def revoke_access_key(self, access_key_id: str) -> None:
        """Forget a key and end its tokens."""
        with self._lock:
            del self._access_keys[access_key_id]
            self._tokens = {token: it for token, it in self._tokens.items() if it[0] != access_key_id}

    def expire_tokens(self) -> None:
        """End every token now, whatever end was promised."""
        with self._lock:
            self._tokens.clear()

    def fail(
        self,
        status: int | None,
        *,
        method: str | None = None,
        path: str = "",
        times: int | None = None,
        until: float | None = None,
        retry_after: float | str | None = None,
        location: str | None = None,
        after_effect: bool = False,
        body: Any = None,
    ) -> None:
        """Answer requests with an error. It goes on for `times`, or before `until`, or until `recover`.

        Args:
            status: The status to answer; None drops the connection without an answer.
            method: The method concerned; every method if None.
            path: A regular expression to be found in the path, such as `/deployments$` or `authenticate`.
            times: How many requests are concerned.
            until: Unix seconds by the fake's clock.
            retry_after: Seconds, or a date as HTTP writes it.
            location: Where a redirect leads.
            after_effect: The request has its effect all the same.
            body: The JSON to answer; none if None.
        """
        with self._lock:
            self._faults.append(_Fault(status, method, path, times, until, retry_after, location, after_effect, body))

    def recover(self) -> None:
        """End all faults."""
        with self._lock:
            self._faults.clear()

    @contextlib.contextmanager
    def after_each(self, method: str, path: str, act: Callable[[], object]) -> Generator[None]:
        """Do something whenever such a request has been served, before it is answered.

        Args:
            method: The method concerned.
            path: A regular expression to be found in the path.
            act: What to do.
        """
        afterwards = (method, path, act)
        self._afterwards.append(afterwards)
        try:
            yield
        finally:
            self._afterwards.remove(afterwards)

    @contextlib.contextmanager
    def meeting(self, method: str, path: str, *, callers: int) -> Generator[None]:
        """Answer the first such requests only once so many have been served, each without the others' effects.

        Args:
            method: The method concerned.
            path: A regular expression to be found in the path.
            callers: How many requests meet.

        Raises:
            AssertionError: fewer had arrived by the end of the block.
        """
        meeting = Meeting(callers)
        with meeting, self.after_each(method, path, meeting.join):
            yield

    @contextlib.contextmanager
    def unreachable(self) -> Generator[None]:
        """Refuse connections for as long as the block lasts, and cut those that exist."""
        self.stop()
        try:
            yield
        finally:
            self.start()

    @contextlib.contextmanager
    def silent(self, path: str) -> Generator[None]:
        """Take requests without an effect, and never answer them, for as long as the block lasts.

        Args:
            path: A regular expression to be found in the path.
        """
        self._silences[path] = threading.Event()
        try:
            yield
        finally:
            self._silences.pop(path).set()

    @contextlib.contextmanager
    def another_host(self) -> Generator[str]:
        """Be there at a second address, too, as a URL without a path."""
        server = LoopbackServer(0, self._serve)
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.close()

    def _serve(self, request: Request) -> Answer | None:
        """Answer one request; None drops the connection."""
        silence = next((end for path, end in self._silences.items() if re.search(path, request.path)), None)
        if silence is not None:
            self.unanswered.append(request.path)
            silence.wait()
            return None
        with self._lock:
            answer = self._logged_answer(request)
        for method, path, act in tuple(self._afterwards):
            if method == request.method and re.search(path, request.path):
                act()
        return answer

    def _logged_answer(self, request: Request) -> Answer | None:
        """Check the request and its answer against the documents and log them."""
        asked = self._contract.check_request(
            request.method, request.path, request.query, request.headers, request.raw_body
        )
        self.contract_violations += asked.violations
        answer = self._answer(request)
        answered = answer and self._contract.check_answer(
            request.method, request.path, answer.status, answer.all_headers(), answer.body
        )
        self.contract_violations += answered.violations if answered else ()
        self.requests.append(
            LoggedRequest(
                at=self._clock(),
                method=request.method,
                path=request.path,
                status=answer.status if answer else None,
                basic="authorization" in request.headers,
                token="x-aims-auth-token" in request.headers,
                body=json.loads(request.raw_body) if request.is_json() else None,
                request_schema=asked.source,
                answer_schema=answered.source if answered else None,
                host=request.headers.get("host", ""),
            )
        )
        return answer

    def _answer(self, request: Request) -> Answer | None:
        fault = next((it for it in self._faults if it.strikes(request, self._clock())), None)
        if fault is None:
            return self._routed(request)
        if fault.times is not None:
            fault.times -= 1
        if fault.after_effect:
            self._routed(request)
        if fault.status is None:
            return None
        headers = {"retry-after": fault.retry_after, "location": fault.location}
        given = tuple((name, str(value)) for name, value in headers.items() if value is not None)
        return Answer(fault.status, fault.body, given)

    def _routed(self, request: Request) -> Answer:
        try:
            if (request.method, request.path) == ("POST", "/aims/v1/authenticate"):
                return self._authenticate(request)
            self._require_token(request)
            return self._service(request)
        except RefusedError as refused:
            return refused.answer

    def _service(self, request: Request) -> Answer:
        for method, pattern, handler in self.ROUTES:
            match = re.fullmatch(pattern, request.path) if method == request.method else None
            if match:
                values = {name: unquote(value) for name, value in match.groupdict().items()}
                if values.pop("cid", self.customer_id) != self.customer_id:
                    raise RefusedError(404, {"error": "account_not_found"})
                return handler(self, request, **values)
        raise RefusedError(404, {"error": "not_found"})

    def _require_token(self, request: Request) -> None:
        token = self._tokens.get(request.headers.get("x-aims-auth-token", ""))
        if token is None or self._clock() >= token[1]:
            raise RefusedError(401)

    def _authenticate(self, request: Request) -> Answer:
        given = request.headers.get("authorization")
        known = self._access_keys.items()
        access_key_id = next((name for name, key in known if given == _basic(name, key.secret_key)), None)
        if access_key_id is None:
            raise RefusedError(401)
        key = self._access_keys[access_key_id]
        if key.refusal in {"mfa_code_required", "mfa_enrollment_required"}:
            raise RefusedError(401, {"error": key.refusal}, ("x-aims-session-token", secrets.token_hex(8)))
        if key.refusal:
            raise RefusedError(400, {"error": key.refusal})
        token, ends_at = f"{TOKEN_PREFIX}{secrets.token_urlsafe(32)}", self._clock() + self.token_lifetime
        self._tokens[token] = (access_key_id, ends_at)
        return Answer(
            200,
            {
                "authentication": {
                    "user": {"id": self.user_id, "account_id": self.customer_id, "name": "Rehearsal", "active": True},
                    "account": self.account_document(),
                    "token": token,
                    "token_expiration": int(ends_at),
                }
            },
        )


def _basic(access_key_id: str, secret_key: str) -> str:
    return f"Basic {base64.b64encode(f'{access_key_id}:{secret_key}'.encode()).decode()}"
