"""A customer's authenticated conversation with Alert Logic's services."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

from requests.auth import AuthBase, HTTPBasicAuth

from .errors import (
    AuthenticationError,
    ConflictError,
    ContentRefusedError,
    RejectedError,
    RetryableError,
    TooLargeError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Protocol

    from requests import PreparedRequest

    from .settings import AccessKey, AlertLogicSettings
    from .transport import Answer, Transport

    class Log(Protocol):
        """Takes a line for each call, as a function's logger does."""

        def debug(self, msg: str, *, extra: Mapping[str, object]) -> None:
            """Take a line that is wanted only when looking for something."""
            ...

        def info(self, msg: str, *, extra: Mapping[str, object]) -> None:
            """Take a line."""
            ...


# What is looked up together, so that each function needs one lookup per container. A lookup fails as a whole if one of
# its services has no host, and whoever needs only one of them must not suffer for the others.
SERVICES: Final = (
    ("aims", "credentials", "deployments", "policies", "themis"),
    ("ingest",),
    ("azcollect",),
    # Its paths begin with `collectors_status`, but this is the name under which its host is known.
    ("collector_status",),
)
MOST_REDIRECTS: Final = 3
RENEW_BEFORE_END_SECONDS: Final = 600

_REFUSALS: Final = {
    "mfa_code_required": "the access key belongs to a user with MFA",
    "mfa_enrollment_required": "the access key belongs to a user with MFA",
    "account_inactive": "account_inactive",
    "password_expired": "password_expired",
}
_CONTENT_ERRORS: Final[Mapping[int, type[ContentRefusedError]]] = {
    HTTPStatus.BAD_REQUEST: ContentRefusedError,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: TooLargeError,
}
_LONGEST_MESSAGE: Final = 500

_ALERT_LOGIC: Final = r"https://([A-Za-z0-9-]+\.)+alertlogic\.com(:443)?"
_LOOPBACK: Final = r"http://127\.0\.0\.1(:[0-9]+)?"
_REST_OF_URL: Final = r"(/[!-\[\]-~]*)?"

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class _Token(AuthBase):
    value: str = field(repr=False)
    ends_at: float

    def __call__(self, r: PreparedRequest) -> PreparedRequest:
        r.headers["x-aims-auth-token"] = self.value
        return r


class Session:
    """Authenticates when it must, finds the services' hosts once, and turns statuses into errors."""

    def __init__(
        self,
        settings: AlertLogicSettings,
        transport: Transport,
        *,
        access_key: Callable[[], AccessKey],
        clock: Callable[[], float],
        log: Log,
    ) -> None:
        self.customer_id: Final = settings.customer_id
        self._settings = settings
        self._transport = transport
        self._access_key = access_key
        self._clock = clock
        self._log = log
        self._token: _Token | None = None
        self._hosts: dict[str, str] = {}

    def call(self, method: str, service: str, path: str, *, read: Callable[[Any], _T], body: object = None) -> _T:
        """Make a call and read the JSON of its answer.

        Raises:
            AlertLogicError: As the tree in `errors` says.
        """
        answer = self._send(method, service, path, body)
        self._require_success(answer, service)
        return _read(answer, service, read)

    def delete(self, service: str, path: str) -> None:
        """Delete something; that it is gone already is as good.

        Raises:
            AlertLogicError: As the tree in `errors` says.
        """
        answer = self._send("DELETE", service, path)
        if answer.status != HTTPStatus.NOT_FOUND:
            self._require_success(answer, service)

    def put(self, service: str, path: str, body: object) -> None:
        """Put something; that it is there already, exactly so, is as good.

        Raises:
            AlertLogicError: As the tree in `errors` says.
        """
        answer = self._send("PUT", service, path, body)
        if answer.status != HTTPStatus.NOT_MODIFIED:
            self._require_success(answer, service)

    def post(self, service: str, path: str, body: bytes, *, headers: Mapping[str, str]) -> None:
        """Hand in what is not JSON, and once more to wherever the service redirects it within Alert Logic.

        Raises:
            ContentRefusedError: The service, not a lookup on the way there, answered 400 or 413.
            AlertLogicError: As the tree in `errors` says.
        """
        url = self._base_url(service) + path
        answer = self._send("POST", service, path, body, headers, url=url)
        for _ in range(MOST_REDIRECTS):
            if answer.status != HTTPStatus.TEMPORARY_REDIRECT:
                break
            url = redirect_url(url, answer.location, global_endpoint=self._settings.global_endpoint)
            self._transport.pause(answer.retry_after or 0)
            answer = self._send("POST", service, path, body, headers, url=url)
        if answer.status in _CONTENT_ERRORS:
            raise _CONTENT_ERRORS[answer.status](answer.status, f"{service}: {self._message(answer)}")
        self._require_success(answer, service)

    def _send(
        self,
        method: str,
        service: str,
        path: str,
        body: object = None,
        headers: Mapping[str, str] | None = None,
        *,
        url: str | None = None,
    ) -> Answer:
        url = url or self._base_url(service) + path
        for _ in range(2):
            answer = self._transport.send(method, url, auth=self._valid_token(), body=body, headers=headers)
            self._note(method, service, path, answer)
            if answer.status != HTTPStatus.UNAUTHORIZED:
                return answer
            self._token = None
        raise AuthenticationError("a token that was issued for it a moment ago is not accepted")

    def _note(self, method: str, service: str, path: str, answer: Answer) -> None:
        # Never the URL itself: one that Alert Logic redirects to may hold a token. Reads are many, and change nothing.
        write = self._log.debug if method == "GET" else self._log.info
        write("Alert Logic answered", extra={"call": f"{method} {service} {path}", "status": answer.status})

    def _valid_token(self) -> _Token:
        if self._token is None or self._clock() >= self._token.ends_at - RENEW_BEFORE_END_SECONDS:
            self._token = self._authenticate()
        return self._token

    def _authenticate(self) -> _Token:
        key, path = self._access_key(), "/aims/v1/authenticate"
        answer = self._transport.send(
            "POST",
            self._settings.global_endpoint + path,
            auth=HTTPBasicAuth(key.access_key_id, key.secret_key),
        )
        self._note("POST", "aims", path, answer)
        if _is_refusal(answer.status):
            raise AuthenticationError(_reason(answer))
        self._require_success(answer, "authenticate")
        return _read(answer, "authenticate", _read_token)

    def _base_url(self, service: str) -> str:
        if service not in self._hosts:
            [services] = [group for group in SERVICES if service in group]
            path = f"/endpoints/v1/{self.customer_id}/residency/{self._settings.residency}/endpoints"
            answer = self._send("POST", "endpoints", path, services, url=self._settings.global_endpoint + path)
            self._require_success(answer, "endpoints")
            self._hosts |= _read(
                answer, "endpoints", lambda hosts: {name: str(hosts[name]) for name in {service, *hosts}}
            )
        try:
            return base_url(service, self._hosts[service], global_endpoint=self._settings.global_endpoint)
        except RetryableError:
            # The next call looks it up again.
            del self._hosts[service]
            raise

    def _require_success(self, answer: Answer, service: str) -> None:
        status = answer.status
        if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
            return
        if status in {HTTPStatus.CONFLICT, HTTPStatus.PRECONDITION_FAILED}:
            raise ConflictError(f"{service} answered {status}: {self._message(answer)}")
        if _is_refusal(status):
            raise RejectedError(status, f"{service}: {self._message(answer)}")
        raise RetryableError(
            f"{service} answered {status}",
            retry_after=answer.retry_after,
            had_no_effect=status == HTTPStatus.TOO_MANY_REQUESTS,
        )

    def _message(self, answer: Answer) -> str:
        fields = _fields(answer)
        words = fields.get("message") or fields.get("error") or answer.body.decode(errors="replace")
        message = " ".join(str(words).split()) or "it does not say why"
        if self._token:
            # No service has a reason to repeat the token, and none may bring it into a log.
            message = message.replace(self._token.value, "(token)")
        return message[:_LONGEST_MESSAGE]


