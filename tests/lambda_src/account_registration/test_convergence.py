"""The loop against the fake Alert Logic, over real connections on loopback."""

from __future__ import annotations

import itertools
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from account_registration.convergence import Convergence, Outcome, Settled
from account_registration.registration import Deregistration, Offboarding, Order, Registration, credential_name
from account_registration.request import RequestRefusedError
from alertlogic_api import AccessKey, AlertLogic, AlertLogicSettings, ConflictError, RejectedError, RetryableError
from aws.organizations import AwsAccountId
from tests.lambda_src.account_registration.test_registration import REGISTRATION
from tests.rehearsal.alertlogic import ACCESS_KEY_ID, SECRET_KEY, FakeAlertLogic, LoggedRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Sequence

    from alertlogic_api import Deployment

ACCOUNT = REGISTRATION.account_id


@pytest.fixture
def fake() -> Iterator[FakeAlertLogic]:
    with FakeAlertLogic() as fake:
        yield fake
    assert fake.contract_violations == []


def client(fake: FakeAlertLogic) -> AlertLogic:
    settings = AlertLogicSettings.from_environment(
        {
            "ALERTLOGIC_CUSTOMER_ID": fake.customer_id,
            "ALERTLOGIC_SECRET_ARN": "arn:aws:secretsmanager:us-east-1:444444444444:secret:alertlogic-AbCdEf",
            "ALERTLOGIC_GLOBAL_ENDPOINT": fake.url,
        }
    )
    return AlertLogic(settings, access_key=lambda: AccessKey(ACCESS_KEY_ID, SECRET_KEY), sleep=lambda _: None)


@pytest.fixture
def convergence(fake: FakeAlertLogic) -> Convergence:
    return Convergence(client(fake))


def accounts(number: int) -> list[Registration]:
    return [
        replace(REGISTRATION, account_id=AwsAccountId(f"{first:012}"), role_arn=f"arn:aws:iam::{first:012}:role/r")
        for first in range(600000000000, 600000000000 + number)
    ]


def one(outcomes: dict[AwsAccountId, Outcome]) -> Outcome:
    [outcome] = outcomes.values()
    return outcome


def deregistration(offboarding: Offboarding) -> Deregistration:
    return Deregistration(ACCOUNT, REGISTRATION.role_arn, offboarding)


def assert_registered_once(fake: FakeAlertLogic, registration: Registration = REGISTRATION) -> str:
    [deployment] = fake.deployments_of(registration.account_id)
    [credential] = [it for it in fake.credentials.values() if it["secrets"]["arn"] == registration.role_arn]
    assert credential["name"] == credential_name(registration.account_id)
    assert deployment["credentials"] == [{"id": credential["id"], "purpose": "discover"}]
    assert deployment["enabled"]
    return deployment["id"]


def calls(requests: Sequence[LoggedRequest]) -> list[str]:
    return [f"{request.method} {request.path.split('/')[4]}" for request in requests]


class TestCalls:
    def test_registers_an_account_alone_with_six_calls(self, fake: FakeAlertLogic, convergence: Convergence) -> None:
        convergence.converge(accounts(1))
        warm = len(fake.requests)

        outcome = one(convergence.converge([REGISTRATION]))

        assert outcome == Settled(assert_registered_once(fake))
        assert calls(fake.requests[warm:]) == [
            "GET credentials",
            "GET deployments",
            "POST credentials",
            "POST deployments",
            "GET credentials",
            "GET deployments",
        ]

    def test_registers_ten_accounts_with_at_most_three_calls_each(
        self, fake: FakeAlertLogic, convergence: Convergence
    ) -> None:
        convergence.converge([REGISTRATION])
        warm = len(fake.requests)

        outcomes = convergence.converge(accounts(10))

        assert all(isinstance(outcome, Settled) for outcome in outcomes.values())
        for registration in accounts(10):
            assert_registered_once(fake, registration)
        assert len(fake.requests) - warm == 24

    def test_writes_nothing_where_nothing_changes(self, fake: FakeAlertLogic, convergence: Convergence) -> None:
        convergence.converge([REGISTRATION])
        before = len(fake.requests)

        assert isinstance(one(convergence.converge([REGISTRATION])), Settled)
        assert calls(fake.requests[before:]) == ["GET credentials", "GET deployments"]

    def test_asks_nothing_when_there_is_nothing_to_do(self, fake: FakeAlertLogic, convergence: Convergence) -> None:
        assert convergence.converge([]) == {}
        assert fake.requests == []


