"""What the hub may see of the stacks in other accounts, through its reader role there."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from .clients import error_code
from .reader import DENIED, NotReadableError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mypy_boto3_cloudformation import CloudFormationClient

    from .organizations import AwsAccountId
    from .reader import ReaderRole


@dataclass(frozen=True, slots=True)
class Stack:
    """A stack as CloudFormation describes it.

    Attributes:
        status: For instance `CREATE_IN_PROGRESS`.
        changed_at: When it was last updated, or else created, in ISO format.
        outputs: What it puts out.
    """

    status: str
    changed_at: str
    outputs: Mapping[str, str] = field(default_factory=dict[str, str])


class StackReader:
    """Reads stacks in other accounts.

    Args:
        role: The reader role.
    """

    def __init__(self, role: ReaderRole) -> None:
        self._role = role

    def stack(self, *, account_id: AwsAccountId, region: str, stack_id: str) -> Stack | None:
        """Describe a stack; None if it does not exist.

        Raises:
            RoleNotAssumableError: There is no reader role.
            NotReadableError: There is one, but not for this stack.
        """
        cloudformation: CloudFormationClient = self._role.clients(account_id)("cloudformation", region)
        try:
            [described] = cloudformation.describe_stacks(StackName=stack_id)["Stacks"]
        except ClientError as error:
            code = error_code(error)
            if code in DENIED:
                raise NotReadableError(f"the role {self._role.name} may not describe the stack") from error
            # CloudFormation has no code of its own for a stack that does not exist.
            if code == "ValidationError":
                return None
            raise
        changed_at = described.get("LastUpdatedTime", described["CreationTime"])
        return Stack(
            described["StackStatus"],
            changed_at.isoformat(),
            {output.get("OutputKey", ""): output.get("OutputValue", "") for output in described.get("Outputs", ())},
        )
