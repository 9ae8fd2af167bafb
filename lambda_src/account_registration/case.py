"""What is worked on: a request or an errand, the message that brought it, and whether it may be carried out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from alertlogic_api import AlertLogicError, RejectedError
from aws.accounts_table import Deregistered, Failed, Registered
from aws.custom_resource import RequestRefusedError
from aws.queue import Busy, NotYet

from .admission import Admitted, Skipped, Stale
from .effort import Settled
from .errand import Deregister
from .request import Request

if TYPE_CHECKING:
    from aws.accounts_table import Observation
    from aws.queue import Message

    from .admission import Verdict
    from .errand import Errand

# CloudFormation gives up after 60 minutes; by then it must have an answer.
PATIENCE_SECONDS: Final = 45 * 60

Outcome = Settled | Skipped | Stale | Exception


@dataclass(frozen=True, slots=True)
class Case:
    """A request or an errand; nobody waits for an answer to an errand, as to a request that is continued.

    Attributes:
        message: What brought it.
        request: What is asked for.
        verdict: Whether it may be carried out, or why that cannot be said now.
    """

    message: Message
    request: Request | Errand
    verdict: Verdict | RequestRefusedError | AlertLogicError

    @property
    def registers_for(self) -> str | None:
        """The stack that the account is to be registered for; None if it is to be deregistered."""
        if isinstance(self.request, Deregister) or self.request.type == "Delete":
            return None
        return self.request.stack_id.arn

    @property
    def due_at(self) -> float:
        """By when CloudFormation must have an answer, Unix seconds; 0 if it has had one."""
        return 0 if self.request.is_continued else self.message.sent_at + PATIENCE_SECONDS

    def must_be_answered(self, now: float) -> bool:
        """Whether CloudFormation must have an answer before anything else is tried."""
        return not self.request.is_continued and now >= self.due_at

    def observation(self, outcome: Outcome, *, now: float) -> Observation | None:
        """Return what the outcome tells of the account, if anything."""
        if isinstance(self.request, Request) and not isinstance(self.verdict, Admitted):
            # Anybody in the organization can send a request in any account's name.
            return None
        match outcome:
            case Settled():
                return Registered(self.registers_for) if self.registers_for else Deregistered()
            case NotYet() if self.must_be_answered(now):
                return None
            case NotYet() | AlertLogicError() | RequestRefusedError():
                # Where nobody could look, or somebody interfered, that changes nothing there.
                is_unknown = isinstance(outcome, (Busy, AlertLogicError)) and not isinstance(outcome, RejectedError)
                return Failed(str(outcome), self.registers_for, is_wrong=not is_unknown)
            case _:
                return None
