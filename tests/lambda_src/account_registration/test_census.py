"""When Alert Logic is listed as a whole, and what that makes of the index, beside loops that go on."""

from __future__ import annotations

import uuid
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from account_registration.census import (
    DOUBT_INTERVAL_SECONDS,
    LAG_SECONDS,
    LEASE_SECONDS,
    LONGEST_AGE_SECONDS,
    SWEEPS_REMEMBERED,
)
from account_registration.effort import Settled
from account_registration.order import Deregistration, Offboarding
from alertlogic_api import AccessKey, RetryableError, SecretError
from aws.index import Entry, Kind
from aws.queue import Busy, NotYet
from tests.lambda_src.account_registration.loops import (
    Clock,
    accounts,
    assert_indexed,
    assert_registered_once,
    client,
    index_of,
    loop_of,
    one,
)
from tests.lambda_src.account_registration.registrations import ACCOUNT, REGISTRATION
from tests.rehearsal.alertlogic import ACCESS_KEY_ID, SECRET_KEY

if TYPE_CHECKING:
    from collections.abc import Sequence

    from account_registration.convergence import Convergence
    from tests.rehearsal.alertlogic import FakeAlertLogic


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def loop(fake: FakeAlertLogic, clock: Clock) -> Convergence:
    return loop_of(client(fake), clock=clock)


def lists(fake: FakeAlertLogic) -> int:
    """Return how often Alert Logic was listed as a whole."""
    both = [
        len([it for it in fake.requests if it.method == "GET" and it.path.endswith(path)])
        for path in ("/credentials", "/deployments")
    ]
    assert len(set(both)) == 1
    return both[0]


class TestWhen:
    def test_once_at_first(self, fake: FakeAlertLogic, loop: Convergence) -> None:
        for order in (REGISTRATION, *accounts(3)):
            assert isinstance(one(loop.converge([order])), Settled)
            assert isinstance(one(loop_of(client(fake)).converge([order])), Settled)

        assert lists(fake) == 1

    def test_never_for_nothing(self, fake: FakeAlertLogic, loop: Convergence) -> None:
        loop.converge([])
        loop.converge([replace(REGISTRATION, policy_name="unknown")])

        assert lists(fake) == 0

    def test_once_a_day(self, fake: FakeAlertLogic, loop: Convergence, clock: Clock) -> None:
        loop.converge([REGISTRATION])

        for ahead, listed in ((LONGEST_AGE_SECONDS - 60, 1), (LONGEST_AGE_SECONDS + 60, 2), (LONGEST_AGE_SECONDS, 2)):
            clock.ahead = ahead
            assert isinstance(one(loop.converge([REGISTRATION])), Settled)
            assert lists(fake) == listed

    def test_once_for_a_sweep_however_its_messages_come(self, fake: FakeAlertLogic, loop: Convergence) -> None:
        for sweep in ("one", "one", "two", "one", "two"):
            loop.refresh(sweep)
            loop_of(client(fake)).refresh(sweep)

        assert lists(fake) == 2

    def test_remembers_the_latest_sweeps(self, loop: Convergence) -> None:
        sweeps = [str(number) for number in range(SWEEPS_REMEMBERED + 1)]
        for sweep in sweeps:
            loop.refresh(sweep)

        assert index_of().listed().sweep_ids == tuple(sweeps[1:])

    def test_remembers_sweeps_when_it_is_listed_for_another_reason(self, loop: Convergence, clock: Clock) -> None:
        loop.refresh("sweep")
        clock.ahead = LONGEST_AGE_SECONDS + 1
        loop.converge([REGISTRATION])

        assert index_of().listed().sweep_ids == ("sweep",)

    def test_again_for_a_sweep_for_which_it_failed(self, fake: FakeAlertLogic, loop: Convergence) -> None:
        fake.fail(500, path="/deployments$", times=1)

        with pytest.raises(RetryableError):
            loop.refresh("sweep")
        loop.refresh("sweep")

        assert index_of().listed().sweep_ids == ("sweep",)


