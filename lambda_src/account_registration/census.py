"""Alert Logic listed as a whole: seldom, since its lists have neither filter nor pages and grow with every account.

It makes the index, and finds what the index missed: what others made or removed, and what we made and did not live to
note.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from aws.index import Kind
from aws.queue import Busy

from .entries import entries_of
from .sharing import share

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence
    from typing import Protocol

    from alertlogic_api import AlertLogic
    from aws.index import Entry, Listed

    class Index(Protocol):
        """What is known of Alert Logic, as `aws.index.Index` holds it."""

        def all_entries(self) -> Collection[Entry]:
            """Return all entries."""
            ...

        def add_missing(self, entry: Entry) -> None:
            """Add an entry, unless it is there."""
            ...

        def write(self, *, added: Collection[Entry], removed: Collection[Entry]) -> None:
            """Add and remove many entries."""
            ...

        def listed(self) -> Listed:
            """Return when Alert Logic was listed last."""
            ...

        def begin_listing(self, last: Listed, *, lease_seconds: float) -> bool:
            """Reserve the listing; return whether nobody else does it, or did it since."""
            ...

        def end_listing(self, *, begun_at: float, sweep_ids: Sequence[str]) -> None:
            """Note that it was listed."""
            ...

        def give_up_listing(self) -> None:
            """Let somebody else begin."""
            ...


LONGEST_AGE_SECONDS: Final = 24 * 3600
# Longer than an invocation lasts, so that nobody waits for a worker that is gone any longer than need be.
LEASE_SECONDS: Final = 600
# What is written may show in Alert Logic's lists, and a time on another clock, this much later.
LAG_SECONDS: Final = 60
# However often Alert Logic does not answer, it is listed for the doubts that leaves only this often.
DOUBT_INTERVAL_SECONDS: Final = 300
# Of so many sweeps pages can come mixed and late.
SWEEPS_REMEMBERED: Final = 20


class Census:
    """Lists Alert Logic as a whole, one worker at a time, and brings the index to what it sees.

    Args:
        alert_logic: What is listed.
        index: What is known of it.
        central_logs_role_arn: The role with which Alert Logic reads the central logs; empty if there is none.
        clock: The time in Unix seconds.
    """

    def __init__(
        self, alert_logic: AlertLogic, index: Index, *, central_logs_role_arn: str, clock: Callable[[], float]
    ) -> None:
        self._alert_logic = alert_logic
        self._index = index
        self._central_logs_role_arn = central_logs_role_arn
        self._clock = clock
        # As far as is known here, Unix seconds: it may have been since.
        self._complete_at = 0.0

    def require(self) -> None:
        """Have the index complete, if it never was, or was a day ago.

        Raises:
            Busy: It never was, and somebody else is about to; or the table does not take what is listed.
            AlertLogicError: It cannot be listed now.
        """
        if self._clock() - self._complete_at < LONGEST_AGE_SECONDS:
            return
        last = self._index.listed()
        if last.begun_at is None:
            if not self._take(last):
                raise Busy("somebody else lists what Alert Logic holds, for the first time")
        elif self._clock() - last.begun_at >= LONGEST_AGE_SECONDS:
            self._take(last)
        else:
            self._complete_at = last.begun_at

    def refresh(self, sweep_id: str) -> None:
        """Have the index complete as of a time after a sweep began, once for each sweep.

        Raises:
            Busy: Somebody else is at it, or the table does not take what is listed.
            AlertLogicError: It cannot be listed now.
        """
        last = self._index.listed()
        if sweep_id not in last.sweep_ids and not self._take(last, sweep_id):
            raise Busy("somebody else lists what Alert Logic holds, as a sweep wants it")

    def settle(self, doubted_at: float) -> None:
        """Have the index say whether something was made that Alert Logic was asked for, and gave no answer to.

        Args:
            doubted_at: When it was asked, Unix seconds.

        Raises:
            Busy: It is too early, or somebody else is at it, or the table does not take what is listed.
            AlertLogicError: It cannot be listed now.
        """
        last = self._index.listed()
        earliest = max(doubted_at + LAG_SECONDS, (last.begun_at or 0) + DOUBT_INTERVAL_SECONDS)
        if self._clock() <= earliest or not self._take(last):
            raise Busy("Alert Logic is to be listed first: it gave no answer when something was to be made")

    def _take(self, last: Listed, *sweep_id: str) -> bool:
        begun_at = self._clock()
        if not self._index.begin_listing(last, lease_seconds=LEASE_SECONDS):
            return False
        try:
            credentials = self._alert_logic.credentials.list()
            deployments = self._alert_logic.deployments.list()
            there = entries_of(credentials, deployments, central_logs_role_arn=self._central_logs_role_arn)
            self._correct_index(there, begun_at, is_first=last.begun_at is None)
        except Exception:
            self._index.give_up_listing()
            raise
        self._index.end_listing(begun_at=begun_at, sweep_ids=(*last.sweep_ids, *sweep_id)[-SWEEPS_REMEMBERED:])
        share(self._alert_logic, credentials, deployments, central_logs_role_arn=self._central_logs_role_arn)
        return True

    def _correct_index(self, there: Collection[Entry], begun_at: float, *, is_first: bool) -> None:
        known = {it.key: it for it in self._index.all_entries()}
        added = [it for it in there if known.pop(it.key, None) != it]
        # Alert Logic uses no id twice, so what is not in its lists is gone, unless it was made since they were begun.
        gone = [it for it in known.values() if it.written_at < begun_at - LAG_SECONDS]
        if not is_first:
            # By now whoever made one may have noted it, and that it is ours, which no list says. Few are missing.
            for it in added:
                if it.kind is Kind.DEPLOYMENT:
                    self._index.add_missing(it)
            added = [it for it in added if it.kind is not Kind.DEPLOYMENT]
        self._index.write(added=added, removed=gone)
