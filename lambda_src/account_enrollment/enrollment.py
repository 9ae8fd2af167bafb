"""What an account's stack instances lack: the decision, without any reading or writing."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

    from aws.organizations import Account, AwsAccountId
    from aws.stack_sets import Operation, StackInstance


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

    def regions_of(self, account: Account) -> frozenset[str]:
        """Say where an account gets an instance."""
        return self.regions | self.administrator_regions if account.id == self.administrator_id else self.regions

    def why_not(self, account: Account) -> str | None:
        """Say why an account gets no instances; None if it gets them."""
        if account.id == self.management_account_id:
            return "it is the management account"
        if account.state != "ACTIVE":
            return f"it is {account.state}"
        return None if account.id in self.always_enrolled else self._why_outside(account)

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
    """Let go of inoperable instances, so that they can be made anew."""

    regions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Wait:
    """Look again later."""

    why: str


@dataclass(frozen=True, slots=True)
class Nothing:
    """All is as it should be, or soon will be."""

    why: str


Operate = Create | Update | Release


def decide(
    scope: EnrollmentScope,
    account: Account,
    instances: Collection[StackInstance],
    operations: Collection[Operation],
) -> tuple[Operate | Wait | Nothing, ...]:
    """Decide what to do about one account, in this order.

    Args:
        scope: Which accounts get instances.
        account: The account.
        instances: What there is; of other accounts or regions none of our business.
        operations: Those of the StackSet, past ones included.
    """
    why_not = scope.why_not(account)
    if why_not:
        return (Nothing(why_not),)
    regions = scope.regions_of(account)
    present = [i for i in instances if i.account_id == account.id and i.region in regions]
    missing = regions.difference(instance.region for instance in present)
    outdated = [i for i in present if i.status == "OUTDATED"]
    inoperable = [i for i in present if i.status == "INOPERABLE"]
    if (missing or inoperable) and any(o.is_under_way for o in operations_of(account.id, operations)):
        return (Wait("an operation on the account is under way"),)

    actions: list[Operate | Wait] = []
    if missing:
        actions.append(Create(tuple(sorted(missing))))
    if lagging := _not_covered(outdated, operations):
        actions.append(Update(lagging))
    if lost := _not_covered(inoperable, operations):
        actions.append(Release(lost))
    if inoperable:
        actions.append(Wait("inoperable instances are let go of, then made anew"))
    return tuple(actions) or (Nothing("every instance is up to date, or an operation under way covers it"),)


def operation_id(
    action: Operate,
    account_id: AwsAccountId,
    *,
    event_id: str,
    instances: Collection[StackInstance],
    operations: Collection[Operation],
) -> str:
    """Return the same id for the same event and state, so that a duplicate begins no second operation.

    The id names the account, by which `operations_of` finds it again. What the account's earlier operations were is
    part of the state, since an id can be used only once.
    """
    kind = type(action).__name__.lower()
    state = [
        [i.region, i.status, i.detailed_status, i.last_operation_id] for i in instances if i.account_id == account_id
    ]
    earlier = [operation.id for operation in operations_of(account_id, operations)]
    basis = json.dumps([event_id, kind, action.regions, sorted(state), sorted(earlier)])
    return f"{kind}-{account_id}-{hashlib.sha256(basis.encode()).hexdigest()[:32]}"


def operations_of(account_id: AwsAccountId, operations: Collection[Operation]) -> list[Operation]:
    """Return the operations that this function began for an account."""
    return [operation for operation in operations if operation.id.split("-")[1:2] == [account_id]]


def _not_covered(instances: Collection[StackInstance], operations: Collection[Operation]) -> tuple[str, ...]:
    known = {operation.id for operation in operations}
    under_way = {operation.id for operation in operations if operation.is_under_way}
    return tuple(
        sorted(
            instance.region
            for instance in instances
            if instance.last_operation_id not in under_way
            and not any(operation.id in under_way for operation in operations_of(instance.account_id, operations))
            # A pending or running instance need not name the operation that it waits for, or names one begun just now.
            and not (
                instance.detailed_status in {"PENDING", "RUNNING"}
                and (under_way or instance.last_operation_id not in known)
            )
        )
    )
