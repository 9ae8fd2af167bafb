"""Leave to list VPCs and their tags."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import aws_iam as iam

from ._acknowledge import acknowledge_wildcards

if TYPE_CHECKING:
    from collections.abc import Sequence


def grant_describe_vpcs(role: iam.Role, regions: Sequence[str]) -> None:
    """Let a role list the VPCs of its account in these regions.

    See https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonec2.html
    """
    statement = iam.PolicyStatement(
        actions=["ec2:DescribeVpcs"],
        # The action knows no resource-level permissions.
        resources=["*"],
        conditions={"StringEquals": {"aws:RequestedRegion": list(regions)}},
    )
    role.add_to_policy(statement)
    acknowledge_wildcards(role, "ec2:DescribeVpcs knows no resource-level permissions", statement)
