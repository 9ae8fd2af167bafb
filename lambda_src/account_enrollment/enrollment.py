"""What an account's stack instances lack, or have too much of: the decision, without any reading or writing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from .operations import accounts_named_by, is_removal

if TYPE_CHECKING:
    from collections.abc import Collection

    from aws.organizations import Account, AwsAccountId
    from aws.stack_sets import Operation, StackInstance

# https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_accounts_account_state.html
_LEFT: Final = frozenset({"SUSPENDED", "PENDING_CLOSURE", "CLOSED"})
_UNFINISHED: Final = frozenset({"PENDING", "RUNNING"})


@dataclass(frozen=True, slots=True)
class Situation:
    """An account as it was read.

    Attributes:
        account_id: Its id.
        account: What Organizations says of it; None if it is not in the organization.
        instances: Its instances, in whatever region.
    """

    account_id: AwsAccountId
    account: Account | None
    instances: tuple[StackInstance, ...]


@dataclass(frozen=True, slots=True)
class EnrollmentScope:
    """Which accounts get stack instances, and in which regions.

    Attributes:
        management_account_id: Never gets any; StackSets of this kind cannot reach it.
        always_enrolled: The audit, log archive and security accounts.
        included_units: Units whose accounts, nested ones too, get instances; None for all of the organization.
        excluded_units: Units whose accounts, nested ones too, get none.
        excluded_accounts: Accounts that get none.
        regions: Where every account gets an instance.
        administrator_id: The GuardDuty administrator; None where there is none.
        administrator_regions: Where that gets an instance besides.
    """

    management_account_id: str
    always_enrolled: frozenset[str]
    included_units: frozenset[str] | None
    excluded_units: frozenset[str]
    excluded_accounts: frozenset[str]
    regions: frozenset[str]
    administrator_id: str | None
    administrator_regions: frozenset[str]

    def regions_of(self, account_id: AwsAccountId) -> frozenset[str]:
        """Say where an account gets an instance."""
        return self.regions | self.administrator_regions if account_id == self.administrator_id else self.regions

    def why_not(self, account_id: AwsAccountId, account: Account | None) -> str | None:
        """Say why an account gets no instances; None if it gets them."""
        if account_id == self.management_account_id:
            return "it is the management account"
        if account is None:
            return "it is not in the organization"
        if account.state != "ACTIVE":
            return f"it is {account.state}"
        return None if account_id in self.always_enrolled else self._why_outside(account)

    def _why_outside(self, account: Account) -> str | None:
        if account.id in self.excluded_accounts:
            return "it is excluded"
        if self.excluded_units.intersection(account.ancestors):
            return "it is in an excluded organizational unit"
        if self.included_units is not None and not self.included_units.intersection(account.ancestors):
            return "it is in no included organizational unit"
        return None


@dataclass(frozen=True, slots=True)
class Create:
    """Make instances where there are none."""

    regions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Update:
    """Bring instances up to date that failed or lag behind."""

    regions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Release:
    """Let go of single instances that cannot be mended or deleted; the account itself stays."""

    regions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Trim:
    """Delete single instances, where the account should have none; the account itself stays."""

    regions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Remove:
    """Delete the instances of an account that is to have none, and so deregister it."""

    regions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LetGo:
    """Let go of the instances of an account that is to have none, and that CloudFormation cannot reach."""

    regions: tuple[str, ...]


Operate = Create | Update | Release | Trim
Departure = Remove | LetGo


@dataclass(frozen=True, slots=True)
class Decision:
    """What is to be done about one account.

    Attributes:
        situation: The account.
        why_not: Why it is to have no instances; None if it is to have them.
        operate: What may share an operation with other accounts.
        departure: What takes the account itself away, and needs the deletion guard's leave.
        wait: Why to look again later, once that has begun; None if that is all.
        nothing: Why there is nothing to be done; None if there is.
    """

    situation: Situation
    why_not: str | None
    operate: tuple[Operate, ...] = ()
    departure: Departure | None = None
    wait: str | None = None
    nothing: str | None = None


def needs_operations(scope: EnrollmentScope, situation: Situation) -> bool:
    """Whether the StackSet's operations bear on what is to be done.

    Listing them takes longer the more accounts there are, so what most accounts need is decided without: to make
    instances where there are none, and to bring those up to date with which the last operation is through.
    """
    if scope.why_not(situation.account_id, situation.account):
        return situation.account_id != scope.management_account_id and bool(situation.instances)
    regions = scope.regions_of(situation.account_id)
    return any(
        it.detailed_status in _UNFINISHED or it.status == "INOPERABLE" or it.region not in regions
        for it in situation.instances
    )


def decide(scope: EnrollmentScope, situation: Situation, operations: Collection[Operation]) -> Decision:
    """Decide what to do about one account.

    Args:
        scope: Which accounts get instances.
        situation: The account.
        operations: Those of the StackSet, past ones included, listed before the account's instances; none if
            `needs_operations` says so.
    """
    why_not = scope.why_not(situation.account_id, situation.account)
    if situation.account_id == scope.management_account_id:
        return Decision(situation, why_not, nothing=why_not)
    if why_not:
        return _depart(situation, why_not, operations)
    return _enroll(situation, scope.regions_of(situation.account_id), operations)


def _enroll(situation: Situation, regions: frozenset[str], operations: Collection[Operation]) -> Decision:
    present = [it for it in situation.instances if it.region in regions]
    extra = [it for it in situation.instances if it.region not in regions and not _is_covered(it, operations)]
    missing = regions.difference(it.region for it in present)
    inoperable = [it for it in present if it.status == "INOPERABLE"]
    if any(_may_be_leaving(it, operations) for it in present):
        return Decision(situation, None, wait="instances that it is to have are being deleted")
    if (missing or inoperable) and any(
        operation.is_under_way and situation.account_id in accounts_named_by(operation.id) for operation in operations
    ):
        return Decision(situation, None, wait="an operation on the account is under way")

    lagging = [it for it in present if it.status == "OUTDATED" and not _is_covered(it, operations)]
    lost = [it for it in inoperable if not _is_covered(it, operations)]
    stuck = [it for it in extra if it.status == "INOPERABLE" or _has_failed_to_be_trimmed(it)]
    steps: tuple[Operate, ...] = (
        Create(tuple(sorted(missing))),
        Update(_regions(lagging)),
        Release(_regions([*lost, *stuck])),
        Trim(_regions([it for it in extra if it not in stuck])),
    )
    operate = tuple(step for step in steps if step.regions)
    if inoperable:
        return Decision(situation, None, operate, wait="inoperable instances are let go of, then made anew")
    if operate:
        return Decision(situation, None, operate)
    why = "every instance is up to date, or an operation under way covers it"
    return Decision(situation, None, nothing=why)


def _depart(situation: Situation, why_not: str, operations: Collection[Operation]) -> Decision:
    instances = situation.instances
    if not instances:
        return Decision(situation, why_not, nothing=why_not)
    if any(_is_covered(it, operations) for it in instances):
        return Decision(situation, why_not, wait=f"{why_not}, and an operation on its instances is under way")
    if situation.account is None or situation.account.state in _LEFT:
        return Decision(situation, why_not, departure=LetGo(_regions(instances)))
    if situation.account.state != "ACTIVE":
        return Decision(situation, why_not, nothing=why_not)
    deletable = [it for it in instances if not _has_failed_to_be_removed(it)]
    if not deletable:
        return Decision(situation, why_not, departure=LetGo(_regions(instances)))
    # What cannot be deleted, since Control Tower's role is gone, is let go of once that shows.
    removal = Remove(_regions(deletable))
    return Decision(situation, why_not, departure=removal, wait=f"{why_not}, and is seen off")


def _is_at_rest(instance: StackInstance) -> bool:
    return instance.status == "CURRENT" and instance.detailed_status not in _UNFINISHED


def _has_failed_to_be_trimmed(instance: StackInstance) -> bool:
    return instance.detailed_status == "FAILED" and instance.last_operation_id.startswith("trim-")


def _has_failed_to_be_removed(instance: StackInstance) -> bool:
    return instance.status == "INOPERABLE" or (
        instance.detailed_status == "FAILED" and is_removal(instance.last_operation_id)
    )


def _is_covered(instance: StackInstance, operations: Collection[Operation]) -> bool:
    """Whether an operation under way is at work on an instance, or will be."""
    if _at_work(instance, operations):
        return True
    # It names an operation that began just now.
    is_known = any(operation.id == instance.last_operation_id for operation in operations)
    return instance.detailed_status in _UNFINISHED and not is_known


def _may_be_leaving(instance: StackInstance, operations: Collection[Operation]) -> bool:
    return not _is_at_rest(instance) and any(it.action == "DELETE" for it in _at_work(instance, operations))


def _at_work(instance: StackInstance, operations: Collection[Operation]) -> list[Operation]:
    under_way = [operation for operation in operations if operation.is_under_way]
    surely = [
        operation
        for operation in under_way
        if operation.id == instance.last_operation_id or instance.account_id in accounts_named_by(operation.id)
    ]
    if surely or instance.detailed_status not in _UNFINISHED:
        return surely
    # A pending or running instance need not name the operation that it waits for.
    return [operation for operation in under_way if not accounts_named_by(operation.id)]


def _regions(instances: Collection[StackInstance]) -> tuple[str, ...]:
    return tuple(sorted(instance.region for instance in instances))
