"""What Alert Logic holds for single accounts, without listing it as a whole.

The index says which credentials and deployments there are, and Alert Logic, asked for just these, says what they are.
Whatever is made is in the index before whoever made it looks again, so of several who make something at once the one
that looks last sees all of it, as if Alert Logic had been listed. Before, it is in the index that something is about to
be made: if nobody lives to note what, that is a doubt after a while, and all is listed.
"""

from __future__ import annotations

import uuid
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import TYPE_CHECKING, TypeVar

from alertlogic_api import RejectedError, RetryableError
from aws.index import Entry, Kind
from protection.ownership import discover_credentials

from .census import LAG_SECONDS
from .entries import CENTRAL_LOGS, home_of

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
    from typing import Any, Protocol

    from alertlogic_api import AlertLogic, Credential, Deployment
    from aws.organizations import AwsAccountId

    from .census import Census

    class Index(Protocol):
        """What is known of single accounts, as `aws.index.Index` holds it."""

        def entries(self, partition: str) -> Sequence[Entry]:
            """Return what is known of one account; what was written before is seen."""
            ...

        def add(self, entry: Entry) -> None:
            """Add an entry."""
            ...

        def replace(self, old: Entry, new: Sequence[Entry]) -> None:
            """Remove an entry and add a few others, all of it or nothing."""
            ...

        def remove(self, entry: Entry) -> None:
            """Remove an entry, if it is still there."""
            ...


_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Holdings:
    """What Alert Logic holds for one account.

    Attributes:
        credentials: Those for its roles, and all that its deployments link.
        deployments: Its deployments.
        linked_elsewhere: Credentials that other accounts' deployments linked when all were listed last.
        known_ours: Deployments that are known to have been made here.
    """

    credentials: list[Credential]
    deployments: list[Deployment]
    linked_elsewhere: frozenset[str]
    known_ours: frozenset[str]


@dataclass(slots=True)
class Made:
    """What somebody makes between two looks.

    Attributes:
        credentials: By id, as Alert Logic answered: to look again, they need not ask for these.
        deployments: As `credentials`.
        entries: What the index does not know of it yet.
        intent: What the index knows instead, if anything was to be made.
        is_certain: Whether there was an answer to all that was asked for.
    """

    credentials: dict[str, Credential] = field(default_factory=dict[str, "Credential"])
    deployments: dict[str, Deployment] = field(default_factory=dict[str, "Deployment"])
    entries: list[Entry] = field(default_factory=list[Entry])
    intent: Entry | None = None
    is_certain: bool = True


