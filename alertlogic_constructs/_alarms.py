"""The one shape of this library's alarms."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch

if TYPE_CHECKING:
    from constructs import Construct

PERIOD = Duration.minutes(15)
# For how long a message may wait.
PATIENCE = Duration.hours(1)


def create_alarm(
    scope: Construct, construct_id: str, *, metric: cloudwatch.IMetric, threshold: float, description: str
) -> cloudwatch.Alarm:
    """Create an alarm on the first period in which a metric is above its threshold."""
    return cloudwatch.Alarm(
        scope,
        construct_id,
        alarm_description=description,
        metric=metric,
        threshold=threshold,
        comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
        evaluation_periods=1,
        # An idle queue or function reports nothing.
        treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
    )
