"""What the hub may see of the stacks in other accounts, through its reader role there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from botocore.exceptions import ClientError

from .clients import client, error_code

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_sts import STSClient

    from .organizations import AwsAccountId

SESSION_SECONDS: Final = 900
_DENIED: Final = frozenset({"AccessDenied", "AccessDeniedException"})


class NotReadableError(Exception):
    """The reader role does not let us see the stack: either is missing, not ours, or so new that IAM lags behind."""


class RoleNotAssumableError(NotReadableError):
    """There is no reader role in the account that we may assume, or not yet, or no more."""


@dataclass(frozen=True, slots=True)
class Stack:
    """A stack as CloudFormation describes it.

    Attributes:
        status: For instance `CREATE_IN_PROGRESS`.
        changed_at: When it was last updated, or else created, in ISO format.
    """

    status: str
    changed_at: str


class StackReader:
    """Reads stacks in other accounts.

    Args:
        sts: Assumes the role.
        role_name: The reader role's name, the same in every account.
        session_name: Who we are, as the other account's trail shows it.
    """

    def __init__(self, sts: STSClient, *, role_name: str, session_name: str) -> None:
        self._sts = sts
        self._role_name = role_name
        self._session_name = session_name

    def stack(self, *, account_id: AwsAccountId, region: str, stack_id: str) -> Stack | None:
        """Describe a stack; None if it does not exist.

        Raises:
            RoleNotAssumableError: There is no reader role.
            NotReadableError: There is one, but not for this stack.
        """
        cloudformation = self._client(account_id, region)
        try:
            [described] = cloudformation.describe_stacks(StackName=stack_id)["Stacks"]
        except ClientError as error:
            code = error_code(error)
            if code in _DENIED:
                raise NotReadableError(f"the role {self._role_name} may not describe the stack") from error
            # CloudFormation has no code of its own for a stack that does not exist.
            if code == "ValidationError":
                return None
            raise
        changed_at = described.get("LastUpdatedTime", described["CreationTime"])
        return Stack(described["StackStatus"], changed_at.isoformat())

    def _client(self, account_id: AwsAccountId, region: str) -> CloudFormationClient:
        try:
            credentials = self._sts.assume_role(
                RoleArn=f"arn:aws:iam::{account_id}:role/{self._role_name}",
                RoleSessionName=self._session_name,
                DurationSeconds=SESSION_SECONDS,
            )["Credentials"]
        except ClientError as error:
            if error_code(error) in _DENIED:
                raise RoleNotAssumableError(
                    f"the role {self._role_name} in account {account_id} cannot be assumed"
                ) from error
            raise
        cloudformation: CloudFormationClient = client(
            "cloudformation",
            region_name=region,
            aws_access_key_id=credentials["AccessKeyId"],
            aws_secret_access_key=credentials["SecretAccessKey"],
            aws_session_token=credentials["SessionToken"],
        )
        return cloudformation
