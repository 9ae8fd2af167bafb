from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

import alertlogic_api
from alertlogic_api import Account, ConflictError, Policy, RejectedError, RolePolicy, RoleVerdict

if TYPE_CHECKING:
    from alertlogic_api import AlertLogic
    from tests.rehearsal.alertlogic import FakeAlertLogic

ACCOUNT = "555555555555"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/alertlogic"
PROFESSIONAL = "D12D5E67-166C-474F-87AA-6F86FC9FB9BC"


def deployment_document(credential_id: str) -> dict[str, Any]:
    return {
        "name": "Payments",
        "platform": {"type": "aws", "id": ACCOUNT},
        "mode": "automatic",
        "enabled": True,
        "discover": True,
        "scan": True,
        "credentials": [{"id": credential_id, "purpose": "discover"}],
        "scope": {"include": [{"type": "region", "key": "/aws/us-east-1", "policy": {"id": PROFESSIONAL}}]},
        "is_control_tower": True,
        "control_tower": {
            "org": {"org_id": "o-exampleorg1", "residency": "us-east-1", "master_account": "111111111111"},
            "is_master_account": False,
        },
    }


class TestDeployments:
    def test_created_is_listed(self, client: AlertLogic) -> None:
        credential = client.credentials.create(name="alertlogic-constructs/555555555555", role_arn=ROLE)
        created = client.deployments.create(deployment_document(credential.id))

        [listed] = client.deployments.list()
        assert listed == created == client.deployments.get(created.id)
        assert (listed.account_id, listed.version) == (ACCOUNT, 1)
        assert [linked.id for linked in listed.credentials] == [credential.id]

    def test_update_keeps_what_it_did_not_change(self, client: AlertLogic, fake: FakeAlertLogic) -> None:
        fake.add_deployment(account_id=ACCOUNT, features={"fim": []}, of_tomorrow={"kept": True})
        [before] = client.deployments.list()

        after = client.deployments.update(before.id, {**before.update_document(), "enabled": False})

        assert after.document["enabled"] is False
        assert after.document["of_tomorrow"] == {"kept": True}
        assert after.version == before.version + 1

    @pytest.mark.parametrize("status", [409, 412])
    def test_update_of_what_somebody_else_changed_conflicts(
        self, client: AlertLogic, fake: FakeAlertLogic, status: int
    ) -> None:
        fake.add_deployment(account_id=ACCOUNT)
        [stale] = client.deployments.list()
        client.deployments.update(stale.id, stale.update_document())
        if status == 412:
            fake.fail(412, method="PUT", body={"error": "precondition_failed"})

        with pytest.raises(ConflictError, match=f"deployments answered {status}: "):
            client.deployments.update(stale.id, stale.update_document())

    def test_deleted_twice_is_deleted(self, client: AlertLogic, fake: FakeAlertLogic) -> None:
        deployment_id = fake.add_deployment(account_id=ACCOUNT)

        client.deployments.delete(deployment_id)
        client.deployments.delete(deployment_id)

        assert fake.deployments == {}
        assert [it.status for it in fake.requests if it.method == "DELETE"] == [204, 404]

    def test_absent_is_rejected_with_the_words_of_the_service(self, client: AlertLogic) -> None:
        with pytest.raises(RejectedError) as rejection:
            client.deployments.get("not/there")

        assert rejection.value.status == 404
        assert rejection.value.message == "deployments: deployment_not_found"

    def test_refused_is_rejected_with_the_words_of_the_service(self, client: AlertLogic, fake: FakeAlertLogic) -> None:
        fake.policies.clear()
        credential = client.credentials.create(name="n", role_arn=ROLE)

        with pytest.raises(RejectedError, match=f"answered 400: deployments: .* not entitled to policy {PROFESSIONAL}"):
            client.deployments.create(deployment_document(credential.id))

    @pytest.mark.parametrize(
        ("body", "words"),
        [(None, "it does not say why"), ({"error": "e" * 900}, "e" * 500), (["odd"], '["odd"]')],
    )
    def test_refusals_without_a_usable_message(
        self, client: AlertLogic, fake: FakeAlertLogic, body: object, words: str
    ) -> None:
        fake.fail(403, path="/deployments$", body=body)

        with pytest.raises(RejectedError) as rejection:
            client.deployments.list()

        assert rejection.value.message == f"deployments: {words}"
        # The fake's own refusals have a contract; this one is not the API's.
        fake.contract_violations.clear()


