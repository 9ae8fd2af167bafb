"""The role with which EventBridge puts events on a bus of another account or region."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import Aws, Stack
from aws_cdk import aws_iam as iam

if TYPE_CHECKING:
    from constructs import Construct


def create_delivery_role(scope: Construct, *, description: str) -> iam.Role:
    """Create a role for the rules of the stack's account and region; a rule's target lets it put events on its bus."""
    return iam.Role(
        scope,
        "DeliveryRole",
        description=description,
        assumed_by=iam.PrincipalWithConditions(
            iam.ServicePrincipal("events.amazonaws.com"),
            {
                "StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID},
                # The rules' own ARNs would need the role before the rules, and the rules before the role.
                "ArnLike": {
                    "aws:SourceArn": f"arn:{Stack.of(scope).partition}:events:{Aws.REGION}:{Aws.ACCOUNT_ID}:rule/*",
                },
            },
        ),
    )
