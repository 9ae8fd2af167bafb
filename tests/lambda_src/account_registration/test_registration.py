from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from account_registration.central_logs import CREDENTIAL_NAME, MONITOR, CentralLink
from account_registration.document import disabled
from account_registration.order import Deregistration, Offboarding, Order, Registration, Scope
from account_registration.registration import (
    AmendDeployment,
    Change,
    CreateCredential,
    CreateDeployment,
    DeleteCredential,
    DeleteDeployment,
    DisableDeployment,
    State,
    decide,
    withdraw,
)
from alertlogic_api import ConflictError, Credential, Deployment
from protection.ownership import credential_name, is_made_by_us
from tests.lambda_src.account_registration.registrations import (
    ACCOUNT,
    ADOPTED,
    CENTRAL_ROLE,
    MADE,
    NOT_LINKED,
    OLD_ROLE,
    OTHER,
    POLICY_IDS,
    REGISTRATION,
    ROLE,
    TAGGED,
    WHOLE,
    WITH_LOGS,
    applied_to,
    links_of,
    made_for,
)


def credential(
    credential_id: str = "c1", *, name: str = MADE, role_arn: str | None = ROLE, created_at: float = 1
) -> Credential:
    return Credential(id=credential_id, name=name, role_arn=role_arn, created_at=created_at, created_by="us")


def central(
    credential_id: str, *, name: str = CREDENTIAL_NAME, role_arn: str = CENTRAL_ROLE, created_at: float = 1
) -> Credential:
    return credential(credential_id, name=name, role_arn=role_arn, created_at=created_at)


def deployment(
    deployment_id: str = "d1",
    *links: str,
    account_id: str = ACCOUNT,
    created_at: float = 1,
    created_by: str = "",
    **fields: Any,
) -> Deployment:
    document: dict[str, Any] = {
        "name": "theirs",
        "platform": {"type": "aws", "id": account_id},
        "mode": "readonly",
        "enabled": True,
        "version": 3,
        "credentials": links_of("discover", *links),
        "scope": {"include": [], "exclude": []},
        **fields,
    }
    created = {"at": created_at, "by": created_by}
    return Deployment.from_document({"id": deployment_id, "created": created, **document})


def registered(
    deployment_id: str = "d1", link: str = "c1", *, created_at: float = 1, created_by: str = "us", **fields: Any
) -> Deployment:
    created = {"at": created_at, "by": created_by}
    document = made_for(REGISTRATION, link) | fields
    return Deployment.from_document({**document, "id": deployment_id, "created": created, "version": 1})


def state(
    *things: Credential | Deployment, known_ours: tuple[str, ...] = (), linked_elsewhere: tuple[str, ...] = ()
) -> State:
    return State(
        credentials=[thing for thing in things if isinstance(thing, Credential)],
        deployments=[thing for thing in things if isinstance(thing, Deployment)],
        policy_ids=POLICY_IDS,
        central_logs_role_arn=CENTRAL_ROLE,
        known_ours=known_ours,
        linked_elsewhere=linked_elsewhere,
    )


