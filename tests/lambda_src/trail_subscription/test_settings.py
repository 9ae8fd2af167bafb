from __future__ import annotations

from tests.lambda_src.trail_subscription.requests_and_notices import LOG_ARCHIVE
from trail_subscription.settings import Settings

ROLE_ARN = f"arn:aws:iam::{LOG_ARCHIVE}:role/alertlogic-trail-reader"
ENVIRONMENT = {"TRAIL_READER_ROLE_ARN": ROLE_ARN}
# What `tests/lambda_src/test_settings.py` wants to see refused.
MALFORMED = [
    ("TRAIL_READER_ROLE_ARN", ""),
    ("TRAIL_READER_ROLE_ARN", f"{ROLE_ARN}/path"),
    ("TRAIL_READER_ROLE_ARN", ROLE_ARN.replace("role", "user")),
    ("TRAIL_READER_ROLE_ARN", ROLE_ARN.replace(LOG_ARCHIVE, "1")),
]


def test_reads_the_environment() -> None:
    settings = Settings.from_environment(ENVIRONMENT)

    assert settings == Settings(reader_account_id=LOG_ARCHIVE, reader_role_name="alertlogic-trail-reader")  # type: ignore[arg-type]
