"""Says why a wildcard in a policy is meant, where cdk-nag asks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aws_cdk import Acknowledgment, Stack, Validations

from ._policy_documents import as_list

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aws_cdk import aws_iam as iam
    from constructs import Construct


def acknowledge_wildcards(
    construct: Construct, reason: str, *statements: iam.PolicyStatement, kinds: Sequence[str] = ("Resource",)
) -> None:
    """Acknowledge cdk-nag's finding for each wildcard in the resources (or other `kinds`) of `statements`."""
    for statement in statements:
        resolved: dict[str, Any] = Stack.of(construct).resolve(statement.to_statement_json())
        for kind in kinds:
            for value in as_list(resolved[kind]):
                text = _as_nag_writes_it(value)
                if "*" in text:
                    Validations.of(construct).acknowledge(
                        Acknowledgment(id=f"AwsSolutions-IAM5[{kind}::{text}]", reason=reason)
                    )


def _as_nag_writes_it(value: str | dict[str, Any]) -> str:
    if isinstance(value, str):
        return value
    if "Fn::Join" in value:
        return "".join(_as_nag_writes_it(part) for part in value["Fn::Join"][1])
    return f"<{value['Ref']}>" if "Ref" in value else f"<{'.'.join(value['Fn::GetAtt'])}>"
