from __future__ import annotations

from typing import Any

import pytest

from account_registration.order import ControlTower, Offboarding, Scope
from account_registration.properties import deregistration_of, registration_of
from aws.custom_resource import RequestRefusedError
from aws.organizations import AwsAccountId
from protection.scope import VpcTag
from tests.lambda_src.account_registration.cloudformation_requests import MEMBER, request
from tests.lambda_src.account_registration.registrations import WHOLE

TAG = {"Key": "alertlogic", "Value": "true"}
EMPTY = {"Key": "protect", "Value": ""}
TAGGED_PROPERTIES = {"ScopeRegions": [], "VpcTags": [TAG]}


class TestRegistrationOf:
    def test_reads_all_properties(self) -> None:
        registration = registration_of(request())

        assert (registration.account_id, registration.name) == (MEMBER, "LifeCycle1")
        assert registration.role_arn == f"arn:aws:iam::{MEMBER}:role/AlertLogicRole-1ABCDEF"
        assert (registration.mode, registration.policy_name) == ("automatic", "Professional")
        assert registration.scope == WHOLE
        assert registration.control_tower == ControlTower("o-exampleorg1", "us-east-1", AwsAccountId("111111111111"))

    @pytest.mark.parametrize(("value", "expected"), [("true", True), ("false", False)])
    def test_reads_whether_logs_come_from_the_log_archive_account(self, value: str, *, expected: bool) -> None:
        # What it was before, or whether it was there at all, makes no difference.
        for old in (None, "true", "false"):
            changed = request("Update", properties={"CentralLogs": value}, old={"CentralLogs": old})
            assert registration_of(changed).central_logs is expected

    def test_leaves_a_name_that_nobody_said_to_the_account(self) -> None:
        assert not registration_of(request(properties={"AccountName": ""})).name

    def test_knows_an_account_without_landing_zone(self) -> None:
        properties = {"OrganizationId": "", "HomeRegion": "", "ManagementAccountId": ""}

        assert registration_of(request(properties=properties)).control_tower is None

    @pytest.mark.parametrize(
        "name",
        [
            *("AccountId", "AccountName", "RoleArn", "Mode", "Policy", "OrganizationId"),
            *("ScopeRegions", "GovernedRegions", "VpcTags", "Prune", "CentralLogs"),
        ],
    )
    @pytest.mark.parametrize("value", [None, 5])
    def test_refuses_a_request_with_a_property_missing(self, name: str, value: int | None) -> None:
        with pytest.raises(RequestRefusedError, match=name):
            registration_of(request(properties={name: value}))

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("Mode", "readonly"),
            ("ScopeRegions", "us-east-1"),
            ("ScopeRegions", ["everywhere"]),
            ("ScopeRegions", [5]),
            ("GovernedRegions", "us-east-1"),
            ("GovernedRegions", ["everywhere"]),
            ("VpcTags", "alertlogic:true"),
            ("VpcTags", {"alertlogic": "true"}),
            ("VpcTags", ["alertlogic"]),
            ("VpcTags", [TAG, {"Key": "alertlogic"}]),
            ("VpcTags", [{"Value": "true"}]),
            ("VpcTags", [{"Key": "", "Value": "true"}]),
            ("VpcTags", [{"Key": "alertlogic", "Value": True}]),
            ("VpcTags", [{**TAG, "Values": ["true"]}]),
            ("Prune", "True"),
            ("Prune", ""),
            ("CentralLogs", "True"),
            ("CentralLogs", ""),
            ("RoleArn", "role"),
        ],
    )
    def test_refuses_a_request_with_a_malformed_property(self, name: str, value: Any) -> None:
        with pytest.raises(RequestRefusedError, match=name):
            registration_of(request(properties={name: value}))

    def test_reads_a_scope_of_tags(self) -> None:
        properties = TAGGED_PROPERTIES | {
            "VpcTags": [TAG, {"Key": "protect", "Value": "*"}, TAG, EMPTY],
            "Prune": "true",
        }

        assert registration_of(request(properties=properties)).scope == Scope(
            regions=(),
            tags=(VpcTag("alertlogic", "true"), VpcTag("protect", "*"), VpcTag("protect", "")),
            tag_regions=("us-east-1", "us-west-2"),
            former_regions=(),
            former_tag_regions=(),
            prune=True,
        )

    def test_reads_a_scope_without_regions_and_repeats_none(self) -> None:
        assert registration_of(request(properties={"ScopeRegions": []})).scope.regions == ()
        assert registration_of(request(properties={"ScopeRegions": ["us-east-1"] * 2})).scope.regions == ("us-east-1",)

    def test_refuses_tags_that_would_put_nothing_into_scope(self) -> None:
        with pytest.raises(RequestRefusedError, match="GovernedRegions"):
            registration_of(request(properties=TAGGED_PROPERTIES | {"GovernedRegions": []}))


