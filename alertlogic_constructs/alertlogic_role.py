"""The role that Alert Logic assumes in a protected account."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aws_cdk import aws_iam as iam
from constructs import Construct

from ._acknowledge import acknowledge_wildcards
from ._naming import in_own_partition
from ._policy_documents import as_list
from ._validation import StackChecks
from .protection import DeploymentMode, ProtectionPolicy

if TYPE_CHECKING:
    from collections.abc import Collection

    from .alert_logic import AlertLogic

_ROLE_POLICIES = Path(__file__).with_name("role_policies.json")

# What lets Alert Logic make and own a trail, topic and queue: needless where logs come from one place.
_OWN_TRAIL = frozenset(
    {"ManageTrails", "CreateTrailBucket", "CreateTrailTopic", "ConfigureTrailTopic", "OwnTrailQueue"}
)
# Needs the key with which a trail's logs are encrypted.
TRAIL_KEY_STATEMENT = "DecryptTrailLogs"


class AlertLogicRole(Construct):
    """The IAM role that Alert Logic assumes in a protected account to discover, scan and monitor it.

    It trusts Alert Logic's AWS account under the customer's External ID. What it is granted depends on mode and
    policy (Alert Logic's role types `ci_full`, `ci_manual`, `ci_essentials`), as pinned in `role_policies.json`.

    Creates in the account of its stack: one IAM role.

    Attributes:
        role: The role.

    See https://docs.alertlogic.com/prepare/aws-cross-account-role-setup.htm
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        alert_logic: AlertLogic,
        policy: ProtectionPolicy,
        mode: DeploymentMode = DeploymentMode.MANUAL,
        central_logs: bool = False,
        policy_document: iam.PolicyDocument | None = None,
    ) -> None:
        """Create the role.

        Args:
            scope: The parent.
            construct_id: The id in it.
            alert_logic: The customer, whose id is the External ID, and its data center.
            policy: The protection policy of the account.
            mode: Whether Alert Logic creates its appliances itself.
            central_logs: Whether CloudTrail logs are collected from the log archive account, so that the role needs
                no right to create and manage trails here.
            policy_document: A policy of your own, such as one that you fetched from Alert Logic and pinned. It
                replaces everything that the role would be granted otherwise.

        Raises:
            ValueError: for a stack in another partition than `aws`, a mode or policy that is no member of its
                enumeration, or `central_logs` that is neither True nor False.
        """
        super().__init__(scope, construct_id)
        _check(self, policy, mode, central_logs)
        left_out = _OWN_TRAIL | {TRAIL_KEY_STATEMENT} if central_logs else {TRAIL_KEY_STATEMENT}
        statements = [] if policy_document else vendor_statements(self, role_type_of(mode, policy), left_out=left_out)
        self.role = iam.Role(
            self,
            "Resource",
            description="Assumed by Alert Logic to discover, scan and monitor this account",
            assumed_by=vendor_principal(alert_logic),
            inline_policies={"AlertLogic": policy_document or iam.PolicyDocument(statements=statements)},
        )
        acknowledge_wildcards(
            self.role,
            "The vendor's role reads every resource of the account, as its pinned policy says",
            *statements,
            kinds=("Action", "Resource"),
        )


def _check(role: AlertLogicRole, policy: object, mode: object, central_logs: object) -> None:
    checks = StackChecks(role)
    checks.partition()
    checks.choice("policy", policy, ProtectionPolicy)
    checks.choice("mode", mode, DeploymentMode)
    checks.boolean("central_logs", central_logs)
    checks.raise_problems()


def vendor_principal(alert_logic: AlertLogic) -> iam.IPrincipal:
    """Alert Logic, as it assumes the roles that it has in this customer's accounts: under the External ID."""
    return iam.PrincipalWithConditions(
        iam.AccountPrincipal(alert_logic.data_center.value),
        {"StringEquals": {"sts:ExternalId": alert_logic.customer_id}},
    )


def vendor_statements(
    construct: Construct, role_type: str, *, left_out: Collection[str] = (), key_arn: str = ""
) -> list[iam.PolicyStatement]:
    """The statements of the vendor's role of a type, in the stack's partition, without the ids `left_out`."""
    return [
        iam.PolicyStatement.from_json(_in_own_partition(construct, statement, key_arn))
        for statement in pinned_statements(role_type)
        if statement["Sid"] not in left_out
    ]


def pinned_statements(role_type: str) -> list[dict[str, Any]]:
    """The statements of a role type as they are pinned; `KMS_KEY_ARN` stands for the key of the trail."""
    statements: list[dict[str, Any]] = json.loads(_ROLE_POLICIES.read_text("utf-8"))[role_type]
    return statements


def role_type_of(mode: DeploymentMode, policy: ProtectionPolicy) -> str:
    """Alert Logic's name for the role that it needs."""
    if policy is ProtectionPolicy.ESSENTIALS:
        return "ci_essentials"
    return "ci_full" if mode is DeploymentMode.AUTOMATIC else "ci_manual"


def _in_own_partition(construct: Construct, statement: dict[str, Any], key_arn: str) -> dict[str, Any]:
    listed: list[str] = as_list(statement["Resource"])
    return statement | {
        "Resource": [in_own_partition(construct, arn.replace("KMS_KEY_ARN", key_arn)) for arn in listed]
    }