class TestUpdate:
    def test_changes_mode_and_keeps_what_the_user_changed(self, fake: FakeAlertLogic, convergence: Convergence) -> None:
        convergence.converge([REGISTRATION])
        [deployment] = fake.deployments_of(ACCOUNT)
        vpc = {"type": "vpc", "key": "/aws/us-east-1/vpc/vpc-1"}
        deployment["scope"]["include"].append(vpc)
        deployment["name"] = "renamed"

        convergence.converge([replace(REGISTRATION, mode="manual", name="another")])

        [deployment] = fake.deployments_of(ACCOUNT)
        assert (deployment["mode"], deployment["name"]) == ("manual", "renamed")
        assert vpc in deployment["scope"]["include"]

    def test_keeps_what_was_changed_between_reading_and_writing(self, fake: FakeAlertLogic) -> None:
        alert_logic = client(fake)
        convergence = Convergence(alert_logic)
        convergence.converge([REGISTRATION])
        read = alert_logic.deployments.get
        changed = iter([True])

        def get(deployment_id: str) -> Deployment:
            """Let a user change the deployment once, right after it was read."""
            deployment = read(deployment_id)
            if next(changed, False):
                user = client(fake)
                document = {**user.deployments.get(deployment_id).update_document(), "name": "changed by a user"}
                user.deployments.update(deployment_id, document)
            return deployment

        alert_logic.deployments.get = get  # type: ignore[method-assign]

        assert isinstance(one(convergence.converge([replace(REGISTRATION, mode="manual")])), Settled)
        [deployment] = fake.deployments_of(ACCOUNT)
        assert (deployment["mode"], deployment["name"]) == ("manual", "changed by a user")

    def test_gives_up_for_now_when_others_keep_changing_it(
        self, fake: FakeAlertLogic, convergence: Convergence
    ) -> None:
        convergence.converge([REGISTRATION])
        fake.fail(409, method="PUT")

        outcome = one(convergence.converge([replace(REGISTRATION, mode="manual")]))

        assert isinstance(outcome, ConflictError)

    def test_follows_the_role_when_it_is_made_anew(self, fake: FakeAlertLogic, convergence: Convergence) -> None:
        convergence.converge([REGISTRATION])
        anew = replace(REGISTRATION, role_arn=f"arn:aws:iam::{ACCOUNT}:role/anew")

        assert isinstance(one(convergence.converge([anew])), Settled)
        assert_registered_once(fake, anew)
        assert len(fake.credentials) == 1

    def test_does_not_write_for_ever_what_alert_logic_does_not_keep(self, fake: FakeAlertLogic) -> None:
        alert_logic = client(fake)
        read_all, read = alert_logic.deployments.list, alert_logic.deployments.get

        def forgetful(deployment: Deployment) -> Deployment:
            kept = {name: value for name, value in deployment.document.items() if name != "control_tower"}
            return replace(deployment, document=kept)

        alert_logic.deployments.list = lambda: [forgetful(deployment) for deployment in read_all()]  # type: ignore[method-assign]
        alert_logic.deployments.get = lambda deployment_id: forgetful(read(deployment_id))  # type: ignore[method-assign]

        assert isinstance(one(Convergence(alert_logic).converge([REGISTRATION])), Settled)
        assert len([request for request in fake.requests if request.method == "PUT"]) == 1

    def test_does_not_write_what_only_the_list_leaves_out(self, fake: FakeAlertLogic) -> None:
        alert_logic = client(fake)
        read_all = alert_logic.deployments.list
        alert_logic.deployments.list = lambda: [  # type: ignore[method-assign]
            replace(it, document={"id": it.id, "enabled": True}) for it in read_all()
        ]

        assert isinstance(one(Convergence(alert_logic).converge([REGISTRATION])), Settled)
        assert [request for request in fake.requests if request.method == "PUT"] == []