class TestOneAtATime:
    @pytest.fixture
    def other(self, fake: FakeAlertLogic, clock: Clock) -> Convergence:
        return loop_of(client(fake), clock=clock)

    def test_others_wait_for_the_first(self, fake: FakeAlertLogic, loop: Convergence, other: Convergence) -> None:
        outcomes: list[object] = []

        with fake.after_each("GET", "/deployments$", lambda: outcomes.append(one(other.converge(accounts(1))))):
            assert isinstance(one(loop.converge([REGISTRATION])), Settled)

        assert [type(outcome) for outcome in outcomes] == [Busy]
        assert lists(fake) == 1
        assert isinstance(one(other.converge(accounts(1))), Settled)

    def test_others_go_on_with_what_is_known_meanwhile(
        self, fake: FakeAlertLogic, loop: Convergence, other: Convergence, clock: Clock
    ) -> None:
        loop.converge([REGISTRATION])
        clock.ahead = LONGEST_AGE_SECONDS + 1
        outcomes: list[object] = []

        with fake.after_each("GET", "/deployments$", lambda: outcomes.append(one(other.converge(accounts(1))))):
            assert isinstance(one(loop.converge([REGISTRATION])), Settled)

        assert [type(outcome) for outcome in outcomes] == [Settled]
        assert lists(fake) == 2

    def test_a_sweep_waits_until_it_is_done(self, fake: FakeAlertLogic, loop: Convergence, other: Convergence) -> None:
        def wait() -> None:
            with pytest.raises(NotYet, match="sweep"):
                other.refresh("sweep")

        with fake.after_each("GET", "/deployments$", wait):
            loop.refresh("sweep")
        other.refresh("sweep")

        assert lists(fake) == 1

    def test_a_worker_that_died_is_waited_for_only_so_long(
        self, fake: FakeAlertLogic, loop: Convergence, clock: Clock
    ) -> None:
        index = index_of(clock)
        assert index.begin_listing(index.listed(), lease_seconds=LEASE_SECONDS)
        assert isinstance(one(loop.converge([REGISTRATION])), NotYet)

        clock.ahead = LEASE_SECONDS + 1
        assert isinstance(one(loop.converge([REGISTRATION])), Settled)
        assert lists(fake) == 1


class TestIndex:
    def test_has_what_it_missed_and_loses_what_is_gone(
        self, fake: FakeAlertLogic, loop: Convergence, clock: Clock
    ) -> None:
        loop.converge([REGISTRATION, *accounts(2)])
        del fake.deployments[fake.deployments_of(ACCOUNT)[0]["id"]]
        fake.add_deployment(account_id="777777777777")
        fake.add_credential(name="theirs", role_arn="arn:aws:iam::777777777777:role/theirs")

        clock.ahead = LAG_SECONDS + 1
        loop.refresh("sweep")

        assert_indexed(fake)

    def test_is_written_only_where_it_differs(self, fake: FakeAlertLogic, clock: Clock) -> None:
        index = index_of(clock)
        loop = loop_of(client(fake), index=index, clock=clock)
        loop.converge(accounts(3))
        before = sorted(it.written_at for it in index.all_entries())

        clock.ahead = LAG_SECONDS + 1
        loop.refresh("sweep")

        assert sorted(it.written_at for it in index.all_entries()) == before

    def test_knows_which_credentials_other_accounts_link(self, fake: FakeAlertLogic, loop: Convergence) -> None:
        loop.converge([REGISTRATION])
        [credential] = fake.credentials
        other = fake.add_deployment(
            account_id="777777777777", credentials=[{"id": credential, "purpose": "x-account-monitor"}]
        )
        leaving = Deregistration(ACCOUNT, REGISTRATION.role_arn, Offboarding.DELETE)

        loop.refresh("sweep")
        assert isinstance(one(loop.converge([leaving])), Settled)
        assert list(fake.credentials) == [credential]

        del fake.deployments[other]
        loop.refresh("next sweep")
        assert isinstance(one(loop.converge([leaving])), Settled)
        assert fake.credentials == {}

    def test_finds_a_deployment_that_somebody_made_and_gives_way_to_it(
        self, fake: FakeAlertLogic, loop: Convergence
    ) -> None:
        loop.converge([REGISTRATION])
        [ours] = fake.deployments_of(ACCOUNT)
        theirs = fake.add_deployment(account_id=ACCOUNT, created_by=str(uuid.uuid4()))
        fake.deployments[theirs]["created"]["at"] -= 1

        loop.refresh("sweep")
        assert isinstance(one(loop.converge([REGISTRATION])), Settled)

        assert assert_registered_once(fake, is_adopted=True) == theirs != ours["id"]


