"""Names that another account must know, and the ARNs computed from them: nothing is exported across accounts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from aws_cdk import Stack

from ._validation import Checks

if TYPE_CHECKING:
    from constructs import Construct

DEFAULT_PREFIX = "alertlogic"

# Control Tower's role in every account but the management account; StackSets deploy with it.
# https://docs.aws.amazon.com/controltower/latest/userguide/awscontroltowerexecution.html
CONTROL_TOWER_EXECUTION = "AWSControlTowerExecution"


@dataclass(frozen=True)
class Names:
    """The physical names of one installation, which share a prefix that is fixed for its life."""

    prefix: str = DEFAULT_PREFIX

    def __post_init__(self) -> None:
        checks = Checks("prefix")
        checks.matches(
            # Control Tower's controls reserve aws-controltower-* and stacksets-exec-*.
            r"(?!aws-controltower|stacksets-exec)[a-z][a-z0-9-]{0,18}[a-z0-9]",
            "prefix",
            self.prefix,
            "2 to 20 lower-case letters, digits and hyphens, beginning with a letter and reserved by no Control Tower"
            " control",
            f"leave it out for {DEFAULT_PREFIX!r}",
        )
        checks.raise_problems()

    @property
    def registration_topic(self) -> str:
        """The SNS topic of the security account that is the service token of registrations."""
        return f"{self.prefix}-registration"

    @property
    def registration_role(self) -> str:
        """The role of the security account's `account_registration` function."""
        return f"{self.prefix}-registration"

    @property
    def vpc_scope_role(self) -> str:
        """The role of the security account's `vpc_scope` function."""
        return f"{self.prefix}-vpc-scope"

    @property
    def bus(self) -> str:
        """The event bus of the security account."""
        return f"{self.prefix}-hub"

    @property
    def reader_role(self) -> str:
        """The role of a protected account with which the hub reads its state."""
        return f"{self.prefix}-hub-reader"

    @property
    def central_logs_role(self) -> str:
        """The role of the log archive account with which Alert Logic reads the landing zone's logs."""
        return f"{self.prefix}-central-logs"

    @property
    def trail_reader_role(self) -> str:
        """The role of the log archive account with which a subscription's confirmation is read from the queue."""
        return f"{self.prefix}-trail-reader"

    @property
    def trail_subscription_role(self) -> str:
        """The role of the audit account's `trail_subscription` function."""
        return f"{self.prefix}-trail-subscription"

    @property
    def stack_set(self) -> str:
        """The StackSet of the management account."""
        return f"{self.prefix}-member-account"


def in_own_partition(construct: Construct, arn: str) -> str:
    """Return an ARN of the partition `aws` as one of the partition that the construct's stack is in."""
    return arn.replace("arn:aws:", f"arn:{Stack.of(construct).partition}:", 1)


def notice_queue(customer_id: str) -> str:
    """Return the name by which Alert Logic looks for the queue of CloudTrail's notices."""
    return f"outcomesbucket-{customer_id}"