class TestOffboarding:
    @pytest.fixture(autouse=True)
    def registered(self, convergence: Convergence) -> None:
        convergence.converge([REGISTRATION])

    def test_disables_and_keeps_what_was_configured(self, fake: FakeAlertLogic, convergence: Convergence) -> None:
        [before] = fake.deployments_of(ACCOUNT)

        outcome = one(convergence.converge([deregistration(Offboarding.DISABLE)]))

        [after] = fake.deployments_of(ACCOUNT)
        assert outcome == Settled(after["id"])
        assert not after["enabled"]
        assert after["scope"] == before["scope"]

    def test_enables_again_what_it_disabled(self, fake: FakeAlertLogic, convergence: Convergence) -> None:
        convergence.converge([deregistration(Offboarding.DISABLE)])
        convergence.converge([REGISTRATION])

        assert_registered_once(fake)

    def test_deletes_deployment_and_credential(self, fake: FakeAlertLogic, convergence: Convergence) -> None:
        assert one(convergence.converge([deregistration(Offboarding.DELETE)])) == Settled(None)
        assert (fake.deployments, fake.credentials) == ({}, {})

    def test_does_not_mind_that_all_is_gone_already(self, fake: FakeAlertLogic, convergence: Convergence) -> None:
        fake.deployments.clear()
        fake.credentials.clear()
        for offboarding in Offboarding:
            assert one(convergence.converge([deregistration(offboarding)])) == Settled(None)

    def test_does_not_mind_that_it_goes_while_it_is_deleted(
        self, fake: FakeAlertLogic, convergence: Convergence
    ) -> None:
        fake.fail(404, method="DELETE", after_effect=True)

        assert one(convergence.converge([deregistration(Offboarding.DELETE)])) == Settled(None)
        assert (fake.deployments, fake.credentials) == ({}, {})


class TestFailure:
    @pytest.mark.parametrize("path", ["/credentials$", "/deployments$"])
    def test_makes_nothing_twice_when_a_post_took_effect_but_answered_503(
        self, fake: FakeAlertLogic, convergence: Convergence, path: str
    ) -> None:
        fake.fail(503, method="POST", path=path, times=1, after_effect=True)

        assert isinstance(one(convergence.converge([REGISTRATION])), RetryableError)
        assert isinstance(one(convergence.converge([REGISTRATION])), Settled)
        assert_registered_once(fake)

    def test_survives_a_token_that_expires_midway(self, fake: FakeAlertLogic, convergence: Convergence) -> None:
        convergence.converge(accounts(1))
        fake.expire_tokens()

        assert isinstance(one(convergence.converge([REGISTRATION])), Settled)

    def test_does_not_let_one_account_fail_the_others(self, fake: FakeAlertLogic, convergence: Convergence) -> None:
        first, second = accounts(2)
        bad = fake.add_deployment(account_id=first.account_id)
        fake.fail(500, path=f"/{bad}$")

        outcomes = convergence.converge([first, second])

        assert isinstance(outcomes[first.account_id], RetryableError)
        assert isinstance(outcomes[second.account_id], Settled)

    def test_tells_each_account_what_could_not_be_read(self, fake: FakeAlertLogic, convergence: Convergence) -> None:
        with fake.unreachable():
            outcomes = convergence.converge(accounts(2))

        assert [type(outcome) for outcome in outcomes.values()] == [RetryableError, RetryableError]

    def test_refuses_a_policy_that_the_customer_does_not_have_before_making_anything(
        self, fake: FakeAlertLogic, convergence: Convergence
    ) -> None:
        fake.policies = [policy for policy in fake.policies if policy["name"] != "Professional"]

        outcomes = convergence.converge([REGISTRATION, *[replace(it, policy_name="Essentials") for it in accounts(1)]])

        refusal = outcomes[ACCOUNT]
        assert isinstance(refusal, RequestRefusedError)
        assert "'Professional'" in str(refusal)
        assert "Essentials" in str(refusal)
        assert isinstance(outcomes[accounts(1)[0].account_id], Settled)
        assert len(fake.credentials) == 1

    def test_looks_for_a_policy_again_that_was_bought_meanwhile(
        self, fake: FakeAlertLogic, convergence: Convergence
    ) -> None:
        policies, fake.policies = fake.policies, []
        convergence.converge([REGISTRATION])
        fake.policies = policies

        assert isinstance(one(convergence.converge([REGISTRATION])), Settled)

    def test_looks_for_the_policies_again_after_a_rejection(
        self, fake: FakeAlertLogic, convergence: Convergence
    ) -> None:
        convergence.converge(accounts(1))
        fake.policies = [{**policy, "id": policy["id"][::-1]} for policy in fake.policies]

        assert isinstance(one(convergence.converge([REGISTRATION])), RejectedError)
        assert isinstance(one(convergence.converge([REGISTRATION])), Settled)

    def test_leaves_nothing_behind_when_alert_logic_rejects_a_deployment(
        self, fake: FakeAlertLogic, convergence: Convergence
    ) -> None:
        fake.fail(400, method="POST", path="/deployments$", body={"message": "limit of deployments reached"})

        outcome = one(convergence.converge([REGISTRATION]))

        assert isinstance(outcome, RejectedError)
        assert "limit of deployments reached" in str(outcome)
        assert (fake.deployments, fake.credentials) == ({}, {})

    def test_waits_when_it_cannot_clean_up_after_a_rejection_and_then_does(
        self, fake: FakeAlertLogic, convergence: Convergence
    ) -> None:
        fake.fail(503, method="DELETE")
        fake.fail(400, method="POST", path="/deployments$")
        assert isinstance(one(convergence.converge([REGISTRATION])), RetryableError)
        assert len(fake.credentials) == 1

        fake.recover()
        fake.fail(400, method="POST", path="/deployments$")
        assert isinstance(one(convergence.converge([REGISTRATION])), RejectedError)
        assert (fake.deployments, fake.credentials) == ({}, {})

    def test_tries_once_more_when_what_it_refers_to_is_taken_away_meanwhile(
        self, fake: FakeAlertLogic, convergence: Convergence
    ) -> None:
        fake.fail(400, method="POST", path="/deployments$", times=1, body={"message": "there is no credential"})

        assert isinstance(one(convergence.converge([REGISTRATION])), Settled)
        assert_registered_once(fake)


