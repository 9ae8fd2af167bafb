"""No secret shows in an exception, what it holds on to, a traceback with all variables, or a log."""

from __future__ import annotations

import base64
import logging
import traceback
from typing import TYPE_CHECKING

import pytest

from alertlogic_api import AccessKey, AlertLogicError, AuthenticationError
from tests.rehearsal.alertlogic import ACCESS_KEY_ID, SECRET_KEY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from alertlogic_api import AlertLogic
    from tests.lambda_src.alertlogic_api.conftest import MakeClient
    from tests.rehearsal.alertlogic import FakeAlertLogic


def token_refused(fake: FakeAlertLogic) -> None:
    fake.fail(401, path="/deployments$")


def token_quoted(fake: FakeAlertLogic) -> None:
    [token] = fake.tokens
    fake.fail(400, path="/deployments$", body={"message": f"{'x' * 470} bad token {token}"})


def credentials_quoted(fake: FakeAlertLogic) -> None:
    fake.expire_tokens()
    fake.fail(403, path="authenticate", body={"error": SECRET_KEY})


def key_refused(fake: FakeAlertLogic) -> None:
    fake.revoke_access_key(ACCESS_KEY_ID)


def key_of_a_user_with_mfa(fake: FakeAlertLogic) -> None:
    fake.expire_tokens()
    fake.set_access_key(ACCESS_KEY_ID, SECRET_KEY, refusal="mfa_code_required")


def token_malformed(fake: FakeAlertLogic) -> None:
    fake.expire_tokens()
    [token] = [f"{SECRET_KEY}\n"]
    fake.fail(200, path="authenticate", body={"authentication": {"token": token, "token_expiration": 9e9}})


def overloaded(fake: FakeAlertLogic) -> None:
    fake.fail(503)


def unreachable(fake: FakeAlertLogic) -> None:
    fake.stop()


def hanging_up_on_authenticate(fake: FakeAlertLogic) -> None:
    fake.expire_tokens()
    fake.fail(None, path="authenticate")


def conflicting(fake: FakeAlertLogic) -> None:
    fake.fail(409, body={"error": "version_conflict"})


def unreadable(fake: FakeAlertLogic) -> None:
    fake.fail(200, path="/deployments$", body=[{"no": "id"}])


def redirected_elsewhere(fake: FakeAlertLogic) -> None:
    [token] = fake.tokens
    fake.fail(307, path="secmsgs", location="https://example.com/", body={"error": token})


def redirected_too_often(fake: FakeAlertLogic) -> None:
    [token] = fake.tokens
    fake.fail(307, path="secmsgs", location=f"/ingest/v1/{fake.customer_id}/data/secmsgs", body={"error": token})


def redirected_for_later(fake: FakeAlertLogic) -> None:
    fake.fail(307, path="secmsgs", location="/", retry_after=900)


def redirected_to_silence(fake: FakeAlertLogic) -> None:
    fake.fail(307, path="secmsgs", location="http://127.0.0.1:1/")


def too_large(fake: FakeAlertLogic) -> None:
    [token] = fake.tokens
    fake.fail(413, path="secmsgs", body={"error": f"too large for {token}"})


@pytest.mark.parametrize(
    "break_it",
    [
        token_refused,
        token_quoted,
        credentials_quoted,
        key_refused,
        key_of_a_user_with_mfa,
        token_malformed,
        overloaded,
        unreachable,
        hanging_up_on_authenticate,
        conflicting,
        unreadable,
    ],
)
def test_no_failure_shows_a_secret(
    warm: AlertLogic,
    fake: FakeAlertLogic,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
    break_it: Callable[[FakeAlertLogic], None],
) -> None:
    assert_nothing_shows(warm.deployments.list, fake, caplog, capfd, break_it)


@pytest.mark.parametrize(
    "break_it",
    [
        redirected_elsewhere,
        redirected_too_often,
        redirected_for_later,
        redirected_to_silence,
        too_large,
        overloaded,
    ],
)
def test_no_failure_of_ingest_shows_a_secret(
    warm: AlertLogic,
    fake: FakeAlertLogic,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
    break_it: Callable[[FakeAlertLogic], None],
) -> None:
    assert_nothing_shows(lambda: warm.ingest.send_security_messages(b"batch"), fake, caplog, capfd, break_it)


def assert_nothing_shows(
    act: Callable[[], object],
    fake: FakeAlertLogic,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
    break_it: Callable[[FakeAlertLogic], None],
) -> None:
    caplog.set_level(logging.DEBUG)
    tokens = fake.tokens
    break_it(fake)

    with pytest.raises(AlertLogicError) as failure:
        act()

    basic = base64.b64encode(f"{ACCESS_KEY_ID}:{SECRET_KEY}".encode()).decode()
    secrets = [SECRET_KEY, ACCESS_KEY_ID, basic, *tokens, *fake.tokens]
    logging.getLogger(__name__).error("failed", exc_info=failure.value)
    output = capfd.readouterr()
    shown = "\n".join([*everything_of(failure.value), caplog.text, output.out, output.err])
    assert [secret for secret in secrets if secret in shown or secret[:12] in shown] == []
    assert "failed" in caplog.text
    fake.contract_violations.clear()


def everything_of(error: BaseException) -> Iterator[str]:
    # What an exception is chained to may hold requests' own, which holds the request with its headers.
    assert (error.__cause__, error.__context__) == (None, None)
    yield str(error)
    yield repr(error)
    yield repr(vars(error))
    yield repr(error.args)
    # The first frame is the test's own, which knows the secrets.
    frames = error.__traceback__ and error.__traceback__.tb_next
    yield from traceback.TracebackException(type(error), error, frames, capture_locals=True).format()


def test_nothing_that_the_client_is_made_of_shows_a_secret(warm: AlertLogic, fake: FakeAlertLogic) -> None:
    [token] = fake.tokens
    session: object = vars(warm.deployments)["_session"]
    transport: object = vars(warm)["_transport"]
    parts: list[object] = [*vars(warm).values(), *vars(session).values(), *vars(transport).values()]
    shown = " ".join(map(repr, parts))

    assert "_Token(" in shown
    assert [secret for secret in (SECRET_KEY, ACCESS_KEY_ID, token) if secret in shown] == []


def careless(secret: str) -> None:
    if secret:
        raise AuthenticationError("bad access key")


def test_the_search_for_secrets_can_fail() -> None:
    with pytest.raises(AuthenticationError) as failure:
        careless("s3" + "cret")

    assert any("s3cret" in line for line in everything_of(failure.value))


def test_a_malformed_key_is_refused_before_it_is_sent(make_client: MakeClient, fake: FakeAlertLogic) -> None:
    """http.client would quote it in its exception."""
    secret = f'{{"access_key_id": "id", "secret_key": "{SECRET_KEY}\\n"}}'

    with pytest.raises(AlertLogicError) as failure:
        make_client(access_key=lambda: AccessKey.from_secret_string(secret)).deployments.list()

    assert fake.requests == []
    assert SECRET_KEY not in str(failure.value)
