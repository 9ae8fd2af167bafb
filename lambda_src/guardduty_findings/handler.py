"""Events of findings -> one of each -> requests -> one line per request, and the metrics."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Final, NoReturn

from aws_lambda_powertools.logging import Logger
from aws_lambda_powertools.metrics import MetricUnit

from alertlogic_api import AlertLogic, AlertLogicError
from aws.clients import client, is_transient
from aws.measures import emit
from aws.queue import Batch, NotYet, Queue, Refused
from aws.secret import access_key

from .delivery import Accepted, deliver
from .finding import parse
from .settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from aws_lambda_powertools.utilities.typing import LambdaContext

    from aws.queue import Message

    from .delivery import Outcome
    from .finding import Finding, Identity

# Kept back from Alert Logic, to put every message of a large batch back into the queue.
RESERVED_SECONDS: Final = 60
RECEIVED_METRIC: Final = "FindingsReceived"
FORWARDED_METRIC: Final = "FindingsForwarded"
FAILED_METRIC: Final = "FindingsFailed"
DELAY_METRIC: Final = "DeliveryDelay"

logger = Logger(service="guardduty_findings")


@dataclass(frozen=True, slots=True)
class Wiring:
    """What lasts as long as the container."""

    settings: Settings
    queue: Queue
    alert_logic: AlertLogic


@dataclass(frozen=True, slots=True)
class Notice:
    """A finding and the message that brought it."""

    message: Message
    finding: Finding


@dataclass(slots=True)
class Tally:
    """What an invocation got done."""

    forwarded: int = 0
    longest_delay_seconds: float = 0


@cache
def wire() -> Wiring:
    """Read the environment and make the clients, once."""
    settings = Settings.from_environment(os.environ)
    secrets_manager, secret_arn = client("secretsmanager"), settings.alert_logic.secret_arn
    return Wiring(
        settings=settings,
        queue=Queue(client("sqs"), url=settings.queue_url, dead_letter_url=settings.dead_letter_queue_url),
        alert_logic=AlertLogic(
            settings.alert_logic,
            access_key=lambda: access_key(secrets_manager, secret_arn, service=logger.service),
            log=logger,
        ),
    )


@logger.inject_lambda_context(clear_state=True, log_event=False)
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Handle a batch of events from the findings queue."""
    wiring = wire()
    # Whatever Alert Logic refuses but for what is in a request is not the messages' fault.
    batch = Batch(event, wiring.queue, logger=logger, waits_for=(AlertLogicError,))
    same: dict[Identity, list[Notice]] = {}
    for notice in _notices(batch, wiring.settings):
        same.setdefault(notice.finding.identity, []).append(notice)
    tally = Tally()
    with wiring.alert_logic.within(lambda: context.get_remaining_time_in_millis() / 1000 - RESERVED_SECONDS):
        for outcome in deliver(
            [notices[0].finding for notices in same.values()],
            ingest=wiring.alert_logic.ingest,
            source_id=context.invoked_function_arn,
            # Of the findings in a request the first stands for all.
            about=lambda finding: logger.set_correlation_id(finding.event_id),
        ):
            notices = [notice for finding in outcome.findings for notice in same[finding.identity]]
            messages = [notice.message for notice in notices]
            with batch.handling(*messages, correlation_id=outcome.findings[0].event_id):
                _settle(outcome, notices, tally)
    _measure(batch, tally)
    return batch.response()


def _notices(batch: Batch, settings: Settings) -> Iterator[Notice]:
    foreign: list[Finding] = []
    for message in batch.messages:
        with batch.handling(message):
            finding = parse(message.body)
            if settings.own_findings_only and finding.reported_by != finding.identity.account_id:
                foreign.append(finding)
            else:
                yield Notice(message, finding)
    if foreign:
        logger.info(
            "ignored",
            reason="each account forwards its own findings",
            findings=len(foreign),
            finding_ids=[finding.identity.finding_id for finding in foreign],
            reported_by=sorted({finding.reported_by for finding in foreign}),
        )


def _settle(outcome: Outcome, notices: Sequence[Notice], tally: Tally) -> None:
    if not isinstance(outcome, Accepted):
        _raise(outcome.error)
    waiting_since = min(notice.finding.reported_at or notice.message.sent_at for notice in notices)
    delay_seconds = max(0, time.time() - waiting_since)
    tally.forwarded += len(outcome.findings)
    tally.longest_delay_seconds = max(tally.longest_delay_seconds, delay_seconds)
    logger.info(
        "forwarded",
        findings=len(outcome.findings),
        finding_ids=[finding.identity.finding_id for finding in outcome.findings],
        messages=len(notices),
        request_bytes=outcome.request_bytes,
        longest_delay_seconds=round(delay_seconds),
    )


def _raise(error: Exception) -> NoReturn:
    if isinstance(error, (Refused, AlertLogicError)) or is_transient(error):
        raise error
    # It is no finding's fault, and must cost none.
    logger.error("not sent", exc_info=error)
    raise NotYet(f"{type(error).__name__}; the log says where") from error


def _measure(batch: Batch, tally: Tally) -> None:
    if not batch.messages:
        return
    # One that waited was counted when it came first.
    received = sum(message.received == 1 for message in batch.messages)
    counted = {RECEIVED_METRIC: received, FORWARDED_METRIC: tally.forwarded, FAILED_METRIC: batch.set_aside}
    emit(logger.service, counted)
    if tally.forwarded:
        emit(logger.service, {DELAY_METRIC: tally.longest_delay_seconds}, MetricUnit.Seconds)
