from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from aws.clients import client
from aws.organizations import AwsAccountId, Organization

if TYPE_CHECKING:
    from collections.abc import Callable

    from mypy_boto3_organizations import OrganizationsClient


@pytest.fixture
def organizations(aws: None) -> OrganizationsClient:  # noqa: ARG001 - AWS must be there
    organizations: OrganizationsClient = client("organizations")
    organizations.create_organization(FeatureSet="ALL")
    return organizations


def unit(organizations: OrganizationsClient, parent: str, name: str) -> str:
    return organizations.create_organizational_unit(ParentId=parent, Name=name)["OrganizationalUnit"].get("Id", "")


def account(organizations: OrganizationsClient, root: str, parent: str, name: str) -> AwsAccountId:
    status = organizations.create_account(AccountName=name, Email=f"{name}@example.com")["CreateAccountStatus"]
    account_id = status.get("AccountId", "")
    organizations.move_account(AccountId=account_id, SourceParentId=root, DestinationParentId=parent)
    return AwsAccountId(account_id)


def test_reads_the_account_and_all_units_above_it(organizations: OrganizationsClient) -> None:
    root = organizations.list_roots()["Roots"][0].get("Id", "")
    workloads = unit(organizations, root, "workloads")
    production = unit(organizations, workloads, "production")
    account_id = account(organizations, root, production, "shop")

    found = Organization(organizations).account(account_id)

    assert found
    assert (found.name, found.state, found.ancestors) == ("shop", "ACTIVE", (production, workloads, root))


def test_reads_the_units_that_accounts_share_once(organizations: OrganizationsClient) -> None:
    root = organizations.list_roots()["Roots"][0].get("Id", "")
    workloads = unit(organizations, root, "workloads")
    accounts = [account(organizations, root, workloads, name) for name in ("shop", "bank", "post")]
    asked: list[str] = []
    organizations.meta.events.register(
        "before-parameter-build.organizations.ListParents",
        lambda params, **_: asked.append(params["ChildId"]),
    )

    organization = Organization(organizations)
    for account_id in accounts:
        organization.account(account_id)

    assert sorted(asked) == sorted([*accounts, workloads])


def test_knows_no_account_outside_of_the_organization(organizations: OrganizationsClient) -> None:
    assert Organization(organizations).account(AwsAccountId("999999999999")) is None


@pytest.mark.parametrize(
    ("described", "state"),
    [
        ({"State": "CLOSED", "Status": "SUSPENDED"}, "CLOSED"),
        ({"State": "ACTIVE"}, "ACTIVE"),
        ({"Status": "SUSPENDED"}, "SUSPENDED"),
    ],
)
def test_reads_the_state_and_where_there_is_none_the_retired_status(
    organizations: OrganizationsClient, described: dict[str, str], state: str
) -> None:
    account_id = AwsAccountId("555555555555")
    with Stubber(organizations) as stubber:
        stubber.add_response(
            "describe_account", {"Account": {"Id": account_id, "Name": "shop", **described}}, {"AccountId": account_id}
        )
        # An empty page that is not the last, as Organizations sometimes answers.
        stubber.add_response("list_parents", {"Parents": [], "NextToken": "more"}, {"ChildId": account_id})
        stubber.add_response(
            "list_parents",
            {"Parents": [{"Id": "r-abcd", "Type": "ROOT"}]},
            {"ChildId": account_id, "NextToken": "more"},
        )

        found = Organization(organizations).account(account_id)

    assert found
    assert (found.state, found.ancestors) == (state, ("r-abcd",))


def test_leaves_other_errors_to_the_queue(organizations: OrganizationsClient) -> None:
    with Stubber(organizations) as stubber:
        stubber.add_client_error("describe_account", "TooManyRequestsException")
        with pytest.raises(ClientError, match="TooManyRequests"):
            Organization(organizations).account(AwsAccountId("555555555555"))