class TestRegister:
    def test_makes_credential_and_deployment_of_an_account_that_has_none(self) -> None:
        others = (credential("x", name="x", role_arn=None), deployment("y", account_id=OTHER))

        assert decide(REGISTRATION, state(*others)) == (
            CreateCredential(MADE, ROLE),
            CreateDeployment(REGISTRATION, None, NOT_LINKED),
        )

    def test_makes_the_deployment_with_the_credential_that_is_there(self) -> None:
        assert decide(REGISTRATION, state(credential())) == (CreateDeployment(REGISTRATION, "c1", NOT_LINKED),)

    def test_does_nothing_for_an_account_that_is_registered(self) -> None:
        assert decide(REGISTRATION, state(credential(), registered())) == ()

    def test_adopts_a_deployment_that_somebody_made(self) -> None:
        assert decide(REGISTRATION, state(deployment())) == (
            CreateCredential(ADOPTED, ROLE),
            AmendDeployment("d1", REGISTRATION, None, NOT_LINKED, is_ours=False),
        )

    @pytest.mark.parametrize(
        "difference",
        [
            {"enabled": False},
            {"mode": "manual"},
            {"credentials": []},
            {"credentials": [{"id": "c2", "purpose": "discover"}]},
            {"credentials": [{"id": "c1", "purpose": "x-account-monitor"}]},
            {"scope": {"include": []}},
            {"is_control_tower": False},
            {"control_tower": {}},
        ],
    )
    def test_amends_a_deployment_that_differs(self, difference: dict[str, Any]) -> None:
        adopted = credential("c1", name=ADOPTED)
        others = credential("c2", name="theirs", role_arn=OLD_ROLE)

        assert decide(REGISTRATION, state(adopted, others, registered(**difference))) == (
            AmendDeployment("d1", REGISTRATION, "c1", NOT_LINKED, is_ours=False),
        )

    def test_keeps_the_earliest_of_two_deployments_made_at_once_and_deletes_the_other(self) -> None:
        both = state(
            credential("c1", created_at=1),
            credential("c2", created_at=2),
            registered("d1", "c1", created_at=1),
            registered("d2", "c2", created_at=2),
        )

        # The credential has its turn once its deployment is seen to be gone.
        assert decide(REGISTRATION, both) == (DeleteDeployment("d2"),)

    def test_decides_by_id_what_was_made_in_the_same_second(self) -> None:
        both = state(credential("c1"), credential("c2"), registered("d2", "c1"), registered("d1", "c2"))

        assert decide(REGISTRATION, both) == (
            AmendDeployment("d1", REGISTRATION, "c1", NOT_LINKED, is_ours=True),
            DeleteDeployment("d2"),
        )

    def test_deletes_a_surplus_credential_once_nothing_links_it(self) -> None:
        both = state(credential("c1"), credential("c2"), registered("d1", "c1"))

        assert decide(REGISTRATION, both) == (DeleteCredential("c2"),)

    def test_leaves_a_surplus_credential_that_another_account_s_deployment_links(self) -> None:
        both = (credential("c1"), credential("c2"), registered("d1", "c1"))

        assert decide(REGISTRATION, state(*both, linked_elsewhere=("c2",))) == ()

    def test_replaces_the_credential_when_the_role_is_made_anew(self) -> None:
        old = credential("c1", role_arn=OLD_ROLE)

        assert decide(REGISTRATION, state(old, registered("d1", "c1"))) == (
            CreateCredential(MADE, ROLE),
            AmendDeployment("d1", REGISTRATION, None, NOT_LINKED, is_ours=True),
        )
        new = credential("c2", created_at=2)
        assert decide(REGISTRATION, state(old, new, registered("d1", "c2"))) == (DeleteCredential("c1"),)

    def test_deletes_no_deployment_that_somebody_else_made(self) -> None:
        theirs = deployment("d2", "their-credential", created_at=2)

        assert decide(REGISTRATION, state(credential(), registered(), theirs)) == ()

    def test_deletes_a_surplus_deployment_of_its_own_whose_credential_was_taken_away(self) -> None:
        surplus = deployment("d2", "gone", created_at=2)

        assert decide(REGISTRATION, state(credential(), registered(), surplus, known_ours=("d2",))) == (
            DeleteDeployment("d2"),
        )

    def test_deletes_a_surplus_deployment_that_another_loop_of_ours_left_without_its_credential(self) -> None:
        ours, theirs = (deployment("d2", "gone", created_at=2, created_by=maker) for maker in ("us", "them"))

        assert decide(REGISTRATION, state(credential(), registered(), ours)) == (DeleteDeployment("d2"),)
        assert decide(REGISTRATION, state(credential(), registered(), theirs)) == ()

    def test_uses_a_credential_of_another_name_for_the_same_role_and_never_deletes_it(self) -> None:
        theirs = credential("c0", name="theirs", created_at=0)

        assert decide(REGISTRATION, state(theirs, registered("d1", "c0"))) == ()
        assert decide(REGISTRATION, state(theirs, credential("c1"), registered("d1", "c0"))) == (
            DeleteCredential("c1"),
        )
        later = replace(theirs, created_at=9)
        assert decide(REGISTRATION, state(later, credential("c1"), registered("d1", "c1"))) == ()

    def test_leaves_a_registration_that_may_be_newer_as_it_is(self) -> None:
        late = replace(REGISTRATION, only_if_missing=True)

        assert decide(late, state(credential(), registered(mode="manual"))) == ()
        assert decide(late, state(credential(), registered(enabled=False))) == (
            AmendDeployment("d1", late, "c1", NOT_LINKED, is_ours=True),
        )
        assert decide(late, state(credential(name=ADOPTED), deployment())) == (
            AmendDeployment("d1", late, "c1", NOT_LINKED, is_ours=False),
        )
        assert decide(late, state()) == (CreateCredential(MADE, ROLE), CreateDeployment(late, None, NOT_LINKED))

    @pytest.mark.parametrize(
        "scope",
        [TAGGED, replace(WHOLE, former_regions=("eu-west-1",)), replace(WHOLE, former_tag_regions=("eu-west-1",))],
    )
    def test_looks_at_the_deployment_where_a_list_does_not_tell_all(self, scope: Scope) -> None:
        order = replace(REGISTRATION, scope=scope)

        assert decide(order, state(credential(), registered())) == (
            AmendDeployment("d1", order, "c1", NOT_LINKED, is_ours=True),
        )
        assert decide(replace(order, only_if_missing=True), state(credential(), registered())) == ()


