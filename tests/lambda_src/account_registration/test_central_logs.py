"""The shared credential of the central logs, in the loop against the fake Alert Logic."""

from __future__ import annotations

import uuid
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from account_registration import sharing
from account_registration.census import DOUBT_INTERVAL_SECONDS
from account_registration.central_logs import CREDENTIAL_NAME, MONITOR
from account_registration.convergence import Convergence
from account_registration.effort import Settled
from account_registration.entries import CENTRAL_LOGS
from account_registration.order import Deregistration, Offboarding
from alertlogic_api import ConflictError, RejectedError, RetryableError
from aws.custom_resource import RequestRefusedError
from aws.index import Entry, Kind
from aws.queue import Busy
from tests.lambda_src.account_registration.fake_names import FakeNames
from tests.lambda_src.account_registration.fake_vpcs import FakeVpcs
from tests.lambda_src.account_registration.loops import Clock, accounts, calls, client, index_of, loop_of, one
from tests.lambda_src.account_registration.registrations import ACCOUNT, CENTRAL_ROLE, OTHER, REGISTRATION, WITH_LOGS

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
            "POST credentials",
            *("GET credentials", "POST credentials", "POST deployments"),
            "GET credentials",
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
        assert len(fake.requests) - warm == 21
        [shared] = central(fake)
        assert [monitors(fake, it.account_id) for it in accounts(10)] == [[shared]] * 10

    def test_writes_nothing_where_nothing_changes(self, fake: FakeAlertLogic, convergence: Convergence) -> None:
        convergence.converge([WITH_LOGS, *with_logs(2)])
        before = len(fake.requests)

        convergence.converge([WITH_LOGS, *with_logs(2)])

        assert calls(fake.requests[before:]) == ["GET credentials", *["GET credentials", "GET deployments"] * 3]

    def test_makes_another_after_somebody_has_deleted_it(self, fake: FakeAlertLogic, convergence: Convergence) -> None:
        convergence.converge([WITH_LOGS])
        [shared] = central(fake)
        del fake.credentials[shared]

        # As the queue delivers again what has to wait.
        outcomes = [one(convergence.converge([WITH_LOGS])) for _ in range(2)]

        assert [str(outcome) for outcome in outcomes[:1]] == ["the credential of the central logs was deleted"]
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
        convergence = Convergence(client(fake), FakeVpcs(), FakeNames(), index_of(), central_logs_role_arn="")

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

    def test_makes_no_second_credential_when_the_first_took_effect_but_answered_503(self, fake: FakeAlertLogic) -> None:
        clock = Clock()
        convergence = loop_of(client(fake), clock=clock)
        fake.fail(503, method="POST", path="/credentials$", times=1, after_effect=True)

        assert isinstance(one(convergence.converge([WITH_LOGS])), RetryableError)
        outcomes = convergence.converge([WITH_LOGS, *accounts(1)])
        assert {type(outcome) for outcome in outcomes.values()} == {Busy, Settled}
        clock.ahead = DOUBT_INTERVAL_SECONDS + 1
        assert isinstance(one(convergence.converge([WITH_LOGS])), Settled)
        assert monitors(fake) == central(fake)

    def test_waits_when_the_credential_is_taken_away_meanwhile_and_then_makes_another(
        self, fake: FakeAlertLogic, convergence: Convergence
    ) -> None:
        with fake.after_each("POST", "/credentials$", fake.credentials.clear):
            outcome = one(convergence.converge([WITH_LOGS]))
        assert isinstance(outcome, ConflictError)
        assert str(outcome) == "the credential of the central logs was deleted"
        assert fake.deployments == {}

        assert isinstance(one(convergence.converge([WITH_LOGS])), Settled)
        assert monitors(fake) == central(fake)

    def test_replaces_a_credential_that_another_batch_deletes_before_it_is_linked(self, fake: FakeAlertLogic) -> None:
        alert_logic = client(fake)
        read = alert_logic.credentials.get
        later: dict[str, Any] = {}

        def get(credential_id: str) -> Credential:
            """Let an earlier one appear, and the later one go, once the later one was chosen."""
            found = read(credential_id)
            if not later:
                later.update(fake.credentials.pop(credential_id))
                earlier = {**later, "id": str(uuid.uuid4()), "created": {**later["created"], "at": 1}}
                fake.credentials[earlier["id"]] = earlier
                index_of().add(Entry(CENTRAL_LOGS, Kind.CREDENTIAL, earlier["id"]))
            return found

        alert_logic.credentials.get = get  # type: ignore[method-assign]

        assert isinstance(one(loop_of(alert_logic).converge([WITH_LOGS])), Settled)
        assert monitors(fake) == central(fake)
        assert monitors(fake) != [later["id"]]