def base_url(service: str, host: str, *, global_endpoint: str) -> str:
    """Return where a service is, given the host that the global endpoint names.

    It is https, unless the global endpoint is a rehearsal's on loopback and the host is on loopback too.

    Raises:
        RetryableError: It is no bare host name.
    """
    if global_endpoint.startswith("http://") and re.fullmatch(r"127\.0\.0\.1(:[0-9]+)?", host):
        return f"http://{host}"
    if not re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?", host):
        raise RetryableError(f"endpoints: {host!r} for {service} is not a host name")
    return f"https://{host}"


def redirect_url(url: str, location: str | None, *, global_endpoint: str) -> str:
    """Return where a redirect leads.

    It may lead to https under alertlogic.com, or from a rehearsal on loopback to loopback: the token goes with it.

    Raises:
        RetryableError: It leads elsewhere, or nowhere.
    """
    target = _absolute(url, location or "")
    allowed = [_ALERT_LOGIC, _LOOPBACK] if global_endpoint.startswith("http://") else [_ALERT_LOGIC]
    # The whole text must match, since no two libraries agree on which host an odd URL names.
    if not any(re.fullmatch(origin + _REST_OF_URL, target) for origin in allowed):
        raise RetryableError(f"{url.split('/')[2]} redirects to a place that is not Alert Logic's")
    return target


def _absolute(url: str, location: str) -> str:
    return "/".join(url.split("/")[:3]) + location if re.match("/[^/]", location) else location


def _is_refusal(status: int) -> bool:
    is_client_error = HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR
    return is_client_error and status not in {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS}


def _reason(answer: Answer) -> str:
    # Of what is said about Basic credentials only known words are repeated: it may quote them.
    is_key_bad = answer.status == HTTPStatus.UNAUTHORIZED
    unnamed = "bad access key" if is_key_bad else f"authenticate answered {answer.status}"
    return _REFUSALS.get(str(_fields(answer).get("error")), unnamed)


def _fields(answer: Answer) -> dict[str, Any]:
    document = answer.document
    return cast("dict[str, Any]", document) if isinstance(document, dict) else {}


def _read(answer: Answer, service: str, read: Callable[[Any], _T]) -> _T:
    try:
        return read(answer.document)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        failure = type(error).__name__
    # Raised outside of the handler, since the answer may hold a token.
    raise RetryableError(f"{service} answered {answer.status} with something that cannot be read ({failure})")


def _read_token(document: Any) -> _Token:  # noqa: ANN401 - JSON can be anything
    authentication = document["authentication"]
    token = authentication["token"]
    # requests would quote a malformed header in its exception.
    if not re.fullmatch(r"[!-~]+", token):
        raise ValueError
    return _Token(token, float(authentication["token_expiration"]))
