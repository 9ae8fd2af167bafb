from __future__ import annotations

from guardduty_findings.settings import Settings

ENVIRONMENT = {
    "ALERTLOGIC_CUSTOMER_ID": "12345678",
    "ALERTLOGIC_SECRET_ARN": "arn:aws:secretsmanager:us-east-1:444444444444:secret:alertlogic-AbCdEf",
    "OWN_FINDINGS_ONLY": "false",
    "QUEUE_URL": "https://sqs.us-east-1.amazonaws.com/444444444444/queue",
    "DEAD_LETTER_QUEUE_URL": "https://sqs.us-east-1.amazonaws.com/444444444444/dead-letters",
}
# What `tests/lambda_src/test_settings.py` wants to see refused.
MALFORMED = [
    ("ALERTLOGIC_CUSTOMER_ID", "customer"),
    ("OWN_FINDINGS_ONLY", "True"),
    ("OWN_FINDINGS_ONLY", ""),
    ("QUEUE_URL", "queue"),
    ("DEAD_LETTER_QUEUE_URL", ""),
]


def test_reads_the_environment() -> None:
    settings = Settings.from_environment(ENVIRONMENT)

    assert settings.alert_logic.customer_id == "12345678"
    assert not settings.own_findings_only
    assert settings.queue_url == ENVIRONMENT["QUEUE_URL"]
    assert settings.dead_letter_queue_url == ENVIRONMENT["DEAD_LETTER_QUEUE_URL"]


def test_reads_that_each_account_forwards_its_own_findings() -> None:
    assert Settings.from_environment(ENVIRONMENT | {"OWN_FINDINGS_ONLY": "true"}).own_findings_only
