"""Message -> may it be done -> what Alert Logic lacks -> calls -> the answer to CloudFormation, and what is noted."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any, Final

import requests
from aws_lambda_powertools.logging import Logger

from alertlogic_api import AlertLogic, AlertLogicError, AuthenticationError, ConflictError, RetryableError
from aws.accounts import AccountReader
from aws.accounts_table import AccountsTable
from aws.clients import client
from aws.custom_resource import RequestRefusedError
from aws.index import Index
from aws.queue import Batch, NotYet, Queue, Refused
from aws.reader import SharedReaderRole
from aws.s3_object import S3Object
from aws.secret import access_key
from aws.stacks import StackReader
from aws.vpcs import VpcReader

from .accounts_event import AccountsEvent
from .admission import Admitted, admit
from .case import PATIENCE_SECONDS, Case
from .convergence import Convergence
from .errand import Deregister, Reconcile
from .message import StatusDue, SweepDue, parse
from .reconcile import admit_errand, errand_of, errand_on, is_forgotten
from .reporting import Reporter
from .request import Request
from .settings import Settings
from .status import STATUS_KEY, StatusWriter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from aws_lambda_powertools.utilities.typing import LambdaContext

    from aws.organizations import AwsAccountId
    from aws.queue import Message

    from .admission import Verdict
    from .case import Outcome
    from .effort import Settled
    from .errand import Errand

# Kept back from Alert Logic for the answers to CloudFormation.
RESERVED_SECONDS: Final = 20

logger = Logger(service="account_registration")


@dataclass(frozen=True, slots=True)
class Wiring:
    """What lasts as long as the container."""

    settings: Settings
    queue: Queue
    table: AccountsTable
    stacks: StackReader
    alert_logic: AlertLogic
    reader_role: SharedReaderRole
    vpcs: VpcReader
    convergence: Convergence
    http: requests.Session
    reporter: Reporter
    status: StatusWriter


@cache
def wire() -> Wiring:
    """Read the environment and make the clients, once."""
    settings = Settings.from_environment(os.environ)
    queue = Queue(
        client("sqs"),
        url=settings.queue_url,
        dead_letter_url=settings.dead_letter_queue_url,
    )
    reader_role = SharedReaderRole(client("sts"), name=settings.reader_role_name, session_name="account_registration")
    vpcs = VpcReader(reader_role.clients)
    table = AccountsTable(client("dynamodb"), name=settings.table_name)
    secrets_manager = client("secretsmanager")
    alert_logic = AlertLogic(
        settings.alert_logic,
        access_key=lambda: access_key(secrets_manager, settings.alert_logic.secret_arn, service=logger.service),
        log=logger,
    )
    http = requests.Session()
    return Wiring(
        settings=settings,
        queue=queue,
        table=table,
        stacks=StackReader(reader_role),
        alert_logic=alert_logic,
        reader_role=reader_role,
        vpcs=vpcs,
        convergence=Convergence(
            alert_logic,
            vpcs,
            AccountReader(reader_role),
            Index(client("dynamodb"), table_name=settings.table_name),
            central_logs_role_arn=settings.central_logs_role_arn,
        ),
        http=http,
        reporter=Reporter(queue=queue, table=table, http=http, logger=logger),
        status=StatusWriter(
            table,
            S3Object(client("s3"), bucket=settings.status_bucket, key=STATUS_KEY),
            offboarding=settings.offboarding,
            logger=logger,
        ),
    )


@logger.inject_lambda_context(clear_state=True, log_event=False)
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Handle a batch of messages from the registration queue."""
    wiring = wire()
    wiring.reader_role.forget()
    wiring.vpcs.forget()
    batch = Batch(event, wiring.queue, logger=logger, waits_for=(RetryableError, AuthenticationError, ConflictError))
    own_region = context.invoked_function_arn.split(":")[3]
    with wiring.alert_logic.within(lambda: context.get_remaining_time_in_millis() / 1000 - RESERVED_SECONDS):
        for cases in _one_per_account(list(_cases(batch, wiring, own_region))):
            begun_at = time.time()
            orders = [
                case.verdict.order
                for case in cases
                if isinstance(case.verdict, Admitted) and not case.must_be_answered(begun_at)
            ]
            outcomes = wiring.convergence.converge(orders, about=_correlating(cases))
            for case in cases:
                with batch.handling(case.message, correlation_id=case.request.id, due_at=case.due_at):
                    wiring.reporter.report(case, _outcome(case, outcomes), now=time.time())
    return batch.response()


