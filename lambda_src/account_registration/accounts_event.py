"""What the management side says of accounts: events `alertlogic.accounts`, on the hub's bus."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from aws.accounts_table import Word
from aws.custom_resource import StackId
from aws.environment import ACCOUNT_ID, REGION
from aws.json_text import object_of, text_in
from aws.organizations import AwsAccountId
from aws.queue import Refused

if TYPE_CHECKING:
    from collections.abc import Mapping

ORIGIN: Final = ("alertlogic.accounts", "Accounts")
CURRENT: Final = "CURRENT"

_TIME: Final = r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z"
_EVENT_ID: Final = r"[0-9A-Za-z-]+"


@dataclass(frozen=True, slots=True)
class Told:
    """One account of an event.

    Attributes:
        word: What is said of it.
        stack_ids: The stacks of those of its instances that are current, by region.
    """

    word: Word
    stack_ids: Mapping[str, StackId]


@dataclass(frozen=True, slots=True)
class AccountsEvent:
    """Some accounts, as the management side saw them at one time.

    Attributes:
        id: EventBridge's id of the event.
        sweep: What made the management side look.
        accounts: The accounts.
    """

    id: str
    sweep: str
    accounts: tuple[Told, ...]


def read(event: Mapping[str, Any], *, management_account_id: str) -> AccountsEvent:
    """Read an event as EventBridge puts it into the queue.

    Args:
        event: The event.
        management_account_id: The account that may speak for all others; empty if none may.

    Raises:
        Refused: Another account speaks, or the event is malformed.
        KeyError: Something is missing.
        TypeError: Something is of another type.
    """
    event_id, time = text_in(event, "id"), text_in(event, "time")
    # EventBridge sets it; whoever puts an event cannot choose it.
    speaker = text_in(event, "account")
    if not management_account_id or speaker != management_account_id:
        raise Refused(f"event {event_id} comes from account {speaker}, not from the management account")
    _require("id", event_id, _EVENT_ID)
    _require("time", time, _TIME)
    detail = object_of(event["detail"])
    return AccountsEvent(
        id=event_id,
        sweep=text_in(detail, "Sweep"),
        accounts=tuple(_told(object_of(account), time, event_id) for account in _items(detail, "Accounts")),
    )


def _told(account: Mapping[str, Any], time: str, event_id: str) -> Told:
    account_id = AwsAccountId(text_in(account, "Id"))
    _require("Id", account_id, ACCOUNT_ID.pattern)
    wanted = account["Wanted"]
    if not isinstance(wanted, bool):
        raise TypeError
    instances: dict[str, str] = {}
    stack_ids: dict[str, StackId] = {}
    for item in _items(account, "Instances"):
        instance = object_of(item)
        region, status = text_in(instance, "Region"), text_in(instance, "Status")
        detailed_status = text_in(instance, "DetailedStatus")
        _require("Region", region, REGION.pattern)
        instances[region] = status if status == CURRENT else f"{status} {detailed_status}".strip()
        if status == CURRENT and instance["StackId"]:
            stack_ids[region] = _stack_id(text_in(instance, "StackId"), account_id, region)
    word = Word(
        account_id=account_id,
        name=text_in(account, "Name"),
        wanted=wanted,
        reason=None if account["Reason"] is None else text_in(account, "Reason"),
        instances=instances,
        # An event's time is in whole seconds. Within one, an account rather leaves than comes.
        rank=f"{time} {_departure(wanted=wanted, has_instances=bool(instances))} {event_id}",
    )
    return Told(word, stack_ids)


def _departure(*, wanted: bool, has_instances: bool) -> int:
    """Say how far an account has left: 0, 1 or 2."""
    if wanted:
        return 0
    return 1 if has_instances else 2


def _stack_id(arn: str, account_id: AwsAccountId, region: str) -> StackId:
    stack_id = StackId.parse(arn)
    if (stack_id.account_id, stack_id.region) != (account_id, region):
        raise Refused(f"the stack {arn} is not of account {account_id} in {region}")
    return stack_id


def _items(document: Mapping[str, Any], name: str) -> list[object]:
    items = document[name]
    if not isinstance(items, list):
        raise TypeError
    return list[object](items)


def _require(name: str, value: str, pattern: str) -> None:
    if not re.fullmatch(pattern, value):
        raise Refused(f"the event's {name} is {value!r}")
