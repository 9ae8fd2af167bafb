"""Leave to work on one StackSet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import Stack
from aws_cdk import aws_iam as iam

from ._acknowledge import acknowledge_wildcards

if TYPE_CHECKING:
    from collections.abc import Sequence


def grant_stack_set(
    role: iam.Role,
    *,
    stack_set_arn: str,
    name: str,
    account: str,
    administration_role: iam.Role,
    lists: Sequence[str],
    verbs: Sequence[str],
) -> None:
    """Let a role list `StackInstances` and the like of a StackSet, and `Create`, `Update` or `Delete` instances.

    See https://docs.aws.amazon.com/service-authorization/latest/reference/list_awscloudformation.html
    """
    partition = Stack.of(role).partition
    statements = [
        iam.PolicyStatement(
            actions=[f"cloudformation:List{what}" for what in lists],
            resources=[stack_set_arn],
        ),
        iam.PolicyStatement(
            actions=[f"cloudformation:{verb}StackInstances" for verb in verbs],
            # These also act on targets and resource types.
            resources=[
                stack_set_arn,
                f"arn:{partition}:cloudformation:*:{account}:stackset-target/{name}:*",
                f"arn:{partition}:cloudformation:*::type/resource/*",
            ],
        ),
        # https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stacksets-prereqs-self-managed.html
        iam.PolicyStatement(actions=["iam:GetRole"], resources=[administration_role.role_arn]),
        iam.PolicyStatement(
            actions=["iam:PassRole"],
            resources=[administration_role.role_arn],
            conditions={"StringEquals": {"iam:PassedToService": "cloudformation.amazonaws.com"}},
        ),
    ]
    for statement in statements:
        role.add_to_policy(statement)
    acknowledge_wildcards(role, "One StackSet, whose ARN ends in an id that AWS chooses", *statements)
