"""VPC events -> accounts and regions -> what their scope lacks or has too much of -> calls -> one line per account."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from aws_lambda_powertools.logging import Logger

from alertlogic_api import AlertLogic, AuthenticationError, ConflictError, RejectedError, RetryableError
from aws.clients import client
from aws.queue import Batch, NotYet, Queue, Refused
from aws.reader import ReaderRole, RoleNotAssumableError
from aws.secret import access_key
from aws.vpcs import VpcReader
from protection.retained import count_retained

from .convergence import Absent, Converged, Convergence
from .event import parse
from .settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from aws_lambda_powertools.utilities.typing import LambdaContext

    from aws.organizations import AwsAccountId
    from aws.queue import Message
    from aws.reader import Clients

    from .convergence import Outcome
    from .event import VpcEvent

# Kept back from Alert Logic, to put every message of a large batch back into the queue.
RESERVED_SECONDS: Final = 60
# The registration of an account takes in what is tagged by then, and an account that left will not come back.
PATIENCE_SECONDS: Final = 45 * 60

logger = Logger(service="vpc_scope")


@dataclass(frozen=True, slots=True)
class Wiring:
    """What lasts as long as the container."""

    settings: Settings
    queue: Queue
    vpcs: VpcReader
    alert_logic: AlertLogic
    convergence: Convergence


@dataclass(frozen=True, slots=True)
class Notice:
    """An event and the message that brought it."""

    message: Message
    event: VpcEvent


@cache
def wire() -> Wiring:
    """Read the environment and make the clients, once."""
    settings = Settings.from_environment(os.environ)
    role_name, secret_arn = settings.reader_role_name, settings.alert_logic.secret_arn
    secrets_manager = client("secretsmanager")
    alert_logic = AlertLogic(
        settings.alert_logic,
        access_key=lambda: access_key(secrets_manager, secret_arn, service=logger.service),
        log=logger,
    )
    vpcs = VpcReader(ReaderRole(client("sts"), name=role_name, session_name="vpc_scope").clients if role_name else _own)
    return Wiring(
        settings=settings,
        queue=Queue(client("sqs"), url=settings.queue_url, dead_letter_url=settings.dead_letter_queue_url),
        vpcs=vpcs,
        alert_logic=alert_logic,
        convergence=Convergence(
            deployments=alert_logic.deployments,
            credentials=alert_logic.credentials,
            policies=alert_logic.policies,
            vpcs=vpcs,
            rule=settings.rule,
        ),
    )


@logger.inject_lambda_context(clear_state=True, log_event=False)
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Handle a batch of events from the scope queue."""
    wiring = wire()
    batch = Batch(event, wiring.queue, logger=logger, waits_for=(RetryableError, AuthenticationError, ConflictError))
    by_account: dict[AwsAccountId, list[Notice]] = {}
    for notice in _notices(batch, wiring.settings, own_account=context.invoked_function_arn.split(":")[4]):
        by_account.setdefault(notice.event.account_id, []).append(notice)
    touched = {account_id: {notice.event.region for notice in notices} for account_id, notices in by_account.items()}
    wiring.vpcs.forget()
    with wiring.alert_logic.within(lambda: context.get_remaining_time_in_millis() / 1000 - RESERVED_SECONDS):
        outcomes = wiring.convergence.converge(
            touched,
            # Of several events of an account the first stands for all.
            about=lambda account_id: logger.set_correlation_id(by_account[account_id][0].event.id),
        )
    for account_id, outcome in outcomes.items():
        notices = by_account[account_id]
        if isinstance(outcome, Converged):
            _report(outcome, notices)
        for notice in notices:
            with batch.handling(notice.message, correlation_id=notice.event.id):
                _settle(notice, outcome)
    return batch.response()


def _own(_: AwsAccountId) -> Clients:
    return lambda service, region: client(service, region_name=region)


def _notices(batch: Batch, settings: Settings, *, own_account: str) -> Iterator[Notice]:
    for message in batch.messages:
        with batch.handling(message):
            event = parse(message.body)
            logger.set_correlation_id(event.id)
            if not settings.reader_role_name and event.account_id != own_account:
                raise Refused(f"event {event.id} is of account {event.account_id}; only {own_account} is looked after")
            if event.region in settings.regions:
                yield Notice(message, event)
            else:
                logger.info("ignored", account_id=event.account_id, region=event.region)


def _report(outcome: Converged, notices: Sequence[Notice]) -> None:
    logger.set_correlation_id(notices[0].event.id)
    details: dict[str, Any] = {
        "account_id": notices[0].event.account_id,
        "event_ids": [notice.event.id for notice in notices],
        "regions": sorted({notice.event.region for notice in notices}),
        "added": outcome.added,
        "removed": outcome.removed,
        "retained": outcome.retained,
        "deployment_id": outcome.deployment_id,
    }
    logger.info("converged", **details)
    if outcome.not_kept:
        logger.warning("Alert Logic did not keep what was written", **details, not_kept=outcome.not_kept)
    count_retained(outcome.retained, service=logger.service)


def _settle(notice: Notice, outcome: Outcome) -> None:
    is_young = time.time() - notice.message.sent_at < PATIENCE_SECONDS
    match outcome:
        case Converged(unreadable=unreadable) if notice.event.region in unreadable:
            raise NotYet(str(unreadable[notice.event.region]))
        case Converged():
            pass
        case Absent(why) if is_young:
            raise NotYet(why)
        case Absent(why):
            logger.info("given up", account_id=notice.event.account_id, reason=why)
        case RoleNotAssumableError() if is_young:
            raise NotYet(str(outcome))
        case RejectedError() | RoleNotAssumableError():
            raise Refused(str(outcome)) from outcome
        case _:
            raise outcome