class TestWhoseDeployment:
    """The credential's name says it, and a credential of ours with the wrong name is replaced."""

    def test_of_an_account_that_left_and_comes_back_with_another_role_stays_ours(self) -> None:
        disabled_one = registered("d1", "c1", enabled=False)

        assert decide(REGISTRATION, state(credential("c1", role_arn=OLD_ROLE), disabled_one)) == (
            CreateCredential(MADE, ROLE),
            AmendDeployment("d1", REGISTRATION, None, NOT_LINKED, is_ours=True),
        )

    def test_that_was_adopted_stays_adopted_with_another_role(self) -> None:
        old = credential("c1", name=ADOPTED, role_arn=OLD_ROLE)

        assert decide(REGISTRATION, state(old, registered("d1", "c1"))) == (
            CreateCredential(ADOPTED, ROLE),
            AmendDeployment("d1", REGISTRATION, None, NOT_LINKED, is_ours=False),
        )
        new = credential("c2", name=ADOPTED)
        assert decide(REGISTRATION, state(old, new, registered("d1", "c2"))) == (DeleteCredential("c1"),)

    def test_that_replaces_an_adopted_one_is_ours(self) -> None:
        left = credential("c1", name=ADOPTED)

        assert decide(REGISTRATION, state(left)) == (
            CreateCredential(MADE, ROLE),
            CreateDeployment(REGISTRATION, None, NOT_LINKED),
            DeleteCredential("c1"),
        )

    @pytest.mark.parametrize("links", [[], ["c1"], ["their-credential"]])
    def test_that_somebody_made_where_a_credential_of_ours_was_left_is_theirs(self, links: list[str]) -> None:
        left, other = credential("c1"), credential("their-credential", name="theirs", role_arn=OLD_ROLE)
        theirs = deployment("d1", *links, created_by="them")

        first = decide(REGISTRATION, state(left, other, theirs))

        assert first[:2] == (
            CreateCredential(ADOPTED, ROLE),
            AmendDeployment("d1", REGISTRATION, None, NOT_LINKED, is_ours=False),
        )
        adopted = credential("c2", name=ADOPTED)
        assert decide(REGISTRATION, state(left, other, adopted, registered("d1", "c2"))) == (DeleteCredential("c1"),)

    def test_that_another_loop_of_ours_left_without_its_credential_is_ours(self) -> None:
        """It was the surplus one of two in the eyes of whoever deleted it."""
        ours, theirs = (deployment("d1", "gone", created_by=maker) for maker in ("us", "them"))

        assert decide(REGISTRATION, state(credential(), ours)) == (
            AmendDeployment("d1", REGISTRATION, "c1", NOT_LINKED, is_ours=True),
        )
        assert decide(REGISTRATION, state(credential(), theirs))[:2] == (
            CreateCredential(ADOPTED, ROLE),
            AmendDeployment("d1", REGISTRATION, None, NOT_LINKED, is_ours=False),
        )

    def test_whose_credential_somebody_took_away_is_not_known_to_be_ours(self) -> None:
        gone = deployment("d1", "gone", created_by="us")

        for things in (state(gone), state(credential(name=ADOPTED, role_arn=OLD_ROLE), gone)):
            assert decide(REGISTRATION, things)[:2] == (
                CreateCredential(ADOPTED, ROLE),
                AmendDeployment("d1", REGISTRATION, None, NOT_LINKED, is_ours=False),
            )

    def test_that_this_loop_made_is_ours_whatever_it_links(self) -> None:
        assert decide(REGISTRATION, state(deployment("d1", "gone"), known_ours=("d1",))) == (
            CreateCredential(MADE, ROLE),
            AmendDeployment("d1", REGISTRATION, None, NOT_LINKED, is_ours=True),
        )

    def test_that_was_adopted_is_never_surplus(self) -> None:
        theirs = registered("d2", "c2", created_at=2)

        assert decide(REGISTRATION, state(credential(), credential("c2", name=ADOPTED), registered(), theirs)) == ()


