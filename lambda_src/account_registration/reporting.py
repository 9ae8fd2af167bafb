"""What is said about a case once it is done or refused, or may wait no longer: to CloudFormation, table and log."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from alertlogic_api import RejectedError, SecretError
from aws.accounts_table import Failed
from aws.custom_resource import RequestRefusedError, send
from aws.queue import Refused
from protection.retained import count_retained

from . import answer
from .admission import Admitted, Skipped, Stale
from .effort import Settled
from .request import Request

if TYPE_CHECKING:
    from typing import Any

    import requests
    from aws_lambda_powertools.logging import Logger

    from aws.accounts_table import AccountsTable, Observation
    from aws.queue import Queue

    from .case import Case, Outcome

CONTINUED_AFTER_SECONDS: Final = 300


class Reporter:
    """Tells CloudFormation, if it still waits, notes what is known of the account now, and logs one line."""

    def __init__(self, *, queue: Queue, table: AccountsTable, http: requests.Session, logger: Logger) -> None:
        self._queue = queue
        self._table = table
        self._http = http
        self._logger = logger

    def report(self, case: Case, outcome: Outcome, *, now: float) -> None:
        """Say what became of a case.

        Raises:
            Refused: Somebody should look at the message.
            Exception: The outcome, if the message is to wait.
        """
        observation = case.observation(outcome, now=now)
        # Once the answer is due, nothing must hold it up. Before, what is answered is noted, or it all comes again.
        if observation and not case.must_be_answered(now):
            self._note(case, observation, now)
        if isinstance(case.request, Request):
            self._answer_request(case, case.request, outcome, now)
        else:
            self._end_errand(case, outcome)

    def announce(self, case: Case, *, now: float) -> None:
        """Note an account that is about to be registered.

        So even if nobody lives to say what became of it, its departure ends what was begun.
        """
        if isinstance(case.verdict, Admitted) and case.registers_for and not case.must_be_answered(now):
            self._note(case, Failed("its registration is under way", case.registers_for, is_wrong=False), now)

    def _note(self, case: Case, observation: Observation, now: float) -> None:
        at = datetime.fromtimestamp(now, UTC).isoformat(timespec="milliseconds")
        self._table.note(case.request.account_id, observation, at=at)

    def _end_errand(self, case: Case, outcome: Outcome) -> None:
        match outcome:
            case Settled():
                self._log_settled(case, outcome)
            case Skipped(why) | Stale(why):
                self._log(case, "nothing to do", reason=why)
            case RejectedError() | RequestRefusedError():
                self._log(case, "refused", reason=str(outcome))
                raise Refused(str(outcome))
            case _:
                raise outcome

    def _answer_request(self, case: Case, request: Request, outcome: Outcome, now: float) -> None:
        match outcome:
            case Settled(deployment_id):
                status = "registered" if case.registers_for else "deregistered"
                self._answer(request, answer.succeeded(request, status, deployment_id=deployment_id))
                self._log_settled(case, outcome)
            case Skipped(why, status):
                self._succeed(case, request, "dropped" if request.is_continued else status, reason=why)
            case RejectedError() | RequestRefusedError():
                self._refuse(case, request, outcome)
            case Stale(why):
                self._log(case, "stale", reason=why)
            # An operator fills the secret, perhaps with what this very stack puts out once it is complete.
            case Exception() if isinstance(case.verdict, Admitted) and (
                case.must_be_answered(now) or (isinstance(outcome, SecretError) and not request.is_continued)
            ):
                self._queue.send(
                    request.continuation(stack_changed_at=case.verdict.stack_changed_at),
                    delay_seconds=CONTINUED_AFTER_SECONDS,
                )
                self._succeed(case, request, "pending", reason=str(outcome))
            case _:
                raise outcome

    def _succeed(self, case: Case, request: Request, status: str, *, reason: str) -> None:
        self._answer(request, answer.succeeded(request, status))
        self._log(case, status, reason=reason)

    def _refuse(self, case: Case, request: Request, refusal: RejectedError | RequestRefusedError) -> None:
        # First, for the answer itself may fail for good, and then the dead letter tells of that.
        self._log(case, "refused", reason=str(refusal))
        if request.type == "Create":
            self._answer(request, answer.failed(request, str(refusal)))
        else:
            self._answer(request, answer.succeeded(request, "refused"))
        # An honest Create that is refused shows in its stack; nothing else would be seen.
        if request.type != "Create" or request.is_continued or refusal is case.verdict:
            raise Refused(str(refusal))

    def _answer(self, request: Request, document: dict[str, Any]) -> None:
        if request.response_url:
            send(request.response_url, document, self._http)

    def _log_settled(self, case: Case, settled: Settled) -> None:
        self._log(case, "registered" if case.registers_for else "deregistered", **asdict(settled))
        count_retained(settled.retained, service=self._logger.service)

    def _log(self, case: Case, status: str, **details: str | tuple[str, ...] | None) -> None:
        known: dict[str, Any] = {name: detail for name, detail in details.items() if detail}
        self._logger.info(status, request_type=case.request.type, account_id=case.request.account_id, **known)
