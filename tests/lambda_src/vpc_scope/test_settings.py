from __future__ import annotations

from protection.scope import VpcTag
from vpc_scope.convergence import Rule
from vpc_scope.settings import Settings

ENVIRONMENT = {
    "ALERTLOGIC_CUSTOMER_ID": "12345678",
    "ALERTLOGIC_SECRET_ARN": "arn:aws:secretsmanager:us-east-1:444444444444:secret:alertlogic-AbCdEf",
    "READER_ROLE_NAME": "alertlogic-hub-reader",
    "REGIONS": "us-east-1,us-west-2",
    "VPC_TAGS": '[{"Key": "alertlogic", "Value": "true"}, {"Key": "Env", "Value": "*"}]',
    "POLICY": "Professional",
    "PRUNE": "false",
    "QUEUE_URL": "https://sqs.us-east-1.amazonaws.com/444444444444/queue",
    "DEAD_LETTER_QUEUE_URL": "https://sqs.us-east-1.amazonaws.com/444444444444/dead-letters",
}
# What `tests/lambda_src/test_settings.py` wants to see refused.
MALFORMED = [
    ("ALERTLOGIC_CUSTOMER_ID", "customer"),
    ("READER_ROLE_NAME", "a/path"),
    ("REGIONS", ""),
    ("REGIONS", "everywhere"),
    ("VPC_TAGS", ""),
    ("VPC_TAGS", "alertlogic:true"),
    ("VPC_TAGS", '{"Key": "alertlogic", "Value": "true"}'),
    ("VPC_TAGS", "[]"),
    ("VPC_TAGS", "[{]"),
    ("VPC_TAGS", "[7]"),
    ("VPC_TAGS", '[{"Key": "alertlogic"}]'),
    ("VPC_TAGS", '[{"Key": "", "Value": "true"}]'),
    ("VPC_TAGS", '[{"Key": 7, "Value": "true"}]'),
    ("VPC_TAGS", '[{"Key": "alertlogic", "Value": true}]'),
    ("POLICY", " "),
    ("PRUNE", "True"),
    ("PRUNE", ""),
    ("QUEUE_URL", "queue"),
    ("DEAD_LETTER_QUEUE_URL", ""),
]


def test_reads_the_environment() -> None:
    settings = Settings.from_environment(ENVIRONMENT)

    assert settings.alert_logic.customer_id == "12345678"
    assert settings.reader_role_name == "alertlogic-hub-reader"
    assert settings.regions == {"us-east-1", "us-west-2"}
    tags = (VpcTag("alertlogic", "true"), VpcTag("Env", "*"))
    assert settings.rule == Rule(tags=tags, policy_name="Professional", prune=False)


def test_reads_a_single_account_with_prune() -> None:
    settings = Settings.from_environment(ENVIRONMENT | {"READER_ROLE_NAME": "", "PRUNE": "true"})

    assert settings.reader_role_name == ""
    assert settings.rule.prune


def test_takes_a_tag_without_a_value() -> None:
    settings = Settings.from_environment(ENVIRONMENT | {"VPC_TAGS": '[{"Key": "protected", "Value": ""}]'})

    assert settings.rule.tags == (VpcTag("protected", ""),)
