from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from aws.clients import client
from aws.index import ATTEMPTS, LARGEST_BATCH, Entry, Index, Kind, Listed
from aws.queue import Busy
from tests.lambda_src.accounts_tables import TABLE_NAME, create_table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mypy_boto3_dynamodb import DynamoDBClient

ACCOUNT, OTHER = "555555555555", "666666666666"
NOW = 1_800_000_000.25
CREDENTIAL = Entry(ACCOUNT, Kind.CREDENTIAL, "c1", "name", "arn", is_linked_elsewhere=True, written_at=NOW)
DEPLOYMENT = Entry(ACCOUNT, Kind.DEPLOYMENT, "d1", written_at=NOW)
DOUBT = Entry(ACCOUNT, Kind.DOUBT, "x1", written_at=NOW)
ELSEWHERE = Entry(OTHER, Kind.DEPLOYMENT, "d2", written_at=NOW)


class Clock:
    now = NOW

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def dynamodb(aws: None) -> DynamoDBClient:  # noqa: ARG001 - AWS must be there
    dynamodb: DynamoDBClient = client("dynamodb")
    create_table(dynamodb)
    # What else is noted of an account, and of none.
    for account_id, item in ((ACCOUNT, "status"), ("-", "listed"), (ACCOUNT, "a"), (ACCOUNT, "z")):
        dynamodb.put_item(TableName=TABLE_NAME, Item={"account_id": {"S": account_id}, "item": {"S": item}})
    return dynamodb


@pytest.fixture
def slept() -> list[float]:
    return []


@pytest.fixture
def index(dynamodb: DynamoDBClient, clock: Clock, slept: list[float]) -> Index:
    return Index(dynamodb, table_name=TABLE_NAME, clock=clock, sleep=slept.append)


def exactly(entries: Sequence[Entry]) -> list[tuple[Entry, float]]:
    """Return entries in order, with the time that does not count when they are compared."""
    return sorted(((entry, entry.written_at) for entry in entries), key=lambda it: it[0].key)


class TestEntries:
    def test_are_read_as_they_were_written(self, index: Index) -> None:
        for entry in (DOUBT, CREDENTIAL, ELSEWHERE, DEPLOYMENT):
            index.add(entry)

        assert exactly(index.entries(ACCOUNT)) == exactly([CREDENTIAL, DEPLOYMENT, DOUBT])
        assert exactly(index.all_entries()) == exactly([CREDENTIAL, DEPLOYMENT, DOUBT, ELSEWHERE])
        assert index.entries("777777777777") == []

    def test_are_replaced_and_removed_by_their_key(self, index: Index) -> None:
        index.add(CREDENTIAL)
        index.add(Entry(ACCOUNT, Kind.CREDENTIAL, "c1", "renamed"))
        assert [(it.name, it.is_linked_elsewhere) for it in index.entries(ACCOUNT)] == [("renamed", False)]

        for _ in range(2):
            index.remove(CREDENTIAL)
        assert index.entries(ACCOUNT) == []

    def test_are_read_to_the_last_page(self, index: Index) -> None:
        many = [Entry(ACCOUNT, Kind.CREDENTIAL, f"{number:04}", name="n" * 2000) for number in range(600)]
        index.write(added=many, removed=[])

        assert index.entries(ACCOUNT) == sorted(index.all_entries(), key=lambda it: it.id) == many

    def test_are_always_read_as_of_now(self, index: Index, dynamodb: DynamoDBClient) -> None:
        asked: list[dict[str, Any]] = []
        dynamodb.meta.events.register("before-call.dynamodb", lambda params, **_: asked.append(params))

        index.entries(ACCOUNT)
        index.all_entries()
        index.listed()

        assert [json.loads(it["body"])["ConsistentRead"] for it in asked] == [True, True, True]


