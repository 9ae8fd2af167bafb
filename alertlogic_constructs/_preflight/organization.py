"""The credentials, the organization, its accounts and its units."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from .findings import code_of, judged, ok, wrong

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_organizations import OrganizationsClient
    from mypy_boto3_organizations.type_defs import OrganizationTypeDef
    from mypy_boto3_sts import STSClient

    from alertlogic_constructs.landing_zone import LandingZone
    from alertlogic_constructs.settings import Settings

    from .cloud import Cloud
    from .findings import Finding, Verdict


def check_credentials(settings: Settings, cloud: Cloud) -> Finding:
    """Check whose credentials are used."""
    zone = settings.landing_zone

    def read() -> str:
        sts: STSClient = cloud.client("sts", zone.management_account)
        return sts.get_caller_identity()["Account"]

    return judged("credentials", read, lambda account: caller(zone, account))


def check_organization(settings: Settings, cloud: Cloud) -> Iterator[Finding]:
    """Check everything that the settings say of the organization."""
    zone, units = settings.landing_zone, settings.organizational_units
    organizations: OrganizationsClient = cloud.client("organizations", zone.management_account)
    yield judged(
        "organization",
        lambda: organizations.describe_organization()["Organization"],
        lambda described: organization(zone, described),
    )
    for account, purposes in accounts(settings).items():
        yield _check_account(organizations, account, purposes)
    for account in units.excluded_accounts:
        yield _check_account(organizations, account, ("excluded",))
    for unit in (*units.included, *units.excluded):
        yield _check_unit(organizations, unit)


def accounts(settings: Settings) -> dict[str, tuple[str, ...]]:
    """Return the accounts, but for the management account, that the settings name, each with what it is."""
    zone = settings.landing_zone
    named = [
        (zone.audit_account, "audit"),
        (zone.log_archive_account, "log archive"),
        (zone.security_account, "security"),
    ]
    if settings.guardduty and settings.guardduty.coverage.administrator_account:
        named.append((settings.guardduty.coverage.administrator_account, "GuardDuty administrator"))
    if settings.trail:
        named.append((settings.trail.topic_account, "the trail's topic"))
    return {
        account: tuple(purpose for other, purpose in named if other == account)
        for account, _ in named
        if account != zone.management_account
    }


def caller(zone: LandingZone, account: str) -> Verdict:
    """Decide whether the credentials are those of the management account."""
    if account == zone.management_account:
        return ok(f"of the management account {account}")
    return wrong(
        f"of account {account}, and not of the management account {zone.management_account}",
        "use credentials of the management account, or correct management_account; nothing else was looked at",
    )


def organization(zone: LandingZone, described: OrganizationTypeDef) -> Verdict:
    """Decide whether the organization is that of the settings."""
    identity, management = described.get("Id"), described.get("MasterAccountId")
    if identity != zone.organization_id:
        return wrong(
            f"it is {identity}, and organization_id is {zone.organization_id}", f"set organization_id to {identity}"
        )
    if management != zone.management_account:
        return wrong(
            f"its management account is {management}, and management_account is {zone.management_account}",
            f"set management_account to {management}",
        )
    if described.get("FeatureSet") != "ALL":
        return wrong(f"{identity} has consolidated billing only", "enable all features in AWS Organizations")
    return ok(f"{identity}, with the management account {management}")


def member(account: str, state: str | None) -> Verdict:
    """Decide whether an account is an active one; its state is None where it is none of the organization."""
    if state is None:
        return wrong(f"{account} is not in the organization", "correct its id, or invite it")
    if state != "ACTIVE":
        return wrong(f"{account} is {state}", "name another account, or have AWS Support open this one again")
    return ok(f"{account} is active")


def _check_account(organizations: OrganizationsClient, account: str, purposes: tuple[str, ...]) -> Finding:
    return judged(
        f"account: {', '.join(purposes)}", lambda: _state(organizations, account), lambda state: member(account, state)
    )


def _state(organizations: OrganizationsClient, account: str) -> str | None:
    try:
        described = organizations.describe_account(AccountId=account)["Account"]
    except ClientError as error:
        if code_of(error) == "AccountNotFoundException":
            return None
        raise
    # Organizations retired Status in September 2026; an older SDK does not know State.
    return described.get("State") or described.get("Status", "in no state that AWS tells")


def _check_unit(organizations: OrganizationsClient, unit: str) -> Finding:
    return judged(f"unit {unit}", lambda: _unit_name(organizations, unit), _unit)


def _unit_name(organizations: OrganizationsClient, unit: str) -> str | None:
    try:
        if unit.startswith("r-"):
            pages = organizations.get_paginator("list_roots").paginate()
            return next(
                (root.get("Name", unit) for page in pages for root in page["Roots"] if root["Id"] == unit), None
            )
        described = organizations.describe_organizational_unit(OrganizationalUnitId=unit)
        return described["OrganizationalUnit"].get("Name", unit)
    except ClientError as error:
        if code_of(error) == "OrganizationalUnitNotFoundException":
            return None
        raise


def _unit(name: str | None) -> Verdict:
    if name is None:
        return wrong(
            "it is not in the organization",
            "correct its id: 'aws organizations list-organizational-units-for-parent' shows them",
        )
    return ok(f"it is {name}")