class TestTwoCredentials:
    """Two batches made one each, and deployments link the later one, when Alert Logic is listed as a whole."""

    @pytest.fixture
    def later(self, fake: FakeAlertLogic, convergence: Convergence) -> str:
        convergence.converge(with_logs(2))
        [later] = central(fake)
        earlier = fake.add_credential(name=CREDENTIAL_NAME, role_arn=CENTRAL_ROLE)
        fake.credentials[earlier]["created"]["at"] -= 60
        return later

    def all_monitors(self, fake: FakeAlertLogic) -> list[str]:
        return [monitor for registered in accounts(2) for monitor in monitors(fake, registered.account_id)]

    def test_become_one_for_everyone(self, fake: FakeAlertLogic, convergence: Convergence, later: str) -> None:
        convergence.refresh("sweep")

        [shared] = central(fake)
        assert shared != later
        assert self.all_monitors(fake) == [shared, shared]
        assert isinstance(one(convergence.converge([WITH_LOGS])), Settled)
        assert monitors(fake) == [shared]

    def test_are_not_both_linked_by_who_sees_them(
        self, fake: FakeAlertLogic, convergence: Convergence, later: str
    ) -> None:
        [earlier] = set(central(fake)) - {later}
        index_of().add(Entry(CENTRAL_LOGS, Kind.CREDENTIAL, earlier))

        assert isinstance(one(convergence.converge([WITH_LOGS])), Settled)
        assert isinstance(one(convergence.converge(with_logs(1))), Settled)

        assert monitors(fake) == monitors(fake, accounts(1)[0].account_id) == [earlier]
        # The other account's deployment may link it, and only a list of all tells.
        assert later in fake.credentials

    @pytest.mark.parametrize("status", [400, 503])
    def test_of_an_account_that_cannot_be_changed_hold_up_nobody(
        self, fake: FakeAlertLogic, convergence: Convergence, later: str, status: int
    ) -> None:
        [first, second] = [fake.deployments_of(registered.account_id)[0] for registered in accounts(2)]
        fake.fail(status, method="PUT", path=first["id"])

        convergence.refresh("sweep")
        [shared] = set(central(fake)) - {later}
        assert self.all_monitors(fake) == [later, shared]
        assert second["id"] != first["id"]

        fake.recover()
        convergence.refresh("next sweep")
        assert self.all_monitors(fake) == [shared, shared]
        assert central(fake) == [shared]

    def test_of_very_many_accounts_become_one_by_and_by(
        self, fake: FakeAlertLogic, convergence: Convergence, later: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(sharing, "MOST_AT_ONCE", 1)

        convergence.refresh("sweep")
        assert sorted(central(fake)) == sorted(set(self.all_monitors(fake)))

        convergence.refresh("next sweep")
        assert later not in self.all_monitors(fake)
        assert len(central(fake)) == 1

    def test_stay_for_now_where_one_cannot_be_deleted(
        self, fake: FakeAlertLogic, convergence: Convergence, later: str
    ) -> None:
        fake.fail(403, method="DELETE", body={"message": "not allowed"})
        convergence.refresh("sweep")
        assert later in central(fake)

        fake.recover()
        convergence.refresh("next sweep")
        assert later not in central(fake)

    @pytest.mark.parametrize("is_switched_off", [True, False])
    def test_of_a_deployment_that_is_changed_meanwhile_are_looked_at_again(
        self, fake: FakeAlertLogic, convergence: Convergence, later: str, *, is_switched_off: bool
    ) -> None:
        registered, _ = accounts(2)
        [deployment] = fake.deployments_of(registered.account_id)
        changes = iter([True])

        def change() -> None:
            if not next(changes, False):
                return
            if is_switched_off:
                loop_of(client(fake)).converge([registered])
            else:
                fake.add_to_scope(registered.account_id)

        with fake.after_each("GET", deployment["id"], change):
            convergence.refresh("sweep")
        assert 409 in {it.status for it in fake.requests if it.method == "PUT"}
        assert later in fake.credentials

        convergence.refresh("next sweep")
        assert later not in fake.credentials
        assert monitors(fake, registered.account_id) == ([] if is_switched_off else central(fake))

    def test_of_another_installation_are_its_own(
        self, fake: FakeAlertLogic, convergence: Convergence, later: str
    ) -> None:
        another = fake.add_credential(name=CREDENTIAL_NAME, role_arn="arn:aws:iam::333333333333:role/another")
        theirs = fake.add_credential(name="theirs", role_arn=CENTRAL_ROLE)
        fake.add_deployment(account_id=OTHER, credentials=[{"id": it, "purpose": MONITOR} for it in (another, theirs)])

        convergence.refresh("sweep")

        assert monitors(fake, OTHER) == [another, theirs]
        assert later not in fake.credentials
        assert {another, theirs} < fake.credentials.keys()
