"""The shared credential of the central logs, in the loop against the fake Alert Logic."""

from __future__ import annotations

import uuid
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from account_registration.central_logs import CREDENTIAL_NAME, MONITOR
from account_registration.convergence import Convergence
from account_registration.effort import Settled
from account_registration.order import Deregistration, Offboarding
from account_registration.request import RequestRefusedError
from alertlogic_api import ConflictError, RejectedError, RetryableError
from tests.lambda_src.account_registration.fake_names import FakeNames
from tests.lambda_src.account_registration.fake_vpcs import FakeVpcs
from tests.lambda_src.account_registration.loops import accounts, calls, client, loop_of, one
from tests.lambda_src.account_registration.registrations import ACCOUNT, CENTRAL_ROLE, REGISTRATION, WITH_LOGS

if TYPE_CHECKING:
    from account_registration.order import Registration
    from alertlogic_api import Credential
    from tests.rehearsal.alertlogic import FakeAlertLogic


def with_logs(number: int) -> list[Registration]:
    return [replace(registration, central_logs=True) for registration in accounts(number)]


def central(fake: FakeAlertLogic) -> list[str]:
    return [it["id"] for it in fake.credentials.values() if it["secrets"]["arn"] == CENTRAL_ROLE]


def monitors(fake: FakeAlertLogic, account_id: str = ACCOUNT) -> list[str]:
    [deployment] = fake.deployments_of(account_id)
    return [link["id"] for link in deployment["credentials"] if link["purpose"] == MONITOR]


class TestCalls:
    def test_makes_the_credential_before_all_else(self, fake: FakeAlertLogic, convergence: Convergence) -> None:
        convergence.converge(accounts(1))
        warm = len(fake.requests)

        assert isinstance(one(convergence.converge([WITH_LOGS])), Settled)

        assert calls(fake.requests[warm:]) == [
            *("GET credentials", "POST credentials"),
            *("GET credentials", "GET deployments", "POST credentials", "POST deployments"),
            *("GET credentials", "GET deployments"),
        ]
        [shared] = central(fake)
        assert fake.credentials[shared]["name"] == CREDENTIAL_NAME
        assert monitors(fake) == [shared]

    def test_costs_nothing_more_once_a_container_knows_that_there_is_one(
        self, fake: FakeAlertLogic, convergence: Convergence
    ) -> None:
        convergence.converge([WITH_LOGS])
        warm = len(fake.requests)

        outcomes = convergence.converge(with_logs(10))

        assert all(isinstance(outcome, Settled) for outcome in outcomes.values())
        assert len(fake.requests) - warm == 24
        [shared] = central(fake)
        assert [monitors(fake, it.account_id) for it in accounts(10)] == [[shared]] * 10

    def test_writes_nothing_where_nothing_changes(self, fake: FakeAlertLogic, convergence: Convergence) -> None:
        convergence.converge([WITH_LOGS, *with_logs(2)])
        before = len(fake.requests)

        convergence.converge([WITH_LOGS, *with_logs(2)])

        assert calls(fake.requests[before:]) == ["GET credentials", "GET deployments"]

    def test_makes_another_after_somebody_has_deleted_it(self, fake: FakeAlertLogic, convergence: Convergence) -> None:
        convergence.converge([WITH_LOGS])
        [shared] = central(fake)
        del fake.credentials[shared]

        # As the queue delivers again what has to wait.
        outcomes = [one(convergence.converge([WITH_LOGS])) for _ in range(2)]

        assert [type(outcome) for outcome in outcomes] == [ConflictError, Settled]
        [another] = central(fake)
        assert monitors(fake) == [another] != [shared]


class TestSwitch:
    def test_links_and_unlinks(self, fake: FakeAlertLogic, convergence: Convergence) -> None:
        for order, expected in ((REGISTRATION, []), (WITH_LOGS, [0]), (REGISTRATION, []), (WITH_LOGS, [0])):
            assert isinstance(one(convergence.converge([order])), Settled)
            assert monitors(fake) == [central(fake)[index] for index in expected]

    def test_takes_the_place_of_a_link_to_another_role_and_leaves_it_alone_otherwise(
        self, fake: FakeAlertLogic, convergence: Convergence
    ) -> None:
        theirs = fake.add_credential(name="theirs", role_arn="arn:aws:iam::333333333333:role/theirs")
        fake.add_deployment(account_id=ACCOUNT, credentials=[{"id": theirs, "purpose": MONITOR}])

        convergence.converge([REGISTRATION])
        assert monitors(fake) == [theirs]
        convergence.converge([WITH_LOGS])
        assert monitors(fake) == central(fake)
        assert theirs in fake.credentials

    @pytest.mark.parametrize("offboarding", Offboarding)
    def test_keeps_the_credential_when_an_account_leaves(
        self, fake: FakeAlertLogic, convergence: Convergence, offboarding: Offboarding
    ) -> None:
        convergence.converge([WITH_LOGS, *with_logs(1)])
        [shared] = central(fake)

        for order in (WITH_LOGS, *with_logs(1)):
            leaving = Deregistration(order.account_id, order.role_arn, offboarding)
            assert isinstance(one(convergence.converge([leaving])), Settled)
            assert central(fake) == [shared]


