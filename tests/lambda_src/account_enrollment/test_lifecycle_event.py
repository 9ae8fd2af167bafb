from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from account_enrollment.lifecycle_event import parse
from aws.queue import Refused
from tests.lambda_src.deliveries import raw_event

if TYPE_CHECKING:
    from account_enrollment.lifecycle_event import LifecycleEvent

MANAGEMENT = "111111111111"


def read(event: dict[str, Any]) -> LifecycleEvent:
    return parse(json.dumps(event), management_account_id=MANAGEMENT)


@pytest.mark.parametrize(
    ("name", "event_name", "state"),
    [
        ("create-managed-account-succeeded", "CreateManagedAccount", "SUCCEEDED"),
        ("update-managed-account-succeeded", "UpdateManagedAccount", "SUCCEEDED"),
        ("create-managed-account-failed", "CreateManagedAccount", "FAILED"),
    ],
)
def test_reads_each_event_by_its_own_key(name: str, event_name: str, state: str) -> None:
    event = read(raw_event(name))

    assert (event.name, event.state, event.account_id) == (event_name, state, "555555555555")
    assert event.message.startswith("AWS Control Tower")


def test_reads_a_failure_before_there_was_an_account() -> None:
    event = raw_event("create-managed-account-failed")
    del event["detail"]["serviceEventDetails"]["createManagedAccountStatus"]["account"]

    assert read(event).account_id is None


@pytest.mark.parametrize(
    "body", ["", "{", "null", "[]", '"text"', "{}", '{"detail": null}', '{"detail": {"eventName": []}}']
)
def test_refuses_what_is_no_event(body: str) -> None:
    with pytest.raises(Refused):
        parse(body, management_account_id=MANAGEMENT)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"source": "aws.organizations"}, "not from Control Tower"),
        ({"account": "555555555555"}, "not from Control Tower"),
    ],
)
def test_refuses_an_event_of_somebody_else(change: dict[str, Any], reason: str) -> None:
    with pytest.raises(Refused, match=reason):
        read(raw_event("create-managed-account-succeeded") | change)


def test_refuses_an_event_about_something_else() -> None:
    event = raw_event("create-managed-account-succeeded")
    event["detail"]["eventName"] = "RegisterOrganizationalUnit"

    with pytest.raises(Refused, match="RegisterOrganizationalUnit"):
        read(event)


def test_refuses_an_event_with_the_status_of_another() -> None:
    event = raw_event("create-managed-account-succeeded")
    event["detail"]["eventName"] = "UpdateManagedAccount"

    with pytest.raises(Refused, match="updateManagedAccountStatus"):
        read(event)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"state": "IN_PROGRESS"}, "unknown state"),
        ({"state": []}, "unknown state"),
        ({"account": {}}, "names no account"),
        ({"account": {"accountId": "55555"}}, "names no account"),
        ({"account": {"accountId": 555555555555}}, "names no account"),
    ],
)
def test_refuses_a_status_that_says_nothing(change: dict[str, Any], reason: str) -> None:
    event = raw_event("create-managed-account-succeeded")
    event["detail"]["serviceEventDetails"]["createManagedAccountStatus"] |= change

    with pytest.raises(Refused, match=reason):
        read(event)