def test_tells_whether_an_account_is_in_the_organization(organizations: OrganizationsClient) -> None:
    root = organizations.list_roots()["Roots"][0]["Id"]
    account_id = account(organizations, root, root, "shop")

    assert Organization(organizations).has(account_id)
    assert not Organization(organizations).has(AwsAccountId("999999999999"))


def test_a_closed_account_is_in_the_organization(organizations: OrganizationsClient) -> None:
    root = organizations.list_roots()["Roots"][0]["Id"]
    account_id = account(organizations, root, root, "shop")
    organizations.close_account(AccountId=account_id)

    assert Organization(organizations).has(account_id)


def test_lists_roots_and_units(organizations: OrganizationsClient) -> None:
    [root] = Organization(organizations).roots()
    workloads = unit(organizations, root, "workloads")
    production = unit(organizations, workloads, "production")
    many = {unit(organizations, production, f"team-{number}") for number in range(25)}
    organization = Organization(organizations)

    assert organization.units_in(root) == (workloads,)
    assert set(organization.units_in(production) or ()) == many
    assert organization.units_in(many.pop()) == ()
    assert organization.ancestors_of(production) == (workloads, root)
    assert organization.ancestors_of(root) == ()


def test_lists_the_accounts_of_a_unit_itself_twenty_at_a_time(organizations: OrganizationsClient) -> None:
    [root] = Organization(organizations).roots()
    workloads = unit(organizations, root, "workloads")
    production = unit(organizations, workloads, "production")
    accounts = {account(organizations, root, production, f"shop-{number}") for number in range(25)}
    account(organizations, root, workloads, "shared")
    organization = Organization(organizations)

    first = organization.page_of_accounts(production, ancestors=(workloads, root), token=None)
    assert first
    assert first.next_token
    second = organization.page_of_accounts(production, ancestors=(workloads, root), token=first.next_token)

    assert second
    assert (len(first.accounts), len(second.accounts), second.next_token) == (20, 5, None)
    listed = [*first.accounts, *second.accounts]
    assert {it.id for it in listed} == accounts
    # Just as if each were read by itself.
    assert {it.id: it for it in listed} == {it: organization.account(it) for it in accounts}


class TestUnitsThatAreGone:
    UNIT = "ou-abcd-11111111"

    def test_have_no_ancestors_units_and_accounts(self, organizations: OrganizationsClient) -> None:
        organization = Organization(organizations)

        assert organization.ancestors_of(self.UNIT) is None
        assert organization.units_in(self.UNIT) is None
        assert organization.page_of_accounts(self.UNIT, ancestors=(), token=None) is None

    def test_nor_has_a_page_whose_token_has_expired(self, organizations: OrganizationsClient) -> None:
        with Stubber(organizations) as stubber:
            stubber.add_client_error(
                "list_accounts_for_parent",
                "InvalidInputException",
                modeled_fields={"Reason": "INVALID_NEXT_TOKEN"},
                expected_params={"ParentId": self.UNIT, "MaxResults": 20, "NextToken": "old"},
            )
            assert Organization(organizations).page_of_accounts(self.UNIT, ancestors=(), token="old") is None

    @pytest.mark.parametrize(
        ("call", "look"),
        [
            ("describe_account", lambda it: it.has(AwsAccountId("555555555555"))),
            ("list_parents", lambda it: it.ancestors_of("ou-abcd-11111111")),
            ("list_organizational_units_for_parent", lambda it: it.units_in("ou-abcd-11111111")),
            ("list_accounts_for_parent", lambda it: it.page_of_accounts("ou-abcd-1", ancestors=(), token=None)),
        ],
    )
    def test_other_errors_are_left_to_the_queue(
        self, organizations: OrganizationsClient, call: str, look: Callable[[Organization], object]
    ) -> None:
        with Stubber(organizations) as stubber:
            stubber.add_client_error(call, "TooManyRequestsException")
            with pytest.raises(ClientError, match="TooManyRequests"):
                look(Organization(organizations))
