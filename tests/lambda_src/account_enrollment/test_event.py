from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from account_enrollment.event import AccountsTouched, EnrollmentFailed, Irrelevant, SweepDue, UnitTouched
from account_enrollment.message import parse
from aws.organizations import AwsAccountId
from aws.queue import Refused
from tests.lambda_src.deliveries import raw_event

if TYPE_CHECKING:
    from account_enrollment.message import Content

MANAGEMENT = "111111111111"
MEMBER = AwsAccountId("555555555555")
UNIT = "ou-abcd-11111111"


def read(event: dict[str, Any]) -> Content:
    return parse(json.dumps(event), management_account_id=MANAGEMENT)


def with_status(name: str, **change: Any) -> dict[str, Any]:
    event = raw_event(name)
    [status] = event["detail"]["serviceEventDetails"].values()
    status |= change
    return event


def with_detail(name: str, **change: Any) -> dict[str, Any]:
    event = raw_event(name)
    event["detail"] |= change
    return event


@pytest.mark.parametrize(
    "name",
    [
        "create-managed-account-succeeded",
        "update-managed-account-succeeded",
        "enable-baseline-account",
        "drift-account-moved",
        "move-account",
        "close-account",
        "close-account-result",
        "create-account-result-succeeded",
        "remove-account-from-organization",
        "account-departed-organization",
    ],
)
def test_some_events_name_an_account(name: str) -> None:
    event = raw_event(name)

    assert read(event) == AccountsTouched(event["id"], (MEMBER,))


@pytest.mark.parametrize("name", ["register-organizational-unit", "disable-baseline-unit"])
def test_some_events_name_a_unit(name: str) -> None:
    event = raw_event(name)

    assert read(event) == UnitTouched(event["id"], UNIT)


@pytest.mark.parametrize("name", ["scheduled-event", "stack-status-change", "update-landing-zone"])
def test_some_events_call_for_a_sweep(name: str) -> None:
    event = raw_event(name)

    assert read(event) == SweepDue(event["id"])


class TestControlTower:
    @pytest.mark.parametrize("name", ["EnableBaseline", "ResetEnabledBaseline", "UpdateEnabledBaseline"])
    def test_each_event_of_a_baseline_has_a_key_of_its_own(self, name: str) -> None:
        event = raw_event("enable-baseline-account")
        [status] = event["detail"]["serviceEventDetails"].values()
        event["detail"] |= {
            "eventName": name,
            "serviceEventDetails": {f"{name[0].lower()}{name[1:]}Status": status},
        }

        assert isinstance(read(event), AccountsTouched)

    def test_a_baseline_may_be_of_the_root(self) -> None:
        details = {"targetIdentifier": "arn:aws:organizations::111111111111:root/o-exampleorg/r-abcd"}

        touched = read(with_status("enable-baseline-account", enabledBaselineDetails=details))

        assert isinstance(touched, UnitTouched)
        assert touched.unit_id == "r-abcd"

    @pytest.mark.parametrize(
        "target",
        [
            "",
            "arn:aws:organizations::111111111111:account/o-exampleorg/ou-abcd-11111111",
            "arn:aws:organizations::111111111111:ou/o-exampleorg/555555555555",
            "arn:aws:organizations::111111111111:policy/o-exampleorg/p-abcd1234",
        ],
    )
    def test_refuses_a_baseline_of_something_else(self, target: str) -> None:
        with pytest.raises(Refused, match="unknown target"):
            read(with_status("enable-baseline-account", enabledBaselineDetails={"targetIdentifier": target}))

    def test_looks_where_something_failed_but_to_enroll_an_account(self) -> None:
        assert isinstance(read(with_status("register-organizational-unit", state="FAILED")), UnitTouched)
        assert isinstance(read(with_status("update-landing-zone", state="FAILED")), SweepDue)

        failed = read(raw_event("create-managed-account-failed"))

        assert isinstance(failed, EnrollmentFailed)
        assert (failed.name, failed.account_id) == ("CreateManagedAccount", MEMBER)
        assert failed.message.startswith("AWS Control Tower")

    def test_reads_a_failure_before_there_was_an_account(self) -> None:
        event = raw_event("create-managed-account-failed")
        del event["detail"]["serviceEventDetails"]["createManagedAccountStatus"]["account"]

        failed = read(event)

        assert isinstance(failed, EnrollmentFailed)
        assert failed.account_id is None

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
    def test_refuses_a_status_that_says_nothing(self, change: dict[str, Any], reason: str) -> None:
        with pytest.raises(Refused, match=reason):
            read(with_status("create-managed-account-succeeded", **change))

    def test_refuses_a_unit_that_is_none(self) -> None:
        with pytest.raises(Refused, match="names no organizational unit"):
            read(with_status("register-organizational-unit", organizationalUnit={"organizationalUnitId": "Custom"}))

    def test_refuses_an_event_with_the_status_of_another(self) -> None:
        with pytest.raises(Refused, match="updateManagedAccountStatus"):
            read(with_detail("create-managed-account-succeeded", eventName="UpdateManagedAccount"))

    def test_refuses_an_event_about_controls(self) -> None:
        details = {"enableControlStatus": {"state": "SUCCEEDED"}}

        with pytest.raises(Refused, match="EnableControl, which says nothing"):
            read(
                with_detail("create-managed-account-succeeded", eventName="EnableControl", serviceEventDetails=details)
            )

    def test_drift_of_no_account_needs_nothing(self) -> None:
        event = with_detail("drift-account-moved", driftType="SCP_UPDATED")
        del event["detail"]["accountId"]

        assert read(event) == Irrelevant(event["id"], "the drift SCP_UPDATED is of no account")

    def test_refuses_drift_of_a_malformed_account(self) -> None:
        with pytest.raises(Refused, match="names no account"):
            read(with_detail("drift-account-moved", accountId="shop"))


