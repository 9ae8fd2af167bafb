"""What a check finds, and how it is shown."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Generic, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from alertlogic_api import AlertLogicError, AuthenticationError, RejectedError
from alertlogic_constructs._tools import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

T = TypeVar("T")

_DENIALS = ("AccessDenied", "AuthorizationError", "NotAuthorized", "UnauthorizedOperation")


class Level(StrEnum):
    """How a check came out."""

    OK = "ok"
    WRONG = "wrong"
    COULD_NOT_LOOK = "could not look"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Verdict:
    """How things are.

    Attributes:
        level: Whether that is as it should be.
        text: How they are, in words.
        todo: What to do about it; empty if there is nothing to do.
    """

    level: Level
    text: str
    todo: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found.

    Attributes:
        check: Its name.
        level: As for `Verdict`.
        text: As for `Verdict`.
        todo: As for `Verdict`.
    """

    check: str
    level: Level
    text: str
    todo: str

    @property
    def is_bad(self) -> bool:
        """Whether somebody has to do something."""
        return self.level in {Level.WRONG, Level.COULD_NOT_LOOK}


@dataclass(frozen=True, slots=True)
class Look(Generic[T]):
    """A check that others build on.

    Attributes:
        finding: What it found.
        seen: What was read; None if it could not be.
    """

    finding: Finding
    seen: T | None


def ok(text: str) -> Verdict:
    """All is as it should be."""
    return Verdict(Level.OK, text)


def wrong(text: str, todo: str) -> Verdict:
    """Something is not as it should be."""
    return Verdict(Level.WRONG, text, todo)


def skipped(text: str) -> Verdict:
    """There is nothing to look at (yet)."""
    return Verdict(Level.SKIPPED, text)


def could_not_look(text: str, todo: str) -> Verdict:
    """Nobody knows."""
    return Verdict(Level.COULD_NOT_LOOK, text, todo)


def found(check: str, verdict: Verdict) -> Finding:
    """Return what a check found."""
    return Finding(check, verdict.level, verdict.text, verdict.todo)


def look(check: str, read: Callable[[], T], decide: Callable[[T], Verdict]) -> Look[T]:
    """Read something from AWS or Alert Logic and decide on it; that it cannot be read is a finding, too."""
    try:
        seen = read()
    except (AlertLogicError, BotoCoreError, ClientError) as error:
        return Look(found(check, _unseen(error)), None)
    return Look(found(check, decide(seen)), seen)


def judged(check: str, read: Callable[[], T], decide: Callable[[T], Verdict]) -> Finding:
    """As `look`, where nothing else is done with what was read."""
    return look(check, read, decide).finding


def code_of(error: ClientError) -> str:
    """Return AWS's code of an error."""
    return error.response.get("Error", {}).get("Code", "")


def _unseen(error: AlertLogicError | BotoCoreError | ClientError) -> Verdict:
    """Decide on what could not be read."""
    match error:
        case AuthenticationError():
            return wrong(
                str(error),
                "make an access key for a user without MFA, who does nothing else, and fill the secret with it",
            )
        case RejectedError():
            return wrong(str(error), "give the key's user the right to it, or correct customer_id")
        case ClientError(operation_name="AssumeRole") if _is_denied(error):
            return could_not_look(
                str(error),
                "enroll the account in Control Tower if the role is missing there; else allow sts:AssumeRole on it, or "
                "name another role with --role-name",
            )
        case ClientError() if _is_denied(error):
            return could_not_look(str(error), "allow it, as docs/preflight.md says")
        case _:
            return could_not_look(str(error), "mend that, then look again")


def _is_denied(error: ClientError) -> bool:
    return code_of(error).startswith(_DENIALS)


def as_text(findings: Sequence[Finding]) -> str:
    """Return findings as a terminal shows them: a line for each, and how many there are of each level."""
    level_width = max(map(len, Level))
    check_width = max((len(finding.check) for finding in findings), default=0)
    lines = [
        printable(
            f"{finding.level:<{level_width}}  {finding.check:<{check_width}}  {finding.text}"
            + (f" -> {finding.todo}" if finding.todo else "")
        )
        for finding in findings
    ]
    counts = Counter(finding.level for finding in findings)
    summary = ", ".join(f"{counts[level]} {level}" for level in Level if counts[level])
    return "\n".join([*lines, "", f"{len(findings)} checks: {summary}."])


def as_json(findings: Sequence[Finding]) -> str:
    """Return findings as a program reads them."""
    return json.dumps({"findings": [asdict(finding) for finding in findings]}, indent=2, ensure_ascii=False)
