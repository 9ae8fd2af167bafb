"""Walks through an organization and a StackSet, of which moto has no more than it lists on a page."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from account_enrollment.message import parse
from account_enrollment.sweep import (
    DEPARTURES_SECONDS,
    Departures,
    Holders,
    InstanceWalk,
    Sweep,
    UnitPage,
    UnitWalk,
    read,
    write,
)
from aws.clients import client
from aws.organizations import AwsAccountId, Organization
from aws.queue import Queue, Refused
from aws.stack_sets import InstancePage, Operation, StackInstance

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mypy_boto3_organizations import OrganizationsClient

    from account_enrollment.sweep import Piece
    from tests.lambda_src.deliveries import Deliveries

ROOT, UNIT = "r-abcd", "ou-abcd-11111111"
NOW = 1_800_000_000.0

account_ids = st.integers(0, 10**12 - 1).map(lambda number: AwsAccountId(f"{number:012}"))
places = st.tuples(
    st.text(min_size=1, max_size=36, alphabet="abcdef0123456789-"),
    st.sampled_from([ROOT, UNIT]),
    st.lists(st.sampled_from([ROOT, UNIT]), max_size=5).map(tuple),
    st.none() | st.text(min_size=1),
)
pieces: st.SearchStrategy[Piece] = st.one_of(
    places.map(lambda place: UnitWalk(*place)),
    places.map(lambda place: UnitPage(*place)),
    st.builds(InstanceWalk, id=st.just("sweep"), token=st.none() | st.text(min_size=1)),
    st.builds(Holders, id=st.just("sweep"), account_ids=st.lists(account_ids).map(tuple)),
    st.builds(
        Departures,
        id=st.just("sweep"),
        operation_ids=st.lists(st.integers(min_value=1).map(lambda number: f"remove-{number}")).map(tuple),
    ),
)


@given(piece=pieces)
def test_a_piece_comes_back_from_the_queue_as_it_was(piece: Piece) -> None:
    assert parse(write(piece), management_account_id="111111111111") == piece


@pytest.mark.parametrize(
    "change",
    [
        {"Sweep": "everything"},
        {"Id": ""},
        {"Id": 7},
        {"Unit": "Custom"},
        {"Unit": None},
        {"Ancestors": "r-abcd"},
        {"Ancestors": ["Custom"]},
        {"Token": ""},
        {"Token": 7},
        {"Sweep": "accounts", "Accounts": ["shop"]},
        {"Sweep": "departures", "Operations": ["create-1"]},
    ],
)
def test_refuses_a_malformed_piece(change: dict[str, Any]) -> None:
    with pytest.raises(Refused):
        read({"Sweep": "unit", "Id": "sweep", "Unit": UNIT, "Ancestors": [ROOT], "Token": None} | change)


@dataclass
class FakeStackSet:
    """Only its instances, a few on a page, and operations; tokens are numbers of pages."""

    pages: list[list[StackInstance]]
    begun: Sequence[Operation] = ()

    def operations(self) -> Sequence[Operation]:
        return self.begun

    def page_of_instances(self, token: str | None) -> InstancePage:
        number = int(token or 0)
        return InstancePage(tuple(self.pages[number]), str(number + 1) if number + 1 < len(self.pages) else None)


@dataclass
class Field:
    organizations: OrganizationsClient
    deliveries: Deliveries
    stack_set: FakeStackSet

    @property
    def sweep(self) -> Sweep:
        return Sweep(
            organization=Organization(self.organizations),
            stack_set=self.stack_set,  # type: ignore[arg-type]
            queue=Queue(self.deliveries.sqs, url=self.deliveries.url, dead_letter_url=self.deliveries.dead_letter_url),
            clock=lambda: NOW,
        )

    @property
    def root(self) -> str:
        return self.organizations.list_roots()["Roots"][0]["Id"]

    def unit(self, parent: str, name: str) -> str:
        return self.organizations.create_organizational_unit(ParentId=parent, Name=name)["OrganizationalUnit"]["Id"]

    def account(self, parent: str, name: str) -> str:
        status = self.organizations.create_account(AccountName=name, Email=f"{name}@example.com")["CreateAccountStatus"]
        account_id = status["AccountId"]
        self.organizations.move_account(AccountId=account_id, SourceParentId=self.root, DestinationParentId=parent)
        return account_id

    def sent(self) -> list[Piece]:
        found: list[Piece] = []
        while records := self.deliveries.batch()["Records"]:
            found += [read(json.loads(record["body"])) for record in records]
        return found

    def all_that_comes_of_it(self) -> list[Piece]:
        """Walk until there is nothing to walk; return what is to be looked at."""
        looks: list[Piece] = []
        while found := self.sent():
            for piece in found:
                if isinstance(piece, (UnitWalk, InstanceWalk)):
                    self.sweep.walk(piece)
                else:
                    looks.append(piece)
        return looks

    def accounts_on(self, looks: list[Piece]) -> list[str]:
        organization = Organization(self.organizations)
        return sorted(account.id for page in looks for account in _accounts(organization, page))


def _accounts(organization: Organization, piece: Piece) -> Iterator[Any]:
    assert isinstance(piece, UnitPage)
    page = organization.page_of_accounts(piece.unit_id, ancestors=piece.ancestors, token=piece.token)
    assert page
    yield from page.accounts


@pytest.fixture
def field(deliveries: Deliveries) -> Field:
    organizations: OrganizationsClient = client("organizations")
    organizations.create_organization(FeatureSet="ALL")
    return Field(organizations, deliveries, FakeStackSet([[]]))


def test_comes_by_every_account_of_the_organization_once(field: Field) -> None:
    workloads = field.unit(field.root, "workloads")
    production = field.unit(workloads, "production")
    field.unit(field.root, "empty")
    made = [field.account(production, f"production-{number}") for number in range(45)]
    made += [field.account(workloads, "shared"), field.account(field.root, "stray")]

    field.sweep.begin("sweep")
    looks = field.all_that_comes_of_it()

    management = field.organizations.describe_organization()["Organization"]["MasterAccountId"]
    assert field.accounts_on(looks) == sorted([*made, management])
    by_unit = {(it.unit_id, it.ancestors) for it in looks if isinstance(it, UnitPage)}
    assert by_unit == {
        (field.root, ()),
        (workloads, (field.root,)),
        (production, (workloads, field.root)),
    }
    assert {it.id for it in looks} == {"sweep"}


def test_comes_only_by_what_is_below_a_unit(field: Field) -> None:
    workloads = field.unit(field.root, "workloads")
    production = field.unit(workloads, "production")
    below = [field.account(production, "shop"), field.account(workloads, "shared")]
    field.account(field.root, "stray")

    assert field.sweep.begin_in(workloads, "sweep")

    assert field.accounts_on(field.all_that_comes_of_it()) == sorted(below)


def test_does_not_begin_in_a_unit_that_is_gone(field: Field) -> None:
    assert not field.sweep.begin_in(UNIT, "sweep")
    assert field.sent() == []


def test_ends_where_a_unit_goes_while_it_walks(field: Field) -> None:
    assert field.sweep.walk(UnitWalk("sweep", UNIT, (ROOT,), None)) == 0
    assert field.sent() == []


def test_ends_where_the_units_go_after_the_accounts_were_listed(field: Field, monkeypatch: pytest.MonkeyPatch) -> None:
    unit = field.unit(field.root, "workloads")
    field.account(unit, "shop")
    monkeypatch.setattr(Organization, "units_in", lambda *_: None)

    assert field.sweep.walk(UnitWalk("sweep", unit, (field.root,), None)) == 1


def test_goes_on_over_an_empty_page(field: Field, monkeypatch: pytest.MonkeyPatch) -> None:
    listed = field.organizations.list_accounts_for_parent
    unit = field.unit(field.root, "workloads")

    def list_nothing(**request: Any) -> Any:
        return {**listed(**request), "NextToken": "more"}

    monkeypatch.setattr(field.organizations, "list_accounts_for_parent", list_nothing)

    field.sweep.walk(UnitWalk("sweep", unit, (field.root,), None))

    assert field.sent() == [UnitWalk("sweep", unit, (field.root,), "more")]


def test_sends_the_next_page_with_the_work_of_this_one_and_the_units_only_once(field: Field) -> None:
    for number in range(25):
        field.account(field.root, f"account-{number}")
    unit = field.unit(field.root, "workloads")

    assert field.sweep.walk(UnitWalk("sweep", field.root, (), None)) == 3
    sent = field.sent()
    [next_page] = [it for it in sent if isinstance(it, UnitWalk) and it.token]
    assert next_page.unit_id == field.root
    assert UnitPage("sweep", field.root, (), None) in sent
    assert UnitWalk("sweep", unit, (field.root,), None) in sent

    assert field.sweep.walk(next_page) == 1
    assert field.sent() == [UnitPage("sweep", field.root, (), next_page.token)]


def test_sends_the_accounts_of_a_page_of_instances_twenty_at_a_time(field: Field) -> None:
    first = [StackInstance(AwsAccountId(f"{number:012}"), "us-east-1", "CURRENT", "", "") for number in range(45)]
    second = [StackInstance(AwsAccountId(f"{number:012}"), "us-west-2", "CURRENT", "", "") for number in (3, 44, 45)]
    field.stack_set.pages = [[*first, *first], second]

    field.sweep.walk(InstanceWalk("sweep", None))
    looks = field.all_that_comes_of_it()

    assert sorted(len(it.account_ids) for it in looks if isinstance(it, Holders)) == [3, 5, 20, 20]
    seen = {account_id for it in looks if isinstance(it, Holders) for account_id in it.account_ids}
    assert seen == {f"{number:012}" for number in range(46)}


def test_nothing_is_sent_for_an_empty_stack_set(field: Field) -> None:
    assert field.sweep.walk(InstanceWalk("sweep", None)) == 0


def test_comes_by_the_departures_of_late_twenty_at_a_time(field: Field) -> None:
    removals = [
        Operation(f"remove-{number}", is_under_way=False, action="DELETE", began_at=NOW - age)
        for number, age in enumerate([DEPARTURES_SECONDS + 1, DEPARTURES_SECONDS, *[0] * 25], start=1)
    ]
    other = Operation("trim-555555555555-abc", is_under_way=False, action="DELETE", began_at=NOW)
    field.stack_set.begun = [other, *removals]

    field.sweep.begin("sweep")

    departures = [it for it in field.sent() if isinstance(it, Departures)]
    assert sorted(len(it.operation_ids) for it in departures) == [5, 20]
    seen = {operation_id for it in departures for operation_id in it.operation_ids}
    assert seen == {f"remove-{number}" for number in range(3, 28)}
