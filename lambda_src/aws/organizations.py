"""What AWS Organizations says about accounts and units."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NewType

from botocore.exceptions import ClientError

from .clients import error_code

if TYPE_CHECKING:
    from mypy_boto3_organizations import OrganizationsClient
    from mypy_boto3_organizations.type_defs import AccountTypeDef, ListAccountsForParentRequestTypeDef

AwsAccountId = NewType("AwsAccountId", str)

# The most that Organizations lists at a time.
PAGE_SIZE: Final = 20

_NOT_IN_THE_ORGANIZATION: Final = frozenset(
    {"AccountNotFoundException", "ChildNotFoundException", "OrganizationalUnitNotFoundException"}
)


@dataclass(frozen=True, slots=True)
class Account:
    """An account of the organization.

    Attributes:
        id: Its id.
        name: Its name, as people see it.
        state: `ACTIVE`, `SUSPENDED`, `PENDING_CLOSURE`, ...
        ancestors: The organizational units that it is in, the nearest first, and at the end the root.
    """

    id: AwsAccountId
    name: str
    state: str
    ancestors: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AccountPage:
    """Some of the accounts that are in a unit itself.

    Attributes:
        accounts: These.
        next_token: What the next page begins with; None at the end.
    """

    accounts: tuple[Account, ...]
    next_token: str | None


class Organization:
    """The organization as one batch sees it: a unit's parent is read once."""

    def __init__(self, organizations: OrganizationsClient) -> None:
        self._organizations = organizations
        self._parents: dict[str, str] = {}

    def account(self, account_id: AwsAccountId) -> Account | None:
        """Read an account; None if it is not in the organization."""
        try:
            described = self._organizations.describe_account(AccountId=account_id)["Account"]
            ancestors = self._ancestors(account_id)
        except ClientError as error:
            if error_code(error) in _NOT_IN_THE_ORGANIZATION:
                return None
            raise
        return _account(described, ancestors)

    def has(self, account_id: AwsAccountId) -> bool:
        """Whether an account is in the organization, in whatever state."""
        try:
            self._organizations.describe_account(AccountId=account_id)
        except ClientError as error:
            if error_code(error) in _NOT_IN_THE_ORGANIZATION:
                return False
            raise
        return True

    def roots(self) -> tuple[str, ...]:
        """List the roots, of which there is one today."""
        pages = self._organizations.get_paginator("list_roots").paginate()
        return tuple(root["Id"] for page in pages for root in page["Roots"])

    def ancestors_of(self, unit_id: str) -> tuple[str, ...] | None:
        """Return the units above a unit, as `Account.ancestors`; None if there is no such unit (any more)."""
        try:
            return () if unit_id.startswith("r-") else self._ancestors(unit_id)
        except ClientError as error:
            if error_code(error) in _NOT_IN_THE_ORGANIZATION:
                return None
            raise

    def units_in(self, unit_id: str) -> tuple[str, ...] | None:
        """List the units that are in a unit itself; None if there is no such unit (any more)."""
        pages = self._organizations.get_paginator("list_organizational_units_for_parent").paginate(ParentId=unit_id)
        try:
            return tuple(unit["Id"] for page in pages for unit in page["OrganizationalUnits"])
        except ClientError as error:
            if error_code(error) == "ParentNotFoundException":
                return None
            raise

    def page_of_accounts(self, unit_id: str, *, ancestors: tuple[str, ...], token: str | None) -> AccountPage | None:
        """List some of the accounts that are in a unit itself; None if there is no such page (any more).

        Args:
            unit_id: The unit.
            ancestors: The units above it.
            token: The page before ended with it; None for the first page.
        """
        request: ListAccountsForParentRequestTypeDef = {"ParentId": unit_id, "MaxResults": PAGE_SIZE}
        if token is not None:
            request["NextToken"] = token
        try:
            page = self._organizations.list_accounts_for_parent(**request)
        except ClientError as error:
            reason = error.response.get("Reason")
            if error_code(error) == "ParentNotFoundException" or reason == "INVALID_NEXT_TOKEN":
                return None
            raise
        accounts = tuple(_account(described, (unit_id, *ancestors)) for described in page["Accounts"])
        return AccountPage(accounts, page.get("NextToken"))

    def _ancestors(self, child_id: str) -> tuple[str, ...]:
        units = [self._parent(child_id)]
        while not units[-1].startswith("r-"):
            units.append(self._parent(units[-1]))
        return tuple(units)

    def _parent(self, child_id: str) -> str:
        if child_id not in self._parents:
            pages = self._organizations.get_paginator("list_parents").paginate(ChildId=child_id)
            # A page may be empty and still not be the last.
            [self._parents[child_id]] = [parent.get("Id", "") for page in pages for parent in page["Parents"]]
        return self._parents[child_id]


def _account(described: AccountTypeDef, ancestors: tuple[str, ...]) -> Account:
    account_id = AwsAccountId(described["Id"])
    # Organizations retired Status in September 2026; an older SDK does not know State.
    state = described.get("State") or described.get("Status", "")
    return Account(account_id, described.get("Name", account_id), state, ancestors)