class TestMeanwhile:
    """Loops go on while one lists, and what they do then is neither lost nor undone."""

    PLACES = (("GET", "/credentials$"), ("GET", "/deployments$"))

    @pytest.mark.parametrize(("method", "path"), PLACES)
    def test_what_is_made_stays_in_the_index(
        self, fake: FakeAlertLogic, loop: Convergence, method: str, path: str
    ) -> None:
        loop.converge(accounts(1))
        other = loop_of(client(fake))

        with fake.after_each(method, path, lambda: other.converge([REGISTRATION])):
            loop.refresh("sweep")

        assert_indexed(fake)
        assert isinstance(one(loop.converge([REGISTRATION])), Settled)
        assert_registered_once(fake)

    @pytest.mark.parametrize(("method", "path"), PLACES)
    def test_what_is_deleted_is_seen_to_be_gone(
        self, fake: FakeAlertLogic, loop: Convergence, method: str, path: str
    ) -> None:
        loop.converge([REGISTRATION, *accounts(1)])
        other = loop_of(client(fake))
        leaving = Deregistration(ACCOUNT, None, Offboarding.DELETE)

        with fake.after_each(method, path, lambda: other.converge([leaving])):
            loop.refresh("sweep")

        assert isinstance(one(loop.converge([leaving])), Settled)
        assert_indexed(fake)

    def test_a_clock_that_is_slow_loses_nothing(self, fake: FakeAlertLogic, loop: Convergence, clock: Clock) -> None:
        loop.converge(accounts(1))
        clock.ahead = LAG_SECONDS / 2
        slow = loop_of(client(fake))

        with fake.after_each("GET", "/deployments$", lambda: slow.converge([REGISTRATION])):
            loop.refresh("sweep")

        assert_indexed(fake)

    def test_what_is_written_while_the_index_is_read_stays(self, fake: FakeAlertLogic, clock: Clock) -> None:
        other, index = loop_of(client(fake), clock=clock), index_of(clock)
        read, write = index.all_entries, index.write
        others = iter(accounts(2))

        def all_entries() -> list[Entry]:
            found = read()
            other.converge([next(others)])
            return found

        def written(*, added: list[Entry], removed: list[Entry]) -> None:
            other.converge([next(others)])
            write(added=added, removed=removed)

        loop = loop_of(client(fake), index=index, clock=clock)
        other.refresh("before")
        index.all_entries, index.write = all_entries, written  # type: ignore[method-assign,assignment]

        loop.refresh("sweep")

        assert_indexed(fake)

    def test_what_is_made_stays_known_to_be_ours(self, fake: FakeAlertLogic, clock: Clock) -> None:
        """Listed and not yet in the index when that is read, it is in the index when that is written."""
        index, other_index = index_of(clock), index_of(clock)
        loop = loop_of(client(fake), index=index, clock=clock)
        other = loop_of(client(fake), index=other_index, clock=clock)
        loop.refresh("before")
        note, read = index.replace, other_index.all_entries

        def noted(old: Entry, new: Sequence[Entry]) -> None:
            def all_entries() -> list[Entry]:
                found = read()
                note(old, new)
                return found

            assert Kind.DEPLOYMENT in {it.kind for it in new}
            other_index.all_entries = all_entries  # type: ignore[method-assign]
            other.refresh("sweep")

        index.replace = noted  # type: ignore[method-assign]

        assert isinstance(one(loop.converge([REGISTRATION])), Settled)

        assert_indexed(fake)
        assert [it.is_ours for it in index.entries(ACCOUNT) if it.kind is Kind.DEPLOYMENT] == [True]