class TestCredentials:
    def test_created_is_listed(self, client: AlertLogic) -> None:
        created = client.credentials.create(name="n", role_arn=ROLE)

        [listed] = client.credentials.list()
        assert listed == created == client.credentials.get(created.id)
        assert (created.name, created.role_arn) == ("n", ROLE)

    def test_absent_is_rejected_with_the_words_of_the_service(self, client: AlertLogic) -> None:
        with pytest.raises(RejectedError) as rejection:
            client.credentials.get("not/there")

        assert rejection.value.status == 404
        assert rejection.value.message == "credentials: credential_not_found"

    def test_deleted_twice_is_deleted(self, client: AlertLogic, fake: FakeAlertLogic) -> None:
        credential_id = fake.add_credential(name="n", role_arn=ROLE)

        client.credentials.delete(credential_id)
        client.credentials.delete(credential_id)

        assert fake.credentials == {}

    def test_delete_that_is_refused_is_rejected(self, client: AlertLogic, fake: FakeAlertLogic) -> None:
        fake.fail(403, method="DELETE", body={"message": "it is in use"})

        with pytest.raises(RejectedError, match="credentials: it is in use"):
            client.credentials.delete(fake.add_credential(name="n", role_arn=ROLE))


def test_policies_are_listed(client: AlertLogic) -> None:
    assert Policy(id=PROFESSIONAL, name="Professional") in client.policies.list()


def test_account_tells_its_data_center(client: AlertLogic, fake: FakeAlertLogic) -> None:
    assert client.account.get() == Account(id=fake.customer_id, name="Rehearsal")


def test_role_is_what_alert_logic_asks_for(client: AlertLogic, fake: FakeAlertLogic) -> None:
    assert client.roles.get("ci_full") == RolePolicy(
        role_type="ci_full",
        version="2022-01-01",
        aws_account_id="733251395267",
        external_id=fake.customer_id,
        policy_document={"Version": "2012-10-17", "Statement": []},
    )


def test_a_role_that_is_as_it_should_be_is_the_latest(client: AlertLogic, fake: FakeAlertLogic) -> None:
    verdict = client.roles.validate("ci_full", role_arn=ROLE, external_id=fake.customer_id)

    assert verdict == RoleVerdict(status="latest", message="Validation successful", version="2022-01-01")


def test_a_role_that_alert_logic_cannot_assume_is_rejected(client: AlertLogic, fake: FakeAlertLogic) -> None:
    fake.role_verdicts[ROLE] = (400, "error", "unable to assume the role")

    with pytest.raises(RejectedError, match="themis: unable to assume the role"):
        client.roles.validate("ci_full", role_arn=ROLE, external_id=fake.customer_id)


def test_registration_takes_two_calls_in_a_warm_container(warm: AlertLogic, fake: FakeAlertLogic) -> None:
    credential = warm.credentials.create(name="n", role_arn=ROLE)
    warm.deployments.create(deployment_document(credential.id))

    assert len(fake.requests) == 2


def test_every_name_is_exported_and_nothing_else() -> None:
    public = {name for name in vars(alertlogic_api) if not name.startswith("_")}
    modules = {"client", "collectors", "errors", "ingest", "models", "services", "session", "settings", "transport"}

    assert public - modules == set(alertlogic_api.__all__)


def test_import_brings_nothing_beyond_boto3_and_requests() -> None:
    """The time to import it counts in every cold start."""
    code = (
        "import sys, boto3, requests; known = set(sys.modules); import alertlogic_api; "
        "print(*sorted({name.split('.')[0] for name in set(sys.modules) - known}))"
    )
    run = subprocess.run(
        [sys.executable, "-c", code],
        check=True,
        capture_output=True,
        text=True,
        env={"PYTHONPATH": next(path for path in sys.path if path.endswith("lambda_src"))},
    )

    assert run.stdout.split() == ["alertlogic_api"]
