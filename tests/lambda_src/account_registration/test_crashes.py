"""A loop that dies between any two steps, and what the next ones make of what it leaves."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from account_registration.census import LEASE_SECONDS
from account_registration.effort import Settled
from account_registration.order import Deregistration, Offboarding
from aws.queue import NotYet
from tests.lambda_src.account_registration.loops import (
    Clock,
    accounts,
    assert_indexed,
    assert_registered_once,
    client,
    empty_table,
    index_of,
    loop_of,
    one,
    steps_of,
)
from tests.lambda_src.account_registration.registrations import ACCOUNT, CENTRAL_ROLE, REGISTRATION, WITH_LOGS

if TYPE_CHECKING:
    from collections.abc import Callable

    from account_registration.order import Order
    from tests.rehearsal.alertlogic import FakeAlertLogic


class DiedError(BaseException):
    """Lambda stopped the function: nothing of it runs any more."""


def dies_after(fake: FakeAlertLogic, steps: int, order: Order, clock: Clock) -> bool:
    """Let a loop work until it has made so many calls, and return whether that was before its end."""
    alert_logic, index = client(fake), index_of(clock)
    left = iter(range(steps))

    def counted(call: Callable[..., object]) -> Callable[..., object]:
        def called(*args: object, **kwargs: object) -> object:
            answer = call(*args, **kwargs)
            if next(left, None) is None:
                raise DiedError
            return answer

        return called

    for service, names in steps_of(alert_logic, index):
        for name in names:
            setattr(service, name, counted(getattr(service, name)))
    try:
        loop_of(alert_logic, index=index, clock=clock).converge([order])
    except DiedError:
        return True
    return False


def finish(fake: FakeAlertLogic, order: Order, clock: Clock) -> None:
    """Let the queue deliver the message again, and a sweep come by."""
    loop = loop_of(client(fake), clock=clock)
    assert isinstance(one(loop.converge([order])), Settled | NotYet)
    clock.ahead += LEASE_SECONDS + 1
    loop.refresh(f"sweep at {clock()}")
    assert isinstance(one(loop.converge([order])), Settled)
    assert_indexed(fake)


@pytest.mark.parametrize("is_known", [False, True])
def test_registers_an_account_once_wherever_it_died(fake: FakeAlertLogic, *, is_known: bool) -> None:
    clock = Clock()
    for steps, order in enumerate(accounts(40)):
        if not is_known:
            forget(fake)
        died = dies_after(fake, steps, order, clock)
        finish(fake, order, clock)
        assert_registered_once(fake, order)
        if not died:
            break
    else:
        pytest.fail("it never ended")
    assert steps > 6


@pytest.mark.parametrize("order", [REGISTRATION, Deregistration(ACCOUNT, None, Offboarding.DELETE)])
def test_brings_an_account_to_what_is_ordered_wherever_it_died(fake: FakeAlertLogic, order: Order) -> None:
    clock = Clock()
    former = replace(REGISTRATION, role_arn=f"{REGISTRATION.role_arn}/former")
    died, steps = True, 0
    while died:
        finish(fake, former, clock)
        died = dies_after(fake, steps, order, clock)
        finish(fake, order, clock)
        steps += 1
        if order is REGISTRATION:
            assert_registered_once(fake, REGISTRATION)
            assert len(fake.credentials) == 1
        else:
            assert (fake.deployments, fake.credentials) == ({}, {})
    assert steps > 6


def test_links_one_credential_for_central_logs_wherever_it_died(fake: FakeAlertLogic) -> None:
    clock = Clock()
    died, steps = True, 0
    while died:
        forget(fake)
        died = dies_after(fake, steps, WITH_LOGS, clock)
        finish(fake, WITH_LOGS, clock)
        steps += 1
        [shared] = [it["id"] for it in fake.credentials.values() if it["secrets"]["arn"] == CENTRAL_ROLE]
        [deployment] = fake.deployments_of(ACCOUNT)
        assert [it["id"] for it in deployment["credentials"] if it["purpose"] != "discover"] == [shared]
    assert steps > 8


def forget(fake: FakeAlertLogic) -> None:
    """Let there be nothing, and nothing known."""
    fake.deployments.clear()
    fake.credentials.clear()
    empty_table()
