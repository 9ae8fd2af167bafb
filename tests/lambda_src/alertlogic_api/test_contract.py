"""The client and the fake against the vendor's documents, and that a breach of them is seen."""

from __future__ import annotations

import base64
import functools
import json
import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
import requests

from alertlogic_api import AccessKey, AuthenticationError, ConflictError, RejectedError
from tests.rehearsal.alertlogic import ACCESS_KEY_ID, SECRET_KEY, FakeAlertLogic
from tests.rehearsal.contract import Check, alertlogic_contract

if TYPE_CHECKING:
    from collections.abc import Callable

    from alertlogic_api import AlertLogic
    from tests.lambda_src.alertlogic_api.conftest import MakeClient

DEPLOYMENTS = "/deployments/v1/12345678/deployments"
CREDENTIALS = "/credentials/v2/12345678/credentials"
ENDPOINTS = "/endpoints/v1/12345678/residency/default/endpoints"
AUTHENTICATE = "/aims/v1/authenticate"
JSON = {"content-type": "application/json"}
TOKEN = {**JSON, "x-aims-auth-token": "t"}
ROLE = "arn:aws:iam::555555555555:role/alertlogic"
DEPLOYMENT: dict[str, Any] = {"name": "Payments", "platform": {"type": "aws", "id": "555555555555"}, "mode": "manual"}


def request(
    method: str, path: str, body: Any = None, *, headers: dict[str, str] = TOKEN, query: dict[str, str] | None = None
) -> Check:
    raw = b"" if body is None else json.dumps(body).encode()
    return alertlogic_contract().check_request(method, path, query or {}, headers, raw)


def answer(method: str, path: str, status: int, body: Any = None) -> Check:
    raw = b"" if body is None else json.dumps(body).encode()
    return alertlogic_contract().check_answer(method, path, status, JSON, raw)


def exercise(client: AlertLogic, fake: FakeAlertLogic) -> None:
    """Make every call that the client has, and meet every refusal that the fake gives of itself."""
    [policy] = [it for it in client.policies.list() if it.name == "Professional"]
    client.account.get()
    client.roles.get("ci_full")
    credential = client.credentials.create(name="n", role_arn=ROLE)
    deployment = client.deployments.create(
        {
            **DEPLOYMENT,
            "enabled": True,
            "discover": True,
            "scan": True,
            "credentials": [{"id": credential.id, "purpose": "discover"}],
            "scope": {
                "include": [{"type": "region", "key": "/aws/us-east-1", "policy": {"id": policy.id}}],
                "exclude": [{"type": "subnet", "key": "/aws/us-east-1/subnet/subnet-1"}],
            },
            "cloud_defender": {"enabled": False, "location_id": "insight-us-virginia"},
            "is_control_tower": True,
            "control_tower": {
                "org": {"org_id": "o-exampleorg1", "residency": "us-east-1", "master_account": "111111111111"},
                "is_master_account": False,
            },
        }
    )
    client.deployments.update(deployment.id, {**deployment.update_document(), "enabled": False})
    with pytest.raises(ConflictError):
        client.deployments.update(deployment.id, deployment.update_document())
    moved = {**deployment.update_document(), "platform": {"type": "aws", "id": "666666666666"}, "version": 2}
    with pytest.raises(RejectedError, match="platform"):
        client.deployments.update(deployment.id, moved)
    for document in (
        {**DEPLOYMENT, "credentials": [{"id": fake.user_id, "purpose": "discover"}]},
        {**DEPLOYMENT, "scope": {"include": [{"type": "region", "key": "k", "policy": {"id": "?"}}]}},
    ):
        with pytest.raises(RejectedError, match="400"):
            client.deployments.create(document)
    client.deployments.list()
    client.deployments.get(deployment.id)
    client.credentials.list()
    client.credentials.get(credential.id)
    for _ in range(2):
        client.deployments.delete(deployment.id)
        client.credentials.delete(credential.id)
    for service, gone in ((client.deployments, deployment), (client.credentials, credential)):
        with pytest.raises(RejectedError, match="404"):
            service.get(gone.id)
    with pytest.raises(RejectedError, match="no role"):
        client.roles.get("ci_unknown")


class TestClientAndFake:
    def test_keep_the_contract_in_every_call(self, client: AlertLogic, fake: FakeAlertLogic) -> None:
        exercise(client, fake)

        assert fake.contract_violations == []
        assert {it.request_schema for it in fake.requests} == {"vendor"}

    def test_know_which_answers_only_our_own_schema_describes(self, client: AlertLogic, fake: FakeAlertLogic) -> None:
        exercise(client, fake)

        own = {(it.method, it.path.split("/")[1], it.status) for it in fake.requests if it.answer_schema == "own"}
        assert own == {
            ("POST", "credentials", 200),
            ("GET", "credentials", 404),
            ("DELETE", "credentials", 404),
            ("POST", "deployments", 400),
            ("PUT", "deployments", 400),
            ("PUT", "deployments", 409),
            ("GET", "deployments", 404),
            ("DELETE", "deployments", 404),
            ("GET", "themis", 404),
        }

    def test_keep_the_contract_when_authentication_is_refused(
        self, make_client: MakeClient, fake: FakeAlertLogic
    ) -> None:
        fake.set_access_key("mfa", "k", refusal="mfa_code_required")
        fake.set_access_key("old", "k", refusal="password_expired")
        for key in (AccessKey("unknown", "k"), AccessKey("mfa", "k"), AccessKey("old", "k")):
            client = make_client(access_key=functools.partial(replace, key))
            with pytest.raises(AuthenticationError):
                client.deployments.list()

        assert [it.status for it in fake.requests] == [401, 401, 400]
        assert fake.contract_violations == []