class TestAddMissing:
    def test_adds_what_is_not_there(self, index: Index) -> None:
        index.add_missing(DEPLOYMENT)

        assert exactly(index.all_entries()) == exactly([DEPLOYMENT])

    def test_leaves_what_is_there(self, index: Index) -> None:
        index.add(replace(DEPLOYMENT, is_ours=True))

        index.add_missing(DEPLOYMENT)

        assert [it.is_ours for it in index.entries(ACCOUNT)] == [True]

    def test_fails_where_it_cannot_be_known(self, index: Index, dynamodb: DynamoDBClient) -> None:
        dynamodb.delete_table(TableName=TABLE_NAME)

        with pytest.raises(ClientError, match="ResourceNotFoundException"):
            index.add_missing(DEPLOYMENT)


class TestReplace:
    """Two who write the same at once: DynamoDB cancels the transaction of one, which botocore does not repeat."""

    def test_removes_one_entry_and_adds_the_others(self, index: Index) -> None:
        index.add(DOUBT)

        index.replace(DOUBT, [CREDENTIAL, DEPLOYMENT])

        assert exactly(index.entries(ACCOUNT)) == exactly([CREDENTIAL, DEPLOYMENT])

    def test_is_tried_again_after_a_conflict(
        self, index: Index, dynamodb: DynamoDBClient, slept: list[float], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        _refuse("TransactionCanceledException", 2, dynamodb, monkeypatch, reasons=["None", "TransactionConflict"])
        index.add(DOUBT)

        index.replace(DOUBT, [DEPLOYMENT])

        assert index.entries(ACCOUNT) == [DEPLOYMENT]
        assert slept == [0.1, 0.2]

    def test_waits_where_the_conflict_lasts_and_leaves_all_as_it_was(
        self, index: Index, dynamodb: DynamoDBClient, slept: list[float], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        _refuse("TransactionCanceledException", ATTEMPTS, dynamodb, monkeypatch, reasons=["ThrottlingError", "None"])
        index.add(DOUBT)

        with pytest.raises(Busy, match="does not take what was made"):
            index.replace(DOUBT, [DEPLOYMENT])

        assert index.entries(ACCOUNT) == [DOUBT]
        assert len(slept) == ATTEMPTS - 1

    @pytest.mark.parametrize(
        ("code", "reasons"),
        [("ValidationException", []), ("TransactionCanceledException", ["None", "ValidationError"])],
    )
    def test_fails_for_any_other_reason(
        self,
        index: Index,
        dynamodb: DynamoDBClient,
        slept: list[float],
        monkeypatch: pytest.MonkeyPatch,
        *,
        code: str,
        reasons: list[str],
    ) -> None:
        _refuse(code, 1, dynamodb, monkeypatch, reasons=reasons)

        with pytest.raises(ClientError, match=code):
            index.replace(DOUBT, [DEPLOYMENT])

        assert slept == []


def _refuse(
    code: str, times: int, dynamodb: DynamoDBClient, monkeypatch: pytest.MonkeyPatch, *, reasons: Sequence[str]
) -> None:
    write, left = dynamodb.transact_write_items, iter(range(times))

    def refuse(**request: Any) -> Any:
        if next(left, None) is None:
            return write(**request)
        refusal: Any = {"Error": {"Code": code}, "CancellationReasons": [{"Code": reason} for reason in reasons]}
        raise ClientError(refusal, "TransactWriteItems")

    monkeypatch.setattr(dynamodb, "transact_write_items", refuse)


class TestWrite:
    def test_adds_and_removes_any_number(self, index: Index) -> None:
        old = [Entry(ACCOUNT, Kind.DEPLOYMENT, f"old-{number}") for number in range(2 * LARGEST_BATCH)]
        new = [Entry(OTHER, Kind.DEPLOYMENT, f"new-{number}") for number in range(LARGEST_BATCH + 1)]
        index.write(added=old, removed=[])

        index.write(added=new, removed=old[1:])

        assert exactly(index.all_entries()) == exactly(
            [Entry(it.partition, it.kind, it.id, written_at=NOW) for it in (old[0], *new)]
        )

    def test_of_nothing_asks_nothing(self, index: Index, dynamodb: DynamoDBClient) -> None:
        asked: list[object] = []
        dynamodb.meta.events.register("before-call.dynamodb", lambda params, **_: asked.append(params))

        index.write(added=[], removed=[])

        assert asked == []

    def test_goes_on_with_what_a_busy_table_left(
        self, index: Index, dynamodb: DynamoDBClient, slept: list[float], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        _take_at_most(10, dynamodb, monkeypatch)
        many = [Entry(ACCOUNT, Kind.DEPLOYMENT, f"{number:02}") for number in range(LARGEST_BATCH)]

        index.write(added=many, removed=[])

        assert index.entries(ACCOUNT) == many
        assert slept == [0.1, 0.2]

    def test_gives_up_for_now_when_the_table_stays_busy(
        self, index: Index, dynamodb: DynamoDBClient, slept: list[float], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        _take_at_most(0, dynamodb, monkeypatch)

        with pytest.raises(Busy, match="does not take 2 entries"):
            index.write(added=[CREDENTIAL, DEPLOYMENT], removed=[])

        assert len(slept) == ATTEMPTS - 1


def _take_at_most(number: int, dynamodb: DynamoDBClient, monkeypatch: pytest.MonkeyPatch) -> None:
    write = dynamodb.batch_write_item

    def busy(*, RequestItems: Mapping[str, Sequence[Any]]) -> Any:  # noqa: N803 - boto3's name
        requests = RequestItems[TABLE_NAME]
        if number:
            write(RequestItems={TABLE_NAME: requests[:number]})
        return {"UnprocessedItems": {TABLE_NAME: left} if (left := requests[number:]) else {}}

    monkeypatch.setattr(dynamodb, "batch_write_item", busy)


class TestListing:
    def test_is_reserved_for_one_at_a_time(self, index: Index) -> None:
        assert index.listed() == Listed(begun_at=None)
        assert index.begin_listing(Listed(), lease_seconds=600)
        assert not index.begin_listing(Listed(), lease_seconds=600)

        index.end_listing(begun_at=NOW, sweep_ids=["s1", "s2"])

        assert index.listed() == Listed(NOW, ("s1", "s2"))

    def test_is_not_begun_by_whoever_does_not_know_the_latest(self, index: Index) -> None:
        index.begin_listing(Listed(), lease_seconds=600)
        index.end_listing(begun_at=NOW, sweep_ids=[])

        for stale in (Listed(), Listed(NOW - 1)):
            assert not index.begin_listing(stale, lease_seconds=600)
        assert index.begin_listing(index.listed(), lease_seconds=600)

    @pytest.mark.parametrize("last", [Listed(), Listed(NOW, ("s1",))])
    def test_that_is_given_up_can_be_begun_anew(self, index: Index, last: Listed) -> None:
        if last.begun_at is not None:
            index.end_listing(begun_at=last.begun_at, sweep_ids=last.sweep_ids)
        index.begin_listing(last, lease_seconds=600)

        index.give_up_listing()

        assert index.listed() == last
        assert index.begin_listing(last, lease_seconds=600)

    def test_that_nobody_ended_can_be_begun_anew_after_a_while(self, index: Index, clock: Clock) -> None:
        index.begin_listing(Listed(), lease_seconds=600)

        clock.now += 600
        assert not index.begin_listing(Listed(), lease_seconds=600)
        clock.now += 1
        assert index.begin_listing(Listed(), lease_seconds=600)

    def test_that_cannot_be_noted_fails(self, index: Index, dynamodb: DynamoDBClient) -> None:
        dynamodb.delete_table(TableName=TABLE_NAME)

        with pytest.raises(ClientError, match="ResourceNotFoundException"):
            index.begin_listing(Listed(), lease_seconds=600)
