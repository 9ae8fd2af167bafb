"""What CloudWatch has measured.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mypy_boto3_cloudwatch import CloudWatchClient

_UNREADABLE: Final = frozenset({"Forbidden", "InternalError"})


class UnreadableMetricError(Exception):
    """CloudWatch answers, but cannot say what it has measured."""


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric with one dimension, and what is asked of it for each period."""

    namespace: str
    name: str
    dimension: tuple[str, str]
    statistic: Literal["Maximum", "Sum"]


@dataclass(frozen=True, slots=True)
class Point:
    """The statistic of the period that began `at` (Unix seconds)."""

    at: float
    value: float


def read_metrics(
    cloudwatch: CloudWatchClient, metrics: Sequence[Metric], *, since: float, until: float, period: int
) -> list[tuple[Point, ...]]:
    """Return the points of each metric, the newest first; a period in which nothing was measured has none.

    Args:
        cloudwatch: The client.
        metrics: At most 500.
        since: Begin of the time that is looked at, Unix seconds; the period that holds it is looked at whole.
        until: Its end.
        period: Seconds, a multiple of 60.

    Raises:
        UnreadableMetricError: A metric cannot be read now.
    """
    points: list[list[Point]] = [[] for _ in metrics]
    pages = cloudwatch.get_paginator("get_metric_data").paginate(
        MetricDataQueries=[
            {
                "Id": f"m{at}",
                "MetricStat": {
                    "Metric": {
                        "Namespace": metric.namespace,
                        "MetricName": metric.name,
                        "Dimensions": [{"Name": metric.dimension[0], "Value": metric.dimension[1]}],
                    },
                    "Period": period,
                    "Stat": metric.statistic,
                },
            }
            for at, metric in enumerate(metrics)
        ],
        StartTime=datetime.fromtimestamp(since // period * period, UTC),
        EndTime=datetime.fromtimestamp(until, UTC),
        ScanBy="TimestampDescending",
    )
    for page in pages:
        for result in page["MetricDataResults"]:
            at = int(result.get("Id", "").removeprefix("m"))
            if result.get("StatusCode") in _UNREADABLE:
                raise UnreadableMetricError(f"CloudWatch cannot read {metrics[at].namespace}/{metrics[at].name}")
            values = zip(result.get("Timestamps", []), result.get("Values", []), strict=True)
            points[at] += [Point(time.timestamp(), value) for time, value in values]
    return [tuple(found) for found in points]