class TestDeregister:
    def order(self, offboarding: Offboarding) -> Deregistration:
        return Deregistration(ACCOUNT, ROLE, offboarding)

    @pytest.mark.parametrize("name", [MADE, ADOPTED])
    def test_disables_the_deployment(self, name: str) -> None:
        order = self.order(Offboarding.DISABLE)
        ours = credential(name=name, role_arn=OLD_ROLE)

        assert decide(order, state(ours, registered())) == (DisableDeployment("d1"),)
        assert decide(order, state(ours, registered(enabled=False))) == ()

    def test_deletes_deployment_and_credential(self) -> None:
        order = self.order(Offboarding.DELETE)
        ours = credential(role_arn=OLD_ROLE)

        assert decide(order, state(ours, registered())) == (DeleteDeployment("d1"),)
        assert decide(order, state(ours)) == (DeleteCredential("c1"),)

    def test_deletes_no_deployment_that_it_adopted(self) -> None:
        order = self.order(Offboarding.DELETE)
        ours = credential(name=ADOPTED, role_arn=OLD_ROLE)

        assert decide(order, state(ours, registered())) == (DisableDeployment("d1"),)
        assert decide(order, state(ours, registered(enabled=False))) == ()
        assert decide(order, state(ours)) == (DeleteCredential("c1"),)

    def test_deletes_all_that_a_registration_left_half_done(self) -> None:
        old = credential("c0", role_arn=OLD_ROLE)
        things = state(old, credential("c1"), registered("d1", "c0"), registered("d2", "c1"))

        assert decide(self.order(Offboarding.DELETE), things) == (DeleteDeployment("d1"), DeleteDeployment("d2"))

    def test_retains_everything(self) -> None:
        assert decide(self.order(Offboarding.RETAIN), state(credential(), registered())) == ()

    @pytest.mark.parametrize("offboarding", Offboarding)
    def test_has_nothing_to_do_where_nothing_is_left(self, offboarding: Offboarding) -> None:
        assert decide(self.order(offboarding), state()) == ()

    @pytest.mark.parametrize("offboarding", Offboarding)
    def test_touches_no_deployment_that_it_is_not_linked_to(self, offboarding: Offboarding) -> None:
        theirs = deployment("d2", "their-credential")
        their_credential = credential("their-credential", name="theirs", role_arn="arn:aws:iam::555555555555:role/x")

        assert decide(self.order(offboarding), state(theirs, their_credential)) == ()

    def test_knows_ours_by_the_credential_s_name_where_nobody_knows_the_role(self) -> None:
        order = replace(self.order(Offboarding.DISABLE), role_arn=None)
        of_no_role = credential("c0", name="theirs", role_arn=None)

        assert decide(order, state(credential(), registered())) == (DisableDeployment("d1"),)
        assert decide(order, state(of_no_role, registered("d1", "c0"))) == ()

    def test_deletes_no_credential_of_another_name(self) -> None:
        theirs = credential("c0", name="theirs")

        assert decide(self.order(Offboarding.DELETE), state(theirs, registered("d1", "c0"))) == (
            DisableDeployment("d1"),
        )
        assert decide(self.order(Offboarding.DELETE), state(theirs)) == ()


