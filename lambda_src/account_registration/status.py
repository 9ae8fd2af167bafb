"""How the accounts stand, in one object that people and programs read."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from aws.measures import emit

from .accounts_event import CURRENT
from .reconcile import lingers

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from aws_lambda_powertools.logging import Logger

    from aws.accounts_table import AccountsTable, KnownAccount
    from aws.s3_object import S3Object

    from .order import Offboarding

STATUS_KEY: Final = "status.json"
WANTED_METRIC: Final = "AccountsWanted"
ENROLLED_METRIC: Final = "AccountsEnrolled"
REGISTERED_METRIC: Final = "AccountsRegistered"
NOT_AS_WANTED_METRIC: Final = "AccountsNotAsWanted"
# Every sweep speaks of every account that has a stack instance.
SILENT_AFTER: Final = timedelta(days=1)
# Of an account that has left something may still arrive for as long as queues keep it, which must not bring it back.
KEPT_FOR: Final = timedelta(days=15)


@dataclass(frozen=True, slots=True)
class StatusWriter:
    """Writes the status from what the table holds.

    Args:
        table: Where both sides note what they know.
        written: The status as it was written last.
        offboarding: What becomes of the deployment of an account that leaves.
        logger: Gets one line each time, and the metrics.
    """

    table: AccountsTable
    written: S3Object
    offboarding: Offboarding
    logger: Logger

    def write(self, now: datetime) -> list[KnownAccount]:
        """Write it, if it is not as it was; forget who left long ago, and return the others."""
        present: list[KnownAccount] = []
        gone: list[KnownAccount] = []
        for account in self.table.accounts():
            (gone if has_left(account, self.offboarding, now=now) else present).append(account)
        earlier = self._earlier()
        entries = entries_of(present, earlier or (), now=instant(now))
        has_changed = earlier != entries
        if has_changed:
            status = {"written_at": instant(now), "accounts": entries}
            self.written.write(json.dumps(status, separators=(",", ":")).encode())
        self.logger.info("status", accounts=len(entries), written=has_changed)
        count(entries, service=self.logger.service)
        for account in gone:
            if account.word.rank < instant(now - KEPT_FOR):
                self.table.forget(account.word)
        return present

    def _earlier(self) -> list[dict[str, Any]] | None:
        """Read the accounts of the status as it is; None if there is none."""
        content = self.written.read()
        if content is None:
            return None
        try:
            return [{**entry, "id": entry["id"], "since": entry["since"]} for entry in json.loads(content)["accounts"]]
        except (KeyError, TypeError, ValueError):
            self.logger.warning("the status as it was cannot be read, so it is written anew")
            return None


def entries_of(
    accounts: Iterable[KnownAccount], earlier: Iterable[Mapping[str, Any]], *, now: str
) -> list[dict[str, Any]]:
    """Return how each account stands, sorted by id.

    What is not as wanted is so since the first status that said so.

    Args:
        accounts: Those that have not left.
        earlier: How the accounts stood before.
        now: The time, in ISO format.
    """
    known = {entry["id"]: entry for entry in earlier}
    return [
        _entry(account, why_not_as_wanted(account), known.get(account.word.account_id, {}), now)
        for account in sorted(accounts, key=lambda it: it.word.account_id)
    ]


def count(entries: Sequence[Mapping[str, Any]], *, service: str) -> None:
    """Emit how many accounts stand how, for the dashboard and an alarm."""
    wanted = [entry for entry in entries if entry["wanted"]]
    figures = {
        WANTED_METRIC: len(wanted),
        ENROLLED_METRIC: sum(entry["enrolled"] for entry in wanted),
        REGISTERED_METRIC: sum(entry["registered"] for entry in wanted),
        NOT_AS_WANTED_METRIC: sum(entry["why"] is not None for entry in entries),
    }
    emit(service, figures)


def has_left(account: KnownAccount, offboarding: Offboarding, *, now: datetime) -> bool:
    """Whether nothing of ours is left of an account that is not wanted."""
    word = account.word
    if word.wanted or lingers(account, offboarding):
        return False
    return not word.instances or word.rank < instant(now - SILENT_AFTER)


def why_not_as_wanted(account: KnownAccount) -> str | None:
    """Return in words what is not as it should be; None if all is."""
    word = account.word
    if not word.wanted:
        return _why_still_there(account)
    if not is_enrolled(account):
        lacking = [f"{region} {status}" for region, status in sorted(word.instances.items()) if status != CURRENT]
        return f"stack instances: {', '.join(lacking) or 'none'}"
    if not account.registered:
        return account.why or "it is not registered yet"
    if not account.scope_right:
        return account.why
    # Why it should go, while the deletion guard holds it.
    return word.reason


def is_enrolled(account: KnownAccount) -> bool:
    """Whether it has stack instances, and all are current."""
    return set(account.word.instances.values()) == {CURRENT}


def instant(time: datetime) -> str:
    """Return a time as text that sorts as times do."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ")


def _why_still_there(account: KnownAccount) -> str:
    why_not = account.word.reason or "it is not wanted"
    if account.word.instances:
        return f"{why_not}, and has stack instances in {', '.join(sorted(account.word.instances))}"
    return f"{why_not}, and is not deregistered: {account.why}" if account.why else f"{why_not}, and still registered"


def _entry(account: KnownAccount, why: str | None, earlier: Mapping[str, Any], now: str) -> dict[str, Any]:
    word = account.word
    return {
        "id": word.account_id,
        # Nobody knows the name of an account that has left the organization any more.
        "name": word.name or earlier.get("name", ""),
        "wanted": word.wanted,
        "enrolled": is_enrolled(account),
        "registered": account.registered,
        "scope_right": account.scope_right,
        "since": (earlier.get("since") or now) if why else None,
        "why": why,
    }
