"""Request -> may it be done -> what Alert Logic lacks -> calls -> the answer to CloudFormation."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Final

import requests
from aws_lambda_powertools.logging import Logger

from alertlogic_api import AlertLogic, AuthenticationError, ConflictError, RetryableError
from aws.accounts import AccountReader
from aws.clients import client
from aws.queue import Batch, NotYet, Queue
from aws.reader import ReaderRole
from aws.secret import access_key
from aws.stacks import StackReader
from aws.vpcs import VpcReader

from .admission import Admitted, admit
from .convergence import Convergence
from .reporting import PATIENCE_SECONDS, Case, Reporter
from .request import RequestRefusedError, parse
from .settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from aws_lambda_powertools.utilities.typing import LambdaContext

    from aws.organizations import AwsAccountId
    from aws.queue import Message

    from .admission import Verdict
    from .effort import Settled
    from .order import Offboarding
    from .reporting import Outcome

# Kept back from Alert Logic for the answers to CloudFormation.
RESERVED_SECONDS: Final = 20

logger = Logger(service="account_registration")


@dataclass(frozen=True, slots=True)
class Wiring:
    """What lasts as long as the container."""

    queue: Queue
    stacks: StackReader
    offboarding: Offboarding
    alert_logic: AlertLogic
    vpcs: VpcReader
    convergence: Convergence
    reporter: Reporter


@cache
def wire() -> Wiring:
    """Read the environment and make the clients, once."""
    settings = Settings.from_environment(os.environ)
    queue = Queue(
        client("sqs"),
        url=settings.queue_url,
        dead_letter_url=settings.dead_letter_queue_url,
    )
    reader_role = ReaderRole(client("sts"), name=settings.reader_role_name, session_name="account_registration")
    vpcs = VpcReader(reader_role.clients)
    secrets_manager = client("secretsmanager")
    alert_logic = AlertLogic(
        settings.alert_logic, access_key=lambda: access_key(secrets_manager, settings.alert_logic.secret_arn)
    )
    return Wiring(
        queue=queue,
        stacks=StackReader(reader_role),
        offboarding=settings.offboarding,
        alert_logic=alert_logic,
        vpcs=vpcs,
        convergence=Convergence(
            alert_logic, vpcs, AccountReader(reader_role), central_logs_role_arn=settings.central_logs_role_arn
        ),
        reporter=Reporter(queue=queue, http=requests.Session(), logger=logger),
    )


@logger.inject_lambda_context(clear_state=True)
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Handle a batch of requests from the registration queue."""
    wiring = wire()
    wiring.vpcs.forget()
    batch = Batch(event, wiring.queue, logger=logger, waits_for=(RetryableError, AuthenticationError, ConflictError))
    for cases in _one_per_account(list(_cases(batch, wiring))):
        begun_at = time.time()
        orders = [
            case.verdict.order
            for case in cases
            if isinstance(case.verdict, Admitted) and not case.must_be_answered(begun_at)
        ]
        with wiring.alert_logic.within(lambda: context.get_remaining_time_in_millis() / 1000 - RESERVED_SECONDS):
            outcomes = wiring.convergence.converge(orders)
        for case in cases:
            with batch.handling(case.message, correlation_id=case.request.id, due_at=case.due_at):
                wiring.reporter.report(case, _outcome(case, outcomes), now=time.time())
    return batch.response()


def _outcome(case: Case, outcomes: Mapping[AwsAccountId, Settled | Exception]) -> Outcome:
    if not isinstance(case.verdict, Admitted):
        return case.verdict
    return outcomes.get(case.verdict.order.account_id) or NotYet("CloudFormation must have its answer first")


def _cases(batch: Batch, wiring: Wiring) -> Iterator[Case]:
    for message in batch.messages:
        with batch.handling(message, due_at=message.sent_at + PATIENCE_SECONDS):
            yield _case(message, wiring)


def _case(message: Message, wiring: Wiring) -> Case:
    request = parse(message.body)
    logger.set_correlation_id(request.id)
    verdict: Verdict | RequestRefusedError
    try:
        age_seconds = time.time() - message.sent_at
        verdict = admit(request, stacks=wiring.stacks, offboarding=wiring.offboarding, age_seconds=age_seconds)
    except RequestRefusedError as refusal:
        verdict = refusal
    return Case(message, request, verdict)


def _one_per_account(cases: Sequence[Case]) -> Iterator[Sequence[Case]]:
    """Yield the cases in turns in which no account appears twice."""
    while cases:
        turn: dict[str, Case] = {}
        for case in cases:
            turn.setdefault(case.request.stack_id.account_id, case)
        yield list(turn.values())
        cases = [case for case in cases if case not in turn.values()]
