"""What is known of an account, whatever order it was noted in."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from botocore.exceptions import ClientError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aws.accounts_table import AccountsTable, Deregistered, Failed, Registered, Word
from aws.clients import client
from aws.organizations import AwsAccountId
from tests.lambda_src.accounts_tables import TABLE_NAME, create_table

if TYPE_CHECKING:
    from collections.abc import Callable

    from aws.accounts_table import KnownAccount, Observation

MEMBER = AwsAccountId("555555555555")
STACK = f"arn:aws:cloudformation:us-east-1:{MEMBER}:stack/StackSet-alertlogic-member-account-0a1b2c3d/1"
OWN_STACK = f"arn:aws:cloudformation:us-east-1:{MEMBER}:stack/Payments/1"
WORD = Word(MEMBER, "shop", wanted=True, reason=None, instances={"us-east-1": "CURRENT"}, rank="2026-01-15 0 a")

numbered = (AwsAccountId(f"{number:012}") for number in itertools.count(1))
times = st.integers(0, 99).map(lambda number: f"2026-01-15 {number:02}")
reasons = st.sampled_from([None, "it is excluded"])
instances = st.dictionaries(
    st.sampled_from(["us-east-1", "us-west-2"]), st.sampled_from(["CURRENT", "OUTDATED FAILED"])
)
words = st.builds(Word, st.just(MEMBER), st.sampled_from(["", "shop"]), st.booleans(), reasons, instances, times)
observations = st.one_of(
    st.builds(Registered, st.sampled_from([STACK, OWN_STACK])),
    st.just(Deregistered()),
    st.builds(Failed, st.sampled_from(["no policy", "503"]), st.sampled_from([None, STACK]), st.booleans()),
)


@pytest.fixture
def table(aws: None) -> AccountsTable:  # noqa: ARG001 - AWS must be there
    create_table(client("dynamodb"))
    return AccountsTable(client("dynamodb"), name=TABLE_NAME)


def noted(table: AccountsTable, *observations: Observation) -> KnownAccount:
    table.note_word(WORD)
    for number, observation in enumerate(observations):
        table.note(MEMBER, observation, at=f"2026-01-15T12:00:0{number}")
    known = table.account(MEMBER)
    assert known
    return known


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_the_same_is_known_in_the_end_whatever_comes_late_twice_or_in_another_order(
    table: AccountsTable, data: st.DataObject
) -> None:
    told = data.draw(st.lists(words, min_size=1, max_size=5, unique_by=lambda word: word.rank))
    found = data.draw(st.lists(st.tuples(observations, times), max_size=5, unique_by=lambda it: it[1]))

    def known_after(*notes: Word | tuple[Observation, str]) -> KnownAccount:
        account_id = next(numbered)
        for note in notes:
            if isinstance(note, Word):
                table.note_word(replace(note, account_id=account_id))
            else:
                table.note(account_id, note[0], at=note[1])
        known = table.account(account_id)
        assert known
        return replace(known, word=replace(known.word, account_id=MEMBER))

    in_order: list[Word | tuple[Observation, str]] = [
        *sorted(told, key=lambda word: word.rank),
        *sorted(found, key=lambda observation: observation[1]),
    ]
    repeated = data.draw(st.lists(st.sampled_from(in_order), max_size=5))

    assert known_after(*data.draw(st.permutations([*in_order, *repeated]))) == known_after(*in_order)


class TestObservation:
    def test_of_an_account_that_is_registered(self, table: AccountsTable) -> None:
        known = noted(table, Failed("503", STACK, is_wrong=True), Registered(STACK))

        assert (known.registered, known.scope_right, known.why, known.stack_id) == (True, True, None, STACK)

    def test_that_says_the_scope_is_not_right_keeps_it_registered(self, table: AccountsTable) -> None:
        known = noted(table, Registered(STACK), Failed("no policy", STACK, is_wrong=True))

        assert (known.registered, known.scope_right, known.why) == (True, False, "no policy")

    def test_that_nobody_could_look_changes_nothing_but_says_why(self, table: AccountsTable) -> None:
        known = noted(table, Registered(STACK), Failed("503", STACK, is_wrong=False))

        assert (known.registered, known.scope_right, known.why) == (True, True, "503")

    def test_of_something_wrong_outlasts_that_nobody_could_look(self, table: AccountsTable) -> None:
        wrong, unknown = Failed("no policy", STACK, is_wrong=True), Failed("503", STACK, is_wrong=False)

        known = noted(table, Registered(STACK), wrong, unknown)

        assert (known.scope_right, known.why) == (False, "503")

    def test_of_an_account_that_was_never_registered_names_the_stack(self, table: AccountsTable) -> None:
        known = noted(table, Failed("503", STACK, is_wrong=False))

        assert (known.registered, known.scope_right, known.why, known.stack_id) == (False, False, "503", STACK)

    def test_of_an_account_that_is_deregistered(self, table: AccountsTable) -> None:
        known = noted(table, Registered(STACK), Failed("503", None, is_wrong=True), Deregistered())

        assert (known.registered, known.scope_right, known.why, known.stack_id) == (False, False, None, None)

    def test_of_an_account_that_could_not_be_deregistered_keeps_the_stack(self, table: AccountsTable) -> None:
        known = noted(table, Registered(STACK), Failed("no", None, is_wrong=True))

        assert (known.registered, known.stack_id, known.is_leaving) == (True, STACK, True)

    def test_of_an_account_that_was_registered_after_all_says_that_nobody_ends_it(self, table: AccountsTable) -> None:
        known = noted(table, Failed("no", None, is_wrong=True), Failed("under way", STACK, is_wrong=False))

        assert (known.stack_id, known.is_leaving) == (STACK, False)


@pytest.mark.parametrize(("stack_id", "expected"), [(STACK, True), (OWN_STACK, False)])
def test_knows_a_stack_instance_by_its_stack(table: AccountsTable, stack_id: str, *, expected: bool) -> None:
    assert noted(table, Registered(stack_id)).instance_stack_id == (stack_id if expected else None)
    assert noted(table, Registered(stack_id), Deregistered()).instance_stack_id is None


def test_returns_what_is_known_once_a_word_is_noted_or_overruled(table: AccountsTable) -> None:
    later = replace(WORD, wanted=False, instances={}, rank="2026-01-15 2 b")

    known = [table.note_word(later), table.note_word(WORD)]

    assert [it and it.word for it in known] == [later, later]


def test_knows_nothing_of_an_account_that_nobody_spoke_of(table: AccountsTable) -> None:
    assert table.account(MEMBER) is None

    table.note(MEMBER, Registered(OWN_STACK), at="2026-01-15T12:00:00")

    assert table.account(MEMBER) is None
    assert list(table.accounts()) == []


def test_lists_all_accounts_and_nothing_else_from_however_many_pages(table: AccountsTable) -> None:
    for number in range(40):
        # DynamoDB ends a page after a megabyte.
        table.note_word(replace(WORD, account_id=AwsAccountId(f"{number:012}"), reason="x" * 50_000))
    client("dynamodb").put_item(
        TableName=TABLE_NAME, Item={"account_id": {"S": MEMBER}, "item": {"S": "deployment#1"}, "word": {"M": {}}}
    )

    listed = sorted(known.word.account_id for known in table.accounts())

    assert listed == [f"{number:012}" for number in range(40)]


def test_forgets_an_account_unless_it_was_spoken_of_since(table: AccountsTable) -> None:
    later = replace(WORD, rank="2026-01-16 0 b")
    table.note_word(later)

    table.forget(WORD)
    assert table.account(MEMBER)

    table.forget(later)
    assert table.account(MEMBER) is None


@pytest.mark.parametrize("call", [lambda table: table.note_word(WORD), lambda table: table.forget(WORD)])
def test_leaves_other_errors_to_the_queue(table: AccountsTable, call: Callable[[AccountsTable], object]) -> None:
    client("dynamodb").delete_table(TableName=TABLE_NAME)

    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        call(table)
