"""The loop against the fake Alert Logic, over real connections on loopback."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from account_registration.census import DOUBT_INTERVAL_SECONDS
from account_registration.effort import Settled
from account_registration.order import Deregistration, Offboarding
from alertlogic_api import ConflictError, RejectedError, RetryableError
from aws.custom_resource import RequestRefusedError
from aws.queue import NotYet
from tests.lambda_src.account_registration.fake_names import FakeNames
from tests.lambda_src.account_registration.loops import (
    Clock,
    accounts,
    assert_registered_once,
    calls,
    client,
    loop_of,
    one,
)
from tests.lambda_src.account_registration.registrations import ACCOUNT, REGISTRATION

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from account_registration.convergence import Convergence
    from alertlogic_api import Deployment
    from tests.rehearsal.alertlogic import FakeAlertLogic


def deregistration(offboarding: Offboarding) -> Deregistration:
    return Deregistration(ACCOUNT, REGISTRATION.role_arn, offboarding)


def without_maker(create: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *args, **kwargs: replace(create(*args, **kwargs), created_by="")


class TestName:
    def test_is_the_accounts_own_where_nobody_said_one(self, fake: FakeAlertLogic) -> None:
        named, nameless = (replace(order, name="") for order in accounts(2))
        convergence = loop_of(client(fake), names=FakeNames({named.account_id: "Payments"}))

        convergence.converge([REGISTRATION, named, nameless])

        found = {order.account_id: fake.deployments_of(order.account_id)[0]["name"] for order in (named, nameless)}
        assert found == {named.account_id: "Payments", nameless.account_id: nameless.account_id}
        assert fake.deployments_of(ACCOUNT)[0]["name"] == REGISTRATION.name

    def test_is_waited_for_while_the_role_cannot_be_assumed(self, fake: FakeAlertLogic) -> None:
        convergence = loop_of(client(fake), names=FakeNames(without_role={ACCOUNT}))

        assert isinstance(one(convergence.converge([replace(REGISTRATION, name="")])), NotYet)
        assert fake.deployments_of(ACCOUNT) == []


class TestCalls:
    def test_registers_an_account_alone_with_two_calls(self, fake: FakeAlertLogic, convergence: Convergence) -> None:
        convergence.converge(accounts(1))
        warm = len(fake.requests)

        outcome = one(convergence.converge([REGISTRATION]))

        assert outcome == Settled(assert_registered_once(fake), added=("/aws/us-east-1", "/aws/us-west-2"))
        assert calls(fake.requests[warm:]) == ["POST credentials", "POST deployments"]

    def test_asks_for_what_it_made_where_the_answer_does_not_tell_all(self, fake: FakeAlertLogic) -> None:
        alert_logic = client(fake)
        for service in (alert_logic.credentials, alert_logic.deployments):
            service.create = without_maker(service.create)  # type: ignore[method-assign]
        convergence = loop_of(alert_logic)
        convergence.converge(accounts(1))
        warm = len(fake.requests)

        assert isinstance(one(convergence.converge([REGISTRATION])), Settled)
        assert_registered_once(fake)
        assert calls(fake.requests[warm:]) == [
            "POST credentials",
            "POST deployments",
            "GET credentials",
            "GET deployments",
        ]

    def test_registers_ten_accounts_with_two_calls_each(self, fake: FakeAlertLogic, convergence: Convergence) -> None:
        convergence.converge([REGISTRATION])
        warm = len(fake.requests)

        outcomes = convergence.converge(accounts(10))

        assert all(isinstance(outcome, Settled) for outcome in outcomes.values())
        for registration in accounts(10):
            assert_registered_once(fake, registration)
        assert len(fake.requests) - warm == 20

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
        convergence = loop_of(alert_logic)
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
        create, read = alert_logic.deployments.create, alert_logic.deployments.get

        def forgetful(deployment: Deployment) -> Deployment:
            kept = {name: value for name, value in deployment.document.items() if name != "control_tower"}
            return replace(deployment, document=kept)

        alert_logic.deployments.create = lambda document: forgetful(create(document))  # type: ignore[method-assign]
        alert_logic.deployments.get = lambda deployment_id: forgetful(read(deployment_id))  # type: ignore[method-assign]

        assert isinstance(one(loop_of(alert_logic).converge([REGISTRATION])), Settled)
        assert len([request for request in fake.requests if request.method == "PUT"]) == 1

    def test_does_not_write_what_only_the_answer_leaves_out(self, fake: FakeAlertLogic) -> None:
        alert_logic = client(fake)
        create = alert_logic.deployments.create

        def terse(document: Mapping[str, Any]) -> Deployment:
            made = create(document)
            return replace(made, document={"id": made.id, "enabled": True})

        alert_logic.deployments.create = terse  # type: ignore[method-assign]

        assert isinstance(one(loop_of(alert_logic).converge([REGISTRATION])), Settled)
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
        self, fake: FakeAlertLogic, path: str
    ) -> None:
        clock = Clock()
        convergence = loop_of(client(fake), clock=clock)
        fake.fail(503, method="POST", path=path, times=1, after_effect=True)

        assert isinstance(one(convergence.converge([REGISTRATION])), RetryableError)
        assert isinstance(one(convergence.converge([REGISTRATION])), NotYet)
        clock.ahead = DOUBT_INTERVAL_SECONDS + 1
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

    def test_does_not_let_an_account_that_nothing_can_be_decided_about_fail_the_others(
        self, fake: FakeAlertLogic, convergence: Convergence
    ) -> None:
        convergence.converge([REGISTRATION])
        fake.deployments_of(ACCOUNT)[0]["scope"] = "all of it"

        outcomes = convergence.converge([REGISTRATION, *accounts(1)])

        assert isinstance(outcomes[ACCOUNT], AttributeError)
        assert isinstance(outcomes[accounts(1)[0].account_id], Settled)
        fake.contract_violations.clear()

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
