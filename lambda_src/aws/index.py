"""What Alert Logic holds for which AWS account: the index that its API lacks, in a DynamoDB table.

The table's partition key is `account_id`, its sort key `item`, both strings. Every read is strongly consistent, so
whoever looks after a write sees it, whoever wrote.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from botocore.exceptions import ClientError

from .clients import error_code
from .queue import Busy

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import (
        AttributeValueTypeDef,
        TransactWriteItemTypeDef,
        WriteRequestUnionTypeDef,
    )

# The most that DynamoDB takes in one call:
# https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchWriteItem.html
LARGEST_BATCH: Final = 25
ATTEMPTS: Final = 6
_PASSING: Final = frozenset({"None", "TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"})
SHORTEST_PAUSE_SECONDS: Final = 0.1

# Of no account.
_LISTED: Final[Mapping[str, AttributeValueTypeDef]] = {"account_id": {"S": "-"}, "item": {"S": "listed"}}


class Kind(StrEnum):
    """What an entry stands for."""

    CREDENTIAL = "credential"
    DEPLOYMENT = "deployment"
    # Something that was to be made, and perhaps was.
    DOUBT = "doubt"
    # Something that somebody is about to make.
    INTENT = "intent"


# `item` of every entry is between these, and that of no other item in the table is.
_FIRST, _LAST = f"{Kind.CREDENTIAL}#", f"{Kind.INTENT}$"


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing at Alert Logic.

    Attributes:
        partition: The AWS account that it is for, or what stands in place of one.
        kind: What it is.
        id: Alert Logic's id of it.
        name: A credential's name.
        role_arn: The role that a credential is for; empty if there is none.
        is_linked_elsewhere: Whether other accounts' deployments linked a credential when all were listed last.
        is_ours: Whether a deployment was made here, as Alert Logic does not say; entries are compared without it.
        written_at: When the entry was written, Unix seconds.
    """

    partition: str
    kind: Kind
    id: str
    name: str = ""
    role_arn: str = ""
    is_linked_elsewhere: bool = False
    is_ours: bool = field(default=False, compare=False)
    written_at: float = field(default=0, compare=False)

    @property
    def key(self) -> tuple[str, str]:
        """The values of partition key and sort key, by which it is told from all others."""
        return self.partition, f"{self.kind}#{self.id}"


@dataclass(frozen=True, slots=True)
class Listed:
    """When Alert Logic was listed as a whole last.

    Attributes:
        begun_at: When that began, Unix seconds; None if it never was.
        sweep_ids: The latest sweeps for which it was.
    """

    begun_at: float | None = None
    sweep_ids: tuple[str, ...] = ()