def at_once(fake: FakeAlertLogic, *orders: Order) -> list[Outcome]:
    """Let loops of their own work on the orders at the same time, each with connections of its own."""
    loops = [(Convergence(client(fake)), order) for order in orders]
    for loop, _ in loops:
        loop.converge([])
    start = threading.Barrier(len(loops))

    def work(loop: Convergence, order: Order) -> Outcome:
        start.wait()
        deadline = time.monotonic() + 20
        while True:  # as the queue delivers again what has to wait
            outcome = one(loop.converge([order]))
            if isinstance(outcome, Settled) or time.monotonic() > deadline:
                return outcome

    with ThreadPoolExecutor(len(loops)) as pool:
        return [it.result() for it in [pool.submit(work, loop, order) for loop, order in loops]]


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
        assert isinstance(one(Convergence(client(fake)).converge([new])), Settled)
        assert_registered_once(fake, new)
        assert [it["secrets"]["arn"] for it in fake.credentials.values()].count(old.role_arn) == 0


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


@pytest.mark.parametrize("pattern", range(64))
def test_registers_an_account_once_in_whatever_order_two_requests_call(fake: FakeAlertLogic, pattern: int) -> None:
    """Each bit of the pattern says whose turn the next call is, over and over."""
    turns = Turns(pattern >> bit & 1 for bit in itertools.cycle(range(6)))

    def work(thread: int) -> Outcome:
        alert_logic = client(fake)
        alert_logic.policies.list()
        turns.taken_by(thread, alert_logic)
        try:
            return one(Convergence(alert_logic).converge([REGISTRATION]))
        finally:
            turns.end(thread)

    with ThreadPoolExecutor(2) as pool:
        outcomes = [it.result() for it in [pool.submit(work, 0), pool.submit(work, 1)]]

    assert all(isinstance(outcome, Settled) for outcome in outcomes)
    assert_registered_once(fake)
