"""What a user says about the AWS Control Tower landing zone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from aws_cdk.region_info import RegionInfo

from ._validation import Checks

if TYPE_CHECKING:
    from collections.abc import Sequence

_UNIT = r"(ou-[0-9a-z]{4,32}-[a-z0-9]{8,32}|r-[0-9a-z]{4,32})"
_LONGEST_IDS: Final = 2000


@dataclass(frozen=True, kw_only=True)
class LandingZone:
    """An AWS Control Tower landing zone: its organization, accounts and regions.

    Attributes:
        organization_id: The id of the AWS organization, such as `o-exampleorg1`.
        management_account: The account that owns the organization. StackSets cannot reach it, so it is not enrolled.
        audit_account: Control Tower's audit account (12 digits). Always protected.
        log_archive_account: Control Tower's log archive account (12 digits). Always protected.
        security_account: The account that holds Alert Logic's API key. Always protected. May be the audit account.
        home_region: Control Tower's home region, in which its lifecycle events appear.
        governed_regions: The regions that Control Tower governs, the home region among them.

    Raises:
        ValueError: for ids and regions that are malformed, contradict each other or are in another partition than
            `aws`; one error lists all of them.

    See https://docs.aws.amazon.com/controltower/latest/userguide/how-control-tower-works.html
    """

    organization_id: str
    management_account: str
    audit_account: str
    log_archive_account: str
    security_account: str
    home_region: str
    governed_regions: tuple[str, ...]

    def __post_init__(self) -> None:
        checks = Checks("LandingZone")
        # A list, as JSON brings it, becomes the tuple that the type promises.
        object.__setattr__(self, "governed_regions", checks.strings("governed_regions", self.governed_regions))
        checks.organization("organization_id", self.organization_id)
        for argument in ("management_account", "audit_account", "log_archive_account", "security_account"):
            checks.account(argument, getattr(self, argument))
        checks.require(
            self.management_account not in (self.audit_account, self.log_archive_account, self.security_account),
            "management_account",
            self.management_account,
            "an account other than audit, log archive and security",
            "StackSets cannot reach the management account: name another account for that purpose",
        )
        checks.require(
            self.audit_account != self.log_archive_account,
            "log_archive_account",
            self.log_archive_account,
            "an account other than the audit account",
            "Control Tower keeps the two apart: copy each id from its Shared accounts page",
        )
        checks.region("home_region", self.home_region)
        for region in self.governed_regions:
            checks.region("governed_regions", region)
        checks.unique("governed_regions", self.governed_regions)
        checks.require(
            self.home_region in self.governed_regions,
            "governed_regions",
            list(self.governed_regions),
            f"a list with the home region {self.home_region!r} in it",
            f"add {self.home_region!r}",
        )
        checks.raise_problems()

    @property
    def shared_accounts(self) -> tuple[str, ...]:
        """The accounts that are always protected: audit, log archive and security, each once."""
        return tuple(dict.fromkeys((self.audit_account, self.log_archive_account, self.security_account)))

    @property
    def opt_in_regions(self) -> tuple[str, ...]:
        """The governed regions that AWS disables by default."""
        return tuple(region for region in self.governed_regions if RegionInfo.get(region).is_opt_in_region)


@dataclass(frozen=True, kw_only=True)
class OrganizationalUnits:
    """Which accounts are enrolled: those of the included units, and of every unit nested in them, less the excluded.

    Make one with `all` or `only`. Audit, log archive and security are enrolled whatever it says; the management
    account never is.

    Attributes:
        included: Ids of the units (or of the root) whose accounts are enrolled; empty for the whole organization.
        excluded: Ids of units whose accounts are left out, with every unit nested in them.
        excluded_accounts: Ids of single accounts that are left out.
    """

    included: tuple[str, ...]
    excluded: tuple[str, ...]
    excluded_accounts: tuple[str, ...]

    @staticmethod
    def all(*, excluding: Sequence[str] = (), excluding_accounts: Sequence[str] = ()) -> OrganizationalUnits:
        """Enroll the accounts of every unit but the excluded.

        Raises:
            ValueError: for a malformed unit or account id, or more ids than a function's environment holds.
        """
        return _checked_units((), excluding, excluding_accounts)

    @staticmethod
    def only(*units: str, excluding: Sequence[str] = (), excluding_accounts: Sequence[str] = ()) -> OrganizationalUnits:
        """Enroll the accounts of these units and of the units nested in them, but the excluded.

        Raises:
            ValueError: for no unit, a malformed unit or account id, a unit that is both included and excluded, or more
                ids than a function's environment holds.
        """
        checks = Checks("OrganizationalUnits.only")
        checks.require(bool(units), "units", units, "at least one unit", "name one, or use OrganizationalUnits.all()")
        checks.raise_problems()
        return _checked_units(units, excluding, excluding_accounts)


def _checked_units(
    units: Sequence[str], excluding: Sequence[str], excluding_accounts: Sequence[str]
) -> OrganizationalUnits:
    checks = Checks("OrganizationalUnits")
    included = checks.strings("units", units)
    excluded = checks.strings("excluding", excluding)
    excluded_accounts = checks.strings("excluding_accounts", excluding_accounts)
    for argument, ids in (("units", included), ("excluding", excluded)):
        for unit in ids:
            checks.matches(
                _UNIT,
                argument,
                unit,
                "the id of an organizational unit ('ou-...') or of the root ('r-...')",
                "run 'aws organizations list-organizational-units-for-parent' and copy Id",
            )
    for account in excluded_accounts:
        checks.account("excluding_accounts", account)
    both = sorted(set(included) & set(excluded))
    checks.require(
        not both, "excluding", excluded, "units that are not included", f"name {', '.join(both)} on one side only"
    )
    size = len(",".join((*included, *excluded, *excluded_accounts)))
    checks.require(
        size <= _LONGEST_IDS,
        "units, excluding and excluding_accounts",
        f"{size} characters of ids",
        f"at most {_LONGEST_IDS}, as a function's environment has only 4 KB",
        "exclude units that hold the accounts instead of single accounts",
    )
    checks.raise_problems()
    return OrganizationalUnits(included=included, excluded=excluded, excluded_accounts=excluded_accounts)