class TestFailure:
    def test_refuses_what_no_role_is_known_for_and_registers_the_others(self, fake: FakeAlertLogic) -> None:
        convergence = Convergence(client(fake), FakeVpcs(), FakeNames(), central_logs_role_arn="")

        outcomes = convergence.converge([WITH_LOGS, *accounts(1)])

        refusal = outcomes[ACCOUNT]
        assert isinstance(refusal, RequestRefusedError)
        assert "CentralLogs" in str(refusal)
        assert isinstance(outcomes[accounts(1)[0].account_id], Settled)
        assert fake.deployments_of(ACCOUNT) == []

    @pytest.mark.parametrize(("status", "error"), [(400, RejectedError), (503, RetryableError)])
    def test_to_make_the_credential_holds_up_only_those_who_need_it(
        self, fake: FakeAlertLogic, convergence: Convergence, status: int, error: type[Exception]
    ) -> None:
        fake.fail(status, method="POST", path="/credentials$", times=1)

        outcomes = convergence.converge([WITH_LOGS, *accounts(1)])

        assert isinstance(outcomes[ACCOUNT], error)
        assert isinstance(outcomes[accounts(1)[0].account_id], Settled)
        assert fake.deployments_of(ACCOUNT) == []

    def test_makes_no_second_credential_when_the_first_took_effect_but_answered_503(
        self, fake: FakeAlertLogic, convergence: Convergence
    ) -> None:
        fake.fail(503, method="POST", path="/credentials$", times=1, after_effect=True)

        assert isinstance(one(convergence.converge([WITH_LOGS])), RetryableError)
        assert isinstance(one(convergence.converge([WITH_LOGS])), Settled)
        assert monitors(fake) == central(fake)

    def test_waits_when_the_credential_is_taken_away_meanwhile_and_then_makes_another(
        self, fake: FakeAlertLogic, convergence: Convergence
    ) -> None:
        with fake.after_each("POST", "/credentials$", fake.credentials.clear):
            assert isinstance(one(convergence.converge([WITH_LOGS])), ConflictError)
        assert fake.deployments == {}

        assert isinstance(one(convergence.converge([WITH_LOGS])), Settled)
        assert monitors(fake) == central(fake)

    def test_replaces_a_credential_that_another_batch_deletes_before_it_is_linked(self, fake: FakeAlertLogic) -> None:
        alert_logic = client(fake)
        list_credentials = alert_logic.credentials.list
        later: dict[str, Any] = {}

        def credentials() -> list[Credential]:
            """Let an earlier one appear, and the later one go, once the later one was chosen."""
            listed = list_credentials()
            if not later and central(fake):
                [chosen] = central(fake)
                later.update(fake.credentials.pop(chosen))
                earlier = {**later, "id": str(uuid.uuid4()), "created": {**later["created"], "at": 1}}
                fake.credentials[earlier["id"]] = earlier
            return listed

        alert_logic.credentials.list = credentials  # type: ignore[method-assign]

        assert isinstance(one(loop_of(alert_logic).converge([WITH_LOGS])), Settled)
        assert monitors(fake) == central(fake)
        assert monitors(fake) != [later["id"]]


class TestTwoCredentials:
    """Two batches made one each, and somebody links the later one."""

    @pytest.fixture
    def later(self, fake: FakeAlertLogic, convergence: Convergence) -> str:
        convergence.converge(with_logs(1))
        [later] = central(fake)
        earlier = fake.add_credential(name=CREDENTIAL_NAME, role_arn=CENTRAL_ROLE)
        fake.credentials[earlier]["created"]["at"] -= 1
        return later

    def test_become_one_for_everyone(self, fake: FakeAlertLogic, convergence: Convergence, later: str) -> None:
        assert isinstance(one(convergence.converge([WITH_LOGS])), Settled)

        [shared] = central(fake)
        assert shared != later
        assert monitors(fake) == monitors(fake, accounts(1)[0].account_id) == [shared]

    def test_become_one_even_where_a_registration_may_be_newer(
        self, fake: FakeAlertLogic, convergence: Convergence, later: str
    ) -> None:
        [registered] = with_logs(1)

        assert isinstance(one(convergence.converge([replace(registered, only_if_missing=True)])), Settled)

        [shared] = central(fake)
        assert shared != later
        assert monitors(fake, registered.account_id) == [shared]

    @pytest.mark.parametrize("status", [400, 503])
    def test_of_an_account_that_cannot_be_changed_hold_up_nobody(
        self, fake: FakeAlertLogic, convergence: Convergence, later: str, status: int
    ) -> None:
        [other] = fake.deployments_of(accounts(1)[0].account_id)
        fake.fail(status, method="PUT", path=other["id"])

        assert isinstance(one(convergence.converge([WITH_LOGS])), Settled)
        assert monitors(fake, accounts(1)[0].account_id) == [later]
        assert later in fake.credentials

        fake.recover()
        convergence.converge([WITH_LOGS])
        assert monitors(fake) == monitors(fake, accounts(1)[0].account_id) == central(fake)

    @pytest.mark.parametrize("is_switched_off", [True, False])
    def test_of_a_deployment_that_is_changed_meanwhile_are_looked_at_again(
        self, fake: FakeAlertLogic, convergence: Convergence, later: str, *, is_switched_off: bool
    ) -> None:
        [registered] = accounts(1)
        [deployment] = fake.deployments_of(registered.account_id)
        changes = iter([True])

        def change() -> None:
            if not next(changes, False):
                return
            if is_switched_off:
                loop_of(client(fake)).converge([registered])
            else:
                fake.add_to_scope(registered.account_id)

        order = replace(registered, central_logs=True, only_if_missing=True)
        with fake.after_each("GET", deployment["id"], change):
            assert isinstance(one(convergence.converge([order])), Settled)

        assert 409 in {it.status for it in fake.requests if it.method == "PUT"}
        assert monitors(fake, registered.account_id) == ([] if is_switched_off else central(fake))
        assert later not in fake.credentials