class TestRequest:
    @pytest.mark.parametrize(
        ("check", "complaint"),
        [
            (lambda: request("POST", DEPLOYMENTS, {**DEPLOYMENT, "mode": "fast"}), ".mode: 'fast' is not one of"),
            (lambda: request("POST", DEPLOYMENTS, {**DEPLOYMENT, "moode": "manual"}), "names no property moode"),
            (
                lambda: request("POST", DEPLOYMENTS, {**DEPLOYMENT, "enabled": "True"}),
                ".enabled: 'True' is not of type",
            ),
            (
                lambda: request("POST", DEPLOYMENTS, {**DEPLOYMENT, "platform": {"type": "aws", "account": "5"}}),
                ".platform: .* is not valid under any of the given schemas",
            ),
            (
                lambda: request("POST", DEPLOYMENTS, {**DEPLOYMENT, "credentials": [{"id": "x", "purpose": "p"}]}),
                r".credentials\[0\].id: 'x' is not a 'uuid'",
            ),
            (lambda: request("PUT", f"{DEPLOYMENTS}/1", {"version": "2"}), ".version: '2' is not of type 'number'"),
            (lambda: request("POST", CREDENTIALS, {"name": "n"}), "'secrets' is a required property"),
            (
                lambda: request("POST", CREDENTIALS, {"name": "n", "secrets": {"type": "aws_iam_role"}}),
                ".secrets: .* is not valid under any of the given schemas",
            ),
            (lambda: request("POST", ENDPOINTS, ["aims", 7]), r"\[1\]: 7 is not of type 'string'"),
            (lambda: request("POST", ENDPOINTS.replace("default", "mars"), ["aims"]), "residency: .*'mars' is not one"),
            (lambda: request("GET", DEPLOYMENTS, query={"page": "2"}), "no query parameter page is documented"),
            (lambda: request("GET", DEPLOYMENTS, {"a": 1}), "a body, where the document has none"),
            (lambda: request("PATCH", DEPLOYMENTS), "no document has this operation"),
            (lambda: request("GET", "/deployments/v2/1/deployments"), "no document has this operation"),
            (lambda: request("GET", DEPLOYMENTS, headers=JSON), "a token belongs to every call but authenticate"),
            (
                lambda: request("GET", DEPLOYMENTS, headers={**TOKEN, "authorization": "Basic eA=="}),
                "Basic credentials belong to authenticate, and to nothing else",
            ),
            (lambda: request("POST", AUTHENTICATE), "Basic credentials belong to authenticate"),
            (
                lambda: request("POST", ENDPOINTS, ["aims"], headers={"x-aims-auth-token": "t"}),
                "the content type is None",
            ),
            (
                lambda: alertlogic_contract().check_request("POST", ENDPOINTS, {}, TOKEN, b"{"),
                "the body is not JSON",
            ),
        ],
    )
    def test_against_the_contract_is_seen(self, check: Callable[[], Check], complaint: str) -> None:
        with pytest.raises(AssertionError, match=complaint):
            assert not check().violations, " ".join(map(str, check().violations))

    def test_that_updates_may_carry_what_no_document_names(self) -> None:
        assert request("PUT", f"{DEPLOYMENTS}/1", {**DEPLOYMENT, "of_tomorrow": 1}).violations == ()


class TestAnswer:
    @pytest.mark.parametrize(
        ("check", "source", "complaint"),
        [
            (lambda: answer("GET", DEPLOYMENTS, 200, [{"id": 7}]), "vendor", r"\[0\].id: 7 is not of type 'string'"),
            (lambda: answer("GET", DEPLOYMENTS, 200, {}), "vendor", "is not of type 'array'"),
            (lambda: answer("GET", DEPLOYMENTS, 200), "vendor", "the body is not JSON"),
            (lambda: answer("GET", f"{CREDENTIALS}/1", 200, {"id": 7}), "vendor", "not valid under any"),
            (lambda: answer("GET", DEPLOYMENTS, 201, []), "own", "no document has the status 201"),
            (lambda: answer("DELETE", f"{DEPLOYMENTS}/1", 204, {}), "own", "or no body with it"),
            (lambda: answer("POST", AUTHENTICATE, 401, {"error": "no"}), "vendor", "'no' is not one of"),
            (lambda: answer("POST", CREDENTIALS, 200, {"id": "1"}), "own", "'name' is a required property"),
            (lambda: answer("GET", DEPLOYMENTS, 403, {"reason": "x"}), "own", "'reason' was unexpected"),
            (lambda: answer("GET", "/nowhere", 200, {}), "own", "no document has the status 200"),
        ],
    )
    def test_against_the_contract_is_seen(self, check: Callable[[], Check], source: str, complaint: str) -> None:
        with pytest.raises(AssertionError, match=complaint):
            assert not check().violations, " ".join(map(str, check().violations))

        assert check().source == source

    @pytest.mark.parametrize(
        ("check", "source"),
        [
            (lambda: answer("DELETE", f"{CREDENTIALS}/1", 204), "vendor"),
            (lambda: answer("POST", AUTHENTICATE, 401), "vendor"),
            (lambda: answer("GET", "/aims/v1/12345678/account", 401), "vendor"),
            (lambda: answer("GET", DEPLOYMENTS, 503), "own"),
        ],
    )
    def test_without_a_body_where_none_is_due_is_fine(self, check: Callable[[], Check], source: str) -> None:
        assert check() == Check(source, ())  # type: ignore[arg-type] # pytest knows it as any string


