"""How the accounts stand, from what is known of them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from account_registration.order import Offboarding
from account_registration.status import SILENT_AFTER, entries_of, has_left, instant, why_not_as_wanted
from aws.accounts_table import KnownAccount, Word
from aws.organizations import AwsAccountId
from tests.lambda_src.account_registration.accounts_events import MEMBER_STACK
from tests.lambda_src.account_registration.cloudformation_requests import MEMBER
from tests.lambda_src.account_registration.test_reconcile import OWN_STACK

NOW = datetime(2026, 1, 15, 18, 15, tzinfo=UTC)
THEN, LATER = "2026-01-15T12:00:00Z", "2026-01-15T18:15:00Z"
WORD = Word(
    AwsAccountId(MEMBER),
    "shop",
    wanted=True,
    reason=None,
    instances={"us-east-1": "CURRENT", "us-west-2": "CURRENT"},
    rank="2026-01-15T18:00:07Z 0 a",
)
RIGHT = KnownAccount(WORD, registered=True, scope_right=True, why=None, stack_id=MEMBER_STACK)
LEAVING = replace(WORD, wanted=False, reason="it is excluded", rank="2026-01-15T18:00:07Z 1 a")
LEFT = KnownAccount(replace(LEAVING, instances={}), registered=False, scope_right=False, why=None, stack_id=None)


def with_instances(**statuses: str) -> Word:
    return replace(WORD, instances={region.replace("_", "-"): status for region, status in statuses.items()})


class TestWhyNotAsWanted:
    def test_is_none_where_all_is_well(self) -> None:
        assert why_not_as_wanted(RIGHT) is None
        # Nobody could look since, which changes nothing.
        assert why_not_as_wanted(replace(RIGHT, why="503")) is None

    @pytest.mark.parametrize(
        ("word", "why"),
        [
            (replace(WORD, instances={}), "stack instances: none"),
            (
                with_instances(us_west_2="OUTDATED FAILED", eu_west_1="INOPERABLE", us_east_1="CURRENT"),
                "stack instances: eu-west-1 INOPERABLE, us-west-2 OUTDATED FAILED",
            ),
        ],
    )
    def test_names_the_stack_instances_that_are_not_current(self, word: Word, why: str) -> None:
        assert why_not_as_wanted(replace(RIGHT, word=word)) == why

    def test_names_what_keeps_it_from_being_registered(self) -> None:
        unregistered = replace(RIGHT, registered=False, scope_right=False)

        assert why_not_as_wanted(unregistered) == "it is not registered yet"
        assert why_not_as_wanted(replace(unregistered, why="no policy")) == "no policy"

    def test_names_what_is_wrong_with_its_scope(self) -> None:
        assert why_not_as_wanted(replace(RIGHT, scope_right=False, why="us-west-2 cannot be read")) == (
            "us-west-2 cannot be read"
        )

    def test_names_what_would_remove_it_if_the_deletion_guard_did_not_hold_it(self) -> None:
        held = replace(WORD, reason="it is excluded, but its departure is held back")

        assert why_not_as_wanted(replace(RIGHT, word=held)) == "it is excluded, but its departure is held back"

    def test_of_an_account_that_leaves_names_what_is_left(self) -> None:
        leaving = replace(RIGHT, word=LEAVING)
        emptied = replace(leaving, word=replace(LEAVING, instances={}))

        assert why_not_as_wanted(leaving) == "it is excluded, and has stack instances in us-east-1, us-west-2"
        assert why_not_as_wanted(emptied) == "it is excluded, and still registered"
        assert why_not_as_wanted(replace(emptied, why="403")) == "it is excluded, and is not deregistered: 403"
        assert why_not_as_wanted(replace(emptied, word=replace(emptied.word, reason=None))) == (
            "it is not wanted, and still registered"
        )


class TestHasLeft:
    def test_is_so_once_nothing_of_ours_is_left(self) -> None:
        assert has_left(LEFT, Offboarding.DISABLE, now=NOW)
        assert not has_left(RIGHT, Offboarding.DISABLE, now=NOW)
        assert not has_left(replace(LEFT, word=LEAVING), Offboarding.DISABLE, now=NOW)
        assert not has_left(replace(LEFT, registered=True, stack_id=MEMBER_STACK), Offboarding.DELETE, now=NOW)

    def test_is_so_although_a_registration_stays_that_is_not_ours_to_end(self) -> None:
        assert has_left(replace(LEFT, registered=True, stack_id=MEMBER_STACK), Offboarding.RETAIN, now=NOW)
        assert has_left(replace(LEFT, registered=True, stack_id=OWN_STACK), Offboarding.DISABLE, now=NOW)

    def test_is_so_once_sweeps_speak_no_more_of_its_instances(self) -> None:
        word = replace(LEAVING, rank=f"{instant(NOW - SILENT_AFTER - timedelta(seconds=1))} 1 a")

        assert has_left(replace(LEFT, word=word), Offboarding.DISABLE, now=NOW)
        assert not has_left(replace(RIGHT, word=replace(word, wanted=True)), Offboarding.DISABLE, now=NOW)


class TestEntries:
    def test_say_how_each_account_stands_sorted_by_id(self) -> None:
        other = replace(
            RIGHT, word=replace(WORD, account_id=AwsAccountId("333333333333"), name="log archive"), registered=False
        )

        assert entries_of([RIGHT, other], (), now=LATER) == [
            {
                "id": "333333333333",
                "name": "log archive",
                "wanted": True,
                "enrolled": True,
                "registered": False,
                "scope_right": True,
                "since": LATER,
                "why": "it is not registered yet",
            },
            {
                "id": MEMBER,
                "name": "shop",
                "wanted": True,
                "enrolled": True,
                "registered": True,
                "scope_right": True,
                "since": None,
                "why": None,
            },
        ]

    def test_keep_since_when_an_account_is_not_as_wanted_whatever_the_reason(self) -> None:
        failing = replace(RIGHT, scope_right=False, why="no policy")

        first = entries_of([failing], (), now=THEN)
        second = entries_of([replace(failing, why="another")], first, now=LATER)
        third = entries_of([RIGHT], second, now=LATER)
        fourth = entries_of([failing], third, now=LATER)

        assert [entries[0]["since"] for entries in (first, second, third, fourth)] == [THEN, THEN, None, LATER]

    def test_keep_the_name_of_an_account_that_has_left_the_organization(self) -> None:
        nameless = replace(RIGHT, word=replace(LEAVING, name=""))

        assert entries_of([nameless], entries_of([RIGHT], (), now=THEN), now=LATER)[0]["name"] == "shop"
        assert entries_of([nameless], (), now=LATER)[0]["name"] == ""

    @given(
        st.builds(
            KnownAccount,
            st.builds(
                Word,
                st.just(AwsAccountId(MEMBER)),
                st.just("shop"),
                st.booleans(),
                st.none(),
                st.dictionaries(st.sampled_from(["us-east-1", "us-west-2"]), st.sampled_from(["CURRENT", "OUTDATED"])),
                st.just(WORD.rank),
            ),
            registered=st.booleans(),
            scope_right=st.booleans(),
            why=st.just("why"),
            stack_id=st.just(MEMBER_STACK),
        )
    )
    def test_give_a_reason_and_a_time_exactly_where_something_is_not_as_wanted(self, account: KnownAccount) -> None:
        [entry] = entries_of([account], (), now=LATER)

        is_protected = entry["enrolled"] and entry["registered"] and entry["scope_right"]
        assert (entry["why"] is None) == (entry["wanted"] and is_protected)
        assert (entry["since"] is None) == (entry["why"] is None)