class TestCentralLogs:
    def test_are_linked_in_the_first_document_and_in_one_that_is_there(self) -> None:
        link = CentralLink("shared")

        assert decide(WITH_LOGS, state(central("shared"))) == (
            CreateCredential(MADE, ROLE),
            CreateDeployment(WITH_LOGS, None, link),
        )
        assert decide(WITH_LOGS, state(central("shared"), credential(), registered())) == (
            AmendDeployment("d1", WITH_LOGS, "c1", link, is_ours=True),
        )

    def test_need_nothing_where_they_are_linked(self) -> None:
        linked = registered(credentials=[*links_of("discover", "c1"), *links_of(MONITOR, "shared")])

        assert decide(WITH_LOGS, state(central("shared"), credential(), linked)) == ()

    @pytest.mark.parametrize("monitors", [["theirs"], ["shared", "theirs"], ["gone"]])
    def test_are_the_only_ones_of_their_purpose(self, monitors: list[str]) -> None:
        linked = registered(credentials=[*links_of("discover", "c1"), *links_of(MONITOR, *monitors)])
        theirs = credential("theirs", name="theirs", role_arn=OLD_ROLE)

        assert decide(WITH_LOGS, state(central("shared"), theirs, credential(), linked)) == (
            AmendDeployment("d1", WITH_LOGS, "c1", CentralLink("shared"), is_ours=True),
        )

    def test_come_through_a_credential_that_somebody_made_for_the_role_before(self) -> None:
        theirs = central("theirs", name="theirs", created_at=0)

        assert decide(WITH_LOGS, state(theirs, central("later"))) == (
            CreateCredential(MADE, ROLE),
            CreateDeployment(WITH_LOGS, None, CentralLink("theirs", frozenset({"later"}))),
        )

    def test_wait_for_a_credential_that_was_taken_away(self) -> None:
        with pytest.raises(ConflictError, match="central logs"):
            decide(WITH_LOGS, state(credential(), registered()))

    def test_come_through_the_earliest_of_two_credentials(self) -> None:
        credentials = (credential(), central("shared"), central("later", created_at=2))
        link = CentralLink("shared", frozenset({"later"}))
        own = registered(credentials=[*links_of("discover", "c1"), *links_of(MONITOR, "later")])

        assert decide(WITH_LOGS, state(*credentials, own)) == (
            AmendDeployment("d1", WITH_LOGS, "c1", link, is_ours=True),
        )
        # All deployments must be known to tell that nothing links the other one.
        linked = registered(credentials=[*links_of("discover", "c1"), *links_of(MONITOR, "shared")])
        assert decide(WITH_LOGS, state(*credentials, linked)) == ()

    def test_of_another_installation_keep_their_credential(self) -> None:
        another = credential("c9", name=CREDENTIAL_NAME, role_arn="arn:aws:iam::333333333333:role/another")
        own = registered(credentials=[*links_of("discover", "c1"), *links_of(MONITOR, "shared")])

        assert decide(WITH_LOGS, state(credential(), central("shared"), another, own)) == ()

    def test_are_unlinked_when_they_are_switched_off(self) -> None:
        former = central("c9", role_arn="arn:aws:iam::333333333333:role/former")
        for linked in ("shared", "c9"):
            own = registered(credentials=[*links_of("discover", "c1"), *links_of(MONITOR, linked)])

            assert decide(REGISTRATION, state(credential(), central("shared"), former, own)) == (
                AmendDeployment("d1", REGISTRATION, "c1", CentralLink(None, frozenset({"shared", "c9"})), is_ours=True),
            )

    def test_that_a_user_linked_stay_when_they_are_switched_off(self) -> None:
        theirs = central("theirs", name="theirs")
        own = registered(credentials=[*links_of("discover", "c1"), *links_of(MONITOR, "theirs")])

        assert decide(REGISTRATION, state(credential(), central("shared"), theirs, own)) == ()

    @pytest.mark.parametrize("order", [REGISTRATION, WITH_LOGS])
    def test_stay_as_they_are_in_a_registration_that_may_be_newer(self, order: Registration) -> None:
        late = replace(order, only_if_missing=True)
        for monitors in ([], ["shared"], ["theirs"]):
            own = registered(credentials=[*links_of("discover", "c1"), *links_of(MONITOR, *monitors)])

            assert decide(late, state(credential(), central("shared"), own)) == ()

    @pytest.mark.parametrize("offboarding", Offboarding)
    def test_keep_their_credential_when_the_last_account_leaves(self, offboarding: Offboarding) -> None:
        order = Deregistration(ACCOUNT, ROLE, offboarding)

        for monitored in ((), (registered(credentials=links_of(MONITOR, "shared")),)):
            assert decide(order, state(central("shared"), *monitored)) == ()

    def test_keep_their_credential_when_a_registration_is_rejected(self) -> None:
        things = state(credential(), central("shared"), central("later", created_at=2))

        assert withdraw(WITH_LOGS, things) == (DeleteCredential("c1"),)