class Index:
    """The entries, and the note of when all were compared with Alert Logic.

    Args:
        dynamodb: A client of the table's region.
        table_name: The table.
        clock: The time in Unix seconds.
        sleep: How to wait for a table that is too busy to take all that is written.
    """

    def __init__(
        self,
        dynamodb: DynamoDBClient,
        *,
        table_name: str,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._dynamodb = dynamodb
        self._table_name = table_name
        self._clock = clock
        self._sleep = sleep

    def entries(self, partition: str) -> list[Entry]:
        """Return what is known of one account."""
        pages = self._dynamodb.get_paginator("query").paginate(
            TableName=self._table_name,
            ConsistentRead=True,
            KeyConditionExpression="account_id = :partition AND #item BETWEEN :first AND :last",
            ExpressionAttributeNames={"#item": "item"},
            ExpressionAttributeValues={":partition": {"S": partition}, ":first": {"S": _FIRST}, ":last": {"S": _LAST}},
        )
        return [_entry(item) for page in pages for item in page["Items"]]

    def all_entries(self) -> list[Entry]:
        """Return what is known of all accounts. It reads the whole table."""
        pages = self._dynamodb.get_paginator("scan").paginate(
            TableName=self._table_name,
            ConsistentRead=True,
            FilterExpression="#item BETWEEN :first AND :last",
            ExpressionAttributeNames={"#item": "item"},
            ExpressionAttributeValues={":first": {"S": _FIRST}, ":last": {"S": _LAST}},
        )
        return [_entry(item) for page in pages for item in page["Items"]]

    def add(self, entry: Entry) -> None:
        """Add an entry, or replace it."""
        self._dynamodb.put_item(TableName=self._table_name, Item=_item(entry, self._clock()))

    def add_missing(self, entry: Entry) -> None:
        """Add an entry, unless it is there: whoever wrote that may have known more."""
        try:
            self._dynamodb.put_item(
                TableName=self._table_name,
                Item=_item(entry, self._clock()),
                ConditionExpression="attribute_not_exists(account_id)",
            )
        except ClientError as error:
            if error_code(error) != "ConditionalCheckFailedException":
                raise

    def remove(self, entry: Entry) -> None:
        """Remove an entry, if it is still there."""
        self._dynamodb.delete_item(TableName=self._table_name, Key=_key(entry))

    def replace(self, old: Entry, new: Sequence[Entry]) -> None:
        """Remove an entry and add a few others, all of it or nothing.

        Raises:
            Busy: The table does not take it, for somebody else writes the same, or too much.
        """
        name, now = self._table_name, self._clock()
        writes: list[TransactWriteItemTypeDef] = [{"Delete": {"TableName": name, "Key": _key(old)}}]
        writes += [{"Put": {"TableName": name, "Item": _item(entry, now)}} for entry in new]
        for _ in self._attempts():
            try:
                self._dynamodb.transact_write_items(TransactItems=writes)
            except ClientError as error:
                if not _passes(error):
                    raise
            else:
                return
        raise Busy("the table does not take what was made")

    def write(self, *, added: Collection[Entry], removed: Collection[Entry]) -> None:
        """Add and remove many entries.

        Raises:
            Busy: The table does not take all of them. What it has taken it keeps.
        """
        now = self._clock()
        requests: list[WriteRequestUnionTypeDef] = [{"PutRequest": {"Item": _item(entry, now)}} for entry in added]
        requests += [{"DeleteRequest": {"Key": _key(entry)}} for entry in removed]
        for first in range(0, len(requests), LARGEST_BATCH):
            self._write(requests[first : first + LARGEST_BATCH])

    def listed(self) -> Listed:
        """Return when Alert Logic was listed as a whole last."""
        item = self._dynamodb.get_item(TableName=self._table_name, Key=_LISTED, ConsistentRead=True).get("Item", {})
        if "begun_at" not in item:
            return Listed()
        return Listed(float(item["begun_at"]["N"]), tuple(sweep_id["S"] for sweep_id in item["sweep_ids"]["L"]))

    def begin_listing(self, last: Listed, *, lease_seconds: float) -> bool:
        """Reserve the listing of Alert Logic as a whole; return whether nobody else does it, or did it since.

        Args:
            last: When it was listed last, as far as the caller knows.
            lease_seconds: How long nobody else is to begin, unless it ends before.
        """
        now = self._clock()
        values: dict[str, AttributeValueTypeDef] = {":now": _number(now), ":until": _number(now + lease_seconds)}
        unchanged = "attribute_not_exists(begun_at)"
        if last.begun_at is not None:
            unchanged = "begun_at = :last"
            values[":last"] = _number(last.begun_at)
        try:
            self._dynamodb.update_item(
                TableName=self._table_name,
                Key=_LISTED,
                UpdateExpression="SET reserved_until = :until",
                ConditionExpression=f"{unchanged} AND (attribute_not_exists(reserved_until) OR reserved_until < :now)",
                ExpressionAttributeValues=values,
            )
        except ClientError as error:
            if error_code(error) == "ConditionalCheckFailedException":
                return False
            raise
        return True

    def end_listing(self, *, begun_at: float, sweep_ids: Sequence[str]) -> None:
        """Note that Alert Logic was listed; anybody may begin anew."""
        self._dynamodb.update_item(
            TableName=self._table_name,
            Key=_LISTED,
            UpdateExpression="SET begun_at = :begun_at, sweep_ids = :sweep_ids REMOVE reserved_until",
            ExpressionAttributeValues={
                ":begun_at": _number(begun_at),
                ":sweep_ids": {"L": [{"S": sweep_id} for sweep_id in sweep_ids]},
            },
        )

    def give_up_listing(self) -> None:
        """Let somebody else begin."""
        self._dynamodb.update_item(TableName=self._table_name, Key=_LISTED, UpdateExpression="REMOVE reserved_until")

    def _write(self, requests: Sequence[WriteRequestUnionTypeDef]) -> None:
        for _ in self._attempts():
            answer = self._dynamodb.batch_write_item(RequestItems={self._table_name: requests})
            requests = answer["UnprocessedItems"].get(self._table_name, ())
            if not requests:
                return
        raise Busy(f"the table does not take {len(requests)} entries")

    def _attempts(self) -> Iterator[None]:
        """Yield for each attempt at a write, the longer after one another the more there were."""
        yield
        for attempt in range(ATTEMPTS - 1):
            self._sleep(SHORTEST_PAUSE_SECONDS * 2**attempt)
            yield


def _passes(error: ClientError) -> bool:
    """Whether a transaction was canceled because the table was busy; botocore does not repeat it.

    https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html
    """
    reasons: list[dict[str, str]] = error.response.get("CancellationReasons", [])  # type: ignore[assignment]
    return error_code(error) == "TransactionCanceledException" and {it.get("Code") for it in reasons} <= _PASSING


def _key(entry: Entry) -> dict[str, AttributeValueTypeDef]:
    partition, item = entry.key
    return {"account_id": {"S": partition}, "item": {"S": item}}


def _item(entry: Entry, written_at: float) -> dict[str, AttributeValueTypeDef]:
    item = _key(entry) | {"written_at": _number(written_at)}
    if entry.kind is Kind.CREDENTIAL:
        item["name"], item["role_arn"] = {"S": entry.name}, {"S": entry.role_arn}
        item["is_linked_elsewhere"] = {"BOOL": entry.is_linked_elsewhere}
    if entry.kind is Kind.DEPLOYMENT:
        item["is_ours"] = {"BOOL": entry.is_ours}
    return item


def _entry(item: Mapping[str, AttributeValueTypeDef]) -> Entry:
    kind, _, id_ = item["item"]["S"].partition("#")
    return Entry(
        partition=item["account_id"]["S"],
        kind=Kind(kind),
        id=id_,
        name=item.get("name", {}).get("S", ""),
        role_arn=item.get("role_arn", {}).get("S", ""),
        is_linked_elsewhere=item.get("is_linked_elsewhere", {}).get("BOOL", False),
        is_ours=item.get("is_ours", {}).get("BOOL", False),
        written_at=float(item["written_at"]["N"]),
    )


def _number(value: float) -> AttributeValueTypeDef:
    return {"N": repr(value)}