class TestFormerScope:
    def test_of_an_update_that_changes_none_is_empty(self) -> None:
        assert registration_of(request("Update")).scope == WHOLE

    def test_is_what_was_ordered_and_no_longer_is(self) -> None:
        scope = registration_of(request("Update", properties=TAGGED_PROPERTIES, old={})).scope
        assert (scope.former_regions, scope.former_tag_regions) == (("us-east-1", "us-west-2"), ())

        scope = registration_of(request("Update", old=TAGGED_PROPERTIES)).scope
        assert (scope.former_regions, scope.former_tag_regions) == ((), ("us-east-1", "us-west-2"))

        scope = registration_of(request("Update", properties={"ScopeRegions": ["us-west-2"]}, old={})).scope
        assert (scope.former_regions, scope.former_tag_regions) == (("us-east-1",), ())

        fewer = TAGGED_PROPERTIES | {"GovernedRegions": ["us-west-2"]}
        scope = registration_of(request("Update", properties=fewer, old=TAGGED_PROPERTIES)).scope
        assert (scope.former_regions, scope.former_tag_regions) == ((), ("us-east-1",))

    def test_is_known_of_an_older_template_as_far_as_that_said_it(self) -> None:
        older = {"GovernedRegions": None, "VpcTags": None, "Prune": None}

        scope = registration_of(request("Update", properties=TAGGED_PROPERTIES, old=older)).scope

        assert (scope.former_regions, scope.former_tag_regions) == (("us-east-1", "us-west-2"), ())

    def test_does_not_keep_anyone_from_correcting_what_was_refused(self) -> None:
        refused = {"ScopeRegions": "us-east-1", "VpcTags": ["alertlogic"]}

        assert registration_of(request("Update", old=refused)).scope == WHOLE


@pytest.mark.parametrize(
    "properties",
    [
        {"AccountId": "666666666666"},
        {"RoleArn": "arn:aws:iam::666666666666:role/AlertLogicRole"},
        {"AccountId": "666666666666", "RoleArn": "arn:aws:iam::666666666666:role/AlertLogicRole"},
    ],
)
def test_refuses_a_stack_that_speaks_for_another_account(properties: dict[str, str]) -> None:
    with pytest.raises(RequestRefusedError, match=r"in account 555555555555 may not speak for .*666666666666"):
        registration_of(request(properties=properties))
    with pytest.raises(RequestRefusedError, match="may not speak for"):
        deregistration_of(request("Delete", properties=properties), Offboarding.DELETE)


def test_refuses_a_stack_id_of_another_account_than_the_properties() -> None:
    stack_id = "arn:aws:cloudformation:us-east-1:666666666666:stack/member/1"

    with pytest.raises(RequestRefusedError, match="in account 666666666666 may not speak for 555555555555"):
        registration_of(request(changes={"StackId": stack_id}))


def test_reads_little_of_a_delete_since_its_stack_may_be_older() -> None:
    properties = dict.fromkeys(("AccountName", "Mode", "Policy", "ScopeRegions", "VpcTags", "Prune", "OrganizationId"))

    deregistration = deregistration_of(request("Delete", properties=properties), Offboarding.DELETE)

    assert (deregistration.account_id, deregistration.offboarding) == (MEMBER, Offboarding.DELETE)
