from __future__ import annotations

import pytest

from account_registration.order import Offboarding
from account_registration.settings import Settings

ENVIRONMENT = {
    "ALERTLOGIC_CUSTOMER_ID": "12345678",
    "ALERTLOGIC_SECRET_ARN": "arn:aws:secretsmanager:us-east-1:444444444444:secret:alertlogic-AbCdEf",
    "READER_ROLE_NAME": "alertlogic-hub-reader",
    "OFFBOARDING": "DISABLE",
    "QUEUE_URL": "https://sqs.us-east-1.amazonaws.com/444444444444/queue",
    "DEAD_LETTER_QUEUE_URL": "https://sqs.us-east-1.amazonaws.com/444444444444/dead-letters",
}


@pytest.mark.parametrize("offboarding", Offboarding)
def test_reads_the_environment(offboarding: Offboarding) -> None:
    settings = Settings.from_environment(ENVIRONMENT | {"OFFBOARDING": offboarding.value})

    assert settings.offboarding is offboarding
    assert settings.alert_logic.customer_id == "12345678"
    assert settings.reader_role_name == "alertlogic-hub-reader"


@pytest.mark.parametrize("name", ENVIRONMENT)
def test_fails_when_a_variable_is_missing(name: str) -> None:
    with pytest.raises(ValueError, match=name):
        Settings.from_environment({key: value for key, value in ENVIRONMENT.items() if key != name})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ALERTLOGIC_CUSTOMER_ID", "customer"),
        ("READER_ROLE_NAME", "a/path"),
        ("OFFBOARDING", "delete"),
        ("OFFBOARDING", ""),
        ("QUEUE_URL", "queue"),
        ("DEAD_LETTER_QUEUE_URL", ""),
    ],
)
def test_fails_when_a_variable_is_malformed(name: str, value: str) -> None:
    with pytest.raises(ValueError, match=name):
        Settings.from_environment(ENVIRONMENT | {name: value})
