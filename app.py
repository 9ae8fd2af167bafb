"""The sample: settings from the context `alertlogic:landing-zone` -> the stacks of a landing zone."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from aws_cdk import App, Environment, Stack
from aws_cdk import aws_sns as sns

from alertlogic_constructs import (
    AlertLogic,
    AlertLogicHub,
    CloudTrailSubscription,
    ControlTowerIntegration,
    GuardDutyFindingsSpoke,
    GuardDutyForwarder,
    LogArchiveIngestion,
    OperationsDashboard,
    OrganizationsEventSpoke,
    VpcScopeWatcher,
)
from alertlogic_constructs.organizations_event_spoke import ORGANIZATIONS_REGION
from alertlogic_constructs.settings import CONTEXT_KEY, read_context, read_settings

if TYPE_CHECKING:
    from alertlogic_constructs.settings import Settings


def build(app: App, settings: Settings) -> None:
    """Put the stacks into the app.

    Raises:
        ValueError: for what a construct refuses, such as units of which an account must be protected.
    """
    zone = settings.landing_zone

    def stack(name: str, account: str, region: str = zone.home_region) -> Stack:
        return Stack(app, f"AlertLogic-{name}", env=Environment(account=account, region=region))

    def alarm_topic(of: Stack) -> sns.ITopic | None:
        if settings.alarm_topic_name is None:
            return None
        arn = of.format_arn(service="sns", resource=settings.alarm_topic_name)
        return sns.Topic.from_topic_arn(of, "AlarmTopic", arn)

    security = stack("Security", zone.security_account)
    security_topic = alarm_topic(security)
    alert_logic = AlertLogic.placeholder(
        security,
        "ApiKey",
        customer_id=settings.alert_logic.customer_id,
        data_center=settings.alert_logic.data_center,
    )
    hub = AlertLogicHub(
        security,
        "Hub",
        alert_logic=alert_logic,
        landing_zone=zone,
        offboarding=settings.offboarding,
        alarm_topic=security_topic,
    )
    OperationsDashboard(security, "Dashboard")
    if settings.protection_scope.tags:
        VpcScopeWatcher(
            security,
            "Scope",
            alert_logic=alert_logic,
            policy=settings.policy,
            protection_scope=settings.protection_scope,
            hub=hub,
            alarm_topic=security_topic,
        )
    master = stack("Master", zone.management_account)
    ControlTowerIntegration(
        master,
        "ControlTower",
        landing_zone=zone,
        alert_logic=settings.alert_logic,
        policy=settings.policy,
        mode=settings.mode,
        protection_scope=settings.protection_scope,
        central_logs=settings.trail is not None,
        guardduty_coverage=settings.guardduty.coverage if settings.guardduty else None,
        organizational_units=settings.organizational_units,
        deletion_guard_percentage=settings.deletion_guard_percentage,
        alarm_topic=alarm_topic(master),
    )
    OperationsDashboard(master, "Dashboard")
    if zone.home_region != ORGANIZATIONS_REGION:
        # AWS Organizations' events exist there only.
        spoke = stack("Master-Global", zone.management_account, ORGANIZATIONS_REGION)
        OrganizationsEventSpoke(spoke, "Organizations", landing_zone=zone, alarm_topic=alarm_topic(spoke))
    # Accounts register as soon as the master stack enrolls them.
    master.add_stack_dependency(security)
    if settings.guardduty:
        coverage = settings.guardduty.coverage
        GuardDutyForwarder(
            security,
            "Findings",
            alert_logic=alert_logic,
            event_bus=hub.bus,
            coverage=coverage,
            alarm_topic=security_topic,
            **settings.guardduty.filters,
        )
        # The StackSet does not reach the management account.
        for region in zone.governed_regions if coverage.forwards(zone.management_account) else ():
            is_home = region == zone.home_region
            spoke = master if is_home else stack(f"Master-{region}", zone.management_account, region)
            GuardDutyFindingsSpoke(spoke, "Findings", event_bus=hub.bus)
            # The bus is known by name, so CloudFormation does not see by itself that it comes first.
            spoke.add_stack_dependency(security)
    if settings.trail:
        log_archive = stack("LogArchive", zone.log_archive_account)
        LogArchiveIngestion(
            log_archive,
            "Logs",
            alert_logic=settings.alert_logic,
            trail=settings.trail,
            alarm_topic=alarm_topic(log_archive),
        )
        OperationsDashboard(log_archive, "Dashboard")
        # Before landing zone 4.0 the audit account; since then, perhaps another.
        audit = stack("Audit", settings.trail.topic_account)
        CloudTrailSubscription(
            audit,
            "Subscription",
            alert_logic=settings.alert_logic,
            trail=settings.trail,
            log_archive_account=zone.log_archive_account,
            alarm_topic=alarm_topic(audit),
        )
        OperationsDashboard(audit, "Dashboard")
        # The confirmation is read from the queue, with a role there.
        audit.add_stack_dependency(log_archive)
        # Registrations tell Alert Logic of the role.
        master.add_stack_dependency(log_archive)


def context_of(app: App) -> object:
    """The value of the context key: of the app, as an object or as JSON text, else the example in `cdk.json`.

    Raises:
        ValueError: for a `cdk.json` that cannot be read.
    """
    value = app.node.try_get_context(CONTEXT_KEY)
    return read_context(Path(__file__).with_name("cdk.json")).get(CONTEXT_KEY) if value is None else value


if __name__ == "__main__":
    app = App()
    try:
        build(app, read_settings(context_of(app)))
    except ValueError as error:
        sys.exit(str(error))
    app.synth()
