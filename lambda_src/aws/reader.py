"""The role in every protected account with which the hub reads what is there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from .clients import client, error_code

if TYPE_CHECKING:
    from collections.abc import Callable

    from mypy_boto3_sts import STSClient

    from .organizations import AwsAccountId

    # Makes a client of a service in a region.
    Clients = Callable[[str, str], Any]

SESSION_SECONDS: Final = 900
# How services say that IAM does not allow a call; EC2 also says so of a region that the account has not enabled.
DENIED: Final = frozenset(
    {"AccessDenied", "AccessDeniedException", "AuthFailure", "OptInRequired", "UnauthorizedOperation"}
)


class NotReadableError(Exception):
    """The reader role does not let us see it: either is missing, not ours, or so new that IAM lags behind."""


class RoleNotAssumableError(NotReadableError):
    """There is no reader role in the account that we may assume, or not yet, or no more."""


class ReaderRole:
    """Assumes the reader role.

    Args:
        sts: Assumes it.
        name: Its name, the same in every account.
        session_name: Who we are, as the other account's trail shows it.
    """

    def __init__(self, sts: STSClient, *, name: str, session_name: str) -> None:
        self.name: Final = name
        self._sts = sts
        self._session_name = session_name

    def clients(self, account_id: AwsAccountId) -> Clients:
        """Assume the role in an account, and return what makes clients with it.

        Raises:
            RoleNotAssumableError: There is no such role for us.
        """
        try:
            credentials = self._sts.assume_role(
                RoleArn=f"arn:aws:iam::{account_id}:role/{self.name}",
                RoleSessionName=self._session_name,
                DurationSeconds=SESSION_SECONDS,
            )["Credentials"]
        except ClientError as error:
            if error_code(error) in DENIED:
                raise RoleNotAssumableError(
                    f"the role {self.name} in account {account_id} cannot be assumed"
                ) from error
            raise
        return lambda service, region: client(
            service,
            region_name=region,
            aws_access_key_id=credentials["AccessKeyId"],
            aws_secret_access_key=credentials["SecretAccessKey"],
            aws_session_token=credentials["SessionToken"],
        )


class SharedReaderRole(ReaderRole):
    """Assumes the reader role once per account, for all who read there, until it is told to forget."""

    def __init__(self, sts: STSClient, *, name: str, session_name: str) -> None:
        super().__init__(sts, name=name, session_name=session_name)
        self._assumed: dict[AwsAccountId, Clients] = {}

    def clients(self, account_id: AwsAccountId) -> Clients:
        """Return what makes clients in an account, as `ReaderRole` does."""
        if account_id not in self._assumed:
            self._assumed[account_id] = super().clients(account_id)
        return self._assumed[account_id]

    def forget(self) -> None:
        """Assume it anew from now on: the role may be another by now, and a session does not last."""
        self._assumed.clear()
