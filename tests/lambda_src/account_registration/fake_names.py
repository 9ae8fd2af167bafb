"""Names of accounts without AWS."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from aws.reader import RoleNotAssumableError

if TYPE_CHECKING:
    from aws.organizations import AwsAccountId


@dataclass
class FakeNames:
    """The names of some accounts; `without_role` are those that have no reader role."""

    by_account: dict[str, str] = field(default_factory=dict[str, str])
    without_role: set[str] = field(default_factory=set[str])

    def name(self, account_id: AwsAccountId) -> str | None:
        if account_id in self.without_role:
            raise RoleNotAssumableError("the role cannot be assumed")
        return self.by_account.get(account_id)
