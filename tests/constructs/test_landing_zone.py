from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest
from aws_cdk import Aws

from alertlogic_constructs import LandingZone, OrganizationalUnits

# What JSON may hold, and no type checker lets pass.
NO_STRINGS: list[Any] = [{}]


def test_an_opt_in_region_is_known_as_such(landing_zone: LandingZone) -> None:
    zone = replace(landing_zone, governed_regions=("us-east-1", "ap-east-1", "eu-south-1"))

    assert zone.opt_in_regions == ("ap-east-1", "eu-south-1")


def test_the_security_account_may_be_the_audit_account(landing_zone: LandingZone) -> None:
    zone = replace(landing_zone, security_account="222222222222")

    assert zone.shared_accounts == ("222222222222", "333333333333")


def test_regions_from_json_become_a_tuple(landing_zone: LandingZone) -> None:
    regions: Any = ["us-east-1"]

    assert replace(landing_zone, governed_regions=regions).governed_regions == ("us-east-1",)


@pytest.mark.parametrize(
    ("argument", "value", "words"),
    [
        ("organization_id", "r-exampleorg1", "'o-' and 10 to 32"),
        ("management_account", "1111", "12 digits"),
        ("audit_account", 222222222222, "as a string with its leading zeros"),
        ("log_archive_account", "222222222222", "other than the audit account"),
        ("security_account", "111111111111", "StackSets cannot reach the management account"),
        ("home_region", "eu-central-1", "add 'eu-central-1'"),
        ("home_region", "mars-1", "a region of the partition aws"),
        ("governed_regions", ["us-east-1", "cn-north-1"], "partition aws only"),
        ("governed_regions", ["us-east-1", "us-east-1"], "name us-east-1 once"),
        ("governed_regions", "us-east-1", "a list of strings"),
        ("governed_regions", [], "a list with the home region"),
        ("governed_regions", ["us-east-1", {}], "governed_regions is {}; allowed is a string in the list"),
        ("audit_account", ["2"], "audit_account is ['2']; allowed is an AWS account id"),
        ("home_region", {}, "home_region is {}; allowed is a region"),
        # Digits, but none that an account id has.
        ("audit_account", "\u0662" * 12, "12 digits"),
    ],
)
def test_fails_when_the_landing_zone_is_wrong(landing_zone: LandingZone, argument: str, value: Any, words: str) -> None:
    with pytest.raises(ValueError, match=re.escape(words)) as refusal:
        replace(landing_zone, **{argument: value})

    assert "allowed is" in str(refusal.value)


def test_fails_when_an_account_is_not_known_at_synthesis(landing_zone: LandingZone) -> None:
    with pytest.raises(ValueError, match=r"log_archive_account is .*known at synthesis"):
        replace(landing_zone, log_archive_account=Aws.ACCOUNT_ID)


def test_one_error_lists_everything_that_is_wrong(landing_zone: LandingZone) -> None:
    with pytest.raises(ValueError, match="LandingZone cannot be used") as refusal:
        replace(landing_zone, organization_id="x", audit_account="2", home_region="nowhere")

    message = str(refusal.value)
    assert [
        name
        for name in ("organization_id is 'x'", "audit_account is '2'", "home_region is 'nowhere'")
        if name in message
    ] == [
        "organization_id is 'x'",
        "audit_account is '2'",
        "home_region is 'nowhere'",
    ]


def test_units_keep_what_is_included_and_excluded() -> None:
    units = OrganizationalUnits.only(
        "ou-abcd-11111111", excluding=["ou-abcd-22222222"], excluding_accounts=["555555555555"]
    )

    assert (units.included, units.excluded, units.excluded_accounts) == (
        ("ou-abcd-11111111",),
        ("ou-abcd-22222222",),
        ("555555555555",),
    )
    assert OrganizationalUnits.all().included == ()


def test_as_many_ids_as_an_environment_holds_may_be_named() -> None:
    units = OrganizationalUnits.all(excluding_accounts=[f"{n:012}" for n in range(153)])

    assert len(units.excluded_accounts) == 153


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (OrganizationalUnits.only, "use OrganizationalUnits.all()"),
        (lambda: OrganizationalUnits.only("Workloads"), "the id of an organizational unit"),
        (lambda: OrganizationalUnits.all(excluding="ou-abcd-11111111"), "a list of strings"),
        (lambda: OrganizationalUnits.all(excluding=NO_STRINGS), "excluding is {}; allowed is a string in the list"),
        (lambda: OrganizationalUnits.only(*NO_STRINGS), "units is {}; allowed is a string in the list"),
        (lambda: OrganizationalUnits.all(excluding_accounts=["5555"]), "12 digits"),
        (
            lambda: OrganizationalUnits.all(excluding_accounts=[f"{n:012}" for n in range(154)]),
            "2001 characters of ids'; allowed is at most 2000, as a function's environment has only 4 KB; exclude",
        ),
        (
            lambda: OrganizationalUnits.only("ou-abcd-11111111", excluding=["ou-abcd-11111111"]),
            "name ou-abcd-11111111 on one side only",
        ),
    ],
)
def test_fails_when_the_units_are_wrong(make: Any, words: str) -> None:
    with pytest.raises(ValueError, match=re.escape(words)):
        make()
