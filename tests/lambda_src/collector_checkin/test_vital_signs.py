from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from aws.clients import client
from aws.metrics import Point
from collector_checkin.vital_signs import VitalSigns

if TYPE_CHECKING:
    from tests.lambda_src.deliveries import Deliveries

# Half a minute past a whole one.
NOW = 1_800_000_030


def measure(metric: str, dimension: tuple[str, str], *seconds_ago: float, value: float = 1) -> None:
    name, owner = dimension
    client("cloudwatch").put_metric_data(
        Namespace={"FunctionName": "AWS/Lambda", "QueueName": "AWS/SQS", "service": "AlertLogic"}[name],
        MetricData=[
            {
                "MetricName": metric,
                "Dimensions": [{"Name": name, "Value": owner}],
                "Timestamp": datetime.fromtimestamp(NOW - ago, UTC),
                "Value": value,
            }
            for ago in seconds_ago
        ],
    )


def test_of_one_function_and_its_queues(deliveries: Deliveries) -> None:
    signs = VitalSigns(
        client("cloudwatch"),
        deliveries.sqs,
        function_name="function",
        queue_name="queue",
        dead_letter_queue_url=deliveries.dead_letter_url,
    )
    # The first second that counts, the last that does not, and another function's.
    measure("Invocations", ("FunctionName", "function"), 1, 930, 931)
    measure("Invocations", ("FunctionName", "other"), 1)
    measure("Errors", ("FunctionName", "function"), 930, 931)
    measure("ApproximateAgeOfOldestMessage", ("QueueName", "queue"), 100, value=500)
    measure("ApproximateAgeOfOldestMessage", ("QueueName", "queue"), 1, value=60)
    measure("OldestWaitingMessage", ("service", "guardduty_findings"), 1199, value=70)
    measure("OldestWaitingMessage", ("service", "guardduty_findings"), 1, value=5)
    measure("OldestWaitingMessage", ("service", "guardduty_findings"), 1300, value=999)
    measure("OldestWaitingMessage", ("service", "account_registration"), 1, value=900)
    measure("FindingsForwarded", ("service", "guardduty_findings"), 1, value=0)
    measure("FindingsForwarded", ("service", "guardduty_findings"), 10 * 3600 - 1, 10 * 3600, 12 * 3600, value=5)
    for body in ("a", "b"):
        deliveries.sqs.send_message(QueueUrl=deliveries.dead_letter_url, MessageBody=body)

    vitals = signs.read(now=NOW)

    assert (vitals.at, vitals.since) == (NOW, NOW - 930)
    assert (vitals.invocations, vitals.errors) == (2, 1)
    assert vitals.queue_age == 70
    assert vitals.dead_letters == 2
    # To five minutes.
    assert vitals.last_delivery == Point((NOW - 10 * 3600) // 300 * 300, 10)
