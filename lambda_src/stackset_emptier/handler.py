"""Request -> queue -> what is left of the StackSet -> operations, again and again -> the answer to CloudFormation."""

from __future__ import annotations

import json
import os
import time
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Final

import requests
from aws_lambda_powertools.logging import Logger
from botocore.exceptions import BotoCoreError, ClientError

from aws.clients import client, is_transient
from aws.custom_resource import RequestRefusedError, send
from aws.queue import Batch, NotYet, Queue, Refused

from .convergence import GivenUpError, step
from .request import is_stack_going, parse, parse_message
from .settings import Settings
from .stack_set import CloudFormationStackSet

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

    from aws.queue import Message

    from .request import Request

# CloudFormation gives up after 60 minutes; by then it must have an answer.
PATIENCE_SECONDS: Final = 55 * 60
PAUSE_SECONDS: Final = 60
# An invocation that dies leaves its message hidden; with the queue's own timeout, for half of the time that there is.
HIDDEN_BEYOND_SECONDS: Final = 10

logger = Logger(service="stackset_emptier")


@dataclass(frozen=True, slots=True)
class Wiring:
    """What lasts as long as the container."""

    queue: Queue
    stack_set: CloudFormationStackSet
    http: requests.Session


@cache
def wire() -> Wiring:
    """Read the environment and make the clients, once."""
    settings = Settings.from_environment(os.environ)
    return Wiring(
        queue=Queue(client("sqs"), url=settings.queue_url, dead_letter_url=settings.dead_letter_queue_url),
        stack_set=CloudFormationStackSet(
            client("cloudformation"),
            name=settings.stack_set_name,
            max_concurrent_percentage=settings.max_concurrent_percentage,
        ),
        http=requests.Session(),
    )


@logger.inject_lambda_context(clear_state=True, log_event=False)
def lambda_handler(event: Any, context: LambdaContext) -> dict[str, Any] | None:  # noqa: ANN401 - whoever may invoke it may send anything
    """Handle a request of CloudFormation, or a batch of those that wait in the queue."""
    if not (isinstance(event, dict) and "Records" in event):
        _take_in(event)
        return None
    wiring = wire()
    batch = Batch(event, wiring.queue, logger=logger)
    for message in batch.messages:
        logger.set_correlation_id(None)
        _hide(message, seconds=context.get_remaining_time_in_millis() // 1000 + HIDDEN_BEYOND_SECONDS)
        error = _attempt(message)
        # The pause begins only now, and without an end the back-off would soon be 15 minutes.
        with batch.handling(message, correlation_id=logger.get_correlation_id(), due_at=time.time() + PAUSE_SECONDS):
            if error is not None:
                raise error
    return batch.response()


def _take_in(event: Any) -> None:  # noqa: ANN401 - as above
    """Queue a request to empty the StackSet, and answer any other, as well as one that cannot be queued.

    Raises:
        NotYet: CloudFormation's bucket does not take the answer now; Lambda tries it again, twice.
        Refused: It cannot be answered.
    """
    try:
        request = parse(event)
        logger.set_correlation_id(request.id)
        try:
            if request.is_to_empty(wire().stack_set.name):
                wire().queue.send(json.dumps(event), delay_seconds=0)
                logger.info("queued", request_type=request.type)
                return
        except Exception as error:  # noqa: BLE001 - CloudFormation would wait for an answer until its own timeout
            _fail(request, _reason(error))
        else:
            _succeed(request, "nothing to do")
    except (NotYet, Refused) as error:
        logger.error("not answered", reason=str(error))  # noqa: TRY400 - its reason is all that there is to say
        raise


def _hide(message: Message, *, seconds: int) -> None:
    try:
        refused = wire().queue.postpone({message: seconds})
    except (BotoCoreError, ClientError):
        # It stays hidden for as long as the queue's own visibility timeout says.
        logger.exception("the message cannot be hidden", message_id=message.id)
    else:
        if refused:
            logger.warning("the message cannot be hidden", message_id=message.id, reasons=refused)


def _attempt(message: Message) -> Exception | None:
    """Work on a request that waits; return why its message is not done, if so."""
    try:
        _work_on(message)
    except Exception as error:  # noqa: BLE001 - it is raised where the message is handled
        return error
    return None


def _work_on(message: Message) -> None:
    request = parse_message(message.body)
    logger.set_correlation_id(request.id)
    is_over = time.time() >= message.sent_at + PATIENCE_SECONDS
    try:
        outcome = _carry_out(request, is_over=is_over)
    except Exception as error:
        is_foreseen = isinstance(error, (NotYet, GivenUpError)) or is_transient(error)
        is_hopeless = isinstance(error, RequestRefusedError) or (not is_foreseen and message.is_at_last_attempt)
        if not (is_over or is_hopeless):
            raise
        reason = _reason(error)
        _fail(request, reason)
        # What nobody foresaw shows in the stack, but somebody should look at the message, too.
        if not is_foreseen:
            raise Refused(reason) from error
    else:
        _succeed(request, outcome)


def _carry_out(request: Request, *, is_over: bool) -> str:
    stack_set = wire().stack_set
    if not request.is_to_empty(stack_set.name):
        return "nothing to do"
    if not is_stack_going(stack_set.stack_status(request.stack_id.arn)):
        logger.warning("the stack stays, so its StackSet is left alone", stack_set_name=stack_set.name)
        return "nothing to do"
    step(stack_set, is_over=is_over, logger=logger)
    return "emptied"


def _reason(error: Exception) -> str:
    if isinstance(error, RequestRefusedError):
        return str(error)
    if isinstance(error, (NotYet, GivenUpError)) or is_transient(error):
        return f"{error}; destroy the stack again, and it goes on"
    logger.error("unforeseen", exc_info=error)
    return f"{type(error).__name__}; the log of the function says where"


def _succeed(request: Request, outcome: str) -> None:
    send(request.response_url, request.succeeded(wire().stack_set.name), wire().http)
    logger.info(outcome, request_type=request.type)


def _fail(request: Request, reason: str) -> None:
    # First, for the answer itself may fail for good.
    logger.error("failed", reason=reason, request_type=request.type)
    send(request.response_url, request.failed(reason), wire().http)
