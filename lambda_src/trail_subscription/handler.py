"""Request -> what separates the subscription from the wanted one -> calls -> the answer to CloudFormation."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cache
from time import sleep
from typing import TYPE_CHECKING, Any, Final

import requests
from aws_lambda_powertools.logging import Logger

from aws.clients import client
from aws.custom_resource import echoed, send
from aws.queue import NotYet, Refused
from aws.reader import ReaderRole

from .convergence import GivenUpError, Patience, Subscribing
from .notices import SqsNotices
from .request import parse
from .settings import Settings
from .subscription import UnusablePropertyError, Wanted, is_subscription_of, region_of
from .topic import SnsTopic

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

    from aws.organizations import AwsAccountId

    from .convergence import Topic
    from .request import Request

# Kept back for a step that is under way when the time is up, and for the answer.
RESERVED_SECONDS: Final = 60

logger = Logger(service="trail_subscription")


@dataclass(frozen=True, slots=True)
class Wiring:
    """What lasts as long as the container."""

    reader_role: ReaderRole
    reader_account_id: AwsAccountId
    http: requests.Session

    def topic(self, arn: str) -> Topic:
        """Reach a topic of this account."""
        return SnsTopic(client("sns", region_name=region_of(arn)), arn=arn)

    def notices(self, wanted: Wanted) -> SqsNotices:
        """Open the queue.

        Raises:
            RoleNotAssumableError: The role that may read it cannot be assumed, or not yet.
        """
        clients = self.reader_role.clients(self.reader_account_id)
        return SqsNotices(clients("sqs", wanted.queue_region), url=wanted.queue_url, logger=logger)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a request: the id of what there is now, and why it failed, if so."""

    physical_id: str
    failure: str | None = None


@cache
def wire() -> Wiring:
    """Read the environment and make the clients, once."""
    settings = Settings.from_environment(os.environ)
    return Wiring(
        reader_role=ReaderRole(client("sts"), name=settings.reader_role_name, session_name="trail_subscription"),
        reader_account_id=settings.reader_account_id,
        http=requests.Session(),
    )


@logger.inject_lambda_context(clear_state=True, log_event=False)
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> None:
    """Handle a request of CloudFormation; one that cannot be answered fails, and Lambda tries it again."""
    patience = Patience(lambda: context.get_remaining_time_in_millis() / 1000 - RESERVED_SECONDS, sleep)
    try:
        request = parse(event)
        logger.set_correlation_id(request.id)
        outcome = _carry_out(request, patience)
        _log(request, outcome)
        send(request.response_url, _answer(request, outcome), wire().http)
    except (NotYet, Refused) as error:
        logger.error("not answered", reason=str(error))  # noqa: TRY400 - its reason is all that there is to say
        raise


def _carry_out(request: Request, patience: Patience) -> Outcome:
    try:
        return _delete(request, patience) if request.type == "Delete" else _subscribe(request, patience)
    except Exception as error:  # noqa: BLE001 - CloudFormation would wait for an answer until its own timeout
        return Outcome(request.physical_resource_id, _failure(error))


def _subscribe(request: Request, patience: Patience) -> Outcome:
    wanted = Wanted.from_properties(request.properties)
    subscribing = Subscribing(wanted, wire().topic(wanted.topic_arn), wire().notices, patience)
    try:
        return Outcome(patience.until_done(subscribing.step))
    except Exception as error:
        # After a Create that failed, CloudFormation deletes what it left behind; an Update is rolled back instead.
        if request.type != "Create" or subscribing.arn is None:
            raise
        return Outcome(subscribing.arn, _failure(error))


def _delete(request: Request, patience: Patience) -> Outcome:
    arn = request.physical_resource_id
    topic_arn = str(request.properties.get("TopicArn"))
    if is_subscription_of(topic_arn, arn):
        topic = wire().topic(topic_arn)
        patience.until_done(lambda: topic.unsubscribe(arn))
    return Outcome(arn)


def _failure(error: Exception) -> str:
    if isinstance(error, (GivenUpError, UnusablePropertyError)):
        return str(error)
    logger.error("unforeseen", exc_info=error)
    return f"{type(error).__name__}; the log of the function says where"


def _answer(request: Request, outcome: Outcome) -> dict[str, Any]:
    status = {"Status": "SUCCESS"} if outcome.failure is None else {"Status": "FAILED", "Reason": outcome.failure}
    return {**status, "PhysicalResourceId": outcome.physical_id, **echoed(request)}


def _log(request: Request, outcome: Outcome) -> None:
    if outcome.failure is None:
        logger.info("done", request_type=request.type, physical_id=outcome.physical_id)
    else:
        logger.error("failed", request_type=request.type, physical_id=outcome.physical_id, reason=outcome.failure)
