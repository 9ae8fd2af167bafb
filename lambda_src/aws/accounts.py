"""What an account says of itself, through the hub's reader role there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from .clients import is_transient

if TYPE_CHECKING:
    from .organizations import AwsAccountId
    from .reader import ReaderRole

# The service is there only, for all regions: https://docs.aws.amazon.com/general/latest/gr/accounts.html
_REGION: Final = "us-east-1"


class AccountReader:
    """Reads the names of other accounts.

    Args:
        role: The reader role.
    """

    def __init__(self, role: ReaderRole) -> None:
        self._role = role

    def name(self, account_id: AwsAccountId) -> str | None:
        """Return an account's name; None where it may not be read, or AWS does not tell it.

        https://docs.aws.amazon.com/accounts/latest/reference/API_GetAccountInformation.html

        Raises:
            RoleNotAssumableError: There is no reader role.
        """
        account: Any = self._role.clients(account_id)("account", _REGION)
        try:
            name: str | None = account.get_account_information().get("AccountName")
        except ClientError as error:
            if is_transient(error):
                raise
            # It is a name for people to read: none is worth a registration.
            return None
        return name
