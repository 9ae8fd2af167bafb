"""One HTTP exchange with Alert Logic, repeated where that is safe, within the time that is left."""

from __future__ import annotations

import json
import math
import random
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import requests
from requests.adapters import HTTPAdapter
from urllib3 import Retry, Timeout
from urllib3.exceptions import HTTPError, InvalidHeader, MaxRetryError, ResponseError

from .errors import RetryableError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping
    from types import TracebackType

    from requests.auth import AuthBase
    from urllib3 import BaseHTTPResponse
    from urllib3.connectionpool import ConnectionPool

CONNECT_SECONDS: Final = 5.0
READ_SECONDS: Final = 20.0
# What is handed in takes effect even if nobody waits for the answer, and would be handed in again.
HAND_IN_SECONDS: Final = 60.0
# Whoever is to wait longer than this is told so, and waits in the queue, where it costs nothing.
LONGEST_WAIT_SECONDS: Final = 20.0
# What the function needs to report how far it came.
SPARE_SECONDS: Final = 3.0
# Lambda stops the container between invocations, so the other end may have hung up without a sign.
LONGEST_REST_SECONDS: Final = 30.0

_PIECE_BYTES: Final = 65536

_RULES: Final[dict[str, Any]] = {
    "total": 2,
    "other": 0,
    "redirect": 0,
    "allowed_methods": ("GET", "PUT", "DELETE"),
    "status_forcelist": (429, 502, 503, 504),
    "backoff_factor": 0.2,
    "raise_on_status": False,
}


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, whatever its status. The body may be a token, and the location hold one: no repr shows them."""

    status: int
    retry_after: float | None
    location: str | None = field(repr=False)
    body: bytes = field(repr=False)

    @property
    def document(self) -> Any:  # noqa: ANN401 - JSON can be anything
        """The body as JSON; None if it is not JSON."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None


