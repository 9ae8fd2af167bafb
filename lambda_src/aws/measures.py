"""What the functions measure themselves: metrics of CloudWatch, which are lines of the log.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit

if TYPE_CHECKING:
    from collections.abc import Mapping

NAMESPACE: Final = "AlertLogic"


def emit(service: str, values: Mapping[str, float], unit: MetricUnit = MetricUnit.Count) -> None:
    """Emit metrics.

    Args:
        service: The function, which is their dimension.
        values: Their values, by name; at least one.
        unit: The unit of all of them.
    """
    metrics = EphemeralMetrics(namespace=NAMESPACE, service=service)
    for name, value in values.items():
        metrics.add_metric(name=name, unit=unit, value=value)
    metrics.flush_metrics()
