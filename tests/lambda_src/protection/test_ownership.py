from __future__ import annotations

from dataclasses import replace

import pytest

from alertlogic_api import Credential, Deployment, LinkedCredential
from aws.organizations import AwsAccountId
from protection.ownership import (
    age,
    credential_name,
    deployment_of,
    discover_credentials,
    is_made_by_us,
    is_our_credential,
)

ACCOUNT, OTHER = AwsAccountId("555555555555"), AwsAccountId("666666666666")
CREDENTIAL = Credential("c1", credential_name(ACCOUNT, is_adopted=False), None, created_at=1, created_by="us")
DEPLOYMENT = Deployment(
    id="d1",
    account_id=ACCOUNT,
    name="shop",
    created_at=1,
    created_by="us",
    version=1,
    credentials=(LinkedCredential("c1", "discover"), LinkedCredential("c2", "x-account-monitor")),
    document={},
)


def test_names_tell_of_account_and_origin() -> None:
    assert credential_name(ACCOUNT, is_adopted=False) == "alertlogic-constructs/555555555555"
    assert credential_name(ACCOUNT, is_adopted=True) == "alertlogic-constructs/555555555555/adopted"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("alertlogic-constructs/555555555555", True),
        ("alertlogic-constructs/555555555555/adopted", True),
        ("alertlogic-constructs/666666666666", False),
        ("alertlogic-constructs/555555555555/", False),
        ("shop", False),
    ],
)
def test_knows_our_credentials_by_name(name: str, *, expected: bool) -> None:
    assert is_our_credential(replace(CREDENTIAL, name=name), ACCOUNT) is expected


def test_counts_the_earliest_deployment_of_the_account() -> None:
    foreign = replace(DEPLOYMENT, id="d0", account_id=OTHER, created_at=0)
    later, as_early = replace(DEPLOYMENT, id="a", created_at=2), replace(DEPLOYMENT, id="d2")

    assert deployment_of(ACCOUNT, [later, as_early, foreign, DEPLOYMENT]) is DEPLOYMENT
    assert deployment_of(ACCOUNT, [foreign]) is None
    assert age(DEPLOYMENT) < age(as_early) < age(later)


def test_sees_the_account_through_the_discover_credential() -> None:
    assert discover_credentials(DEPLOYMENT) == {"c1"}


def test_knows_what_we_made() -> None:
    assert is_made_by_us(DEPLOYMENT, ACCOUNT, [CREDENTIAL])


@pytest.mark.parametrize(
    "credential",
    [
        replace(CREDENTIAL, id="c2"),
        replace(CREDENTIAL, name=credential_name(ACCOUNT, is_adopted=True)),
        replace(CREDENTIAL, name=credential_name(OTHER, is_adopted=False)),
        replace(CREDENTIAL, created_by="somebody"),
    ],
    ids=["not linked", "adopted", "of another account", "made by somebody else"],
)
def test_does_not_take_for_ours_what_others_made(credential: Credential) -> None:
    assert not is_made_by_us(DEPLOYMENT, ACCOUNT, [credential])
    assert not is_made_by_us(DEPLOYMENT, ACCOUNT, [])


def test_takes_nothing_for_ours_where_alert_logic_does_not_say_who_made_it() -> None:
    assert not is_made_by_us(replace(DEPLOYMENT, created_by=""), ACCOUNT, [replace(CREDENTIAL, created_by="")])