class TestWithdraw:
    @pytest.mark.parametrize("name", [MADE, ADOPTED])
    def test_deletes_what_a_rejected_registration_leaves_behind_and_no_more(self, name: str) -> None:
        left, linked = credential("c1", name=name), credential("c2")
        others = (credential("c3", role_arn=OLD_ROLE), credential("c4", name="theirs"))

        assert withdraw(REGISTRATION, state(left, linked, *others, deployment("d1", "c2"))) == (DeleteCredential("c1"),)

    def test_leaves_all_to_a_deregistration(self) -> None:
        assert withdraw(Deregistration(ACCOUNT, ROLE, Offboarding.DELETE), state(credential())) == ()


def linking(links: list[str], monitors: list[str], deployment_id: str, **fields: Any) -> Deployment:
    linked = [*links_of("discover", *links), *links_of(MONITOR, *monitors)]
    return deployment(deployment_id, credentials=linked, **fields)


def credentials_of(
    ids: st.SearchStrategy[str], names: list[str], role_arns: list[str | None]
) -> st.SearchStrategy[Credential]:
    return st.builds(
        Credential,
        id=ids,
        name=st.sampled_from(names),
        role_arn=st.sampled_from(role_arns),
        created_at=st.sampled_from([1.0, 2.0]),
        created_by=st.sampled_from(["us", "them", ""]),
    )


