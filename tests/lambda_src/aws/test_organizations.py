from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from aws.clients import client
from aws.organizations import AwsAccountId, Organization

if TYPE_CHECKING:
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
