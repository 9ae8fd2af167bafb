from __future__ import annotations

from stackset_emptier.settings import Settings

ENVIRONMENT = {
    "STACK_SET_NAME": "alertlogic-member-account",
    "MAX_CONCURRENT_PERCENTAGE": "25",
    "QUEUE_URL": "https://sqs.us-east-1.amazonaws.com/111111111111/queue",
    "DEAD_LETTER_QUEUE_URL": "https://sqs.us-east-1.amazonaws.com/111111111111/dead-letters",
}
# What `tests/lambda_src/test_settings.py` wants to see refused.
MALFORMED = [
    ("STACK_SET_NAME", ""),
    ("MAX_CONCURRENT_PERCENTAGE", "0"),
    ("MAX_CONCURRENT_PERCENTAGE", "101"),
    ("QUEUE_URL", "queue"),
    ("DEAD_LETTER_QUEUE_URL", ""),
]


def test_reads_the_environment() -> None:
    assert Settings.from_environment(ENVIRONMENT) == Settings(
        stack_set_name="alertlogic-member-account",
        max_concurrent_percentage=25,
        queue_url=ENVIRONMENT["QUEUE_URL"],
        dead_letter_queue_url=ENVIRONMENT["DEAD_LETTER_QUEUE_URL"],
    )