credential_ids = st.sampled_from(["c1", "c2", "c3", "c4"])
monitor_ids = st.sampled_from(["m1", "m2", "shared"])
some_credentials = st.lists(
    credentials_of(
        credential_ids,
        [MADE, ADOPTED, credential_name(OTHER, is_adopted=False), "theirs"],
        [ROLE, OLD_ROLE, f"arn:aws:iam::{OTHER}:role/new", None],
    )
    | credentials_of(monitor_ids, [CREDENTIAL_NAME, "theirs"], [CENTRAL_ROLE])
    | credentials_of(monitor_ids, [CREDENTIAL_NAME], ["arn:aws:iam::333333333333:role/another-installation"]),
    unique_by=lambda it: it.id,
)
some_deployments = st.lists(
    st.builds(
        linking,
        deployment_id=st.sampled_from(["d1", "d2", "d3", "d4"]),
        account_id=st.sampled_from([ACCOUNT, OTHER]),
        links=st.lists(credential_ids, max_size=2, unique=True),
        monitors=st.lists(monitor_ids, max_size=2, unique=True),
        created_at=st.sampled_from([1.0, 2.0]),
        created_by=st.sampled_from(["us", "them", ""]),
        enabled=st.booleans(),
        mode=st.sampled_from(["automatic", "manual"]),
    ),
    unique_by=lambda it: it.id,
)
orders: st.SearchStrategy[Order] = st.sampled_from(
    [
        REGISTRATION,
        replace(REGISTRATION, only_if_missing=True),
        replace(REGISTRATION, scope=replace(WHOLE, regions=()), control_tower=None, mode="manual"),
        replace(REGISTRATION, scope=TAGGED),
        WITH_LOGS,
        replace(WITH_LOGS, scope=TAGGED),
        replace(WITH_LOGS, only_if_missing=True),
        *(Deregistration(ACCOUNT, ROLE, offboarding) for offboarding in Offboarding),
    ]
)
states = st.builds(
    State,
    # A batch sees to it that there is a central one.
    credentials=some_credentials.map(lambda listed: [*[it for it in listed if it.id != "shared"], central("shared")]),
    deployments=some_deployments,
    policy_ids=st.just(POLICY_IDS),
    central_logs_role_arn=st.just(CENTRAL_ROLE),
    known_ours=st.frozensets(st.sampled_from(["d1", "d3"])),
    linked_elsewhere=st.frozensets(st.sampled_from(["c1", "c2"])),
)


def applied(changes: tuple[Change, ...], before: State) -> State:
    """Return what Alert Logic holds after the changes, if nobody else changes anything."""
    credentials = {it.id: it for it in before.credentials}
    documents = {it.id: dict(it.document) for it in before.deployments}
    new = next(name for name in map("new-{}".format, itertools.count()) if name not in credentials)
    for change in changes:
        match change:
            case CreateCredential(name, role_arn):
                credentials[new] = credential(new, name=name, role_arn=role_arn, created_at=9)
            case CreateDeployment(order, credential_id, central_link):
                document = made_for(order, credential_id or new, central_link=central_link)
                documents["new"] = {**document, "id": "new", "created": {"at": 9, "by": "us"}, "version": 1}
            case AmendDeployment(deployment_id, order, credential_id, central_link, is_ours):
                documents[deployment_id] = applied_to(
                    documents[deployment_id], order, credential_id or new, is_ours=is_ours, central_link=central_link
                )
            case DisableDeployment(deployment_id):
                documents[deployment_id] = disabled(documents[deployment_id])
            case DeleteDeployment(deployment_id):
                del documents[deployment_id]
            case DeleteCredential(credential_id):
                del credentials[credential_id]
    deployments = [Deployment.from_document(document) for document in documents.values()]
    return replace(before, credentials=list(credentials.values()), deployments=deployments)


def at_rest(order: Order, before: State) -> State:
    # Two rounds, and a third where whoever has the access key now is another user than made what is there.
    for _ in range(3):
        before = applied(decide(order, before), before)
    return before


@given(order=orders, before=states)
def test_comes_to_rest_and_then_has_nothing_more_to_do(order: Order, before: State) -> None:
    after = at_rest(order, before)

    assert applied(decide(order, after), after) == after
    if isinstance(order, Registration):
        assert order.scope.tags or decide(order, after) == ()
        used_elsewhere = {link.id for it in after.deployments for link in it.credentials if it.account_id != ACCOUNT}
        used_elsewhere |= set(after.linked_elsewhere)
        of_role = [it for it in after.credentials if it.role_arn == order.role_arn and it.name in {MADE, ADOPTED}]
        own = [it for it in after.deployments if it.account_id == ACCOUNT]
        kept = min(own, key=lambda it: (it.created_at, it.id))
        linked_by_theirs = {link.id for it in own if it is not kept for link in it.credentials}
        assert len([it for it in of_role if it.id not in used_elsewhere | linked_by_theirs]) <= 1
        assert kept.document["enabled"]
        assert_linked_centrally(kept, order, after)
    else:
        assert decide(order, after) == ()


