"""SQS's message move tasks, which bring messages back from a dead-letter queue; moto knows none."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests.rehearsal.gateway import AwsError, Handler
from tests.rehearsal.moto_state import backend
from tests.rehearsal.principals import account_of, region_of

if TYPE_CHECKING:
    from tests.rehearsal.calls import ApiCall


def move_task_handlers() -> dict[str, Handler]:
    return {"StartMessageMoveTask": _start}


def _start(call: ApiCall) -> dict[str, Any]:
    """Move all messages at once; each is a new message then.

    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_StartMessageMoveTask.html
    """
    source_arn = call.parameters["SourceArn"]
    sqs = backend("sqs", account_of(source_arn), region_of(source_arn))
    source = sqs.queues.get(source_arn.rsplit(":", 1)[1])
    if source is None:
        raise AwsError("ResourceNotFoundException", "The resource that you specified for the SourceArn doesn't exist.")
    feeding = [queue.queue_arn for queue in sqs.queues.values() if _dead_letters_of(queue) == source_arn]
    if not feeding:
        message = "Source queue must be configured as a Dead Letter Queue."
        raise AwsError("InvalidParameterValue", message)
    destination = call.parameters.get("DestinationArn", feeding[0])
    messages = list(source._messages)
    source._messages.clear()
    for message in messages:
        sqs.send_message(destination.rsplit(":", 1)[1], message.body, message_attributes=message.message_attributes)
    return {"TaskHandle": f"task-of-{len(messages)}-messages"}


def _dead_letters_of(queue: Any) -> str | None:
    policy = queue.redrive_policy
    document = json.loads(policy) if isinstance(policy, str) else policy
    return (document or {}).get("deadLetterTargetArn")
