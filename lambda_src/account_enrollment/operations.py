"""Operations on the StackSet: which accounts share one, and what its id says."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from aws.environment import ACCOUNT_ID
from aws.organizations import AwsAccountId

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from .enrollment import Decision, Operate, Situation

# As many as an id can name: it has at most 128 characters.
MOST_ACCOUNTS: Final = 8

_HASH_LENGTH: Final = 16
REMOVAL: Final = re.compile(r"remove-([1-9][0-9]*)")


@dataclass(frozen=True, slots=True)
class JointOperation:
    """One operation on several accounts that need the same, in the same regions."""

    action: Operate
    account_ids: tuple[AwsAccountId, ...]


def group(decisions: Collection[Decision]) -> Iterator[JointOperation]:
    """Yield the operations that the decisions come to, in an order that does not depend on theirs."""
    alike: dict[tuple[str, tuple[str, ...]], tuple[Operate, list[AwsAccountId]]] = {}
    for decision in decisions:
        for action in decision.operate:
            _, account_ids = alike.setdefault((_kind(action), action.regions), (action, []))
            account_ids.append(decision.situation.account_id)
    for key in sorted(alike):
        action, account_ids = alike[key]
        ordered = sorted(account_ids)
        for first in range(0, len(ordered), MOST_ACCOUNTS):
            yield JointOperation(action, tuple(ordered[first : first + MOST_ACCOUNTS]))


def operation_id(
    joint: JointOperation, *, event_id: str, attempt: int, situations: Mapping[AwsAccountId, Situation]
) -> str:
    """Return the same id for the same event and state, so that a duplicate begins no second operation.

    The id names the accounts, by which `accounts_named_by` finds them again.

    Args:
        joint: The operation.
        event_id: What it is for.
        attempt: Which delivery of that. An id can be used only once, and the state may be one that was there before.
        situations: The accounts.
    """
    kind = _kind(joint.action)
    state = [
        [it.account_id, it.region, it.status, it.detailed_status, it.last_operation_id]
        for account_id in joint.account_ids
        for it in situations[account_id].instances
    ]
    basis = json.dumps([event_id, attempt, joint.action.regions, sorted(state)])
    digest = hashlib.sha256(basis.encode()).hexdigest()[:_HASH_LENGTH]
    return "-".join((kind, *joint.account_ids, digest))


def accounts_named_by(operation_id: str) -> tuple[AwsAccountId, ...]:
    """Return the accounts that an operation works on, if this function began it for several or for a part of one."""
    return tuple(AwsAccountId(part) for part in operation_id.split("-")[1:-1] if re.fullmatch(ACCOUNT_ID.pattern, part))


def removal_id(number: int) -> str:
    """Return the id of the operation that takes an account away: they are numbered, and name no account."""
    return f"remove-{number}"


def removal_number(operation_id: str) -> int | None:
    """Return the number of an operation that took an account away; None for any other operation."""
    match = REMOVAL.fullmatch(operation_id)
    return int(match[1]) if match else None


def is_removal(operation_id: str) -> bool:
    """Whether an operation takes, or took, an account away."""
    return removal_number(operation_id) is not None


def _kind(action: Operate) -> str:
    return type(action).__name__.lower()
