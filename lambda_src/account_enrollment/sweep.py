"""A sweep: one message for each piece of the organization, and of the StackSet, that is to be looked at.

A walk goes from page to page, and sends a message for what is on each page before the next is listed. The walk itself
looks at nothing, so it never waits; what is on a page may have to wait, and comes back without walking on once more.
Each message is small enough that a whole batch of them is done in a fraction of the function's time.
"""

from __future__ import annotations

import json
import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from aws.environment import ACCOUNT_ID, UNIT_ID
from aws.organizations import PAGE_SIZE, AwsAccountId
from aws.queue import Refused

from .operations import REMOVAL, is_removal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from aws.organizations import Organization
    from aws.queue import Queue
    from aws.stack_sets import StackSet

SWEEP_KEY: Final = "Sweep"
# An account that left the organization is in no unit, and soon without instances: so long every sweep names it again.
DEPARTURES_SECONDS: Final = 2 * 24 * 3600


@dataclass(frozen=True, slots=True)
class UnitWalk:
    """Walk on from a page of a unit's accounts, and at the first one also into the units in it.

    Attributes:
        id: The sweep, which is the event that began it.
        unit_id: The unit, or the root.
        ancestors: The units above it, the nearest first; a unit never gets others.
        token: The page; None for the first.
    """

    id: str
    unit_id: str
    ancestors: tuple[str, ...]
    token: str | None


@dataclass(frozen=True, slots=True)
class UnitPage:
    """Look at a page of a unit's accounts; the attributes are those of `UnitWalk`."""

    id: str
    unit_id: str
    ancestors: tuple[str, ...]
    token: str | None


@dataclass(frozen=True, slots=True)
class InstanceWalk:
    """Walk on from a page of all accounts' instances; None for the first."""

    id: str
    token: str | None


@dataclass(frozen=True, slots=True)
class Holders:
    """Look at those of these accounts, all of which have instances, that are not in the organization any more."""

    id: str
    account_ids: tuple[AwsAccountId, ...]


@dataclass(frozen=True, slots=True)
class Departures:
    """Look at those of the accounts that these operations took away that are not in the organization any more."""

    id: str
    operation_ids: tuple[str, ...]


Piece = UnitWalk | UnitPage | InstanceWalk | Holders | Departures


