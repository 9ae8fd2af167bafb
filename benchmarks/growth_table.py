"""DynamoDB, as far as the hub's table needs it: keys, the conditions that are used, and pages of 1 MB."""

# ruff: noqa: D102, N803 - operations and arguments are boto3's
from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING, Any, Final

from .growth_network import failure, size

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Item = dict[str, Any]
    # An item, the names and the values that an expression refers to.
    Condition = Callable[[Item, Mapping[str, str], Mapping[str, Any]], bool]

# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Scan.html
_PAGE_BYTES: Final = 1_000_000
_PARTS: Final = re.compile(r"[#:\w.]+|<=|[<=()]")


class Table:
    """The operations of boto3's client, on one table with the keys `account_id` and `item`."""

    def __init__(self) -> None:
        self._partitions: dict[str, dict[str, Item]] = {}

    def get_item(self, *, Key: Item, **_: object) -> dict[str, Any]:
        item = self._find(Key)
        return {"Item": item} if item else {}

    def put_item(self, *, Item: Item, **_: object) -> dict[str, Any]:
        self._put(Item)
        return {}

    def delete_item(self, *, Key: Item, **how: Any) -> dict[str, Any]:  # noqa: ANN401 - as boto3
        self._require(self._find(Key) or {}, how)
        self._partitions.get(Key["account_id"]["S"], {}).pop(Key["item"]["S"], None)
        return {}

    def update_item(self, *, Key: Item, UpdateExpression: str, **how: Any) -> dict[str, Any]:  # noqa: ANN401 - as boto3
        item = self._find(Key) or {}
        self._require(item, how)
        names, values = how.get("ExpressionAttributeNames", {}), how.get("ExpressionAttributeValues", {})
        changed = {**Key, **item}
        settings, _, removals = UpdateExpression.removeprefix("SET ").partition("REMOVE ")
        for setting in settings.split(",") if settings.strip() else ():
            name, value = (part.strip() for part in setting.split("="))
            changed[names.get(name, name)] = values[value]
        for name in removals.split():
            changed.pop(name, None)
        self._put(changed)
        return {"Attributes": changed} if how.get("ReturnValues") else {}

    def batch_write_item(self, *, RequestItems: Mapping[str, list[Item]]) -> dict[str, Any]:
        for request in (request for requests in RequestItems.values() for request in requests):
            if "PutRequest" in request:
                self._put(request["PutRequest"]["Item"])
            else:
                self.delete_item(Key=request["DeleteRequest"]["Key"])
        return {"UnprocessedItems": {}}

    def transact_write_items(self, *, TransactItems: list[dict[str, Item]]) -> dict[str, Any]:
        for item in TransactItems:
            if "Put" in item:
                self._put(item["Put"]["Item"])
            else:
                self.delete_item(Key=item["Delete"]["Key"])
        return {}

    def query(self, *, KeyConditionExpression: str, **how: Any) -> dict[str, Any]:  # noqa: ANN401 - as boto3
        partition = self._partitions.get(how["ExpressionAttributeValues"][":partition"]["S"], {})
        return {"Items": [it for it in partition.values() if _holds(KeyConditionExpression, it, how)]}

    def scan(self, *, FilterExpression: str, ExclusiveStartKey: int = 0, **how: Any) -> dict[str, Any]:  # noqa: ANN401 - as boto3
        items = [item for partition in self._partitions.values() for item in partition.values()]
        read, end = 0, ExclusiveStartKey
        while end < len(items) and read < _PAGE_BYTES:
            read += size(items[end])
            end += 1
        found = [it for it in items[ExclusiveStartKey:end] if _holds(FilterExpression, it, how)]
        return {"Items": found, **({"LastEvaluatedKey": end} if end < len(items) else {})}

    def _find(self, key: Item) -> Item | None:
        return self._partitions.get(key["account_id"]["S"], {}).get(key["item"]["S"])

    def _put(self, item: Item) -> None:
        self._partitions.setdefault(item["account_id"]["S"], {})[item["item"]["S"]] = item

    def _require(self, item: Item, how: Mapping[str, Any]) -> None:
        condition = how.get("ConditionExpression")
        if condition and not _holds(condition, item, how):
            raise failure("ConditionalCheckFailedException")


def _holds(expression: str, item: Item, how: Mapping[str, Any]) -> bool:
    values = how.get("ExpressionAttributeValues", {})
    return _condition(expression)(item, how.get("ExpressionAttributeNames", {}), values)


@functools.cache
def _condition(expression: str) -> Condition:
    parts = _PARTS.findall(expression)
    condition = _any_of(parts)
    if parts:
        raise ValueError(f"the expression {expression!r} cannot be read from {parts!r}")
    return condition


def _any_of(parts: list[str]) -> Condition:
    conditions = [_all_of(parts)]
    while parts[:1] == ["OR"]:
        parts.pop(0)
        conditions.append(_all_of(parts))
    return lambda *known: any(condition(*known) for condition in conditions)


def _all_of(parts: list[str]) -> Condition:
    conditions = [_one(parts)]
    while parts[:1] == ["AND"]:
        parts.pop(0)
        conditions.append(_one(parts))
    return lambda *known: all(condition(*known) for condition in conditions)


def _one(parts: list[str]) -> Condition:
    first = parts.pop(0)
    if first == "(":
        condition = _any_of(parts)
        parts.pop(0)
        return condition
    if first == "attribute_not_exists":
        _, path, _ = (parts.pop(0) for _ in range(3))
        return lambda item, names, _: _at(path, item, names) is None
    operator, other = parts.pop(0), parts.pop(0)
    if operator == "BETWEEN":
        parts.pop(0)
        last = parts.pop(0)
        return lambda item, names, values: (
            _content(values[other]) <= _content(_at(first, item, names)) <= _content(values[last])
        )
    compare: Callable[[Any, Any], bool] = {
        "=": lambda one, two: one == two,
        "<": lambda one, two: one < two,
        "<=": lambda one, two: one <= two,
    }[operator]

    def compared(item: Item, names: Mapping[str, str], values: Mapping[str, Any]) -> bool:
        found = _at(first, item, names)
        return found is not None and compare(_content(found), _content(values[other]))

    return compared


def _at(path: str, item: Item, names: Mapping[str, str]) -> Any:  # noqa: ANN401 - an attribute's value
    found: Any = {"M": item}
    for name in path.split("."):
        found = found["M"].get(names.get(name, name))
        if found is None:
            return None
    return found


def _content(value: Mapping[str, Any]) -> Any:  # noqa: ANN401 - a text or a number
    return float(value["N"]) if "N" in value else value["S"]
