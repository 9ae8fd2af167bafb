from __future__ import annotations

import pytest

from account_registration.order import Offboarding
from account_registration.settings import Settings

ENVIRONMENT = {
    "ALERTLOGIC_CUSTOMER_ID": "12345678",
    "ALERTLOGIC_SECRET_ARN": "arn:aws:secretsmanager:us-east-1:444444444444:secret:alertlogic-AbCdEf",
    "READER_ROLE_NAME": "alertlogic-hub-reader",
    "OFFBOARDING": "DISABLE",
    "CENTRAL_LOGS_ROLE_ARN": "arn:aws:iam::333333333333:role/alertlogic-central-logs",
    "MANAGEMENT_ACCOUNT_ID": "111111111111",
    "TABLE_NAME": "accounts",
    "STATUS_BUCKET": "alertlogic-security-status-0a1b2c",
    "QUEUE_URL": "https://sqs.us-east-1.amazonaws.com/444444444444/queue",
    "DEAD_LETTER_QUEUE_URL": "https://sqs.us-east-1.amazonaws.com/444444444444/dead-letters",
}
# What `tests/lambda_src/test_settings.py` wants to see refused.
MALFORMED = [
    ("ALERTLOGIC_CUSTOMER_ID", "customer"),
    ("READER_ROLE_NAME", "a/path"),
    ("OFFBOARDING", "delete"),
    ("OFFBOARDING", ""),
    ("CENTRAL_LOGS_ROLE_ARN", "alertlogic-central-logs"),
    ("CENTRAL_LOGS_ROLE_ARN", "arn:aws:iam::333333333333:user/alertlogic"),
    ("MANAGEMENT_ACCOUNT_ID", "1111"),
    ("TABLE_NAME", ""),
    ("TABLE_NAME", "a table"),
    ("STATUS_BUCKET", "s3://status"),
    ("QUEUE_URL", "queue"),
    ("DEAD_LETTER_QUEUE_URL", ""),
]


@pytest.mark.parametrize("offboarding", Offboarding)
def test_reads_the_environment(offboarding: Offboarding) -> None:
    settings = Settings.from_environment(ENVIRONMENT | {"OFFBOARDING": offboarding.value})

    assert settings.offboarding is offboarding
    assert settings.alert_logic.customer_id == "12345678"
    assert settings.reader_role_name == "alertlogic-hub-reader"
    assert settings.central_logs_role_arn == "arn:aws:iam::333333333333:role/alertlogic-central-logs"
    assert settings.management_account_id == "111111111111"
    assert (settings.table_name, settings.status_bucket) == ("accounts", "alertlogic-security-status-0a1b2c")


@pytest.mark.parametrize("name", ["CENTRAL_LOGS_ROLE_ARN", "MANAGEMENT_ACCOUNT_ID", "STATUS_BUCKET"])
def test_can_do_without_what_a_single_account_lacks(name: str) -> None:
    settings = Settings.from_environment(ENVIRONMENT | {name: ""})

    assert getattr(settings, name.lower()) == ""
