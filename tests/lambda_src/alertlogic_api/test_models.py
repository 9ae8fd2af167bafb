from __future__ import annotations

from typing import Any

from alertlogic_api import Credential, Deployment, LinkedCredential

DOCUMENT: dict[str, Any] = {
    "id": "D-1",
    "account_id": "12345678",
    "name": "Payments",
    "platform": {"type": "aws", "id": "555555555555", "monitor": {"enabled": False}},
    "enabled": True,
    "credentials": [{"id": "C-1", "purpose": "discover", "version": "2022-01-01"}],
    "scope": {"include": [{"type": "region", "key": "/aws/us-east-1"}], "exclude": []},
    "status": {"status": "new", "updated": 1},
    "created": {"at": 1700000000, "by": "U-1"},
    "modified": {"at": 1700000001, "by": "U-2"},
    "version": 7,
    "of_tomorrow": {"kept": True},
}


class TestDeployment:
    def test_is_read_from_the_answer(self) -> None:
        assert Deployment.from_document(DOCUMENT) == Deployment(
            id="D-1",
            account_id="555555555555",
            name="Payments",
            created_at=1700000000,
            created_by="U-1",
            version=7,
            credentials=(LinkedCredential(id="C-1", purpose="discover"),),
            document=DOCUMENT,
        )

    def test_of_another_platform_has_no_aws_account(self) -> None:
        azure = Deployment.from_document({"id": "D-2", "platform": {"type": "azure", "id": "555555555555"}})

        assert azure.account_id is None

    def test_update_carries_the_version_and_fields_unknown_to_us_but_nothing_read_only(self) -> None:
        update = Deployment.from_document(DOCUMENT).update_document()

        assert update.keys() == {
            "name", "platform", "enabled", "credentials", "scope", "version", "of_tomorrow",
        }  # fmt: skip

    def test_update_is_a_copy_to_the_bottom(self) -> None:
        update = Deployment.from_document(DOCUMENT).update_document()
        update["scope"]["include"].clear()

        assert DOCUMENT["scope"]["include"]

    def test_is_hashable(self) -> None:
        assert len({Deployment.from_document(DOCUMENT), Deployment.from_document(DOCUMENT)}) == 1


def test_credential_of_another_type_has_no_role() -> None:
    document = {"id": "C-2", "name": "azure", "secrets": {"type": "azure_ad_user", "username": "x"}}

    assert Credential.from_document(document) == Credential(
        id="C-2", name="azure", role_arn=None, created_at=0, created_by=""
    )
