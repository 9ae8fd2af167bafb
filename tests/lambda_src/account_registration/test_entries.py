from __future__ import annotations

from typing import Any

import pytest

from account_registration.central_logs import CREDENTIAL_NAME, MONITOR
from account_registration.entries import CENTRAL_LOGS, entries_of, home_of
from alertlogic_api import Credential, Deployment
from aws.index import Entry, Kind
from tests.lambda_src.account_registration.registrations import ACCOUNT, CENTRAL_ROLE, MADE, OTHER, ROLE, links_of

FORMER_CENTRAL_ROLE = "arn:aws:iam::333333333333:role/former"


def credential(credential_id: str, name: str, role_arn: str | None) -> Credential:
    return Credential(credential_id, name, role_arn, created_at=1, created_by="us")


def deployment(deployment_id: str, account_id: str, *links: dict[str, Any]) -> Deployment:
    platform = {"type": "aws", "id": account_id}
    return Deployment.from_document({"id": deployment_id, "platform": platform, "credentials": links})


@pytest.mark.parametrize(
    ("name", "role_arn", "home"),
    [
        (MADE, ROLE, ACCOUNT),
        ("theirs", ROLE, ACCOUNT),
        ("theirs", "arn:aws-us-gov:iam::666666666666:role/path/name", "666666666666"),
        (CREDENTIAL_NAME, CENTRAL_ROLE, CENTRAL_LOGS),
        (CREDENTIAL_NAME, FORMER_CENTRAL_ROLE, CENTRAL_LOGS),
        ("theirs", CENTRAL_ROLE, CENTRAL_LOGS),
        ("theirs", FORMER_CENTRAL_ROLE, "333333333333"),
        ("theirs", "arn:aws:iam::5:role/new", None),
        ("theirs", f"{ROLE[:25]}user/new", None),
        ("theirs", "", None),
        (MADE, None, None),
        (CREDENTIAL_NAME, None, None),
    ],
)
def test_a_credential_is_for_the_account_of_its_role(name: str, role_arn: str | None, home: str | None) -> None:
    assert home_of(credential("c1", name, role_arn), central_logs_role_arn=CENTRAL_ROLE) == home


def test_a_credential_for_no_role_is_not_for_a_role_that_nobody_named() -> None:
    assert home_of(credential("c1", "theirs", ""), central_logs_role_arn="") is None


def test_what_alert_logic_holds_is_indexed_by_account() -> None:
    credentials = [
        credential("c1", MADE, ROLE),
        credential("c2", "theirs", f"arn:aws:iam::{OTHER}:role/theirs"),
        credential("c3", CREDENTIAL_NAME, CENTRAL_ROLE),
        credential("c4", "azure", None),
    ]
    deployments = [
        deployment("d1", ACCOUNT, *links_of("discover", "c1", "gone"), *links_of(MONITOR, "c2")),
        deployment("d2", OTHER, *links_of("discover", "c2"), *links_of(MONITOR, "c3")),
        deployment("d3", "", *links_of("discover", "c4")),
        Deployment.from_document({"id": "d4", "platform": {"type": "azure", "id": ACCOUNT}}),
    ]

    assert set(entries_of(credentials, deployments, central_logs_role_arn=CENTRAL_ROLE)) == {
        Entry(ACCOUNT, Kind.CREDENTIAL, "c1", MADE, ROLE),
        Entry(OTHER, Kind.CREDENTIAL, "c2", "theirs", f"arn:aws:iam::{OTHER}:role/theirs", is_linked_elsewhere=True),
        Entry(CENTRAL_LOGS, Kind.CREDENTIAL, "c3", CREDENTIAL_NAME, CENTRAL_ROLE, is_linked_elsewhere=True),
        Entry(ACCOUNT, Kind.DEPLOYMENT, "d1"),
        Entry(OTHER, Kind.DEPLOYMENT, "d2"),
    }


@pytest.mark.parametrize("account_id", [OTHER, None])
def test_a_credential_is_linked_elsewhere_by_whatever_is_not_the_account_s(account_id: str | None) -> None:
    platform = {"type": "aws", "id": account_id} if account_id else {"type": "azure", "id": ACCOUNT}
    links = links_of("discover", "c1")
    other = Deployment.from_document({"id": "d1", "platform": platform, "credentials": links})

    [entry, *_] = [
        it
        for it in entries_of([credential("c1", MADE, ROLE)], [other], central_logs_role_arn=CENTRAL_ROLE)
        if it.kind is Kind.CREDENTIAL
    ]

    assert entry.is_linked_elsewhere
