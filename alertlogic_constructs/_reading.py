"""Leave to read what other accounts and regions hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import Stack
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


def grant_assume_reader_role(role: iam.Role, reader_role: str, *, organization_id: str | None) -> None:
    """Let a role assume the reader role in every account of the organization, or in its own account only."""
    stack = Stack.of(role)
    account = stack.account if organization_id is None else "*"
    statement = iam.PolicyStatement(
        actions=["sts:AssumeRole"],
        resources=[f"arn:{stack.partition}:iam::{account}:role/{reader_role}"],
        conditions=None if organization_id is None else {"StringEquals": {"aws:ResourceOrgID": organization_id}},
    )
    role.add_to_policy(statement)
    acknowledge_wildcards(role, "The reader role of any account of the organization, which grows", statement)
