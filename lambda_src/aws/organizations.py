"""What AWS Organizations says about an account."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NewType

from botocore.exceptions import ClientError

from .clients import error_code

if TYPE_CHECKING:
    from mypy_boto3_organizations import OrganizationsClient

AwsAccountId = NewType("AwsAccountId", str)

_NOT_IN_THE_ORGANIZATION = frozenset({"AccountNotFoundException", "ChildNotFoundException"})


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
        # Organizations retired Status in September 2026; an older SDK does not know State.
        state = described.get("State") or described.get("Status", "")
        return Account(account_id, described.get("Name", account_id), state, ancestors)

    def _ancestors(self, account_id: AwsAccountId) -> tuple[str, ...]:
        units = [self._parent(account_id)]
        while not units[-1].startswith("r-"):
            units.append(self._parent(units[-1]))
        return tuple(units)

    def _parent(self, child_id: str) -> str:
        if child_id not in self._parents:
            pages = self._organizations.get_paginator("list_parents").paginate(ChildId=child_id)
            # A page may be empty and still not be the last.
            [self._parents[child_id]] = [parent.get("Id", "") for page in pages for parent in page["Parents"]]
        return self._parents[child_id]
