from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from botocore.stub import ANY, Stubber

from aws.clients import client
from aws.metrics import Metric, Point, UnreadableMetricError, read_metrics

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient

NOW = 1_800_000_000
AGE = Metric("AWS/SQS", "ApproximateAgeOfOldestMessage", ("QueueName", "queue"), "Maximum")
ERRORS = Metric("AWS/Lambda", "Errors", ("FunctionName", "function"), "Sum")


@pytest.fixture
def cloudwatch(aws: None) -> CloudWatchClient:  # noqa: ARG001 - AWS must be there
    return client("cloudwatch")


def measure(cloudwatch: CloudWatchClient, metric: Metric, value: float, *, seconds_ago: float) -> None:
    name, dimension = metric.dimension
    cloudwatch.put_metric_data(
        Namespace=metric.namespace,
        MetricData=[
            {
                "MetricName": metric.name,
                "Dimensions": [{"Name": name, "Value": dimension}],
                "Timestamp": datetime.fromtimestamp(NOW - seconds_ago, UTC),
                "Value": value,
            }
        ],
    )


def read(cloudwatch: CloudWatchClient) -> list[tuple[Point, ...]]:
    return read_metrics(cloudwatch, [AGE, ERRORS], since=NOW - 600, until=NOW, period=60)


def result(metric_id: str, status: str, *points: tuple[float, float]) -> dict[str, Any]:
    times = [datetime.fromtimestamp(at, UTC) for at, _ in points]
    return {"Id": metric_id, "Timestamps": times, "Values": [value for _, value in points], "StatusCode": status}


def test_reads_each_metric_the_newest_first(cloudwatch: CloudWatchClient) -> None:
    for value, seconds_ago in ((7, 700), (5, 590), (3, 580), (4, 30)):
        measure(cloudwatch, AGE, value, seconds_ago=seconds_ago)
    for seconds_ago in (50, 40):
        measure(cloudwatch, ERRORS, 1, seconds_ago=seconds_ago)
    other = Metric("AWS/SQS", AGE.name, ("QueueName", "other"), "Maximum")
    measure(cloudwatch, other, 9, seconds_ago=30)

    ages, errors = read(cloudwatch)

    assert ages == (Point(NOW - 60, 4), Point(NOW - 600, 5))
    assert errors == (Point(NOW - 60, 2),)


def test_has_no_points_where_nothing_was_measured(cloudwatch: CloudWatchClient) -> None:
    assert read(cloudwatch) == [(), ()]


def test_reads_every_page(cloudwatch: CloudWatchClient) -> None:
    with Stubber(cloudwatch) as stub:
        first = [result("m0", "PartialData", (NOW, 1)), result("m1", "Complete", (NOW, math.pi))]
        stub.add_response("get_metric_data", {"MetricDataResults": first, "NextToken": "more"}, None)
        rest = {"MetricDataResults": [result("m0", "Complete", (NOW - 60, 2))]}
        expected = dict.fromkeys(("MetricDataQueries", "StartTime", "EndTime", "ScanBy"), ANY) | {"NextToken": "more"}
        stub.add_response("get_metric_data", rest, expected)

        assert read(cloudwatch) == [(Point(NOW, 1), Point(NOW - 60, 2)), (Point(NOW, math.pi),)]


@pytest.mark.parametrize("status", ["Forbidden", "InternalError"])
def test_takes_what_cannot_be_read_for_no_silence(cloudwatch: CloudWatchClient, status: str) -> None:
    with Stubber(cloudwatch) as stub:
        results = [result("m0", "Complete"), result("m1", status)]
        stub.add_response("get_metric_data", {"MetricDataResults": results}, None)

        with pytest.raises(UnreadableMetricError, match="AWS/Lambda/Errors"):
            read(cloudwatch)
