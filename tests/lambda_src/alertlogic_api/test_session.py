"""Authentication, the token's life, and where the services are."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest

from alertlogic_api import AccessKey, AuthenticationError, RetryableError
from alertlogic_api.session import base_url
from tests.rehearsal.alertlogic import ACCESS_KEY_ID, FakeAlertLogic, LoggedRequest, Refusal
from tests.rehearsal.alertlogic_server import Answer, LoopbackServer, Request

if TYPE_CHECKING:
    from pathlib import Path

    from alertlogic_api import AlertLogic
    from tests.lambda_src.alertlogic_api.conftest import Clock, MakeClient


def authentications(fake: FakeAlertLogic) -> list[LoggedRequest]:
    return [it for it in fake.requests if it.path == "/aims/v1/authenticate"]


def lookups(fake: FakeAlertLogic) -> list[LoggedRequest]:
    return [it for it in fake.requests if it.path.startswith("/endpoints/")]


class TestToken:
    def test_serves_all_calls_until_600_seconds_before_its_end(
        self, client: AlertLogic, fake: FakeAlertLogic, clock: Clock
    ) -> None:
        client.deployments.list()
        clock.now += fake.token_lifetime - 601
        client.credentials.list()

        assert len(authentications(fake)) == 1

    def test_is_renewed_600_seconds_before_its_end(
        self, client: AlertLogic, fake: FakeAlertLogic, clock: Clock
    ) -> None:
        client.deployments.list()
        clock.now += fake.token_lifetime - 600
        client.credentials.list()

        assert [it.status for it in fake.requests[-2:]] == [200, 200]
        assert len(authentications(fake)) == 2

    def test_that_ended_early_is_replaced_and_the_call_repeated(self, warm: AlertLogic, fake: FakeAlertLogic) -> None:
        fake.expire_tokens()
        warm.credentials.create(name="n", role_arn="arn:aws:iam::555555555555:role/alertlogic")

        assert [it.status for it in fake.requests] == [401, 200, 200]
        assert len(fake.credentials) == 1

    def test_that_is_refused_twice_is_an_authentication_error(self, warm: AlertLogic, fake: FakeAlertLogic) -> None:
        fake.fail(401, path="/deployments$")

        with pytest.raises(AuthenticationError, match="a moment ago is not accepted"):
            warm.deployments.list()

        assert [it.status for it in fake.requests] == [401, 200, 401]

    def test_is_asked_for_anew_after_it_was_refused_twice(self, warm: AlertLogic, fake: FakeAlertLogic) -> None:
        fake.fail(401, path="/deployments$", times=2)
        with pytest.raises(AuthenticationError):
            warm.deployments.list()

        assert warm.deployments.list() == []


class TestAccessKey:
    def test_is_asked_for_only_when_a_token_is_needed(self, make_client: MakeClient, fake: FakeAlertLogic) -> None:
        asked: list[str] = []

        def access_key() -> AccessKey:
            asked.append("once")
            return AccessKey.from_secret_string(fake.secret_string())

        client = make_client(access_key=access_key)
        assert asked == []
        client.deployments.list()
        client.credentials.list()

        assert asked == ["once"]

    @pytest.mark.parametrize("key", [AccessKey("unknown", "x"), AccessKey(ACCESS_KEY_ID, "wrong")])
    def test_that_is_wrong(self, make_client: MakeClient, key: AccessKey) -> None:
        with pytest.raises(AuthenticationError) as refusal:
            make_client(access_key=lambda: key).deployments.list()

        assert refusal.value.reason == "bad access key"

    @pytest.mark.parametrize(
        ("answer", "reason"),
        [
            ("mfa_code_required", "the access key belongs to a user with MFA"),
            ("mfa_enrollment_required", "the access key belongs to a user with MFA"),
            ("account_inactive", "account_inactive"),
            ("password_expired", "password_expired"),
        ],
    )
    def test_that_cannot_be_used(self, client: AlertLogic, fake: FakeAlertLogic, answer: Refusal, reason: str) -> None:
        key = AccessKey.from_secret_string(fake.secret_string())
        fake.set_access_key(key.access_key_id, key.secret_key, refusal=answer)

        with pytest.raises(AuthenticationError, match=f"refuses the access key: {reason}$") as refusal:
            client.deployments.list()

        assert refusal.value.reason == reason

    def test_that_is_refused_for_a_reason_unknown_to_us(self, client: AlertLogic, fake: FakeAlertLogic) -> None:
        fake.fail(403, path="authenticate", body={"error": "blocked"})

        with pytest.raises(AuthenticationError, match="authenticate answered 403"):
            client.deployments.list()

    def test_that_was_rotated_is_picked_up(self, make_client: MakeClient, fake: FakeAlertLogic) -> None:
        secret = [AccessKey.from_secret_string(fake.secret_string())]
        client = make_client(access_key=lambda: secret[0])
        client.deployments.list()

        fake.revoke_access_key(ACCESS_KEY_ID)
        fake.set_access_key("new-id", "new-secret")
        with pytest.raises(AuthenticationError, match="bad access key"):
            client.deployments.list()
        secret[0] = AccessKey("new-id", "new-secret")

        assert client.deployments.list() == []

    def test_that_the_operator_corrects_is_picked_up(self, make_client: MakeClient, fake: FakeAlertLogic) -> None:
        secret = [AccessKey(ACCESS_KEY_ID, "wrong")]
        client = make_client(access_key=lambda: secret[0])
        with pytest.raises(AuthenticationError):
            client.deployments.list()
        secret[0] = AccessKey.from_secret_string(fake.secret_string())

        assert client.deployments.list() == []


class TestBasicCredentials:
    def test_go_to_authenticate_and_nowhere_else(self, client: AlertLogic, fake: FakeAlertLogic) -> None:
        client.deployments.list()
        fake.expire_tokens()
        client.credentials.list()
        client.policies.list()

        assert {(it.path == "/aims/v1/authenticate", it.basic, it.token) for it in fake.requests} == {
            (True, True, False),
            (False, False, True),
        }

    def test_are_never_taken_from_a_netrc(
        self, client: AlertLogic, fake: FakeAlertLogic, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        netrc = tmp_path / "netrc"
        netrc.write_text("default login somebody password else\n")
        monkeypatch.setenv("NETRC", str(netrc))

        client.deployments.list()

        assert [it.path for it in fake.requests if it.basic] == ["/aims/v1/authenticate"]
        assert authentications(fake)[0].status == 200

    @pytest.mark.parametrize("status", [301, 302, 307, 308])
    def test_follow_no_redirect(self, make_client: MakeClient, status: int) -> None:
        seen: list[str] = []

        def redirect(request: Request) -> Answer:
            seen.append(request.path)
            return Answer(status, {"moved": True}, (("location", "/elsewhere"),))

        server = LoopbackServer(0, redirect)
        try:
            with pytest.raises(RetryableError, match=f"authenticate answered {status}"):
                make_client(url=f"http://127.0.0.1:{server.server_port}").deployments.list()
        finally:
            server.close()

        assert seen == ["/aims/v1/authenticate"]


class TestEndpoints:
    def test_of_all_services_are_looked_up_in_one_call(self, client: AlertLogic, fake: FakeAlertLogic) -> None:
        client.deployments.list()
        client.credentials.list()
        client.policies.list()
        client.account.get()
        client.roles.get("ci_full")

        [lookup] = lookups(fake)
        assert lookup.body == ["aims", "credentials", "deployments", "policies", "themis"]

    def test_are_not_looked_up_again_with_a_new_token(self, warm: AlertLogic, fake: FakeAlertLogic) -> None:
        fake.expire_tokens()
        warm.deployments.list()

        assert lookups(fake) == []

    def test_are_looked_up_again_after_the_lookup_failed(self, client: AlertLogic, fake: FakeAlertLogic) -> None:
        fake.fail(503, path="/endpoints/", times=1)
        with pytest.raises(RetryableError, match="endpoints answered 503"):
            client.deployments.list()

        assert client.deployments.list() == []

    def test_are_those_of_the_residency(self, make_client: MakeClient, fake: FakeAlertLogic) -> None:
        make_client(residency="emea").deployments.list()

        [lookup] = lookups(fake)
        assert lookup.path == f"/endpoints/v1/{fake.customer_id}/residency/emea/endpoints"

    @pytest.mark.parametrize(
        "host",
        ["http://deployments.example.com", "deployments.example.com/x", "u@example.com", "example.com:80", "-", ""],
    )
    def test_must_be_bare_host_names(self, client: AlertLogic, fake: FakeAlertLogic, host: str) -> None:
        fake.hosts["deployments"] = host

        with pytest.raises(RetryableError, match="for deployments is not a host name"):
            client.deployments.list()

    def test_that_are_missing_are_a_reason_to_ask_again(self, client: AlertLogic, fake: FakeAlertLogic) -> None:
        fake.fail(200, path="/endpoints/", body={"aims": "example.com"})

        with pytest.raises(RetryableError, match=r"endpoints answered 200 with something .* \(KeyError\)"):
            client.deployments.list()


class TestBaseUrl:
    """Only from a rehearsal's endpoint to a rehearsal's service may a token go in the clear."""

    def test_of_a_service_on_loopback_is_plain_in_a_rehearsal(self) -> None:
        assert base_url("aims", "127.0.0.1:8080", global_endpoint="http://127.0.0.1:80") == "http://127.0.0.1:8080"

    def test_of_a_service_elsewhere_is_https_even_in_a_rehearsal(self) -> None:
        assert base_url("aims", "127.0.0.1.example.com", global_endpoint="http://127.0.0.1:80").startswith("https://")

    def test_of_a_service_on_loopback_is_not_plain_otherwise(self) -> None:
        assert base_url("aims", "127.0.0.1", global_endpoint="https://api.example.com") == "https://127.0.0.1"
        with pytest.raises(RetryableError, match="is not a host name"):
            base_url("aims", "127.0.0.1:8080", global_endpoint="https://api.example.com")


class TestHttps:
    """A proxy that hangs up shows where a request was going, and that it would have been encrypted."""

    def test_is_used_for_a_host_beyond_loopback(
        self, client: AlertLogic, fake: FakeAlertLogic, connects: list[str]
    ) -> None:
        fake.hosts["deployments"] = "deployments.example.com"

        with pytest.raises(RetryableError, match=r"no answer from deployments\.example\.com: ProxyError"):
            client.deployments.list()

        assert set(connects) == {"CONNECT deployments.example.com:443"}

    def test_goes_through_the_proxy_of_the_environment_without_credentials(
        self, make_client: MakeClient, connects: list[str]
    ) -> None:
        with pytest.raises(RetryableError):
            make_client(url="https://api.example.com").deployments.list()

        assert set(connects) == {"CONNECT api.example.com:443"}


class TestLog:
    def test_has_a_line_for_each_call_of_which_only_changes_always_show(
        self, client: AlertLogic, fake: FakeAlertLogic, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.DEBUG, logger="alertlogic_api")

        client.policies.list()
        client.credentials.create(name="n", role_arn="arn:aws:iam::555555555555:role/alertlogic")

        said = [vars(record) for record in caplog.records if record.name.startswith("alertlogic_api")]
        assert [(it["levelname"], it["call"].partition(fake.customer_id)[0], it["status"]) for it in said] == [
            ("INFO", "POST aims /aims/v1/authenticate", 200),
            ("INFO", "POST endpoints /endpoints/v1/", 200),
            ("DEBUG", "GET policies /policies/v1/", 200),
            ("INFO", "POST credentials /credentials/v2/", 200),
        ]

    def test_says_what_was_asked_and_not_where_it_was_redirected(
        self, warm: AlertLogic, fake: FakeAlertLogic, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.DEBUG, logger="alertlogic_api")
        path = f"/ingest/v1/{fake.customer_id}/data/secmsgs"
        fake.fail(307, path="secmsgs", location=f"{path}?token=secret")

        with pytest.raises(RetryableError):
            warm.ingest.send_security_messages(b"batch")

        said = [vars(record) for record in caplog.records if record.name.startswith("alertlogic_api")]
        assert {it["call"] for it in said if "secmsgs" in it["call"]} == {f"POST ingest {path}"}
        assert "secret" not in caplog.text
        fake.contract_violations.clear()
