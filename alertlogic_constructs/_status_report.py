"""The status of all accounts as the hub wrote it, and as text."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from ._tools import CommandError, printable


class StatusError(CommandError):
    """The status cannot be shown; the message says why."""


@dataclass(frozen=True, slots=True)
class Account:
    """How an account stands.

    Attributes:
        id: The AWS account.
        name: Its name.
        wanted: Whether it should be protected.
        enrolled: Whether all of its stack instances are current.
        registered: Whether Alert Logic has a deployment for it.
        scope_right: Whether that protects what it should.
        since: Since when something is not as wanted, ISO; None if all is.
        why: What that is; None if all is as wanted.
    """

    id: str
    name: str
    wanted: bool
    enrolled: bool
    registered: bool
    scope_right: bool
    since: str | None
    why: str | None

    @property
    def is_protected(self) -> bool:
        """Whether everything holds that makes an account protected."""
        return self.enrolled and self.registered and self.scope_right

    @property
    def lacks_protection(self) -> bool:
        """Whether it should be protected and is not."""
        return self.wanted and not self.is_protected


@dataclass(frozen=True, slots=True)
class Coverage:
    """How many of the accounts that should be protected are how far.

    Attributes:
        wanted: How many there are.
        enrolled: Of them, those whose stack instances are all current.
        registered: Of them, those for which Alert Logic has a deployment.
        scope_right: Of them, those whose deployment protects what it should.
        unprotected: Of them, those that lack any of these.
    """

    wanted: int
    enrolled: int
    registered: int
    scope_right: int
    unprotected: int


@dataclass(frozen=True, slots=True)
class Status:
    """The status of all accounts.

    Attributes:
        written_at: When it was last found to have changed, ISO.
        accounts: First those that lack protection, then those of which something else is not as wanted, then the rest.
    """

    written_at: str
    accounts: tuple[Account, ...]

    @classmethod
    def parse(cls, content: bytes) -> Status:
        """Read the object.

        Raises:
            StatusError: It is none.
        """
        try:
            document = json.loads(content)
            accounts = [_account(entry) for entry in document["accounts"]]
            return cls(_instant(document["written_at"]), tuple(sorted(accounts, key=_urgency)))
        except (KeyError, TypeError, ValueError) as error:
            raise StatusError(f"this is not the status of accounts ({type(error).__name__}: {error})") from error

    @property
    def coverage(self) -> Coverage:
        """Count the accounts that should be protected."""
        wanted = [account for account in self.accounts if account.wanted]
        return Coverage(
            wanted=len(wanted),
            enrolled=sum(account.enrolled for account in wanted),
            registered=sum(account.registered for account in wanted),
            scope_right=sum(account.scope_right for account in wanted),
            unprotected=sum(account.lacks_protection for account in wanted),
        )

    @property
    def headline(self) -> str:
        """Say in a sentence how things stand."""
        coverage = self.coverage
        if not coverage.wanted:
            return "No account is known yet that should be protected."
        if not coverage.unprotected:
            return f"All {coverage.wanted} accounts that should be protected are."
        return f"{coverage.unprotected} of {coverage.wanted} accounts that should be protected are not."

    def as_json(self) -> str:
        """Return it as a program reads it, with the accounts in the same order as elsewhere."""
        entries = [{name: getattr(account, name) for name in _FIELDS} for account in self.accounts]
        return json.dumps({"written_at": self.written_at, "accounts": entries}, indent=2, ensure_ascii=False)

    def as_table(self) -> str:
        """Return it as a terminal shows it."""
        rows = [
            ("account", "name", "wanted", "enrolled", "registered", "scope", "since", "why"),
            *(
                (
                    account.id,
                    account.name,
                    *map(yes_or_no, (account.wanted, account.enrolled, account.registered, account.scope_right)),
                    account.since or "",
                    account.why or "",
                )
                for account in self.accounts
            ),
        ]
        cells = [[printable(cell) for cell in row] for row in rows]
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        lines = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in cells]
        return "\n".join([*lines, "", f"{self.headline} Last change: {printable(self.written_at)}."])


def yes_or_no(value: bool) -> str:  # noqa: FBT001 - it is what is said
    """Return a word for people."""
    return "yes" if value else "no"


_FIELDS: dict[str, type | tuple[type, ...]] = {
    "id": str,
    "name": str,
    "wanted": bool,
    "enrolled": bool,
    "registered": bool,
    "scope_right": bool,
    "since": (str, type(None)),
    "why": (str, type(None)),
}


def _account(entry: dict[str, Any]) -> Account:
    account = Account(**{name: _checked(entry[name], type_) for name, type_ in _FIELDS.items()})
    if account.since is not None:
        _instant(account.since)
    return account


def _instant(value: str) -> str:
    if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z", value):
        raise ValueError(f"{value!r} is no time in UTC")
    return value


def _checked(value: Any, type_: type | tuple[type, ...]) -> Any:  # noqa: ANN401 - it may be anything
    if not isinstance(value, type_):
        raise TypeError(f"{value!r} is of another type")
    return value


def _urgency(account: Account) -> tuple[bool, bool, str, str]:
    return not account.lacks_protection, account.why is None, account.since or "", account.id
