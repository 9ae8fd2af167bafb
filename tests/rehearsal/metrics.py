"""CloudWatch's metrics, of what really happened: invocations, messages that wait, and what functions logged."""

from __future__ import annotations

import math
import statistics
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.rehearsal.moto_state import backend
from tests.rehearsal.stack_sets import timestamp

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from tests.rehearsal.calls import ApiCall
    from tests.rehearsal.functions import Function, Functions
    from tests.rehearsal.gateway import Handler
    from tests.rehearsal.templates import Json

# When something was measured, and how much it was.
Sample = tuple[float, float]

_STATISTICS: dict[str, Callable[[list[float]], float]] = {
    "Average": statistics.fmean,
    "Maximum": max,
    "Minimum": min,
    "SampleCount": len,
    "Sum": math.fsum,
}
# SQS measures every minute, and leaves out what was received more than this often.
SQS_PERIOD = 60
MOST_RECEIVED = 3


@dataclass(frozen=True)
class Asked:
    """A metric, and the time in Unix seconds, from `start` until before `end`, of which somebody wants to know it."""

    account: str
    region: str
    namespace: str
    name: str
    dimensions: dict[str, str]
    start: float
    end: float


class Metrics:
    """The metrics of all accounts."""

    def __init__(self, functions: Functions) -> None:
        self._functions = functions

    def handlers(self) -> dict[str, Handler]:
        return {"GetMetricData": self._get_data}

    def samples(self, asked: Asked) -> list[Sample]:
        """Everything that was measured.

        Raises:
            NotImplementedError: it is a metric of AWS's own that is not known here.
        """
        place = (asked.account, asked.region)
        functions = [one for one in self._functions.all.values() if (one.account, one.region) == place]
        match asked.namespace, asked.name, sorted(asked.dimensions):
            case "AWS/Lambda", "Invocations" | "Errors", ["FunctionName"]:
                found = _of_invocations(asked, functions)
            case "AWS/SQS", "ApproximateAgeOfOldestMessage", ["QueueName"]:
                found = _ages(asked)
            case namespace, _, _ if namespace.startswith("AWS/"):
                raise NotImplementedError(f"{asked} is not known to tests/rehearsal/metrics.py")
            case _:
                found = _logged(asked, (line for one in functions for line in self._functions.metric_lines(one)))
        return [sample for sample in found if asked.start <= sample[0] < asked.end]

    def _get_data(self, call: ApiCall) -> dict[str, Any]:
        parameters = call.parameters
        newest_first = parameters.get("ScanBy", "TimestampDescending") == "TimestampDescending"
        results = [self._result(call, query, newest_first=newest_first) for query in parameters["MetricDataQueries"]]
        return {"MetricDataResults": results, "Messages": []}

    def _result(self, call: ApiCall, query: Json, *, newest_first: bool) -> Json:
        if "MetricStat" not in query:
            raise NotImplementedError("expressions are not known to tests/rehearsal/metrics.py")
        metric, period = query["MetricStat"]["Metric"], query["MetricStat"]["Period"]
        asked = Asked(
            account=call.account,
            region=call.region,
            namespace=metric["Namespace"],
            name=metric["MetricName"],
            dimensions={one["Name"]: one["Value"] for one in metric.get("Dimensions", [])},
            # CloudWatch takes whole periods.
            start=call.parameters["StartTime"] // period * period,
            end=call.parameters["EndTime"],
        )
        by_period: dict[float, list[float]] = defaultdict(list)
        for at, value in self.samples(asked):
            by_period[at // period * period].append(value)
        moments = sorted(by_period, reverse=newest_first)
        statistic = _STATISTICS[query["MetricStat"]["Stat"]]
        return {
            "Id": query["Id"],
            "Label": query.get("Label", asked.name),
            "Timestamps": [timestamp(moment) for moment in moments],
            "Values": [float(statistic(by_period[moment])) for moment in moments],
            "StatusCode": "Complete",
        }


def _of_invocations(asked: Asked, functions: Iterable[Function]) -> Iterator[Sample]:
    for function in functions:
        if function.name == asked.dimensions["FunctionName"]:
            yield from ((at, float(failed) if asked.name == "Errors" else 1.0) for at, failed in function.invocations)


def _ages(asked: Asked) -> Iterator[Sample]:
    """Yield, for each minute, how old the oldest message was of those that are still there."""
    queue = backend("sqs", asked.account, asked.region).queues.get(asked.dimensions["QueueName"])
    messages = [] if queue is None else queue._messages
    sent = [m.sent_timestamp / 1000 for m in messages if m.approximate_receive_count <= MOST_RECEIVED]
    moment = math.ceil(asked.start / SQS_PERIOD) * SQS_PERIOD
    while queue is not None and moment < asked.end:
        yield moment, max((moment - at for at in sent if at <= moment), default=0)
        moment += SQS_PERIOD


def _logged(asked: Asked, lines: Iterable[Json]) -> Iterator[Sample]:
    """Yield what functions logged in the embedded metric format.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
    """
    for line in lines:
        for directive in line["_aws"]["CloudWatchMetrics"]:
            names = {one["Name"] for one in directive["Metrics"]}
            dimensions = [{key: line[key] for key in keys} for keys in directive["Dimensions"]]
            if directive["Namespace"] == asked.namespace and asked.name in names and asked.dimensions in dimensions:
                values = line[asked.name] if isinstance(line[asked.name], list) else [line[asked.name]]
                yield from ((line["_aws"]["Timestamp"] / 1000, value) for value in values)