class Sweep:
    """Sends the messages of sweeps."""

    def __init__(
        self,
        *,
        organization: Organization,
        stack_set: StackSet,
        queue: Queue,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._organization = organization
        self._stack_set = stack_set
        self._queue = queue
        self._clock = clock

    def begin(self, sweep_id: str) -> None:
        """Have every account looked at that is in the organization, has instances, or had some lately.

        Raises:
            NotYet: The StackSet is not there (yet), or the queue does not take all messages.
        """
        roots = [UnitWalk(sweep_id, root, (), None) for root in self._organization.roots()]
        self._send([*roots, InstanceWalk(sweep_id, None), *self._departures(sweep_id)])

    def begin_in(self, unit_id: str, sweep_id: str) -> bool:
        """Have every account below a unit looked at; False if there is no such unit.

        Raises:
            NotYet: The queue does not take the message.
        """
        ancestors = self._organization.ancestors_of(unit_id)
        if ancestors is None:
            return False
        self._send([UnitWalk(sweep_id, unit_id, ancestors, None)])
        return True

    def walk(self, piece: UnitWalk | InstanceWalk) -> int:
        """Send a message for what is on a page, and one for the next page; return how many it came to.

        Raises:
            NotYet: The StackSet is not there (yet), or the queue does not take all messages.
        """
        pieces = list(self._in_unit(piece) if isinstance(piece, UnitWalk) else self._in_stack_set(piece))
        self._send(pieces)
        return len(pieces)

    def _in_unit(self, walk: UnitWalk) -> Iterator[Piece]:
        page = self._organization.page_of_accounts(walk.unit_id, ancestors=walk.ancestors, token=walk.token)
        if page is None:
            return
        if page.next_token:
            yield UnitWalk(walk.id, walk.unit_id, walk.ancestors, page.next_token)
        if page.accounts:
            yield UnitPage(walk.id, walk.unit_id, walk.ancestors, walk.token)
        if walk.token is None:
            ancestors = (walk.unit_id, *walk.ancestors)
            for unit_id in self._organization.units_in(walk.unit_id) or ():
                yield UnitWalk(walk.id, unit_id, ancestors, None)

    def _in_stack_set(self, walk: InstanceWalk) -> Iterator[Piece]:
        page = self._stack_set.page_of_instances(walk.token)
        if page.next_token:
            yield InstanceWalk(walk.id, page.next_token)
        account_ids = sorted({instance.account_id for instance in page.instances})
        for first in range(0, len(account_ids), PAGE_SIZE):
            yield Holders(walk.id, tuple(account_ids[first : first + PAGE_SIZE]))

    def _departures(self, sweep_id: str) -> Iterator[Departures]:
        since = self._clock() - DEPARTURES_SECONDS
        removals = [it.id for it in self._stack_set.operations() if is_removal(it.id) and it.began_at > since]
        for first in range(0, len(removals), PAGE_SIZE):
            yield Departures(sweep_id, tuple(removals[first : first + PAGE_SIZE]))

    def _send(self, pieces: list[Piece]) -> None:
        self._queue.send_all([write(piece) for piece in pieces])


def write(piece: Piece) -> str:
    """Return the body of a message, as `read` takes it."""
    document: dict[str, Any]
    match piece:
        case UnitWalk(_, unit_id, ancestors, token):
            document = {SWEEP_KEY: "unit", "Unit": unit_id, "Ancestors": ancestors, "Token": token}
        case UnitPage(_, unit_id, ancestors, token):
            document = {SWEEP_KEY: "page", "Unit": unit_id, "Ancestors": ancestors, "Token": token}
        case InstanceWalk(_, token):
            document = {SWEEP_KEY: "instances", "Token": token}
        case Holders(_, account_ids):
            document = {SWEEP_KEY: "accounts", "Accounts": account_ids}
        case Departures(_, operation_ids):
            document = {SWEEP_KEY: "departures", "Operations": operation_ids}
    return json.dumps({**document, "Id": piece.id})


def read(document: Mapping[str, Any]) -> Piece:
    """Read a message of our own.

    Raises:
        Refused: It is malformed.
        KeyError: Something is missing.
    """
    sweep_id = _matching(".+", document["Id"])
    match document[SWEEP_KEY]:
        case "unit":
            return UnitWalk(sweep_id, *_place(document))
        case "page":
            return UnitPage(sweep_id, *_place(document))
        case "instances":
            return InstanceWalk(sweep_id, _token(document))
        case "accounts":
            account_ids = _list_of(ACCOUNT_ID.pattern, document["Accounts"])
            return Holders(sweep_id, tuple(AwsAccountId(it) for it in account_ids))
        case "departures":
            return Departures(sweep_id, _list_of(REMOVAL.pattern, document["Operations"]))
        case other:
            raise Refused(f"no sweep has the piece {other!r}")


def _place(document: Mapping[str, Any]) -> tuple[str, tuple[str, ...], str | None]:
    unit_id = _matching(UNIT_ID.pattern, document["Unit"])
    return unit_id, _list_of(UNIT_ID.pattern, document["Ancestors"]), _token(document)


def _token(document: Mapping[str, Any]) -> str | None:
    token = document["Token"]
    return None if token is None else _matching("(?s:.+)", token)


def _list_of(pattern: str, value: object) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise Refused(f"a message of a sweep holds {value!r} in place of a list")
    return tuple(_matching(pattern, it) for it in value)


def _matching(pattern: str, value: object) -> str:
    if not isinstance(value, str) or not re.fullmatch(pattern, value):
        raise Refused(f"a message of a sweep holds {value!r}, which is not {pattern}")
    return value
