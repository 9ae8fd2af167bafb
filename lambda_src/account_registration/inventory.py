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

from alertlogic_api import AlertLogicError, RejectedError, RetryableError
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

        def replace(self, old: Entry, new: Entry) -> None:
            """Add an entry and remove another, both or neither."""
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


@dataclass(frozen=True, slots=True)
class Made:
    """What somebody made, by id, as Alert Logic answered: to look again, they need not ask for it."""

    credentials: dict[str, Credential] = field(default_factory=dict[str, "Credential"])
    deployments: dict[str, Deployment] = field(default_factory=dict[str, "Deployment"])


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
            NotYet: Something may be there that only a list of all can tell of.
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
            NotYet: One may be there that only a list of all can tell of, and that must be certain.
        """
        entries = self._certain_entries(CENTRAL_LOGS) if must_be_certain else self._index.entries(CENTRAL_LOGS)
        return self._credentials(entries, Made())

    def create_credential(self, home: str, made: Made, *, name: str, role_arn: str) -> str:
        """Tell Alert Logic of a role; return the credential's id.

        Args:
            home: The account, or what stands in place of one.
            made: Where to note it.
            name: By which it is known.
            role_arn: The role.
        """
        with self._intending(home) as intent:
            answer = self._alert_logic.credentials.create(name=name, role_arn=role_arn)
        self._index.replace(intent, Entry(home, Kind.CREDENTIAL, answer.id, name, role_arn))
        if _tells_its_origin(answer):
            made.credentials[answer.id] = replace(answer, name=name, role_arn=role_arn)
        return answer.id

    def create_deployment(self, account_id: AwsAccountId, made: Made, document: Mapping[str, Any]) -> str:
        """Make a deployment; return its id.

        Args:
            account_id: The account that it is for.
            made: Where to note it.
            document: All of it.
        """
        with self._intending(account_id) as intent:
            answer = self._alert_logic.deployments.create(document)
        self._index.replace(intent, Entry(account_id, Kind.DEPLOYMENT, answer.id, is_ours=True))
        if _tells_its_origin(answer) and answer.account_id == account_id:
            made.deployments[answer.id] = answer
        return answer.id

    def delete_credential(self, account_id: AwsAccountId, credential_id: str) -> None:
        """Delete a credential, if it is still there."""
        self._alert_logic.credentials.delete(credential_id)
        self._index.remove(Entry(account_id, Kind.CREDENTIAL, credential_id))

    def delete_deployment(self, account_id: AwsAccountId, deployment_id: str) -> None:
        """Delete a deployment, if it is still there."""
        self._alert_logic.deployments.delete(deployment_id)
        self._index.remove(Entry(account_id, Kind.DEPLOYMENT, deployment_id))

    @contextmanager
    def _intending(self, home: str) -> Generator[Entry]:
        """Note that something is about to be made, and, if there is no answer, that it perhaps was."""
        intent = Entry(home, Kind.INTENT, uuid.uuid4().hex)
        self._index.add(intent)
        try:
            yield intent
        except AlertLogicError as error:
            if isinstance(error, RetryableError) and not error.had_no_effect:
                self._index.replace(intent, replace(intent, kind=Kind.DOUBT))
            else:
                self._index.remove(intent)
            raise

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
