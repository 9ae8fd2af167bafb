from __future__ import annotations

import pytest

from aws.environment import ACCOUNT_ID, REGION, UNIT_ID, Environment


def test_reads_values_and_lists() -> None:
    environment = Environment({"ONE": "444444444444", "SOME": "us-east-1,eu-west-1", "NONE": ""})

    assert environment.one("ONE", ACCOUNT_ID) == "444444444444"
    assert environment.some("SOME", REGION) == ("us-east-1", "eu-west-1")
    assert environment.any("NONE", UNIT_ID) == ()


@pytest.mark.parametrize("value", ["44444444444", "4444444444444", "44444444444x", "", "444444444444\n"])
def test_names_variable_value_and_what_is_allowed(value: str) -> None:
    with pytest.raises(ValueError, match=r"^SECURITY holds .*; it must be an AWS account id of 12 digits$") as caught:
        Environment({"SECURITY": value}).one("SECURITY", ACCOUNT_ID)
    assert repr(value) in str(caught.value)


def test_reads_what_may_be_empty() -> None:
    environment = Environment({"ONE": "444444444444", "NONE": "", "TWO": "444444444444,555555555555"})

    assert environment.one("ONE", ACCOUNT_ID.or_nothing) == "444444444444"
    assert environment.one("NONE", ACCOUNT_ID.or_nothing) == ""
    with pytest.raises(ValueError, match=r"^TWO holds .*; it must be an AWS account id of 12 digits, or nothing$"):
        environment.one("TWO", ACCOUNT_ID.or_nothing)


def test_reads_switches() -> None:
    environment = Environment({"ON": "true", "OFF": "false", "ODD": "True"})

    assert (environment.switch("ON"), environment.switch("OFF")) == (True, False)
    with pytest.raises(ValueError, match=r"^ODD holds 'True'; it must be true or false$"):
        environment.switch("ODD")


def test_fails_when_a_variable_is_not_set() -> None:
    with pytest.raises(ValueError, match=r"^REGIONS is not set$"):
        Environment({}).some("REGIONS", REGION)


def test_fails_when_a_list_is_empty_that_must_not_be() -> None:
    with pytest.raises(ValueError, match=r"^REGIONS is empty"):
        Environment({"REGIONS": ""}).some("REGIONS", REGION)


def test_fails_when_one_of_a_list_is_malformed() -> None:
    with pytest.raises(ValueError, match=r"^UNITS holds 'ou-1'"):
        Environment({"UNITS": "ou-abcd-11111111,ou-1"}).any("UNITS", UNIT_ID)
