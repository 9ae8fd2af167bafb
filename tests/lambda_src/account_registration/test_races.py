"""Several loops at once against the fake Alert Logic, over connections of their own."""

from __future__ import annotations

import itertools
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from account_registration.central_logs import CREDENTIAL_NAME, MONITOR
from account_registration.effort import Settled
from tests.lambda_src.account_registration.loops import (
    accounts,
    assert_registered_once,
    at_once,
    calls,
    client,
    loop_of,
    one,
)
from tests.lambda_src.account_registration.registrations import ACCOUNT, CENTRAL_ROLE, OTHER, REGISTRATION

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Sequence

    from account_registration.effort import Outcome
    from account_registration.order import Registration
    from alertlogic_api import AlertLogic, Credential
    from tests.rehearsal.alertlogic import FakeAlertLogic


@pytest.mark.parametrize("requests", [2, 4])
def test_registers_an_account_once_however_many_ask_at_once(fake: FakeAlertLogic, requests: int) -> None:
    for registration in accounts(20):
        outcomes = at_once(fake, *[registration] * requests)

        assert all(isinstance(outcome, Settled) for outcome in outcomes)
        assert_registered_once(fake, registration)


def test_registers_an_account_once_when_its_role_is_made_anew_meanwhile(fake: FakeAlertLogic) -> None:
    for old in accounts(10):
        new = replace(old, role_arn=f"{old.role_arn}/new")
        at_once(fake, old, new)

        # Whichever comes last wins; a request that comes again makes it hold.
        assert isinstance(one(loop_of(client(fake)).converge([new])), Settled)
        assert_registered_once(fake, new)
        assert [it["secrets"]["arn"] for it in fake.credentials.values()].count(old.role_arn) == 0


def test_knows_its_own_deployment_that_another_loop_makes_between_the_two_lists(fake: FakeAlertLogic) -> None:
    alert_logic = client(fake)
    list_credentials = alert_logic.credentials.list
    others = iter([loop_of(client(fake))])

    def credentials() -> list[Credential]:
        listed = list_credentials()
        for other in others:
            other.converge([REGISTRATION])
        return listed

    alert_logic.credentials.list = credentials  # type: ignore[method-assign]

    assert isinstance(one(loop_of(alert_logic).converge([REGISTRATION])), Settled)
    assert_registered_once(fake)
    assert len([it for it in fake.requests if it.method == "POST" and it.path.endswith("/credentials")]) == 1


def test_asks_for_a_credential_that_is_gone_only_where_that_matters(fake: FakeAlertLogic) -> None:
    gone = [{"id": str(uuid.uuid4()), "purpose": "discover"}]
    fake.add_deployment(account_id=OTHER, credentials=gone)
    loop = loop_of(client(fake))
    loop.converge(accounts(1))
    warm = len(fake.requests)

    loop.converge([REGISTRATION])
    assert calls(fake.requests[warm:]).count("GET credentials") == 2

    fake.deployments_of(ACCOUNT)[0]["credentials"] = gone
    loop.converge([REGISTRATION])
    assert calls(fake.requests[warm:]).count("GET credentials") == 5
    assert_registered_once(fake)


def assert_one_credential_for_all(fake: FakeAlertLogic, orders: Sequence[Registration]) -> None:
    [shared] = [it["id"] for it in fake.credentials.values() if it["secrets"]["arn"] == CENTRAL_ROLE]
    for order in orders:
        [deployment] = fake.deployments_of(order.account_id)
        assert [it["id"] for it in deployment["credentials"] if it["purpose"] == MONITOR] == [shared]


@pytest.mark.parametrize("batches", range(4, 9))
def test_links_one_credential_for_central_logs_however_many_batches_make_one(
    fake: FakeAlertLogic, batches: int
) -> None:
    orders = [replace(order, central_logs=True) for order in accounts(batches)]

    with fake.meeting("GET", "/credentials$", callers=batches):
        outcomes = at_once(fake, *orders)

    assert all(isinstance(outcome, Settled) for outcome in outcomes)
    made = [it.body["name"] for it in fake.requests if it.method == "POST" and it.path.endswith("/credentials")]
    assert made.count(CREDENTIAL_NAME) == batches
    assert_one_credential_for_all(fake, orders)


class Turns:
    """Lets two threads make their calls one at a time, in a given order for as long as both have calls to make."""

    def __init__(self, order: Iterator[int]) -> None:
        self._order = order
        self._next = next(order)
        self._changed = threading.Condition()
        self._working = {0, 1}

    @contextmanager
    def of(self, thread: int) -> Generator[None]:
        with self._changed:
            self._changed.wait_for(lambda: self._next == thread or self._working == {thread}, timeout=20)
            yield
            self._next = next(self._order)
            self._changed.notify_all()

    def end(self, thread: int) -> None:
        with self._changed:
            self._working.discard(thread)
            self._changed.notify_all()

    def taken_by(self, thread: int, alert_logic: AlertLogic) -> None:
        """Make every call of a client wait for the thread's turn."""
        for service, names in (
            (alert_logic.credentials, ("list", "create", "delete")),
            (alert_logic.deployments, ("list", "get", "create", "update", "delete")),
        ):
            for name in names:
                setattr(service, name, self._in_turn(thread, getattr(service, name)))

    def _in_turn(self, thread: int, call: Callable[..., object]) -> Callable[..., object]:
        def called(*args: object, **kwargs: object) -> object:
            with self.of(thread):
                return call(*args, **kwargs)

        return called


def in_turns(fake: FakeAlertLogic, pattern: int, *orders: Registration) -> list[Outcome]:
    """Let two loops call; each bit of the pattern says whose turn the next call is, over and over."""
    turns = Turns(pattern >> bit & 1 for bit in itertools.cycle(range(6)))

    def work(thread: int) -> Outcome:
        alert_logic = client(fake)
        alert_logic.policies.list()
        turns.taken_by(thread, alert_logic)
        try:
            return one(loop_of(alert_logic).converge([orders[thread]]))
        finally:
            turns.end(thread)

    with ThreadPoolExecutor(2) as pool:
        return [it.result() for it in [pool.submit(work, 0), pool.submit(work, 1)]]


@pytest.mark.parametrize("is_adopted", [False, True])
@pytest.mark.parametrize("pattern", range(64))
def test_registers_an_account_once_in_whatever_order_two_requests_call(
    fake: FakeAlertLogic, pattern: int, *, is_adopted: bool
) -> None:
    if is_adopted:
        fake.add_deployment(account_id=ACCOUNT)

    outcomes = in_turns(fake, pattern, REGISTRATION, REGISTRATION)

    assert all(isinstance(outcome, Settled) for outcome in outcomes)
    assert_registered_once(fake, is_adopted=is_adopted)


@pytest.mark.parametrize("pattern", range(64))
def test_links_one_credential_for_central_logs_in_whatever_order_two_requests_call(
    fake: FakeAlertLogic, pattern: int
) -> None:
    first, second = (replace(order, central_logs=True) for order in accounts(2))

    outcomes = in_turns(fake, pattern, first, second)

    assert all(isinstance(outcome, Settled) for outcome in outcomes)
    assert_one_credential_for_all(fake, (first, second))
