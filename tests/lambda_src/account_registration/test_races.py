"""Several loops at once against the fake Alert Logic and one table, over connections of their own."""

from __future__ import annotations

import itertools
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING

import pytest

from account_registration.central_logs import CREDENTIAL_NAME, MONITOR
from account_registration.effort import Settled
from account_registration.order import Deregistration, Offboarding
from alertlogic_api import ConflictError
from aws.index import Entry, Kind
from tests.lambda_src.account_registration.loops import (
    accounts,
    assert_indexed,
    assert_registered_once,
    at_once,
    calls,
    client,
    index_of,
    loop_of,
    one,
    steps_of,
)
from tests.lambda_src.account_registration.registrations import ACCOUNT, CENTRAL_ROLE, OTHER, REGISTRATION

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Sequence

    from account_registration.convergence import Convergence
    from account_registration.effort import Outcome
    from account_registration.order import Order, Registration
    from alertlogic_api import AlertLogic
    from aws.index import Index
    from tests.rehearsal.alertlogic import FakeAlertLogic


@pytest.mark.parametrize("requests", [2, 4])
def test_registers_an_account_once_however_many_ask_at_once(fake: FakeAlertLogic, requests: int) -> None:
    for registration in accounts(40 // requests):
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


def test_knows_its_own_deployment_that_another_loop_makes_while_the_index_is_read(fake: FakeAlertLogic) -> None:
    index = index_of()
    read = index.entries
    others = iter([loop_of(client(fake))])

    def entries(partition: str) -> list[Entry]:
        """Find the deployments that are there in the end, and the credentials of the beginning."""
        found = read(partition)
        if partition == ACCOUNT:
            for other in others:
                other.converge([REGISTRATION])
                found += [it for it in read(partition) if it.kind is Kind.DEPLOYMENT]
        return found

    index.entries = entries  # type: ignore[method-assign]

    assert isinstance(one(loop_of(client(fake), index=index).converge([REGISTRATION])), Settled)
    assert_registered_once(fake)
    assert len([it for it in fake.requests if it.method == "POST" and it.path.endswith("/credentials")]) == 1


def test_asks_for_a_credential_that_is_gone_only_where_that_matters(fake: FakeAlertLogic) -> None:
    gone = [{"id": str(uuid.uuid4()), "purpose": "discover"}]
    fake.add_deployment(account_id=OTHER, credentials=gone)
    loop = loop_of(client(fake))
    loop.converge(accounts(1))
    warm = len(fake.requests)

    loop.converge([REGISTRATION])
    assert calls(fake.requests[warm:]).count("GET credentials") == 0

    fake.deployments_of(ACCOUNT)[0]["credentials"] = gone
    loop.converge([REGISTRATION])
    assert calls(fake.requests[warm:]).count("GET credentials") == 3
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

    with fake.meeting("POST", "/credentials$", callers=batches):
        outcomes = at_once(fake, *orders)

    assert all(isinstance(outcome, Settled) for outcome in outcomes)
    made = [it.body["name"] for it in fake.requests if it.method == "POST" and it.path.endswith("/credentials")]
    assert made.count(CREDENTIAL_NAME) == batches
    loop_of(client(fake)).refresh("sweep")
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
            assert self._changed.wait_for(lambda: self._next == thread or self._working == {thread}, timeout=20)
            yield
            self._next = next(self._order)
            self._changed.notify_all()

    def end(self, thread: int) -> None:
        with self._changed:
            self._working.discard(thread)
            self._changed.notify_all()

    def taken_by(self, thread: int, alert_logic: AlertLogic, index: Index) -> None:
        """Make every call of a loop wait for the thread's turn."""
        for service, names in steps_of(alert_logic, index):
            for name in names:
                setattr(service, name, self._in_turn(thread, getattr(service, name)))

    def _in_turn(self, thread: int, call: Callable[..., object]) -> Callable[..., object]:
        def called(*args: object, **kwargs: object) -> object:
            with self.of(thread):
                return call(*args, **kwargs)

        return called


def in_turns(fake: FakeAlertLogic, turns: Iterator[int], *orders: Order) -> list[Outcome]:
    """Let two loops, of which each knows all that was there before, make their calls in turns."""
    loop_of(client(fake)).refresh("before")
    taken = Turns(turns)
    loops: list[Convergence] = []
    for thread in (0, 1):
        alert_logic, index = client(fake), index_of()
        loops.append(loop_of(alert_logic, index=index))
        # With nothing to do, each gets its token and the policies.
        loops[-1].converge([replace(REGISTRATION, policy_name="none")])
        taken.taken_by(thread, alert_logic, index)

    def work(thread: int) -> Outcome:
        try:
            return one(loops[thread].converge([orders[thread]]))
        finally:
            taken.end(thread)

    with ThreadPoolExecutor(2) as pool:
        return [it.result() for it in [pool.submit(work, 0), pool.submit(work, 1)]]


def cycled(pattern: int) -> Iterator[int]:
    """Each bit of the pattern says whose turn the next call is, over and over."""
    return (pattern >> bit & 1 for bit in itertools.cycle(range(6)))


def drawn(seed: int) -> Iterator[int]:
    """Whose turn it is comes in runs of any length."""
    random = Random(seed)  # noqa: S311 - no secret
    while True:
        yield from [random.randrange(2)] * random.randrange(1, 6)


@pytest.mark.parametrize("is_adopted", [False, True])
@pytest.mark.parametrize("pattern", range(0, 64, 5))
def test_registers_an_account_once_in_whatever_order_two_requests_call(
    fake: FakeAlertLogic, pattern: int, *, is_adopted: bool
) -> None:
    if is_adopted:
        fake.add_deployment(account_id=ACCOUNT)

    outcomes = in_turns(fake, cycled(pattern), REGISTRATION, REGISTRATION)

    assert all(isinstance(outcome, Settled) for outcome in outcomes)
    assert_registered_once(fake, is_adopted=is_adopted)
    assert_indexed(fake)


@pytest.mark.parametrize("seed", range(12))
def test_follows_the_role_that_is_made_anew_in_whatever_order_two_requests_call(
    fake: FakeAlertLogic, seed: int
) -> None:
    loop_of(client(fake)).converge([REGISTRATION])
    anew = replace(REGISTRATION, role_arn=f"{REGISTRATION.role_arn}/anew")

    outcomes = in_turns(fake, drawn(seed), REGISTRATION, anew)

    assert all(isinstance(outcome, Settled | ConflictError) for outcome in outcomes)
    # Whichever comes last wins; a request that comes again makes it hold.
    assert isinstance(one(loop_of(client(fake)).converge([anew])), Settled)
    assert_registered_once(fake, anew)
    assert_indexed(fake)


@pytest.mark.parametrize("seed", range(12))
def test_registers_or_deregisters_in_whatever_order_two_requests_call(fake: FakeAlertLogic, seed: int) -> None:
    loop_of(client(fake)).converge([REGISTRATION])
    leaving = Deregistration(ACCOUNT, None, Offboarding.DELETE)

    outcomes = in_turns(fake, drawn(seed), REGISTRATION, leaving)

    assert all(isinstance(outcome, Settled | ConflictError) for outcome in outcomes)
    assert_indexed(fake)
    if fake.deployments:
        assert_registered_once(fake)
    else:
        assert fake.credentials == {}


@pytest.mark.parametrize("pattern", range(0, 64, 5))
def test_links_one_credential_for_central_logs_in_whatever_order_two_requests_call(
    fake: FakeAlertLogic, pattern: int
) -> None:
    first, second = (replace(order, central_logs=True) for order in accounts(2))

    outcomes = in_turns(fake, cycled(pattern), first, second)

    assert all(isinstance(outcome, Settled) for outcome in outcomes)
    loop_of(client(fake)).refresh("sweep")
    assert_one_credential_for_all(fake, (first, second))