class TestOrganizations:
    @pytest.mark.parametrize("kind", ["AWS Service Event via CloudTrail", "AWS API Call via CloudTrail", "Other"])
    @pytest.mark.parametrize("name", ["AccountJoinedOrganization", "AccountDepartedOrganization"])
    @pytest.mark.parametrize(
        "details",
        [
            {"serviceEventDetails": {"accountId": MEMBER}},
            {"serviceEventDetails": {"accountDepartedOrganizationStatus": {"AccountID": MEMBER}}},
            {"requestParameters": {"accounts": [{"ACCOUNTID": MEMBER}]}},
            {"serviceEventDetails": {"managementAccount": {"accountId": MANAGEMENT}, "account": {"accountid": MEMBER}}},
        ],
    )
    def test_finds_the_account_wherever_it_is(self, kind: str, name: str, details: dict[str, Any]) -> None:
        event = raw_event("account-departed-organization")
        del event["detail"]["serviceEventDetails"]
        event["detail-type"] = kind
        event["detail"] |= {"eventName": name} | details

        assert read(event) == AccountsTouched(event["id"], (MEMBER,))

    def test_does_not_take_who_acts_for_what_is_acted_on(self) -> None:
        event = with_detail("account-departed-organization", userIdentity={"accountId": "666666666666"})

        touched = read(event)

        assert isinstance(touched, AccountsTouched)
        assert touched.account_ids == (MEMBER,)

    @pytest.mark.parametrize("details", [{}, {"accountId": "5555"}, {"accountId": 555555555555}, {"accountId": None}])
    def test_refuses_an_event_that_names_no_account(self, details: dict[str, Any]) -> None:
        with pytest.raises(Refused, match="names no account"):
            read(with_detail("account-departed-organization", serviceEventDetails=details))

    def test_an_account_that_was_not_created_needs_nothing(self) -> None:
        event = raw_event("create-account-result-failed")

        assert read(event) == Irrelevant(event["id"], "no account was created")

    def test_a_call_that_failed_needs_nothing(self) -> None:
        event = with_detail("move-account", errorCode="AccountNotFoundException")

        assert read(event) == Irrelevant(event["id"], "the call failed: AccountNotFoundException")

    def test_refuses_an_event_about_something_else(self) -> None:
        with pytest.raises(Refused, match="AttachPolicy, which says nothing"):
            read(with_detail("move-account", eventName="AttachPolicy"))


def test_a_deployment_of_the_functions_own_stack_calls_for_a_sweep() -> None:
    event = raw_event("stack-status-change")

    assert read(event) == SweepDue(event["id"])


@pytest.mark.parametrize(
    "name",
    [
        "create-managed-account-succeeded",
        "move-account",
        "drift-account-moved",
        "scheduled-event",
        "stack-status-change",
    ],
)
def test_refuses_the_events_of_other_accounts(name: str) -> None:
    with pytest.raises(Refused, match="not from the management account"):
        read(raw_event(name) | {"account": MEMBER})


@pytest.mark.parametrize(
    "origin",
    [
        {"source": "aws.ec2"},
        {"source": "alertlogic.accounts"},
        {"detail-type": "AWS API Call via CloudTrail"},
        {"source": "aws.events"},
    ],
)
def test_refuses_the_events_of_other_services(origin: dict[str, str]) -> None:
    with pytest.raises(Refused, match="which says nothing about accounts"):
        read(raw_event("create-managed-account-succeeded") | origin)