class TestFake:
    """What no client of ours would do to it."""

    def call(self, fake: FakeAlertLogic, method: str, path: str, **how: Any) -> requests.Response:
        return requests.request(method, fake.url + path, timeout=5, **how)

    @pytest.fixture
    def token(self, fake: FakeAlertLogic) -> dict[str, str]:
        self.call(fake, "POST", AUTHENTICATE, auth=(ACCESS_KEY_ID, SECRET_KEY))
        return {"x-aims-auth-token": fake.tokens[0]}

    def test_records_a_request_against_the_contract(self, fake: FakeAlertLogic, token: dict[str, str]) -> None:
        self.call(fake, "POST", CREDENTIALS, json={"name": "n"}, headers=token)

        violation, *_ = fake.contract_violations
        assert (violation.part, violation.source) == ("request", "vendor")
        fake.contract_violations.clear()

    def test_records_an_answer_of_its_own_against_the_contract(
        self, fake: FakeAlertLogic, token: dict[str, str]
    ) -> None:
        fake.policies[0]["id"] = 7
        self.call(fake, "GET", "/policies/v1/12345678/policies", headers=token)

        [violation] = fake.contract_violations
        assert (violation.part, violation.message) == ("answer", "[0].id: 7 is not of type 'string'")
        fake.contract_violations.clear()

    @pytest.mark.parametrize(
        ("method", "path"), [("GET", "/nowhere"), ("GET", DEPLOYMENTS.replace("12345678", "87654321"))]
    )
    def test_knows_one_customer_and_its_paths(
        self, fake: FakeAlertLogic, token: dict[str, str], method: str, path: str
    ) -> None:
        assert self.call(fake, method, path, headers=token).status_code == 404
        fake.contract_violations.clear()

    def test_refuses_what_is_not_json(self, fake: FakeAlertLogic, token: dict[str, str]) -> None:
        refused = self.call(fake, "POST", CREDENTIALS, data=b"{", headers={**JSON, **token})

        assert (refused.status_code, refused.json()) == (400, {"error": "invalid_json"})
        fake.contract_violations.clear()

    def test_refuses_a_lookup_of_what_it_does_not_have(self, fake: FakeAlertLogic, token: dict[str, str]) -> None:
        assert self.call(fake, "POST", ENDPOINTS, json=["cargo"], headers=token).status_code == 404

    @pytest.mark.parametrize("header", [None, "Bearer x", "Basic x", f"Basic {base64.b64encode(b'a:b').decode()}"])
    def test_refuses_whoever_has_no_key(self, fake: FakeAlertLogic, header: str | None) -> None:
        headers = {"authorization": header} if header else {}

        assert self.call(fake, "POST", AUTHENTICATE, headers=headers).status_code == 401
        fake.contract_violations.clear()

    def test_serves_many_at_once(self, fake: FakeAlertLogic, token: dict[str, str]) -> None:
        def create() -> None:
            body = {"name": "n", "secrets": {"type": "aws_iam_role", "arn": ROLE}}
            assert self.call(fake, "POST", CREDENTIALS, json=body, headers=token).status_code == 200

        threads = [threading.Thread(target=create) for _ in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert len(fake.credentials) == 16

    def test_fails_before_a_time_by_its_clock(self, client: AlertLogic, fake: FakeAlertLogic, clock: Any) -> None:
        fake.fail(403, path="/deployments$", until=clock.now + 60)
        with pytest.raises(RejectedError):
            client.deployments.list()
        clock.now += 60

        assert client.deployments.list() == []

    def test_recovers(self, client: AlertLogic, fake: FakeAlertLogic) -> None:
        fake.fail(403)
        fake.recover()

        assert client.deployments.list() == []

    def test_knows_the_deployments_of_an_account(self, fake: FakeAlertLogic) -> None:
        one = fake.add_deployment(account_id="555555555555", created_by="somebody")
        fake.add_deployment(account_id="666666666666")

        [found] = fake.deployments_of("555555555555")
        assert (found["id"], found["created"]["by"]) == (one, "somebody")
