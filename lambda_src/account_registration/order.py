"""What is ordered for an account."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aws.organizations import AwsAccountId
    from protection.scope import VpcTag


class Offboarding(StrEnum):
    """What becomes of the deployment of an account that leaves."""

    DISABLE = "DISABLE"
    DELETE = "DELETE"
    RETAIN = "RETAIN"


@dataclass(frozen=True, slots=True)
class ControlTower:
    """The landing zone that an account belongs to."""

    organization_id: str
    home_region: str
    management_account_id: AwsAccountId


@dataclass(frozen=True, slots=True)
class Scope:
    """What of an account is protected.

    Attributes:
        regions: Regions that are protected as a whole.
        tags: Tags any of which puts a VPC into scope.
        tag_regions: Regions in which they do; none without tags.
        former_regions: Regions that were protected as a whole, and no longer are.
        former_tag_regions: Regions in which tags put VPCs into scope, and no longer do.
        prune: Whether what is no longer wanted goes even from a deployment that was there before.
    """

    regions: tuple[str, ...]
    tags: tuple[VpcTag, ...]
    tag_regions: tuple[str, ...]
    former_regions: tuple[str, ...]
    former_tag_regions: tuple[str, ...]
    prune: bool

    @property
    def shows_in_list(self) -> bool:
        """Whether a list of deployments tells what the scope lacks or has too much of."""
        return not (self.tags or self.former_regions or self.former_tag_regions)


@dataclass(frozen=True, slots=True)
class Registration:
    """An account that is to be registered.

    Attributes:
        account_id: The AWS account.
        role_arn: The role that Alert Logic assumes there.
        name: The name for a deployment that is made, the account's own if it is empty; one that exists keeps its own.
        mode: `automatic` or `manual`.
        policy_name: The policy of what is protected, such as `Professional`.
        scope: What is protected.
        control_tower: The landing zone, if there is one.
        central_logs: Whether Alert Logic takes the account's CloudTrail logs from the log archive account.
        only_if_missing: Leave what is registered with this role already as it is, since it may be newer than this.
    """

    account_id: AwsAccountId
    role_arn: str
    name: str
    mode: str
    policy_name: str
    scope: Scope
    control_tower: ControlTower | None
    central_logs: bool
    only_if_missing: bool


@dataclass(frozen=True, slots=True)
class Deregistration:
    """An account that is to be registered no more.

    Attributes:
        account_id: The AWS account.
        role_arn: The role that Alert Logic assumes there; None if nobody knows.
        offboarding: What becomes of its deployment.
    """

    account_id: AwsAccountId
    role_arn: str | None
    offboarding: Offboarding


Order = Registration | Deregistration
