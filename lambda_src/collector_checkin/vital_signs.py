"""Reads from AWS how the function that sends the findings is, its queue and its dead-letter queue."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from aws.measures import NAMESPACE
from aws.metrics import Metric, read_metrics
from aws.queue import LONGEST_WAIT_SECONDS, WAITING_METRIC

from .health import Vitals

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_sqs import SQSClient

    from aws.metrics import Point

FORWARDER: Final = "guardduty_findings"
FORWARDED_METRIC: Final = "FindingsForwarded"

# From one check-in to the next.
INTERVAL_SECONDS: Final = 15 * 60
# A message that waits is seen again only when its wait is over, and until that shows as a metric some minutes pass.
WAITING_SECONDS: Final = LONGEST_WAIT_SECONDS + 5 * 60
DELIVERY_SECONDS: Final = 24 * 3600


class VitalSigns:
    """Reads the vital signs of one collector."""

    def __init__(
        self,
        cloudwatch: CloudWatchClient,
        sqs: SQSClient,
        *,
        function_name: str,
        queue_name: str,
        dead_letter_queue_url: str,
    ) -> None:
        self._cloudwatch = cloudwatch
        self._sqs = sqs
        self._dead_letter_queue_url = dead_letter_queue_url
        self._recent: Final = (
            Metric("AWS/SQS", "ApproximateAgeOfOldestMessage", ("QueueName", queue_name), "Maximum"),
            # SQS leaves out what was received three times; of these the function tells.
            Metric(NAMESPACE, WAITING_METRIC, ("service", FORWARDER), "Maximum"),
            Metric("AWS/Lambda", "Invocations", ("FunctionName", function_name), "Sum"),
            Metric("AWS/Lambda", "Errors", ("FunctionName", function_name), "Sum"),
        )

    def read(self, *, now: float) -> Vitals:
        """Read them all.

        Raises:
            UnreadableMetricError: One cannot be read now.
        """
        # A minute that is counted in part by two check-ins is better than one that is counted by none.
        since = now // 60 * 60 - INTERVAL_SECONDS
        untouched, waiting, invocations, errors = read_metrics(
            self._cloudwatch, self._recent, since=now - WAITING_SECONDS, until=now, period=60
        )
        return Vitals(
            at=now,
            since=since,
            queue_age=max(
                untouched[0].value if untouched else 0,
                # Each message that waits is told of by itself, the oldest not always last.
                *(point.value for point in waiting),
                0,
            ),
            dead_letters=self._dead_letters(),
            invocations=_sum(invocations, since),
            errors=_sum(errors, since),
            last_delivery=self._last_delivery(now),
        )

    def _last_delivery(self, now: float) -> Point | None:
        forwarded = Metric(NAMESPACE, FORWARDED_METRIC, ("service", FORWARDER), "Sum")
        [points] = read_metrics(self._cloudwatch, [forwarded], since=now - DELIVERY_SECONDS, until=now, period=300)
        return next((point for point in points if point.value > 0), None)

    def _dead_letters(self) -> int:
        answer = self._sqs.get_queue_attributes(
            QueueUrl=self._dead_letter_queue_url, AttributeNames=["ApproximateNumberOfMessages"]
        )
        return int(answer["Attributes"]["ApproximateNumberOfMessages"])


def _sum(points: Sequence[Point], since: float) -> float | None:
    values = [point.value for point in points if point.at >= since]
    return sum(values) if values else None