def _correlating(cases: Sequence[Case]) -> Callable[[AwsAccountId], None]:
    """Tie the calls for an account to the request that they are made for; what all of them share, to the first."""
    ids = {case.request.account_id: case.request.id for case in cases}
    logger.set_correlation_id(cases[0].request.id)
    return lambda account_id: logger.set_correlation_id(ids[account_id])


def _outcome(case: Case, outcomes: Mapping[AwsAccountId, Settled | Exception]) -> Outcome:
    if not isinstance(case.verdict, Admitted):
        return case.verdict
    return outcomes.get(case.verdict.order.account_id) or NotYet("CloudFormation must have its answer first")


def _cases(batch: Batch, wiring: Wiring, own_region: str) -> Iterator[Case]:
    for message in batch.messages:
        with batch.handling(message, due_at=message.sent_at + PATIENCE_SECONDS):
            content = parse(message.body, management_account_id=wiring.settings.management_account_id)
            logger.set_correlation_id(content.id)
            match content:
                case AccountsEvent():
                    _take_in(content, wiring, own_region)
                case SweepDue():
                    _sweep(content.id, wiring)
                case StatusDue() if wiring.settings.status_bucket:
                    _write_status(content.id, wiring)
                case StatusDue():
                    raise Refused("there is no bucket to write the status to")
                case request:
                    case = Case(message, request, _verdict(message, request, wiring))
                    wiring.reporter.announce(case, now=time.time())
                    yield case


def _sweep(event_id: str, wiring: Wiring) -> None:
    errands = [errand for it in wiring.table.accounts() if (errand := errand_on(it, sweep=event_id))]
    wiring.queue.send_all([errand.body for errand in errands])
    logger.info("sweep begun", errands=len(errands))


def _write_status(event_id: str, wiring: Wiring) -> None:
    accounts = wiring.status.write(datetime.now(UTC))
    # For instance those whose registration came late, when the management side had spoken.
    errands = [
        Deregister(it.word.account_id, event_id) for it in accounts if is_forgotten(it, wiring.settings.offboarding)
    ]
    wiring.queue.send_all([errand.body for errand in errands])


def _take_in(event: AccountsEvent, wiring: Wiring, own_region: str) -> None:
    errands: list[Errand] = []
    for told in event.accounts:
        errand = errand_of(
            told,
            wiring.table.note_word(told.word),
            sweep=event.sweep,
            home_region=own_region,
            offboarding=wiring.settings.offboarding,
        )
        if errand:
            errands.append(errand)
    wiring.queue.send_all([errand.body for errand in errands])
    logger.info("told", sweep=event.sweep, accounts=len(event.accounts), errands=len(errands))


def _verdict(
    message: Message, request: Request | Errand, wiring: Wiring
) -> Verdict | RequestRefusedError | AlertLogicError:
    age_seconds, offboarding = time.time() - message.sent_at, wiring.settings.offboarding
    try:
        if isinstance(request, Request):
            return admit(request, stacks=wiring.stacks, offboarding=offboarding, age_seconds=age_seconds)
        known = wiring.table.account(request.account_id)
        verdict = admit_errand(request, known, stacks=wiring.stacks, offboarding=offboarding, age_seconds=age_seconds)
        if isinstance(request, Reconcile) and isinstance(verdict, Admitted):
            # What others took away at Alert Logic shows in its lists only.
            wiring.convergence.refresh(request.sweep)
    except (AlertLogicError, RequestRefusedError) as error:
        return error
    return verdict


def _one_per_account(cases: Sequence[Case]) -> Iterator[Sequence[Case]]:
    """Yield the cases in turns in which no account appears twice."""
    while cases:
        turn: dict[str, Case] = {}
        for case in cases:
            turn.setdefault(case.request.account_id, case)
        yield list(turn.values())
        cases = [case for case in cases if case not in turn.values()]
