from __future__ import annotations

import pytest

from account_enrollment.settings import Settings

ENVIRONMENT = {
    "STACK_SET_NAME": "alertlogic-member-account",
    "REGIONS": "us-east-1,us-west-2",
    "GUARDDUTY_ADMINISTRATOR": "",
    "ADMINISTRATOR_REGIONS": "",
    "MANAGEMENT_ACCOUNT_ID": "111111111111",
    "ALWAYS_ENROLLED": "222222222222,333333333333,444444444444",
    "INCLUDED_UNITS": "ALL",
    "EXCLUDED_UNITS": "",
    "EXCLUDED_ACCOUNTS": "",
    "MAX_CONCURRENT_PERCENTAGE": "25",
    "QUEUE_URL": "https://sqs.us-east-1.amazonaws.com/111111111111/queue",
    "DEAD_LETTER_QUEUE_URL": "https://sqs.us-east-1.amazonaws.com/111111111111/dead-letters",
    "HUB_BUS_ARN": "arn:aws:events:us-east-1:444444444444:event-bus/alertlogic-hub",
    "DELETION_GUARD_PERCENTAGE": "10",
}
# What `tests/lambda_src/test_settings.py` wants to see refused.
MALFORMED = [
    ("STACK_SET_NAME", ""),
    ("REGIONS", ""),
    ("REGIONS", "everywhere"),
    ("GUARDDUTY_ADMINISTRATOR", "security"),
    ("GUARDDUTY_ADMINISTRATOR", "444444444444,555555555555"),
    ("ADMINISTRATOR_REGIONS", "everywhere"),
    ("MANAGEMENT_ACCOUNT_ID", "1111"),
    ("ALWAYS_ENROLLED", "222222222222,333"),
    ("INCLUDED_UNITS", ""),
    ("INCLUDED_UNITS", "all"),
    ("INCLUDED_UNITS", "ALL,ou-abcd-11111111"),
    ("EXCLUDED_UNITS", "ALL"),
    ("EXCLUDED_ACCOUNTS", "ou-abcd-11111111"),
    ("MAX_CONCURRENT_PERCENTAGE", "0"),
    ("MAX_CONCURRENT_PERCENTAGE", "101"),
    ("QUEUE_URL", "queue"),
    ("DEAD_LETTER_QUEUE_URL", ""),
    ("HUB_BUS_ARN", "alertlogic-hub"),
    ("DELETION_GUARD_PERCENTAGE", ""),
    ("DELETION_GUARD_PERCENTAGE", "-1"),
    ("DELETION_GUARD_PERCENTAGE", "101"),
    ("DELETION_GUARD_PERCENTAGE", "10%"),
]


def test_reads_the_environment() -> None:
    settings = Settings.from_environment(
        ENVIRONMENT | {"EXCLUDED_UNITS": "ou-abcd-11111111", "EXCLUDED_ACCOUNTS": "555555555555"}
    )

    assert settings.max_concurrent_percentage == 25
    assert settings.guard.percentage == 10
    assert settings.hub_bus_arn == ENVIRONMENT["HUB_BUS_ARN"]
    assert settings.scope.regions == {"us-east-1", "us-west-2"}
    assert settings.scope.administrator_id is None
    assert settings.scope.included_units is None
    assert settings.scope.excluded_units == {"ou-abcd-11111111"}
    assert settings.scope.excluded_accounts == {"555555555555"}
    assert len(settings.scope.always_enrolled) == 3


def test_reads_the_administrator() -> None:
    said = {"GUARDDUTY_ADMINISTRATOR": "444444444444", "ADMINISTRATOR_REGIONS": "us-east-1,eu-west-1"}
    scope = Settings.from_environment(ENVIRONMENT | said).scope

    assert scope.administrator_id == "444444444444"
    assert scope.administrator_regions == {"us-east-1", "eu-west-1"}


def test_reads_units_in_place_of_all() -> None:
    settings = Settings.from_environment(ENVIRONMENT | {"INCLUDED_UNITS": "ou-abcd-11111111,r-abcd"})

    assert settings.scope.included_units == frozenset({"ou-abcd-11111111", "r-abcd"})


def test_needs_no_hub() -> None:
    assert Settings.from_environment(ENVIRONMENT | {"HUB_BUS_ARN": ""}).hub_bus_arn is None


@pytest.mark.parametrize("percentage", [0, 5, 100])
def test_reads_the_share_of_accounts_that_may_go(percentage: int) -> None:
    settings = Settings.from_environment(ENVIRONMENT | {"DELETION_GUARD_PERCENTAGE": str(percentage)})

    assert settings.guard.percentage == percentage
