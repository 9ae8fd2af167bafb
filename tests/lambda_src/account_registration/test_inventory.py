"""An index that is wrong, in whatever way, and what a loop makes of it."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import pytest

from account_registration.central_logs import CREDENTIAL_NAME
from account_registration.effort import Settled
from account_registration.entries import CENTRAL_LOGS
from account_registration.order import Deregistration, Offboarding
from alertlogic_api import RejectedError
from aws.index import Entry, Kind
from protection.ownership import credential_name
from tests.lambda_src.account_registration.loops import (
    assert_indexed,
    assert_registered_once,
    client,
    index_of,
    loop_of,
    one,
)
from tests.lambda_src.account_registration.registrations import ACCOUNT, CENTRAL_ROLE, OTHER, REGISTRATION, WITH_LOGS

if TYPE_CHECKING:
    from account_registration.convergence import Convergence
    from account_registration.order import Order
    from tests.rehearsal.alertlogic import FakeAlertLogic

OTHER_ROLE = f"arn:aws:iam::{OTHER}:role/new"


@pytest.fixture
def loop(fake: FakeAlertLogic) -> Convergence:
    """A loop that need not list Alert Logic any more."""
    loop = loop_of(client(fake))
    loop.refresh("before")
    return loop


def settle(loop: Convergence, *orders: Order) -> None:
    for order in orders:
        assert isinstance(one(loop.converge([order])), Settled)


class TestIdsThatAreGone:
    def test_are_forgotten(self, fake: FakeAlertLogic, loop: Convergence) -> None:
        for kind in (Kind.CREDENTIAL, Kind.DEPLOYMENT):
            index_of().add(Entry(ACCOUNT, kind, str(uuid.uuid4())))

        settle(loop, REGISTRATION)

        assert_registered_once(fake)
        assert_indexed(fake)

    def test_of_what_somebody_deleted_are_replaced(self, fake: FakeAlertLogic, loop: Convergence) -> None:
        settle(loop, REGISTRATION)
        fake.deployments.clear()
        fake.credentials.clear()

        settle(loop, REGISTRATION)

        assert_registered_once(fake)
        assert_indexed(fake)

    def test_of_the_central_logs_are_replaced(self, fake: FakeAlertLogic, loop: Convergence) -> None:
        index_of().add(Entry(CENTRAL_LOGS, Kind.CREDENTIAL, str(uuid.uuid4()), CREDENTIAL_NAME, CENTRAL_ROLE))

        settle(loop, WITH_LOGS)

        assert_indexed(fake)

    def test_are_not_what_cannot_be_read(self, fake: FakeAlertLogic, loop: Convergence) -> None:
        settle(loop, REGISTRATION)
        fake.fail(403, method="GET", path="/deployments/")

        assert isinstance(one(loop.converge([REGISTRATION])), RejectedError)
        assert_indexed(fake)


class TestTheWrongAccount:
    @pytest.fixture
    def theirs(self, fake: FakeAlertLogic) -> tuple[str, str]:
        """Another account's credential and deployment, of which the index says that they are ours."""
        credential = fake.add_credential(name=credential_name(OTHER, is_adopted=False), role_arn=OTHER_ROLE)
        deployment = fake.add_deployment(
            account_id=OTHER, credentials=[{"id": credential, "purpose": "discover"}], mode="manual"
        )
        return credential, deployment

    def test_keeps_its_own(self, fake: FakeAlertLogic, loop: Convergence, theirs: tuple[str, str]) -> None:
        credential, deployment = theirs
        index_of().add(Entry(ACCOUNT, Kind.CREDENTIAL, credential))
        index_of().add(Entry(ACCOUNT, Kind.DEPLOYMENT, deployment))
        before = dict(fake.deployments[deployment])

        settle(loop, REGISTRATION, Deregistration(ACCOUNT, None, Offboarding.DELETE))

        assert fake.deployments == {deployment: before}
        assert fake.credentials.keys() == {credential}
        assert {(it.partition, it.id) for it in index_of().all_entries()} == {(OTHER, it) for it in theirs}

    def test_does_not_lend_its_credential_to_the_central_logs(
        self, fake: FakeAlertLogic, loop: Convergence, theirs: tuple[str, str]
    ) -> None:
        index_of().add(Entry(CENTRAL_LOGS, Kind.CREDENTIAL, theirs[0], CREDENTIAL_NAME, CENTRAL_ROLE))

        settle(loop, WITH_LOGS)

        [linked] = [it["id"] for it in fake.deployments_of(ACCOUNT)[0]["credentials"] if it["purpose"] != "discover"]
        assert fake.credentials[linked]["secrets"]["arn"] == CENTRAL_ROLE

    def test_is_none_at_all(self, fake: FakeAlertLogic, loop: Convergence) -> None:
        azure = fake.add_deployment(account_id=ACCOUNT)
        fake.deployments[azure]["platform"] = {"type": "azure", "id": ACCOUNT}
        index_of().add(Entry(ACCOUNT, Kind.DEPLOYMENT, azure))

        settle(loop, REGISTRATION)

        assert azure in fake.deployments
        assert azure not in {it.id for it in index_of().all_entries()}
        assert len(fake.deployments) == 2
