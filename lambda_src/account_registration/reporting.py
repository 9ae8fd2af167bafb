"""What is said about a request once it is done or refused, or may wait no longer: to CloudFormation and to the log."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Final

from alertlogic_api import RejectedError, SecretError
from aws.custom_resource import send
from aws.queue import Refused
from protection.retained import count_retained

from . import answer
from .admission import Admitted, Skipped, Stale
from .effort import Settled
from .request import RequestRefusedError

if TYPE_CHECKING:
    from typing import Any

    import requests
    from aws_lambda_powertools.logging import Logger

    from aws.queue import Message, Queue

    from .admission import Verdict
    from .request import Request

# CloudFormation gives up after 60 minutes; by then it must have an answer.
PATIENCE_SECONDS: Final = 45 * 60
CONTINUED_AFTER_SECONDS: Final = 300


@dataclass(frozen=True, slots=True)
class Case:
    """A request, the message that brought it, and whether it may be carried out."""

    message: Message
    request: Request
    verdict: Verdict | RequestRefusedError

    @property
    def due_at(self) -> float:
        """By when CloudFormation must have an answer, Unix seconds; 0 if it has had one."""
        return 0 if self.request.is_continued else self.message.sent_at + PATIENCE_SECONDS

    def must_be_answered(self, now: float) -> bool:
        """Whether CloudFormation must have an answer before anything else is tried."""
        return not self.request.is_continued and now >= self.due_at


Outcome = Settled | Skipped | Stale | Exception


class Reporter:
    """Tells CloudFormation, if it still waits, and logs one line."""

    def __init__(self, *, queue: Queue, http: requests.Session, logger: Logger) -> None:
        self._queue = queue
        self.http = http
        self._logger = logger

    def report(self, case: Case, outcome: Outcome, *, now: float) -> None:
        """Say what became of a request.

        Raises:
            Refused: Somebody should look at the message.
            Exception: The outcome, if the message is to wait.
        """
        request = case.request
        match outcome:
            case Settled():
                self._settle(request, outcome)
            case Skipped(why):
                self._succeed(request, "dropped" if request.is_continued else "retained", reason=why)
            case RejectedError() | RequestRefusedError():
                self._refuse(case, outcome)
            case Stale(why):
                self._log(request, "stale", reason=why)
            # An operator fills the secret, perhaps with what this very stack puts out once it is complete.
            case Exception() if isinstance(case.verdict, Admitted) and (
                case.must_be_answered(now) or (isinstance(outcome, SecretError) and not request.is_continued)
            ):
                self._queue.send(
                    request.continuation(stack_changed_at=case.verdict.stack_changed_at),
                    delay_seconds=CONTINUED_AFTER_SECONDS,
                )
                self._succeed(request, "pending", reason=str(outcome))
            case _:
                raise outcome

    def _settle(self, request: Request, settled: Settled) -> None:
        status = "deregistered" if request.type == "Delete" else "registered"
        self._answer(request, answer.succeeded(request, status, deployment_id=settled.deployment_id))
        self._log(request, status, **asdict(settled))
        count_retained(settled.retained, service=self._logger.service)

    def _succeed(self, request: Request, status: str, *, reason: str) -> None:
        self._answer(request, answer.succeeded(request, status))
        self._log(request, status, reason=reason)

    def _refuse(self, case: Case, refusal: RejectedError | RequestRefusedError) -> None:
        request = case.request
        # First, for the answer itself may fail for good, and then the dead letter tells of that.
        self._log(request, "refused", reason=str(refusal))
        if request.type == "Create":
            self._answer(request, answer.failed(request, str(refusal)))
        else:
            self._answer(request, answer.succeeded(request, "refused"))
        # An honest Create that is refused shows in its stack; nothing else would be seen.
        if request.type != "Create" or request.is_continued or refusal is case.verdict:
            raise Refused(str(refusal))

    def _answer(self, request: Request, document: dict[str, Any]) -> None:
        if request.response_url:
            send(request.response_url, document, self.http)

    def _log(self, request: Request, status: str, **details: str | tuple[str, ...] | None) -> None:
        known = {name: detail for name, detail in details.items() if detail}
        self._logger.info(
            status,
            extra={"request_type": request.type, "account_id": request.stack_id.account_id, **known},
        )
