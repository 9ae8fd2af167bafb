"""VPCs without AWS."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from aws.reader import NotReadableError, RoleNotAssumableError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from aws.organizations import AwsAccountId
    from aws.vpcs import Vpc


@dataclass
class FakeVpcs:
    """The same VPCs in every account.

    Attributes:
        by_region: The VPCs, all of them.
        unreadable: Regions that cannot be read.
        without_role: Accounts that have no reader role.
        listed: The account of each listing.
        meanwhile: Called once a listing is made, before it is answered.
    """

    by_region: dict[str, list[Vpc]] = field(default_factory=dict[str, "list[Vpc]"])
    unreadable: set[str] = field(default_factory=set[str])
    without_role: set[str] = field(default_factory=set[str])
    listed: list[str] = field(default_factory=list[str])
    meanwhile: Callable[[], None] | None = None

    def vpcs(
        self, *, account_id: AwsAccountId, regions: Collection[str]
    ) -> dict[str, tuple[Vpc, ...] | NotReadableError]:
        self.listed.append(account_id)
        if account_id in self.without_role:
            raise RoleNotAssumableError("the role cannot be assumed")
        answer = {region: self._region(region) for region in regions}
        if self.meanwhile:
            self.meanwhile()
        return answer

    def _region(self, region: str) -> tuple[Vpc, ...] | NotReadableError:
        if region in self.unreadable:
            return NotReadableError(f"the VPCs in {region} cannot be read")
        return tuple(self.by_region.get(region, ()))
