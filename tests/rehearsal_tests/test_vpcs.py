"""VPCs live as in AWS, and EC2 lists them in pages to whoever may see them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from tests.rehearsal.principals import Operator, RoleSession

if TYPE_CHECKING:
    from collections.abc import Generator

    from tests.rehearsal import Rehearsal
    from tests.rehearsal.vpcs import Vpc

DEPLOYED = ()

ACCOUNT, OTHER_ACCOUNT = "222222222222", "333333333333"
REGION, OTHER_REGION = "us-west-2", "eu-west-1"


@pytest.fixture
def vpc(rehearsal: Rehearsal) -> Generator[Vpc]:
    made = rehearsal.vpcs.create(ACCOUNT, REGION, Name="one")
    yield made
    rehearsal.vpcs.delete(made)


def listed(rehearsal: Rehearsal, *, owner: str = ACCOUNT, region: str = REGION, size: int = 1000) -> list[list[str]]:
    """The ids on each page that the account's operator gets."""
    pages = (
        rehearsal.gateway.client("ec2", Operator(ACCOUNT), region)
        .get_paginator("describe_vpcs")
        .paginate(Filters=[{"Name": "owner-id", "Values": [owner]}], PaginationConfig={"PageSize": size})
    )
    return [[vpc["VpcId"] for vpc in page["Vpcs"]] for page in pages]


def test_a_vpc_is_listed_with_its_tags_where_it_is(rehearsal: Rehearsal, vpc: Vpc) -> None:
    ec2 = rehearsal.gateway.client("ec2", Operator(ACCOUNT), REGION)
    [found] = ec2.describe_vpcs()["Vpcs"]

    assert (found["VpcId"], found["OwnerId"], found["Tags"]) == (vpc.id, ACCOUNT, [{"Key": "Name", "Value": "one"}])
    assert listed(rehearsal, region=OTHER_REGION) == [[]]
    assert listed(rehearsal, owner=OTHER_ACCOUNT) == [[]]


def test_pages_are_shorter_than_asked_for(rehearsal: Rehearsal) -> None:
    with rehearsal.vpcs.held_events():
        for _ in range(120):
            rehearsal.vpcs.create(ACCOUNT, OTHER_REGION)

    pages = listed(rehearsal, region=OTHER_REGION)

    assert [len(page) for page in pages] == [100, 20]
    assert [vpc_id for page in pages for vpc_id in page] == [vpc.id for vpc in rehearsal.vpcs.of(ACCOUNT, OTHER_REGION)]
    assert [len(page) for page in listed(rehearsal, region=OTHER_REGION, size=50)] == [50, 50, 20]


def test_no_page_can_be_longer_than_a_thousand(rehearsal: Rehearsal) -> None:
    with pytest.raises(ClientError, match="InvalidParameterValue"):
        listed(rehearsal, size=1001)


@pytest.mark.parametrize("question", [{"Filters": [{"Name": "is-default", "Values": ["true"]}]}, {"VpcIds": ["vpc-0"]}])
def test_what_nobody_described_fails_loudly(rehearsal: Rehearsal, question: dict[str, Any]) -> None:
    with pytest.raises(ClientError, match="is not known to"):
        rehearsal.gateway.client("ec2", Operator(ACCOUNT), REGION).describe_vpcs(**question)

    assert rehearsal.gateway.faults.pop().startswith("ec2:DescribeVpcs: NotImplementedError")


def test_who_may_not_list_vpcs_is_told_as_ec2_tells(rehearsal: Rehearsal) -> None:
    nobody = RoleSession(f"arn:aws:iam::{ACCOUNT}:role/Nobody", "session")

    with pytest.raises(ClientError, match=r"UnauthorizedOperation.*ec2:DescribeVpcs"):
        rehearsal.gateway.client("ec2", nobody, REGION).describe_vpcs()


def test_a_changed_tag_is_told_with_all_tags_and_a_growing_version(rehearsal: Rehearsal, vpc: Vpc) -> None:
    with rehearsal.vpcs.held_events() as events:
        rehearsal.vpcs.tag(vpc, Env="Prod")
        rehearsal.vpcs.untag(vpc, "Name", "Env")

    added, removed = (event["detail"] for event in events)
    assert (added["changed-tag-keys"], added["tags"]) == (["Env"], {"Name": "one", "Env": "Prod"})
    assert (removed["changed-tag-keys"], removed["tags"]) == (["Env", "Name"], {})
    assert removed["version"] == added["version"] + 1
    assert [event["source"] for event in events] == ["aws.tag"] * 2
    assert {event["resources"][0] for event in events} == {f"arn:aws:ec2:{REGION}:{ACCOUNT}:vpc/{vpc.id}"}


def test_a_vpc_is_made_and_deleted_with_cloudtrails_events(rehearsal: Rehearsal) -> None:
    with rehearsal.vpcs.held_events() as events:
        vpc = rehearsal.vpcs.create(ACCOUNT, REGION, Env="Prod")
        plain = rehearsal.vpcs.create(ACCOUNT, REGION)
        rehearsal.vpcs.delete(vpc)
        rehearsal.vpcs.delete(plain)

    created, tagged, plainly_created, deleted, _ = events
    assert [event["detail"].get("eventName") for event in (created, tagged, deleted)] == [
        "CreateVpc",
        None,
        "DeleteVpc",
    ]
    described = created["detail"]["responseElements"]["vpc"]
    assert (described["vpcId"], described["ownerId"]) == (vpc.id, ACCOUNT)
    assert described["tagSet"] == {"items": [{"key": "Env", "value": "Prod"}]}
    assert plainly_created["detail"]["responseElements"]["vpc"]["tagSet"] == {}
    assert deleted["detail"]["requestParameters"] == {"vpcId": vpc.id}
    for event in (created, deleted):
        detail = event["detail"]
        assert (detail["recipientAccountId"], detail["awsRegion"]) == (event["account"], event["region"])
        assert detail["userIdentity"]["accountId"] == ACCOUNT
    assert rehearsal.vpcs.of(ACCOUNT, REGION) == {}
