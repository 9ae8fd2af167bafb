from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from account_registration.registration import (
    AmendDeployment,
    Change,
    ControlTower,
    CreateCredential,
    CreateDeployment,
    DeleteCredential,
    DeleteDeployment,
    Deregistration,
    DisableDeployment,
    Offboarding,
    Order,
    Registration,
    State,
    amended,
    credential_name,
    decide,
    disabled,
    new_document,
)
from alertlogic_api import Credential, Deployment
from aws.organizations import AwsAccountId

ACCOUNT, OTHER = AwsAccountId("555555555555"), AwsAccountId("666666666666")
ROLE, OLD_ROLE = f"arn:aws:iam::{ACCOUNT}:role/new", f"arn:aws:iam::{ACCOUNT}:role/old"
POLICY_IDS = {"Professional": "policy-professional", "Essentials": "policy-essentials"}
REGISTRATION = Registration(
    account_id=ACCOUNT,
    role_arn=ROLE,
    name="shop",
    mode="automatic",
    policy_name="Professional",
    regions=("us-east-1", "us-west-2"),
    control_tower=ControlTower("o-exampleorg1", "us-east-1", AwsAccountId("111111111111")),
    only_if_missing=False,
)
OURS = credential_name(ACCOUNT)


def credential(
    credential_id: str = "c1", *, name: str = OURS, role_arn: str | None = ROLE, created_at: float = 1
) -> Credential:
    return Credential(id=credential_id, name=name, role_arn=role_arn, created_at=created_at, created_by="us")


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
        "credentials": [{"id": link, "purpose": "discover"} for link in links],
        "scope": {"include": [], "exclude": []},
        **fields,
    }
    created = {"at": created_at, "by": created_by}
    return Deployment.from_document({"id": deployment_id, "created": created, **document})


def registered(deployment_id: str = "d1", link: str = "c1", *, created_at: float = 1, **fields: Any) -> Deployment:
    document = new_document(REGISTRATION, credential_id=link, policy_ids=POLICY_IDS) | fields
    return Deployment.from_document({**document, "id": deployment_id, "created": {"at": created_at}, "version": 1})


def state(*things: Credential | Deployment, made_here: tuple[str, ...] = ()) -> State:
    return State(
        credentials=[thing for thing in things if isinstance(thing, Credential)],
        deployments=[thing for thing in things if isinstance(thing, Deployment)],
        policy_ids=POLICY_IDS,
        made_here=made_here,
    )


