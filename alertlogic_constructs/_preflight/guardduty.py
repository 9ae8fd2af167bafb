"""The GuardDuty administrator, in every governed region."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .findings import Level, found, judged, ok, skipped, wrong

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_guardduty import GuardDutyClient
    from mypy_boto3_guardduty.type_defs import DescribeOrganizationConfigurationResponseTypeDef

    from alertlogic_constructs.settings import Settings

    from .cloud import Cloud
    from .findings import Finding, Verdict


def check_guardduty(settings: Settings, cloud: Cloud) -> Iterator[Finding]:
    """Check everything that the settings say of GuardDuty."""
    if settings.guardduty is None:
        yield found("GuardDuty", skipped("guardduty is null: no findings are forwarded"))
        return
    account = settings.guardduty.coverage.administrator_account
    if account is None:
        yield found("GuardDuty", skipped("every account forwards its own findings, whoever administers GuardDuty"))
        return
    for region in settings.landing_zone.governed_regions:
        yield from _check_region(settings, cloud, account, region)


def administrator(wanted: str, region: str, delegated: list[str]) -> Verdict:
    """Decide whether GuardDuty is delegated to the administrator in a region."""
    if delegated == [wanted]:
        return ok(f"it is {wanted}")
    return wrong(
        f"it is {', '.join(delegated) or 'nobody'}, and administrator is {wanted}",
        f"'aws guardduty enable-organization-admin-account --admin-account-id {wanted} --region {region}' in the "
        "management account, or correct administrator of guardduty",
    )


def detector(status: str | None, organization: DescribeOrganizationConfigurationResponseTypeDef | None) -> Verdict:
    """Decide whether the administrator's detector works, and accounts become its members; None if there is none."""
    if status is None or organization is None:
        return wrong("the administrator has no detector", "enable GuardDuty there")
    if status != "ENABLED":
        return wrong(f"the administrator's detector is {status}", "enable it")
    if organization["MemberAccountLimitReached"]:
        return wrong("the administrator has as many members as it can have", "have AWS Support raise the limit")
    members = organization.get("AutoEnableOrganizationMembers", "NONE")
    if members == "NONE":
        return wrong(
            "accounts do not become members by themselves",
            "switch 'Auto-enable GuardDuty' on for all accounts, in the administrator account",
        )
    return ok(f"enabled; {'new' if members == 'NEW' else 'all'} accounts become members")


def _check_region(settings: Settings, cloud: Cloud, account: str, region: str) -> Iterator[Finding]:
    management: GuardDutyClient = cloud.client("guardduty", settings.landing_zone.management_account, region)
    delegation = judged(
        f"GuardDuty administrator in {region}",
        lambda: _delegated(management),
        lambda delegated: administrator(account, region, delegated),
    )
    yield delegation
    if delegation.level is Level.OK:
        yield judged(
            f"GuardDuty detector in {region}",
            lambda: _seen(cloud.client("guardduty", account, region)),
            lambda seen: detector(*seen),
        )


def _delegated(management: GuardDutyClient) -> list[str]:
    pages = management.get_paginator("list_organization_admin_accounts").paginate()
    return [
        one.get("AdminAccountId", "")
        for page in pages
        for one in page["AdminAccounts"]
        if one.get("AdminStatus") == "ENABLED"
    ]


def _seen(guardduty: GuardDutyClient) -> tuple[str | None, DescribeOrganizationConfigurationResponseTypeDef | None]:
    # There is one at most in each account and region.
    for detector_id in guardduty.list_detectors()["DetectorIds"]:
        status = guardduty.get_detector(DetectorId=detector_id)["Status"]
        return status, guardduty.describe_organization_configuration(DetectorId=detector_id)
    return None, None
