"""The VPCs of an account and their tags."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from botocore.exceptions import BotoCoreError, ClientError

from .clients import error_code, is_transient
from .reader import DENIED, NotReadableError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from mypy_boto3_ec2 import EC2Client

    from .organizations import AwsAccountId
    from .reader import Clients

_PAGE_SIZE: Final = 1000


@dataclass(frozen=True, slots=True)
class Vpc:
    """A VPC; `tags` are all of its tags."""

    id: str
    tags: Mapping[str, str]


class VpcReader:
    """Lists VPCs, with sessions and clients that it makes once: so for a batch, until it is told to forget them.

    Args:
        clients: Gives, for an account, what makes clients there; may raise `RoleNotAssumableError`.
    """

    def __init__(self, clients: Callable[[AwsAccountId], Clients]) -> None:
        self._clients = clients
        self._accounts: dict[AwsAccountId, Clients] = {}
        self._ec2: dict[tuple[AwsAccountId, str], EC2Client] = {}
        # Regions that do not answer, so that every account of a batch does not wait for them anew.
        self._down: dict[str, str] = {}

    def forget(self) -> None:
        """Assume each role anew from now on: it may have been made anew, and a session lasts for minutes only."""
        self._accounts.clear()
        self._ec2.clear()
        self._down.clear()

    def vpcs(
        self, *, account_id: AwsAccountId, regions: Collection[str]
    ) -> dict[str, tuple[Vpc, ...] | NotReadableError]:
        """List the VPCs that an account owns, by region; a region that cannot be read says why.

        Raises:
            RoleNotAssumableError: The account cannot be read at all.
        """
        return {region: self._vpcs(account_id, region) for region in regions}

    def _vpcs(self, account_id: AwsAccountId, region: str) -> tuple[Vpc, ...] | NotReadableError:
        ec2 = self._client(account_id, region)
        try:
            if region not in self._down:
                return _listed(ec2, account_id)
            reason = self._down[region]
        except ClientError as error:
            reason = error_code(error)
            # An outage of one region must not hold up the others.
            if reason not in DENIED and not is_transient(error):
                raise
        except BotoCoreError as error:
            if not is_transient(error):
                raise
            reason = self._down[region] = type(error).__name__
        return NotReadableError(f"the VPCs of account {account_id} in {region} cannot be read: {reason}")

    def _client(self, account_id: AwsAccountId, region: str) -> EC2Client:
        if account_id not in self._accounts:
            self._accounts[account_id] = self._clients(account_id)
        if (account_id, region) not in self._ec2:
            self._ec2[account_id, region] = self._accounts[account_id]("ec2", region)
        return self._ec2[account_id, region]


def _listed(ec2: EC2Client, account_id: AwsAccountId) -> tuple[Vpc, ...]:
    pages = ec2.get_paginator("describe_vpcs").paginate(
        # Not those that other accounts share with this one, whose tags are their owner's.
        Filters=[{"Name": "owner-id", "Values": [account_id]}],
        PaginationConfig={"PageSize": _PAGE_SIZE},
    )
    return tuple(
        Vpc(vpc.get("VpcId", ""), {tag.get("Key", ""): tag.get("Value", "") for tag in vpc.get("Tags", [])})
        for page in pages
        for vpc in page["Vpcs"]
    )