class Transport:
    """Sends requests over pooled connections and knows how much time is left."""

    def __init__(self, *, clock: Callable[[], float], sleep: Callable[[float], None]) -> None:
        self._clock = clock
        self._sleep = sleep
        self._resting_since = clock()
        self._remaining: Callable[[], float] = _unlimited
        self._retry = _BoundedRetry(seconds_left=self.seconds_left, pause=sleep, **_RULES)
        self._timeout = _BoundedTimeout(self.seconds_left, read_seconds=READ_SECONDS)
        self._hand_in_timeout = _BoundedTimeout(self.seconds_left, read_seconds=HAND_IN_SECONDS)
        self._http = _Http()
        for scheme in ("https://", "http://"):
            self._http.mount(scheme, HTTPAdapter(max_retries=self._retry))

    @contextmanager
    def within(self, remaining_seconds: Callable[[], float]) -> Generator[None]:
        """Bound everything that happens inside by the time that an invocation has left."""
        self._remaining = remaining_seconds
        try:
            yield
        finally:
            self._remaining = _unlimited

    def seconds_left(self) -> float:
        """Return how long an exchange that starts now may take."""
        return self._remaining() - SPARE_SECONDS

    def pause(self, seconds: float) -> None:
        """Wait before the next request.

        Raises:
            RetryableError: That is too long to wait here.
        """
        if seconds > min(LONGEST_WAIT_SECONDS, self.seconds_left()):
            raise RetryableError(f"Alert Logic asks for {seconds:.0f} seconds", retry_after=seconds)
        self._sleep(seconds)

    def send(
        self,
        method: str,
        url: str,
        *,
        auth: AuthBase,
        body: object = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send a request and read the whole answer. Bytes are sent as they are, any other body as JSON.

        `auth` must always be given, since requests otherwise looks for credentials in `.netrc`.

        Raises:
            RetryableError: There is no answer, and perhaps no effect.
        """
        if self.seconds_left() <= 0:
            raise RetryableError("no time is left in this invocation to ask Alert Logic", had_no_effect=True)
        if self._clock() - self._resting_since > LONGEST_REST_SECONDS:
            self._http.close()
        try:
            return self._exchange(method, url, auth=auth, body=body, headers=headers)
        except (requests.RequestException, HTTPError) as error:
            failure = type(error).__name__
        finally:
            self._resting_since = self._clock()
        # Raised outside of the handler: requests' exception holds the request with its credentials.
        raise RetryableError(f"no answer from {url.split('/')[2]}: {failure}")

    def _exchange(
        self, method: str, url: str, *, auth: AuthBase, body: object, headers: Mapping[str, str] | None
    ) -> Answer:
        with self._http.request(
            method,
            url,
            auth=auth,
            headers=headers,
            **({"data": body} if isinstance(body, bytes) else {"json": body}),
            # requests hands urllib3's own kind of timeout through as it is, which its types do not know.
            timeout=self._hand_in_timeout if isinstance(body, bytes) else self._timeout,  # type: ignore[arg-type]
            allow_redirects=False,
            stream=True,
        ) as response:
            raw: BaseHTTPResponse = response.raw
            received = bytearray()
            # A read timeout only limits the silence between two pieces, not a body that trickles in.
            while piece := raw.read1(_PIECE_BYTES, decode_content=True):
                received += piece
                if self.seconds_left() <= 0:
                    raise requests.Timeout
            return Answer(
                response.status_code,
                retry_after=self._retry.get_retry_after(raw),
                location=response.headers.get("location"),
                body=bytes(received),
            )


class _Http(requests.Session):
    """Leaves redirects to the caller: even one that is not followed, requests would prepare to, and read its body."""

    def get_redirect_target(self, resp: requests.Response) -> None:  # noqa: ARG002 - as requests
        return None


def _unlimited() -> float:
    return math.inf


class _BoundedTimeout(Timeout):
    """Makes the timeout of each attempt anew from the time that is left then."""

    def __init__(self, seconds_left: Callable[[], float], *, read_seconds: float) -> None:
        super().__init__(connect=CONNECT_SECONDS, read=read_seconds)
        self._seconds_left = seconds_left
        self._read_seconds = read_seconds

    def clone(self) -> Timeout:
        # urllib3 refuses a timeout of nothing.
        return Timeout(connect=CONNECT_SECONDS, read=self._read_seconds, total=max(self._seconds_left(), 0.001))


class _BoundedRetry(Retry):
    """urllib3's rules on what is safe to repeat, with full jitter, and giving up instead of waiting too long."""

    def __init__(self, *, seconds_left: Callable[[], float], pause: Callable[[float], None], **rules: Any) -> None:  # noqa: ANN401 - as urllib3
        super().__init__(**rules)
        self._seconds_left = seconds_left
        self._pause = pause
        self.wait_seconds = 0.0

    def new(self, **changes: Any) -> _BoundedRetry:  # noqa: ANN401 - as urllib3
        return super().new(seconds_left=self._seconds_left, pause=self._pause, **changes)

    def get_retry_after(self, response: BaseHTTPResponse) -> float | None:
        try:
            return super().get_retry_after(response)
        except (InvalidHeader, ValueError, OverflowError):
            return None

    def increment(
        self,
        method: str | None = None,
        url: str | None = None,
        response: BaseHTTPResponse | None = None,
        error: Exception | None = None,
        _pool: ConnectionPool | None = None,
        _stacktrace: TracebackType | None = None,
    ) -> _BoundedRetry:
        following = super().increment(method, url, response, error, _pool, _stacktrace)
        asked_for = self.get_retry_after(response) if response else None
        jittered = random.uniform(0, self.backoff_factor * 2 ** len(following.history))  # noqa: S311 - no secret
        following.wait_seconds = jittered if asked_for is None else asked_for + jittered
        if following.wait_seconds > min(LONGEST_WAIT_SECONDS, self._seconds_left()):
            # Outside of a pool there is no pool to name, and urllib3 raises this all the same.
            raise MaxRetryError(_pool, url, error or ResponseError("too long a wait"))  # type: ignore[arg-type]
        return following

    def sleep(self, response: BaseHTTPResponse | None = None) -> None:  # noqa: ARG002 - as urllib3
        self._pause(self.wait_seconds)
