"""A queued function that calls Alert Logic."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import Stack
from aws_cdk import aws_iam as iam

from ._acknowledge import acknowledge_wildcards
from ._queued_function import QueuedFunction

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aws_cdk import Duration
    from constructs import Construct

    from .alert_logic import AlertLogic


class AlertLogicFunction(QueuedFunction):
    """A queued function that may read the secret, and is told where Alert Logic is."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        alert_logic: AlertLogic,
        function: str,
        description: str,
        environment: Mapping[str, str],
        role_name: str | None = None,
        batch_size: int = 10,
        batching_window: Duration | None = None,
        delivery_delay: Duration | None = None,
    ) -> None:
        """Create queue and function, as `QueuedFunction` does.

        Raises:
            ValueError: for a missing secret.
        """
        if alert_logic.secret is None:
            raise ValueError(
                "alert_logic.secret is None; allowed is the secret with Alert Logic's API key; "
                "pass AlertLogic(secret=...) or use AlertLogic.placeholder()"
            )
        super().__init__(
            scope,
            construct_id,
            function=function,
            description=description,
            environment={
                "ALERTLOGIC_CUSTOMER_ID": alert_logic.customer_id,
                "ALERTLOGIC_SECRET_ARN": alert_logic.secret.secret_arn,
                "ALERTLOGIC_GLOBAL_ENDPOINT": alert_logic.endpoint,
                "ALERTLOGIC_RESIDENCY": alert_logic.residency.value,
                **environment,
            },
            role_name=role_name,
            batch_size=batch_size,
            batching_window=batching_window,
            delivery_delay=delivery_delay,
        )
        alert_logic.secret.grant_read(self.role)

    def grant_assume_reader_role(self, reader_role: str, *, organization_id: str | None) -> None:
        """Let the function assume the reader role in every account of the organization, or in its own account only."""
        stack = Stack.of(self)
        account = stack.account if organization_id is None else "*"
        statement = iam.PolicyStatement(
            actions=["sts:AssumeRole"],
            resources=[f"arn:{stack.partition}:iam::{account}:role/{reader_role}"],
            conditions=None if organization_id is None else {"StringEquals": {"aws:ResourceOrgID": organization_id}},
        )
        self.role.add_to_policy(statement)
        acknowledge_wildcards(self.role, "The reader role of any account of the organization, which grows", statement)