class TestRegister:
    def test_makes_credential_and_deployment_of_an_account_that_has_none(self) -> None:
        others = (credential("x", name="x", role_arn=None), deployment("y", account_id=OTHER))

        assert decide(REGISTRATION, state(*others)) == (
            CreateCredential(OURS, ROLE),
            CreateDeployment(REGISTRATION, None),
        )

    def test_makes_the_deployment_with_the_credential_that_is_there(self) -> None:
        assert decide(REGISTRATION, state(credential())) == (CreateDeployment(REGISTRATION, "c1"),)

    def test_does_nothing_for_an_account_that_is_registered(self) -> None:
        assert decide(REGISTRATION, state(credential(), registered())) == ()

    def test_adopts_a_deployment_that_somebody_made(self) -> None:
        assert decide(REGISTRATION, state(deployment())) == (
            CreateCredential(OURS, ROLE),
            AmendDeployment("d1", REGISTRATION, None),
        )

    @pytest.mark.parametrize(
        "difference",
        [
            {"enabled": False},
            {"mode": "manual"},
            {"credentials": []},
            {"credentials": [{"id": "another", "purpose": "discover"}]},
            {"credentials": [{"id": "c1", "purpose": "x-account-monitor"}]},
            {"scope": {"include": []}},
            {"is_control_tower": False},
            {"control_tower": {}},
        ],
    )
    def test_amends_a_deployment_that_differs(self, difference: dict[str, Any]) -> None:
        changed = state(credential(), registered(**difference))

        assert decide(REGISTRATION, changed) == (AmendDeployment("d1", REGISTRATION, "c1"),)

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

        assert decide(REGISTRATION, both) == (AmendDeployment("d1", REGISTRATION, "c1"), DeleteDeployment("d2"))

    def test_deletes_a_surplus_credential_once_nothing_links_it(self) -> None:
        both = state(credential("c1"), credential("c2"), registered("d1", "c1"))

        assert decide(REGISTRATION, both) == (DeleteCredential("c2"),)

    def test_replaces_the_credential_when_the_role_is_made_anew(self) -> None:
        old = credential("c1", role_arn=OLD_ROLE)

        assert decide(REGISTRATION, state(old, registered("d1", "c1"))) == (
            CreateCredential(OURS, ROLE),
            AmendDeployment("d1", REGISTRATION, None),
        )
        new = credential("c2", created_at=2)
        assert decide(REGISTRATION, state(old, new, registered("d1", "c2"))) == (DeleteCredential("c1"),)

    def test_deletes_no_deployment_that_somebody_else_made(self) -> None:
        theirs = deployment("d2", "their-credential", created_at=2)

        assert decide(REGISTRATION, state(credential(), registered(), theirs)) == ()

    def test_deletes_a_surplus_deployment_of_its_own_whose_credential_was_taken_away(self) -> None:
        surplus = deployment("d2", "gone", created_at=2)

        assert decide(REGISTRATION, state(credential(), registered(), surplus, made_here=("d2",))) == (
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
        assert decide(late, state(credential(), registered(enabled=False))) == (AmendDeployment("d1", late, "c1"),)
        assert decide(late, state(credential(), deployment())) == (AmendDeployment("d1", late, "c1"),)
        assert decide(late, state()) == (CreateCredential(OURS, ROLE), CreateDeployment(late, None))


class TestDeregister:
    def order(self, offboarding: Offboarding) -> Deregistration:
        return Deregistration(ACCOUNT, ROLE, offboarding)

    def test_disables_the_deployment(self) -> None:
        order = self.order(Offboarding.DISABLE)

        assert decide(order, state(credential(), registered())) == (DisableDeployment("d1"),)
        assert decide(order, state(credential(), registered(enabled=False))) == ()

    def test_deletes_deployment_and_credential(self) -> None:
        order = self.order(Offboarding.DELETE)

        assert decide(order, state(credential(), registered())) == (DeleteDeployment("d1"),)
        assert decide(order, state(credential())) == (DeleteCredential("c1"),)

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

    def test_deletes_no_credential_of_another_name(self) -> None:
        theirs = credential("c0", name="theirs")

        assert decide(self.order(Offboarding.DELETE), state(theirs, registered("d1", "c0"))) == (
            DeleteDeployment("d1"),
        )
        assert decide(self.order(Offboarding.DELETE), state(theirs)) == ()


class TestDocuments:
    def test_a_new_deployment_is_what_the_vendor_s_own_automation_sends(self) -> None:
        assert new_document(REGISTRATION, credential_id="c1", policy_ids=POLICY_IDS) == {
            "name": "shop",
            "platform": {"type": "aws", "id": ACCOUNT},
            "mode": "automatic",
            "enabled": True,
            "discover": True,
            "scan": True,
            "credentials": [{"id": "c1", "purpose": "discover"}],
            "scope": {
                "include": [
                    {"type": "region", "key": "/aws/us-east-1", "policy": {"id": "policy-professional"}},
                    {"type": "region", "key": "/aws/us-west-2", "policy": {"id": "policy-professional"}},
                ],
                "exclude": [],
            },
            "is_control_tower": True,
            "control_tower": {
                "org": {"org_id": "o-exampleorg1", "residency": "us-east-1", "master_account": "111111111111"},
                "is_master_account": False,
            },
        }

    def test_an_account_without_landing_zone_and_regions_gets_neither(self) -> None:
        registration = replace(REGISTRATION, control_tower=None, regions=())
        document = new_document(registration, credential_id="c1", policy_ids=POLICY_IDS)

        assert document["scope"] == {"include": [], "exclude": []}
        assert "is_control_tower" not in document
        assert "control_tower" not in document

    def test_keeps_all_that_belongs_to_the_user(self) -> None:
        vpc = {"type": "vpc", "key": "/aws/us-east-1/vpc/vpc-1", "policy": {"id": "policy-essentials"}}
        other_region = {"type": "region", "key": "/aws/eu-west-1", "policy": {"id": "policy-essentials"}}
        own_region = {"type": "region", "key": "/aws/us-west-2", "policy": {"id": "x", "name": "kept"}, "note": "kept"}
        document: dict[str, Any] = {
            "name": "their name",
            "platform": {"type": "aws", "id": ACCOUNT, "monitor": {"enabled": True}},
            "mode": "readonly",
            "enabled": False,
            "discover": False,
            "scan": False,
            "features": {"scan": []},
            "from_the_future": 1,
            "credentials": [
                {"id": "central", "purpose": "x-account-monitor"},
                {"id": "theirs", "purpose": "discover", "version": "2020-01-01"},
            ],
            "scope": {"include": [vpc, other_region, own_region], "exclude": [{"type": "vpc", "key": "k"}], "more": 1},
            "control_tower": {"org": {"note": "kept"}, "is_master_account": True, "note": "kept"},
            "version": 3,
        }

        changed = amended(document, REGISTRATION, credential_id="c1", policy_ids=POLICY_IDS)

        assert changed == {
            **document,
            "mode": "automatic",
            "enabled": True,
            "credentials": [{"id": "central", "purpose": "x-account-monitor"}, {"id": "c1", "purpose": "discover"}],
            "scope": {
                **document["scope"],
                "include": [
                    vpc,
                    other_region,
                    {**own_region, "policy": {"id": "policy-professional", "name": "kept"}},
                    {"type": "region", "key": "/aws/us-east-1", "policy": {"id": "policy-professional"}},
                ],
            },
            "is_control_tower": True,
            "control_tower": {
                "org": {
                    "note": "kept",
                    "org_id": "o-exampleorg1",
                    "residency": "us-east-1",
                    "master_account": "111111111111",
                },
                "is_master_account": False,
                "note": "kept",
            },
        }

    def test_keeps_what_alert_logic_wrote_beside_the_link(self) -> None:
        link = {"id": "c1", "purpose": "discover", "version": "2020-01-01"}

        changed = amended({"credentials": [link]}, REGISTRATION, credential_id="c1", policy_ids=POLICY_IDS)

        assert changed["credentials"] == [link]

    def test_disabling_changes_nothing_else(self) -> None:
        assert disabled({"enabled": True, "mode": "manual"}) == {"enabled": False, "mode": "manual"}


def linking(links: list[str], deployment_id: str, **fields: Any) -> Deployment:
    return deployment(deployment_id, *links, **fields)


credential_ids = st.sampled_from(["c1", "c2", "c3", "c4"])
some_credentials = st.lists(
    st.builds(
        Credential,
        id=credential_ids,
        name=st.sampled_from([OURS, credential_name(OTHER), "theirs"]),
        role_arn=st.sampled_from([ROLE, OLD_ROLE, f"arn:aws:iam::{OTHER}:role/new", None]),
        created_at=st.sampled_from([1.0, 2.0]),
    ),
    unique_by=lambda it: it.id,
)
some_deployments = st.lists(
    st.builds(
        linking,
        deployment_id=st.sampled_from(["d1", "d2", "d3", "d4"]),
        account_id=st.sampled_from([ACCOUNT, OTHER]),
        links=st.lists(credential_ids, max_size=2, unique=True),
        created_at=st.sampled_from([1.0, 2.0]),
        enabled=st.booleans(),
        mode=st.sampled_from(["automatic", "manual"]),
    ),
    unique_by=lambda it: it.id,
)
orders: st.SearchStrategy[Order] = st.sampled_from(
    [
        REGISTRATION,
        replace(REGISTRATION, only_if_missing=True),
        replace(REGISTRATION, regions=(), control_tower=None, mode="manual"),
        *(Deregistration(ACCOUNT, ROLE, offboarding) for offboarding in Offboarding),
    ]
)
states = st.builds(
    State,
    credentials=some_credentials,
    deployments=some_deployments,
    policy_ids=st.just(POLICY_IDS),
    made_here=st.frozensets(st.sampled_from(["d1", "d3"])),
)


def applied(changes: tuple[Change, ...], before: State) -> State:
    """Return what Alert Logic holds after the changes, if nobody else changes anything."""
    credentials = {it.id: it for it in before.credentials}
    documents = {it.id: dict(it.document) for it in before.deployments}
    new = ""
    for change in changes:
        match change:
            case CreateCredential(name, role_arn):
                new = "new"
                credentials[new] = credential(new, name=name, role_arn=role_arn, created_at=9)
            case CreateDeployment(order, credential_id):
                document = new_document(order, credential_id=credential_id or new, policy_ids=POLICY_IDS)
                documents["new"] = {**document, "id": "new", "created": {"at": 9}, "version": 1}
            case AmendDeployment(deployment_id, order, credential_id):
                documents[deployment_id] = amended(
                    documents[deployment_id], order, credential_id=credential_id or new, policy_ids=POLICY_IDS
                )
            case DisableDeployment(deployment_id):
                documents[deployment_id] = disabled(documents[deployment_id])
            case DeleteDeployment(deployment_id):
                del documents[deployment_id]
            case DeleteCredential(credential_id):
                del credentials[credential_id]
    deployments = [Deployment.from_document(document) for document in documents.values()]
    return replace(before, credentials=list(credentials.values()), deployments=deployments)


@given(order=orders, before=states)
def test_comes_to_rest_after_two_rounds_and_then_has_nothing_more_to_do(order: Order, before: State) -> None:
    after = applied(decide(order, before), before)
    after = applied(decide(order, after), after)

    assert decide(order, after) == ()
    if isinstance(order, Registration):
        used_elsewhere = {link.id for it in after.deployments for link in it.credentials if it.account_id != ACCOUNT}
        of_role = [it for it in after.credentials if it.role_arn == order.role_arn and it.name == OURS]
        assert len([it for it in of_role if it.id not in used_elsewhere]) <= 1
        kept = min((it for it in after.deployments if it.account_id == ACCOUNT), key=lambda it: (it.created_at, it.id))
        assert kept.document["enabled"]


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
    own_credentials = {it.id for it in before.credentials if it.name == OURS}
    usable = own_credentials | {it.id for it in before.credentials if it.role_arn == ROLE}
    own_account = {it.id: it for it in before.deployments if it.account_id == ACCOUNT}
    for change in decide(order, before):
        match change:
            case DeleteCredential(credential_id):
                assert credential_id in own_credentials
                assert all(credential_id != link.id for it in before.deployments for link in it.credentials)
            case DeleteDeployment(deployment_id) | DisableDeployment(deployment_id):
                links = {link.id for link in own_account[deployment_id].credentials}
                assert links & usable or deployment_id in before.made_here
            case AmendDeployment(deployment_id, _, _):
                assert deployment_id == min(own_account.values(), key=lambda it: (it.created_at, it.id)).id
            case CreateCredential() | CreateDeployment():
                assert isinstance(order, Registration)


@given(before=states, order=orders)
def test_never_deletes_the_deployment_that_another_request_at_once_would_keep(before: State, order: Order) -> None:
    if isinstance(order, Registration):
        own = [it for it in before.deployments if it.account_id == ACCOUNT]
        kept = min(own, key=lambda it: (it.created_at, it.id), default=None)
        assert kept is None or DeleteDeployment(kept.id) not in decide(order, before)
