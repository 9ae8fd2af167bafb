from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from aws.clients import client
from aws.organizations import AwsAccountId
from aws.reader import NotReadableError, ReaderRole, RoleNotAssumableError
from aws.vpcs import Vpc, VpcReader
from tests.lambda_src.wire import answer_with_error, calls_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mypy_boto3_ec2 import EC2Client

MEMBER = AwsAccountId("555555555555")
EAST, WEST = "us-east-1", "us-west-2"
OWNED = [{"Name": "owner-id", "Values": [MEMBER]}]


@pytest.fixture
def role(aws: None) -> ReaderRole:  # noqa: ARG001 - AWS must be there
    return ReaderRole(client("sts"), name="alertlogic-hub-reader", session_name="vpc_scope")


def pages(ec2: EC2Client, sizes: Sequence[int]) -> Stubber:
    """Let EC2 answer in pages, which moto does not."""
    stubber = Stubber(ec2)
    first = 0
    for number, size in enumerate(sizes):
        token: dict[str, Any] = {"NextToken": str(number)} if number else {}
        following = {"NextToken": str(number + 1)} if number + 1 < len(sizes) else {}
        vpcs = [
            {"VpcId": f"vpc-{index:04x}", "Tags": [{"Key": "n", "Value": str(index)}]}
            for index in range(first, first + size)
        ]
        stubber.add_response(
            "describe_vpcs", {"Vpcs": vpcs, **following}, {"Filters": OWNED, "MaxResults": 1000, **token}
        )
        first += size
    return stubber


def test_lists_the_vpcs_of_each_region_with_their_tags(role: ReaderRole, monkeypatch: pytest.MonkeyPatch) -> None:
    clients = role.clients(MEMBER)
    made: dict[str, set[str]] = {}
    for region in (EAST, WEST):
        ec2 = clients("ec2", region)
        made[region] = {it["VpcId"] for it in ec2.describe_vpcs()["Vpcs"]}
        tagged = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        ec2.create_tags(Resources=[tagged], Tags=[{"Key": "Env", "Value": region}, {"Key": "Name", "Value": ""}])
        made[region].add(tagged)
    calls = calls_of(monkeypatch, "ec2", "DescribeVpcs")

    listed = VpcReader(role.clients).vpcs(account_id=MEMBER, regions=(EAST, WEST))

    assert listed.keys() == {EAST, WEST}
    for region, vpcs in listed.items():
        assert not isinstance(vpcs, NotReadableError)
        assert {vpc.id for vpc in vpcs} == made[region]
        assert [vpc.tags for vpc in vpcs if vpc.tags] == [{"Env": region, "Name": ""}]
    # VPCs that another account shares with this one are not its own.
    assert [(call["Filter.1.Name"], call["Filter.1.Value.1"]) for call in calls] == [(["owner-id"], [MEMBER])] * 2


@pytest.mark.parametrize("sizes", [[0], [1], [100, 100, 37], [1000, 1], [5, 0, 5]])
def test_reads_all_pages(role: ReaderRole, sizes: list[int]) -> None:
    ec2 = role.clients(MEMBER)("ec2", EAST)
    with pages(ec2, sizes) as stubber:
        listed = VpcReader(lambda _: lambda *_: ec2).vpcs(account_id=MEMBER, regions=(EAST,))
        stubber.assert_no_pending_responses()

    assert listed == {EAST: tuple(Vpc(f"vpc-{index:04x}", {"n": str(index)}) for index in range(sum(sizes)))}


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("UnauthorizedOperation", 403),
        ("AuthFailure", 401),
        ("OptInRequired", 401),
        ("RequestLimitExceeded", 503),
        ("InternalError", 500),
    ],
)
def test_tells_why_a_region_cannot_be_read(
    role: ReaderRole, monkeypatch: pytest.MonkeyPatch, code: str, status: int
) -> None:
    answer_with_error(monkeypatch, "ec2", "DescribeVpcs", code, status=status)

    listed = VpcReader(role.clients).vpcs(account_id=MEMBER, regions=(EAST,))

    assert isinstance(listed[EAST], NotReadableError)
    assert str(listed[EAST]) == f"the VPCs of account {MEMBER} in {EAST} cannot be read: {code}"


@pytest.mark.usefixtures("aws")
def test_reads_the_other_regions_when_one_cannot_be_reached() -> None:
    def clients(service: str, region: str) -> Any:
        unreachable = {"endpoint_url": "http://127.0.0.1:1"} if region == EAST else {}
        return client(service, region_name=region, **unreachable)

    listed = VpcReader(lambda _: clients).vpcs(account_id=AwsAccountId("123456789012"), regions=(EAST, WEST))

    assert isinstance(listed[EAST], NotReadableError)
    assert "EndpointConnectionError" in str(listed[EAST])
    assert isinstance(listed[WEST], tuple)


@pytest.mark.usefixtures("aws")
def test_waits_for_a_region_that_does_not_answer_once_until_it_forgets() -> None:
    made: list[str] = []

    def clients(service: str, region: str) -> Any:
        made.append(region)
        return client(service, region_name=region, **({"endpoint_url": "http://127.0.0.1:1"} if len(made) == 1 else {}))

    reader = VpcReader(lambda _: clients)
    first, other = AwsAccountId("123456789012"), AwsAccountId("555555555555")

    assert isinstance(reader.vpcs(account_id=first, regions=(EAST,))[EAST], NotReadableError)
    # This client would reach EC2, but it is not asked.
    assert f"of account {other}" in str(reader.vpcs(account_id=other, regions=(EAST,))[EAST])
    reader.forget()
    assert isinstance(reader.vpcs(account_id=first, regions=(EAST,))[EAST], tuple)
    assert made == [EAST] * 3


def test_assumes_a_role_once_until_it_forgets(role: ReaderRole, monkeypatch: pytest.MonkeyPatch) -> None:
    assumed = calls_of(monkeypatch, "sts", "AssumeRole")
    reader = VpcReader(role.clients)
    for _ in range(2):
        reader.vpcs(account_id=MEMBER, regions=(EAST, WEST))
    assert len(assumed) == 1

    reader.forget()
    reader.vpcs(account_id=MEMBER, regions=(EAST,))
    assert len(assumed) == 2


def test_fails_when_something_else_is_wrong(role: ReaderRole, monkeypatch: pytest.MonkeyPatch) -> None:
    answer_with_error(monkeypatch, "ec2", "DescribeVpcs", "InvalidParameterValue", status=400)

    with pytest.raises(ClientError, match="InvalidParameterValue"):
        VpcReader(role.clients).vpcs(account_id=MEMBER, regions=(EAST,))


def test_tells_that_the_account_cannot_be_read_at_all(role: ReaderRole, monkeypatch: pytest.MonkeyPatch) -> None:
    answer_with_error(monkeypatch, "sts", "AssumeRole", "AccessDenied", status=403)

    with pytest.raises(RoleNotAssumableError):
        VpcReader(role.clients).vpcs(account_id=MEMBER, regions=(EAST,))
