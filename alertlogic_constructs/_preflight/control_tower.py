"""The landing zone: its version and state, its accounts, regions and roles."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from alertlogic_constructs._naming import CONTROL_TOWER_EXECUTION
from alertlogic_constructs._policy_documents import as_list, aws_principals

from .findings import code_of, found, judged, look, ok, skipped, wrong
from .organization import accounts

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from mypy_boto3_controltower import ControlTowerClient
    from mypy_boto3_controltower.type_defs import LandingZoneDetailTypeDef
    from mypy_boto3_iam import IAMClient

    from alertlogic_constructs.landing_zone import LandingZone
    from alertlogic_constructs.settings import Settings

    from .cloud import Cloud
    from .findings import Finding, Verdict

_ENABLED = frozenset({"ENABLED", "ENABLED_BY_DEFAULT"})


def check_control_tower(settings: Settings, cloud: Cloud) -> Iterator[Finding]:
    """Check everything that the settings say of the landing zone."""
    zone = settings.landing_zone
    zones = look("landing zone", lambda: _landing_zones(cloud, zone), lambda seen: landing_zone(zone, seen))
    yield zones.finding
    for check, decide in (("shared accounts", shared_accounts), ("governed regions", governed_regions)):
        if zones.seen:
            yield found(check, decide(zone, zones.seen[0].get("manifest", {})))
        else:
            yield found(check, skipped("no landing zone was seen"))
    for account in accounts(settings):
        yield _check_role(cloud, zone, account)
    for account in (zone.management_account, *accounts(settings)):
        yield _check_regions(cloud, zone, account)


def landing_zone(zone: LandingZone, seen: list[LandingZoneDetailTypeDef]) -> Verdict:
    """Decide whether there is a landing zone whose home is the home region, and that is well."""
    if not seen:
        return wrong(
            f"none is to be seen in {zone.home_region}", "set up AWS Control Tower, or correct home_region, its home"
        )
    version, newest = seen[0].get("version"), seen[0].get("latestAvailableVersion")
    home = seen[0].get("arn", "").split(":")[3:4]
    status, drift = seen[0].get("status"), seen[0].get("driftStatus", {}).get("status")
    if home != [zone.home_region]:
        return wrong(f"its home is {''.join(home)}, and home_region is {zone.home_region}", "correct home_region")
    if status == "PROCESSING":
        return wrong(f"version {version} is being set up, changed or repaired", "wait until that is done")
    if status != "ACTIVE":
        return wrong(f"version {version} is {status}", "repair it in AWS Control Tower")
    if drift == "DRIFTED":
        return wrong(f"version {version} has drifted", "reset it in AWS Control Tower")
    return ok(f"version {version}" + (f" ({newest} is to be had)" if newest and newest != version else ""))


def shared_accounts(zone: LandingZone, manifest: Mapping[str, Any]) -> Verdict:
    """Decide whether log archive and audit are Control Tower's own; since version 4.0 it may have none."""
    named = (
        ("log_archive_account", zone.log_archive_account, "centralizedLogging"),
        ("audit_account", zone.audit_account, "securityRoles"),
    )
    for setting, account, key in named:
        actual = _account_in(manifest, key)
        if actual not in {None, account}:
            return wrong(f"{setting} is {account}, and Control Tower's is {actual}", f"set {setting} to {actual}")
    missing = [setting for setting, _, key in named if _account_in(manifest, key) is None]
    return ok(f"Control Tower names no {' and no '.join(missing)}" if missing else "log archive and audit are right")


def governed_regions(zone: LandingZone, manifest: Mapping[str, Any]) -> Verdict:
    """Decide whether the governed regions are those of the settings."""
    actual, wanted = set(manifest.get("governedRegions", ())), set(zone.governed_regions)
    if actual - wanted:
        return wrong(
            f"Control Tower also governs {_listed(actual - wanted)}, where nothing would be protected",
            "add to governed_regions",
        )
    if wanted - actual:
        return wrong(
            f"Control Tower does not govern {_listed(wanted - actual)}", "take it out of governed_regions, or govern it"
        )
    return ok(_listed(wanted))


def execution_role(zone: LandingZone, trust: Mapping[str, Any] | None) -> Verdict:
    """Decide whether StackSets can work in an account; the trust in the role is None where there is none."""
    if trust is None:
        return wrong(f"there is no role {CONTROL_TOWER_EXECUTION}", "enroll the account in Control Tower")
    statements: list[Mapping[str, Any]] = as_list(trust.get("Statement", []))
    principals = {
        principal
        for statement in statements
        if statement.get("Effect") == "Allow"
        for principal in aws_principals(statement)
    }
    management = zone.management_account
    if not principals & {management, f"arn:aws:iam::{management}:root", "*"}:
        return wrong(
            f"{CONTROL_TOWER_EXECUTION} does not trust the management account {management}",
            "re-register the account in Control Tower, which restores the role",
        )
    return ok(f"{CONTROL_TOWER_EXECUTION} trusts the management account")


def enabled_regions(zone: LandingZone, enabled: Collection[str]) -> Verdict:
    """Decide whether an account has enabled every governed region: an opt-in region is off at first."""
    missing = set(zone.governed_regions) - set(enabled)
    if missing:
        return wrong(
            f"{_listed(missing)} is not enabled",
            "update the account in Control Tower, which enables governed regions, or take it out of governed_regions",
        )
    opted = f", the opt-in regions {_listed(zone.opt_in_regions)} among them" if zone.opt_in_regions else ""
    return ok(f"all governed regions are enabled{opted}")


def _landing_zones(cloud: Cloud, zone: LandingZone) -> list[LandingZoneDetailTypeDef]:
    control_tower: ControlTowerClient = cloud.client("controltower", zone.management_account)
    pages = control_tower.get_paginator("list_landing_zones").paginate()
    arns = [one.get("arn", "") for page in pages for one in page["landingZones"]]
    return [control_tower.get_landing_zone(landingZoneIdentifier=arn)["landingZone"] for arn in arns]


def _check_role(cloud: Cloud, zone: LandingZone, account: str) -> Finding:
    return judged(
        f"Control Tower's role in {account}",
        lambda: _trust(cloud.client("iam", account)),
        lambda trust: execution_role(zone, trust),
    )


def _trust(iam: IAMClient) -> Mapping[str, Any] | None:
    try:
        document: Any = iam.get_role(RoleName=CONTROL_TOWER_EXECUTION)["Role"].get("AssumeRolePolicyDocument", {})
    except ClientError as error:
        if code_of(error) == "NoSuchEntity":
            return None
        raise
    trust: Mapping[str, Any] = json.loads(document) if isinstance(document, str) else document
    return trust


def _check_regions(cloud: Cloud, zone: LandingZone, account: str) -> Finding:
    return judged(
        f"regions of {account}",
        lambda: _enabled(cloud.client("account", account)),
        lambda enabled: enabled_regions(zone, enabled),
    )


def _enabled(account: Any) -> list[str]:  # noqa: ANN401 - there are no stubs of this service here
    """See https://docs.aws.amazon.com/accounts/latest/reference/API_ListRegions.html."""
    pages = account.get_paginator("list_regions").paginate()
    return [
        region["RegionName"] for page in pages for region in page["Regions"] if region["RegionOptStatus"] in _ENABLED
    ]


def _account_in(manifest: Mapping[str, Any], key: str) -> str | None:
    part = manifest.get(key, {})
    account: str | None = part.get("accountId") if part.get("enabled", True) else None
    return account


def _listed(names: Collection[str]) -> str:
    return ", ".join(sorted(names))