class TestDoubt:
    """Alert Logic gave no answer when something was to be made."""

    @pytest.fixture(autouse=True)
    def doubted(self, fake: FakeAlertLogic, loop: Convergence) -> None:
        loop.converge(accounts(1))
        fake.fail(503, method="POST", path="/deployments$", times=1, after_effect=True)
        assert isinstance(one(loop.converge([REGISTRATION])), RetryableError)

    def test_is_noted_and_settled_by_a_list(self, fake: FakeAlertLogic, loop: Convergence, clock: Clock) -> None:
        assert [it.kind for it in index_of().entries(ACCOUNT)] == [Kind.CREDENTIAL, Kind.DOUBT]

        clock.ahead = DOUBT_INTERVAL_SECONDS + 1
        assert isinstance(one(loop.converge([REGISTRATION])), Settled)

        assert lists(fake) == 2
        assert_registered_once(fake)
        assert_indexed(fake)

    def test_holds_up_a_deregistration_too(self, fake: FakeAlertLogic, loop: Convergence, clock: Clock) -> None:
        leaving = Deregistration(ACCOUNT, None, Offboarding.DELETE)
        assert isinstance(one(loop.converge([leaving])), NotYet)

        clock.ahead = DOUBT_INTERVAL_SECONDS + 1
        assert isinstance(one(loop.converge([leaving])), Settled)
        assert fake.deployments_of(ACCOUNT) == []

    def test_holds_up_no_other_account(self, loop: Convergence) -> None:
        assert isinstance(one(loop.converge(accounts(2)[1:])), Settled)

    def test_is_settled_by_a_sweep(self, fake: FakeAlertLogic, loop: Convergence, clock: Clock) -> None:
        clock.ahead = LAG_SECONDS + 1
        loop.refresh("sweep")

        assert isinstance(one(loop.converge([REGISTRATION])), Settled)
        assert_registered_once(fake)

    def test_that_is_too_young_is_not_settled_by_a_list(
        self, fake: FakeAlertLogic, loop: Convergence, clock: Clock
    ) -> None:
        loop.refresh("sweep")
        assert isinstance(one(loop.converge([REGISTRATION])), NotYet)

        # The list for the sweep was not long ago.
        clock.ahead = LAG_SECONDS + 1
        assert isinstance(one(loop.converge([REGISTRATION])), NotYet)
        assert lists(fake) == 2

    def test_waits_while_somebody_else_lists(self, loop: Convergence, clock: Clock) -> None:
        index = index_of(clock)
        clock.ahead = DOUBT_INTERVAL_SECONDS + 1
        index.begin_listing(index.listed(), lease_seconds=LEASE_SECONDS)

        assert isinstance(one(loop.converge([REGISTRATION])), NotYet)

    def test_of_many_accounts_is_settled_by_one_list(
        self, fake: FakeAlertLogic, loop: Convergence, clock: Clock
    ) -> None:
        many = accounts(6)[1:]
        fake.fail(503, method="POST", path="/credentials$")
        outcomes = loop.converge(many)
        assert {type(outcome) for outcome in outcomes.values()} == {RetryableError}
        fake.recover()

        clock.ahead = DOUBT_INTERVAL_SECONDS + 1
        assert {type(outcome) for outcome in loop.converge(many).values()} == {Settled}

        assert lists(fake) == 2


@pytest.mark.parametrize("path", ["/credentials$", "/deployments$"])
def test_there_is_no_doubt_where_alert_logic_says_that_it_did_nothing(fake: FakeAlertLogic, path: str) -> None:
    loop = loop_of(client(fake))
    loop.converge(accounts(1))
    fake.fail(429, method="POST", path=path, times=1)

    assert isinstance(one(loop.converge([REGISTRATION])), RetryableError)
    assert isinstance(one(loop.converge([REGISTRATION])), Settled)
    assert lists(fake) == 1


def test_there_is_no_doubt_where_nothing_was_asked_for(fake: FakeAlertLogic) -> None:
    keys = [AccessKey(ACCESS_KEY_ID, SECRET_KEY)]

    def access_key() -> AccessKey:
        if not keys:
            raise SecretError("the secret is empty")
        return keys.pop()

    loop = loop_of(client(fake, access_key))
    loop.converge(accounts(1))
    fake.expire_tokens()

    assert isinstance(one(loop.converge([REGISTRATION])), SecretError)
    assert index_of().entries(ACCOUNT) == []
