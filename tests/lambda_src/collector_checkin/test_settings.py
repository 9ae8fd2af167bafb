from __future__ import annotations

from alertlogic_api import Collector
from collector_checkin.settings import Settings

ENVIRONMENT = {
    "ALERTLOGIC_CUSTOMER_ID": "12345678",
    "ALERTLOGIC_SECRET_ARN": "arn:aws:secretsmanager:us-east-1:444444444444:secret:alertlogic-AbCdEf",
    "COLLECTOR_FUNCTION_ARN": "arn:aws:lambda:us-east-1:444444444444:function:AlertLogic-Security-Findings_1",
    "COLLECTOR_STACK_NAME": "AlertLogic-Security",
    "COLLECTOR_VERSION": "0.1.0",
    "COLLECTOR_PARAMETER": "CFN-FindingsCollectorId-AbCdEf",
    "QUEUE_NAME": "AlertLogic-Security-FindingsQueue",
    "DEAD_LETTER_QUEUE_URL": "https://sqs.us-east-1.amazonaws.com/444444444444/dead-letters",
}
# What `tests/lambda_src/test_settings.py` wants to see refused.
MALFORMED = [
    ("COLLECTOR_FUNCTION_ARN", "arn:aws:lambda:us-east-1:444444444444:function:name:alias"),
    ("COLLECTOR_FUNCTION_ARN", "arn:aws:sqs:us-east-1:444444444444:queue"),
    ("COLLECTOR_STACK_NAME", ""),
    ("COLLECTOR_VERSION", "latest"),
    ("COLLECTOR_PARAMETER", "a parameter"),
    ("QUEUE_NAME", "https://sqs.us-east-1.amazonaws.com/444444444444/queue"),
    ("DEAD_LETTER_QUEUE_URL", "dead-letters"),
]


def test_reads_the_environment() -> None:
    settings = Settings.from_environment(ENVIRONMENT)

    assert settings.alert_logic.customer_id == "12345678"
    assert settings.collector == Collector(
        account_id="444444444444",
        region="us-east-1",
        function_name="AlertLogic-Security-Findings_1",
        stack_name="AlertLogic-Security",
        version="0.1.0",
    )
    assert settings.parameter_name == "CFN-FindingsCollectorId-AbCdEf"
    assert settings.queue_name == "AlertLogic-Security-FindingsQueue"
    assert settings.dead_letter_queue_url.endswith("/dead-letters")