def assert_linked_centrally(kept: Deployment, order: Registration, after: State) -> None:
    of_role = [it for it in after.credentials if it.role_arn == CENTRAL_ROLE]
    counts = min(of_role, key=lambda it: (it.created_at, it.id)).id
    monitors = {it.id: {link.id for link in it.credentials if link.purpose == MONITOR} for it in after.deployments}
    if order.central_logs:
        assert order.only_if_missing or [it.id for it in kept.credentials if it.purpose == MONITOR] == [counts]
    elif not order.only_if_missing:
        assert not monitors[kept.id] & {it.id for it in after.credentials if it.name == CREDENTIAL_NAME}


@given(before=states)
def test_never_takes_for_its_own_what_the_same_user_made_with_another_credential(before: State) -> None:
    their_credential = credential("theirs", name="theirs", role_arn=OLD_ROLE)
    theirs = deployment("d0", "theirs", created_at=0, created_by="us")
    things = replace(
        before,
        credentials=[*before.credentials, their_credential],
        deployments=[*before.deployments, theirs],
    )

    after = at_rest(REGISTRATION, things)

    [kept] = [it for it in after.deployments if it.id == "d0"]
    assert not is_made_by_us(kept, ACCOUNT, after.credentials)


@given(order=orders, before=states, data=st.data())
def test_does_not_depend_on_the_order_of_what_was_read(order: Order, before: State, data: st.DataObject) -> None:
    shuffled = replace(
        before,
        credentials=data.draw(st.permutations(before.credentials)),
        deployments=data.draw(st.permutations(before.deployments)),
    )

    assert decide(order, before) == decide(order, shuffled)


@given(order=orders, before=states)
def test_never_touches_what_it_does_not_own(order: Order, before: State) -> None:
    """Of others are: deployments of other accounts, credentials of other names, unlinked deployments."""
    own_credentials = {it.id for it in before.credentials if it.name in {MADE, ADOPTED}}
    makers = {it.created_by for it in before.credentials if it.id in own_credentials}
    usable = own_credentials | {it.id for it in before.credentials if it.role_arn == ROLE}
    own_account = {it.id: it for it in before.deployments if it.account_id == ACCOUNT}
    for change in decide(order, before):
        match change:
            case DeleteCredential(credential_id):
                assert credential_id in own_credentials - set(before.linked_elsewhere)
                assert all(credential_id != link.id for it in before.deployments for link in it.credentials)
            case DeleteDeployment(deployment_id) if isinstance(order, Registration):
                assert own_account[deployment_id].created_by in makers or deployment_id in before.known_ours
            case DeleteDeployment(deployment_id):
                assert is_made_by_us(own_account[deployment_id], ACCOUNT, before.credentials)
            case DisableDeployment(deployment_id):
                assert usable & {link.id for link in own_account[deployment_id].credentials}
            case AmendDeployment(deployment_id):
                assert deployment_id == min(own_account.values(), key=lambda it: (it.created_at, it.id)).id
            case CreateCredential() | CreateDeployment():
                assert isinstance(order, Registration)


@given(before=states, order=orders)
def test_never_deletes_the_deployment_that_another_request_at_once_would_keep(before: State, order: Order) -> None:
    if isinstance(order, Registration):
        own = [it for it in before.deployments if it.account_id == ACCOUNT]
        kept = min(own, key=lambda it: (it.created_at, it.id), default=None)
        assert kept is None or DeleteDeployment(kept.id) not in decide(order, before)
