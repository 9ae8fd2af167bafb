"""What the hub notes of each account in its table, in the item `status`.

The management side's words and what the hub observes are parts of their own, so that neither overwrites the other. Of
each part the latest counts, in whatever order and however often they come: so what is known in the end is the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from botocore.exceptions import ClientError

from .clients import error_code
from .organizations import AwsAccountId

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef

_STATUS: Final = "status"
# So CloudFormation names the stack of a stack instance.
_STACK_OF_AN_INSTANCE: Final = ":stack/StackSet-"

# The parts of an item.
_WORD: Final = "word"
_SETTLED: Final = "settled"
_WRONG: Final = "wrong"
_UNKNOWN: Final = "unknown"
# In each part: what of two tells the later one.
_RANK: Final = "rank"


@dataclass(frozen=True, slots=True)
class Word:
    """What the management side says of an account.

    Attributes:
        account_id: The account.
        name: Its name, as people see it; empty where nobody knows it any more.
        wanted: Whether it is to be protected; if not, the deletion guard has let it go.
        reason: Why not, or, while the guard holds it, why it should not; None if there is nothing to say.
        instances: The statuses of its stack instances, by region.
        rank: Of two words the one with the greater rank is the later.
    """

    account_id: AwsAccountId
    name: str
    wanted: bool
    reason: str | None
    instances: Mapping[str, str]
    rank: str


@dataclass(frozen=True, slots=True)
class Registered:
    """The account is registered, and its scope is right; `stack_id` is the stack that it is registered for."""

    stack_id: str


@dataclass(frozen=True, slots=True)
class Deregistered:
    """Nothing of ours protects the account any more."""


@dataclass(frozen=True, slots=True)
class Failed:
    """The account could not be brought to what is ordered.

    Attributes:
        why: Why not.
        stack_id: The stack that it was to be registered for; None if it was to be deregistered.
        is_wrong: Whether it cannot be as ordered. Otherwise nobody could look.
    """

    why: str
    stack_id: str | None
    is_wrong: bool


Observation = Registered | Deregistered | Failed


@dataclass(frozen=True, slots=True)
class KnownAccount:
    """An account as both sides know it.

    Attributes:
        word: The management side's latest word.
        registered: Whether it is registered with Alert Logic, as far as is known.
        scope_right: Whether what is protected there is what is wanted, as far as is known.
        why: Why it is not as it should be, or why nobody could look; None if all is well.
        stack_id: The stack that it is, or was to be, registered for; None once it is deregistered.
        is_leaving: Whether somebody seeks to deregister it, without success so far.
    """

    word: Word
    registered: bool
    scope_right: bool
    why: str | None
    stack_id: str | None
    is_leaving: bool = False

    @property
    def instance_stack_id(self) -> str | None:
        """The stack that it is registered for, if that is a stack instance's, and so the management side's to end."""
        return self.stack_id if _STACK_OF_AN_INSTANCE in (self.stack_id or "") else None


class AccountsTable:
    """The items `status` of the table.

    Args:
        dynamodb: A client of the table's region.
        name: The table.
    """

    def __init__(self, dynamodb: DynamoDBClient, *, name: str) -> None:
        self._dynamodb = dynamodb
        self._name = name

    def note_word(self, word: Word) -> KnownAccount | None:
        """Note what the management side says, unless it has said something later; return what is known now."""
        noted = self._write(
            word.account_id,
            _WORD,
            word.rank,
            {
                "name": {"S": word.name},
                "wanted": {"BOOL": word.wanted},
                "instances": {"M": {region: {"S": status} for region, status in word.instances.items()}},
                **_text("reason", word.reason),
            },
        )
        return _known(noted) if noted else self.account(word.account_id)

    def note(self, account_id: AwsAccountId, observation: Observation, *, at: str) -> None:
        """Note what became of an account, unless something later did.

        Args:
            account_id: The account.
            observation: What became of it.
            at: When, in ISO format, always of the same length.
        """
        match observation:
            case Registered(stack_id):
                self._write(account_id, _SETTLED, at, _text("stack_id", stack_id))
            case Deregistered():
                self._write(account_id, _SETTLED, at, {})
            case _:
                part = _WRONG if observation.is_wrong else _UNKNOWN
                self._write(
                    account_id, part, at, {"why": {"S": observation.why}, **_text("stack_id", observation.stack_id)}
                )

    def account(self, account_id: AwsAccountId) -> KnownAccount | None:
        """Read what is known of an account; None if the management side never spoke of it."""
        item = self._dynamodb.get_item(TableName=self._name, Key=_key(account_id), ConsistentRead=True).get("Item")
        return _known(item) if item else None

    def accounts(self) -> Iterator[KnownAccount]:
        """Read all accounts that the management side ever spoke of."""
        pages = self._dynamodb.get_paginator("scan").paginate(
            TableName=self._name,
            FilterExpression="#item = :status",
            ExpressionAttributeNames={"#item": "item"},
            ExpressionAttributeValues={":status": {"S": _STATUS}},
        )
        for page in pages:
            for item in page["Items"]:
                if known := _known(item):
                    yield known

    def forget(self, word: Word) -> None:
        """Delete what is known of an account, unless the management side has spoken of it since this word."""
        try:
            self._dynamodb.delete_item(
                TableName=self._name,
                Key=_key(word.account_id),
                ConditionExpression="#part.#rank = :rank",
                ExpressionAttributeNames={"#part": _WORD, "#rank": _RANK},
                ExpressionAttributeValues={":rank": {"S": word.rank}},
            )
        except ClientError as error:
            _require_overruled(error)

    def _write(
        self, account_id: AwsAccountId, part: str, rank: str, content: Mapping[str, AttributeValueTypeDef]
    ) -> Mapping[str, AttributeValueTypeDef]:
        """Write a part, unless there is a later one; return the whole item, or nothing if it was not written."""
        try:
            return self._dynamodb.update_item(
                TableName=self._name,
                Key=_key(account_id),
                UpdateExpression="SET #part = :part",
                ConditionExpression="attribute_not_exists(#part) OR #part.#rank <= :rank",
                ExpressionAttributeNames={"#part": part, "#rank": _RANK},
                ExpressionAttributeValues={":part": {"M": {**content, _RANK: {"S": rank}}}, ":rank": {"S": rank}},
                ReturnValues="ALL_NEW",
            )["Attributes"]
        except ClientError as error:
            _require_overruled(error)
            return {}


def _require_overruled(error: ClientError) -> None:
    if error_code(error) != "ConditionalCheckFailedException":
        raise error


def _key(account_id: AwsAccountId) -> dict[str, AttributeValueTypeDef]:
    return {"account_id": {"S": account_id}, "item": {"S": _STATUS}}


def _text(name: str, value: str | None) -> dict[str, AttributeValueTypeDef]:
    return {} if value is None else {name: {"S": value}}


def _known(item: Mapping[str, AttributeValueTypeDef]) -> KnownAccount | None:
    if _WORD not in item:
        return None
    word, settled = item[_WORD]["M"], _part(item, _SETTLED)
    wrong, unknown = (_part(item, name, after=settled.get(_RANK, "")) for name in (_WRONG, _UNKNOWN))
    failures = sorted((part for part in (wrong, unknown) if part), key=lambda part: part[_RANK])
    stack_ids = [part["stack_id"] for part in (settled, *failures) if "stack_id" in part]
    return KnownAccount(
        word=Word(
            account_id=AwsAccountId(item["account_id"]["S"]),
            name=word["name"]["S"],
            wanted=word["wanted"]["BOOL"],
            reason=word.get("reason", {}).get("S"),
            instances={region: status["S"] for region, status in word["instances"]["M"].items()},
            rank=word[_RANK]["S"],
        ),
        registered="stack_id" in settled,
        scope_right="stack_id" in settled and not wrong,
        why=failures[-1]["why"] if failures else None,
        stack_id=stack_ids[-1] if stack_ids else None,
        is_leaving=bool(failures) and "stack_id" not in failures[-1],
    )


def _part(item: Mapping[str, AttributeValueTypeDef], name: str, *, after: str = "") -> dict[str, str]:
    """Return a part that holds nothing but texts; an empty one if it was not written after this."""
    part = {key: value["S"] for key, value in item.get(name, {"M": {}})["M"].items()}
    return part if part.get(_RANK, "") > after else {}