class Inventory:
    """Reads, makes and deletes what Alert Logic holds for an account, and keeps the index.

    Args:
        alert_logic: What holds it.
        index: What is known of it.
        census: Completes the index.
        central_logs_role_arn: The role with which Alert Logic reads the central logs; empty if there is none.
        clock: The time in Unix seconds.
    """

    def __init__(
        self,
        alert_logic: AlertLogic,
        index: Index,
        census: Census,
        *,
        central_logs_role_arn: str,
        clock: Callable[[], float],
    ) -> None:
        self._clock = clock
        self._alert_logic = alert_logic
        self._index = index
        self._census = census
        self._central_logs_role_arn = central_logs_role_arn

    def holdings(self, account_id: AwsAccountId, made: Made) -> Holdings:
        """Look at what there is for an account.

        Args:
            account_id: The account.
            made: What the caller made since it looked last.

        Raises:
            Busy: Something may be there that only a list of all can tell of.
            AlertLogicError: It cannot be read.
        """
        entries = self._certain_entries(account_id)
        credentials = self._credentials(entries, made)
        read = self._alert_logic.deployments.get
        deployments = list(self._found(entries, Kind.DEPLOYMENT, made.deployments, read, lambda it: it.account_id))
        # Made since the index was read, or for no account at all; what is not found now either is gone.
        linked = set[str]().union(*map(discover_credentials, deployments)) - {it.id for it in credentials}
        others = [_unless_gone(self._alert_logic.credentials.get, credential_id) for credential_id in sorted(linked)]
        return Holdings(
            [*credentials, *(it for it in others if it)],
            deployments,
            frozenset(entry.id for entry in entries if entry.is_linked_elsewhere),
            frozenset(entry.id for entry in entries if entry.is_ours),
        )

    def central_credentials(self, *, must_be_certain: bool = False) -> list[Credential]:
        """Look at the credentials of the central logs.

        Args:
            must_be_certain: Whether the caller makes one if there is none.

        Raises:
            Busy: One may be there that only a list of all can tell of, and that must be certain.
            AlertLogicError: They cannot be read.
        """
        entries = self._certain_entries(CENTRAL_LOGS) if must_be_certain else self._index.entries(CENTRAL_LOGS)
        return self._credentials(entries, Made())

    @contextmanager
    def making(self) -> Generator[Made]:
        """Have the index know in the end what was made, and what perhaps was; yield where to note it.

        Raises:
            Busy: The index does not take it. It knows that something was to be made.
        """
        made = Made()
        try:
            yield made
        except Exception:
            self._note(made)
            raise
        self._note(made)

    def create_credential(self, home: str, made: Made, *, name: str, role_arn: str) -> str:
        """Tell Alert Logic of a role; return the credential's id.

        Args:
            home: The account, or what stands in place of one.
            made: Where to note it, of `making`.
            name: By which it is known.
            role_arn: The role.

        Raises:
            AlertLogicError: It is not made, or perhaps is.
        """
        with self._intending(home, made):
            answer = self._alert_logic.credentials.create(name=name, role_arn=role_arn)
        made.entries.append(Entry(home, Kind.CREDENTIAL, answer.id, name, role_arn))
        if _tells_its_origin(answer):
            made.credentials[answer.id] = replace(answer, name=name, role_arn=role_arn)
        return answer.id

    def create_deployment(self, account_id: AwsAccountId, made: Made, document: Mapping[str, Any]) -> str:
        """Make a deployment; return its id.

        Args:
            account_id: The account that it is for.
            made: Where to note it, of `making`.
            document: All of it.

        Raises:
            AlertLogicError: It is not made, or perhaps is.
        """
        with self._intending(account_id, made):
            answer = self._alert_logic.deployments.create(document)
        made.entries.append(Entry(account_id, Kind.DEPLOYMENT, answer.id, is_ours=True))
        if _tells_its_origin(answer) and answer.account_id == account_id:
            made.deployments[answer.id] = answer
        return answer.id

    def delete_credential(self, account_id: AwsAccountId, credential_id: str) -> None:
        """Delete a credential, if it is still there.

        Raises:
            AlertLogicError: It may still be there.
        """
        self._alert_logic.credentials.delete(credential_id)
        self._index.remove(Entry(account_id, Kind.CREDENTIAL, credential_id))

    def delete_deployment(self, account_id: AwsAccountId, deployment_id: str) -> None:
        """Delete a deployment, if it is still there.

        Raises:
            AlertLogicError: It may still be there.
        """
        self._alert_logic.deployments.delete(deployment_id)
        self._index.remove(Entry(account_id, Kind.DEPLOYMENT, deployment_id))

    @contextmanager
    def _intending(self, home: str, made: Made) -> Generator[None]:
        if made.intent is None:
            intent = Entry(home, Kind.INTENT, uuid.uuid4().hex)
            self._index.add(intent)
            made.intent = intent
        try:
            yield
        except RetryableError as error:
            made.is_certain = error.had_no_effect
            raise

    def _note(self, made: Made) -> None:
        if made.intent:
            doubts = [] if made.is_certain else [replace(made.intent, kind=Kind.DOUBT)]
            self._index.replace(made.intent, [*made.entries, *doubts])

    def _certain_entries(self, home: str) -> Sequence[Entry]:
        entries = self._index.entries(home)
        doubts = [entry.written_at for entry in entries if self._is_doubt(entry)]
        if not doubts:
            return entries
        self._census.settle(max(doubts))
        return self._index.entries(home)

    def _is_doubt(self, entry: Entry) -> bool:
        # Whoever is about to make something looks again afterwards, and sees what others made meanwhile.
        is_abandoned = entry.kind is Kind.INTENT and self._clock() - entry.written_at > LAG_SECONDS
        return entry.kind is Kind.DOUBT or is_abandoned

    def _credentials(self, entries: Sequence[Entry], made: Made) -> list[Credential]:
        def home(credential: Credential) -> str | None:
            return home_of(credential, central_logs_role_arn=self._central_logs_role_arn)

        return list(self._found(entries, Kind.CREDENTIAL, made.credentials, self._alert_logic.credentials.get, home))

    def _found(
        self,
        entries: Sequence[Entry],
        kind: Kind,
        made: Mapping[str, _T],
        read: Callable[[str], _T],
        home: Callable[[_T], str | None],
    ) -> Iterator[_T]:
        """Yield what the entries of a kind stand for, and correct those that stand for nothing of this account."""
        for entry in entries:
            if entry.kind is not kind:
                continue
            found = made.get(entry.id) or _unless_gone(read, entry.id)
            right_home = home(found) if found else None
            if found and right_home == entry.partition:
                yield found
                continue
            self._index.remove(entry)
            if right_home:
                self._index.add(replace(entry, partition=right_home))


def _unless_gone(read: Callable[[str], _T], id_: str) -> _T | None:
    try:
        return read(id_)
    except RejectedError as error:
        if error.status != HTTPStatus.NOT_FOUND:
            raise
        return None


def _tells_its_origin(made: Credential | Deployment) -> bool:
    # By time and maker it is compared with what others made.
    return bool(made.created_at and made.created_by)
