"""What registrations cost at Alert Logic, however much it holds: calls, and bytes both ways."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pytest

from account_registration.effort import Settled
from account_registration.order import Deregistration, Offboarding
from aws.organizations import AwsAccountId
from tests.lambda_src.account_registration.loops import accounts, client, loop_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from account_registration.order import Order, Registration
    from alertlogic_api.transport import Answer
    from tests.rehearsal.alertlogic import FakeAlertLogic

BATCH = 10


@dataclass(frozen=True)
class Cost:
    calls: int = 0
    sent: int = 0


class Measured:
    """A loop, and the traffic of its client since it was last asked for."""

    def __init__(self, fake: FakeAlertLogic) -> None:
        alert_logic = client(fake)
        self._send: Callable[..., Answer] = alert_logic._transport.send
        alert_logic._transport.send = self._counted  # type: ignore[method-assign]
        self._cost = Cost()
        self.loop = loop_of(alert_logic)

    def converge(self, orders: Sequence[Order]) -> None:
        """Converge on the orders in batches."""
        for first in range(0, len(orders), BATCH):
            outcomes = self.loop.converge(orders[first : first + BATCH])
            assert {type(outcome) for outcome in outcomes.values()} == {Settled}

    def cost(self) -> Cost:
        cost, self._cost = self._cost, Cost()
        return cost

    def _counted(self, method: str, url: str, *, body: object = None, **how: Any) -> Answer:
        answer = self._send(method, url, body=body, **how)
        self._cost = Cost(self._cost.calls + 1, self._cost.sent + len(json.dumps(body)) + len(answer.body))
        return answer


def others(fake: FakeAlertLogic, number: int) -> None:
    """Protect accounts that nobody asks for here."""
    for account_id in range(700000000000, 700000000000 + number):
        credential = fake.add_credential(name="theirs", role_arn=f"arn:aws:iam::{account_id}:role/theirs")
        links = [{"id": credential, "purpose": "discover"}]
        fake.add_deployment(account_id=AwsAccountId(str(account_id)), credentials=links)


def costs(fake: FakeAlertLogic, registrations: Sequence[Registration]) -> list[Cost]:
    """Return what each of three things costs: to register, to look and find all well, and to deregister."""
    measured = Measured(fake)
    # The first of all has Alert Logic listed, and the central credential made.
    measured.converge([replace(accounts(1)[0], central_logs=True)])
    measured.cost()
    leaving = [Deregistration(it.account_id, it.role_arn, Offboarding.DELETE) for it in registrations]
    costs: list[Cost] = []
    for orders in (registrations, registrations, leaving):
        measured.converge(orders)
        costs.append(measured.cost())
    return costs


@pytest.mark.parametrize("central_logs", [False, True])
def test_costs_the_same_however_many_accounts_there_are(fake: FakeAlertLogic, *, central_logs: bool) -> None:
    first, second = accounts(1 + 2 * BATCH)[1 : 1 + BATCH], accounts(1 + 2 * BATCH)[1 + BATCH :]
    registrations = [[replace(it, central_logs=central_logs) for it in some] for some in (first, second)]

    others(fake, 10)
    with_few = costs(fake, registrations[0])
    others(fake, 400)
    with_many = costs(fake, registrations[1])

    assert with_many == with_few
    registering, looking, deregistering = with_many
    assert registering.calls == 2 * BATCH + 1
    assert looking.calls == 2 * BATCH + 1
    assert deregistering.calls == 5 * BATCH
    assert max(cost.sent for cost in with_many) < 4096 * BATCH


def test_grows_with_the_number_of_accounts_and_no_faster(fake: FakeAlertLogic) -> None:
    few, many = 10, 60
    costs: list[Cost] = []
    for sweep, registrations in (("first", accounts(few)), ("second", accounts(few + many)[few:])):
        measured = Measured(fake)
        measured.converge(registrations)
        measured.loop.refresh(sweep)
        costs.append(measured.cost())

    some, more = costs
    exponents = [math.log(ratio, many / few) for ratio in (more.calls / some.calls, more.sent / some.sent)]
    assert max(exponents) < 1.1
