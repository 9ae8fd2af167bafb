"""The one shape of this library's dead-letter queues, and of the alarms on them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_sqs as sqs

from ._alarms import PERIOD, RunbookAlarm, Section

if TYPE_CHECKING:
    from constructs import Construct

# The longest that SQS keeps a message.
RETENTION = Duration.days(14)


def create_dead_letter_queue(scope: Construct) -> sqs.Queue:
    """Create a dead-letter queue, encrypted with SSE-SQS, that admits TLS only."""
    return sqs.Queue(
        scope,
        "DeadLetterQueue",
        encryption=sqs.QueueEncryption.SQS_MANAGED,
        enforce_ssl=True,
        retention_period=RETENTION,
    )


def create_dead_letter_alarm(
    scope: Construct, *, dead_letter_queue: sqs.IQueue, queue: sqs.IQueue, label: str, description: str
) -> RunbookAlarm:
    """Create an alarm that lasts while a message is in a dead-letter queue.

    Its description ends in the command that puts dead letters back. That must name the queue: what the functions and
    EventBridge put aside themselves came from no queue that SQS knows.
    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_StartMessageMoveTask.html

    Args:
        scope: The parent.
        dead_letter_queue: The dead-letter queue.
        queue: The queue that its messages are of.
        label: Whose messages they are, for graphs.
        description: What a message in it means, without a full stop.
    """
    redrive = (
        f"aws sqs start-message-move-task --source-arn {dead_letter_queue.queue_arn} "
        f"--destination-arn {queue.queue_arn}"
    )
    return RunbookAlarm(
        scope,
        "DeadLetterAlarm",
        metric=dead_letter_queue.metric_approximate_number_of_messages_visible(period=PERIOD, statistic="Maximum"),
        label=label,
        threshold=0,
        section=Section.DEAD_LETTERS,
        description=f"{description}. Once that is mended: {redrive}",
        # A queue that holds a message reports it.
        missing=cloudwatch.TreatMissingData.NOT_BREACHING,
    )
