"""The sample: settings from the context `alertlogic:landing-zone` -> the stacks of a landing zone."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

from aws_cdk import App, Environment, Stack

from alertlogic_constructs import (
    AlertLogic,
    AlertLogicHub,
    CentralTrail,
    CloudTrailSubscription,
    ControlTowerIntegration,
    DataCenter,
    DeploymentMode,
    GuardDutyCoverage,
    GuardDutyFindingsSpoke,
    GuardDutyForwarder,
    LandingZone,
    LogArchiveIngestion,
    Offboarding,
    OrganizationalUnits,
    OrganizationsEventSpoke,
    ProtectionPolicy,
    ProtectionScope,
    VpcScopeWatcher,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from enum import Enum

CONTEXT_KEY = "alertlogic:landing-zone"
ORGANIZATIONS_REGION = "us-east-1"

T = TypeVar("T")
EnumT = TypeVar("EnumT", bound="Enum")


@dataclass(frozen=True, kw_only=True)
class GuardDuty:
    """Which accounts forward findings, and which findings `GuardDutyForwarder` sends."""

    coverage: GuardDutyCoverage
    filters: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Everything that the sample can be told."""

    landing_zone: LandingZone
    alert_logic: AlertLogic
    organizational_units: OrganizationalUnits
    policy: ProtectionPolicy
    mode: DeploymentMode
    scope: ProtectionScope
    trail: CentralTrail | None
    guardduty: GuardDuty | None
    deletion_guard_percentage: int
    offboarding: Offboarding


def read_settings(given: Mapping[str, Any]) -> Settings:
    """Check the context's value as a whole. It needs every key that `cdk.json` shows.

    Raises:
        ValueError: that lists everything wrong with it, each with its fix.
    """
    reader = _Reader(given)
    parts: dict[str, Callable[[], object]] = {
        "landing_zone": reader.landing_zone,
        "alert_logic": reader.alert_logic,
        "organizational_units": reader.organizational_units,
        "policy": lambda: reader.choice(ProtectionPolicy, "policy"),
        "mode": lambda: reader.choice(DeploymentMode, "mode"),
        "scope": reader.scope,
        "trail": reader.trail,
        "guardduty": reader.guardduty,
        "deletion_guard_percentage": reader.deletion_guard_percentage,
        "offboarding": lambda: reader.choice(Offboarding, "offboarding"),
    }
    made: dict[str, Any] = {name: reader.attempt(make) for name, make in parts.items()}
    unknown = [
        f"{key} is unknown; allowed are the keys that cdk.json shows; correct or delete it" for key in reader.left
    ]
    if reader.problems or unknown:
        raise ValueError("\n".join([f"the context {CONTEXT_KEY} cannot be used:", *reader.problems, *unknown]))
    return Settings(**made)


class _Reader:
    """Takes one part after the other out of the context's value; `left` is what nobody took."""

    def __init__(self, given: Mapping[str, Any]) -> None:
        self.left = dict(given)
        self.problems: list[str] = []
        self._zone: LandingZone | None = None

    def attempt(self, make: Callable[[], T]) -> T | None:
        try:
            return make()
        except ValueError as error:
            self.problems.append(str(error))
            return None

    def choice(self, choices: type[EnumT], key: str) -> EnumT:
        name = self.left.pop(key, None)
        if isinstance(name, str) and name in choices.__members__:
            return choices[name]
        raise ValueError(f"{key} is {name!r}; allowed is one of {', '.join(choices.__members__)}; correct it")

    def landing_zone(self) -> LandingZone:
        said = {key: self.left.pop(key, None) for key in LandingZone.__dataclass_fields__}
        self._zone = LandingZone(**said)
        return self._zone

    def alert_logic(self) -> AlertLogic:
        data_center = self.attempt(lambda: self.choice(DataCenter, "data_center"))
        return AlertLogic(customer_id=self.left.pop("customer_id", None), data_center=data_center or DataCenter.US)

    def organizational_units(self) -> OrganizationalUnits:
        included, excluded, accounts = (
            self.left.pop(key, None) for key in ("included_units", "excluded_units", "excluded_accounts")
        )
        # An empty list means the whole organization; a missing one must not.
        if not isinstance(included, list):
            self.problems.append(
                f"included_units is {included!r}; allowed is a list of strings; [] includes every unit"
            )
        elif included:
            return OrganizationalUnits.only(*included, excluding=excluded, excluding_accounts=accounts)
        return OrganizationalUnits.all(excluding=excluded, excluding_accounts=accounts)

    def scope(self) -> ProtectionScope:
        tags, prune = self.left.pop("vpc_tags", None), self.left.pop("prune", None)
        # An empty object means whole regions; a missing one must not.
        return ProtectionScope.regions(prune=prune) if tags == {} else ProtectionScope.vpc_tags(tags, prune=prune)

    def trail(self) -> CentralTrail | None:
        said = self.left.pop("trail", "missing")
        allowed = [field for field in CentralTrail.__dataclass_fields__ if field != "organization_id"]
        if said is not None and not (isinstance(said, dict) and said.keys() <= set(allowed)):
            raise ValueError(f"trail is {said!r}; allowed is null, or an object with {', '.join(allowed)}; correct it")
        if said is None or self._zone is None:
            return None
        if said.keys() <= {"key_arn"}:
            return CentralTrail.before_landing_zone_4(self._zone, **said)
        names = {"bucket_name": None, "topic_arn": None, **said}
        return CentralTrail(organization_id=self._zone.organization_id, **names)

    def deletion_guard_percentage(self) -> int:
        given = self.left.pop("deletion_guard_percentage", None)
        if not isinstance(given, int) or isinstance(given, bool):
            raise ValueError(
                f"deletion_guard_percentage is {given!r}; allowed is a whole number from 0 to 100; correct it"
            )
        return given

    def guardduty(self) -> GuardDuty | None:
        said = self.left.pop("guardduty", "missing")
        filters = ("minimum_severity", "finding_types", "sample_findings")
        allowed = {"administrator", *filters}
        if said is None:
            return None
        if not (isinstance(said, dict) and "administrator" in said and said.keys() <= allowed):
            raise ValueError(
                f"guardduty is {said!r}; allowed is null, or an object with administrator (null if every account "
                f"forwards its own findings) and perhaps {', '.join(filters)}; correct it"
            )
        account = said["administrator"]
        return GuardDuty(
            coverage=GuardDutyCoverage.every_account() if account is None else GuardDutyCoverage.administrator(account),
            filters={key: said[key] for key in filters if key in said},
        )


def build(app: App, settings: Settings) -> None:
    """Put the stacks into the app."""
    zone = settings.landing_zone

    def stack(name: str, account: str, region: str = zone.home_region) -> Stack:
        return Stack(app, f"AlertLogic-{name}", env=Environment(account=account, region=region))

    security = stack("Security", zone.security_account)
    alert_logic = AlertLogic.placeholder(
        security,
        "ApiKey",
        customer_id=settings.alert_logic.customer_id,
        data_center=settings.alert_logic.data_center,
    )
    hub = AlertLogicHub(security, "Hub", alert_logic=alert_logic, landing_zone=zone, offboarding=settings.offboarding)
    if settings.scope.tags:
        VpcScopeWatcher(
            security, "Scope", alert_logic=alert_logic, policy=settings.policy, scope=settings.scope, hub=hub
        )
    master = stack("Master", zone.management_account)
    ControlTowerIntegration(
        master,
        "ControlTower",
        landing_zone=zone,
        alert_logic=settings.alert_logic,
        policy=settings.policy,
        mode=settings.mode,
        scope=settings.scope,
        central_logs=settings.trail is not None,
        guardduty_coverage=settings.guardduty.coverage if settings.guardduty else None,
        organizational_units=settings.organizational_units,
        deletion_guard_percentage=settings.deletion_guard_percentage,
    )
    if zone.home_region != ORGANIZATIONS_REGION:
        # AWS Organizations' events exist there only.
        spoke = stack("Master-Global", zone.management_account, ORGANIZATIONS_REGION)
        OrganizationsEventSpoke(spoke, "Organizations", landing_zone=zone)
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
        LogArchiveIngestion(log_archive, "Logs", alert_logic=settings.alert_logic, trail=settings.trail)
        # Before landing zone 4.0 the audit account; since then, perhaps another.
        audit = stack("Audit", settings.trail.topic_account)
        CloudTrailSubscription(
            audit,
            "Subscription",
            alert_logic=settings.alert_logic,
            trail=settings.trail,
            log_archive_account=zone.log_archive_account,
        )
        # The confirmation is read from the queue, with a role there.
        audit.add_stack_dependency(log_archive)
        # Registrations tell Alert Logic of the role.
        master.add_stack_dependency(log_archive)


def context_of(app: App) -> Mapping[str, Any]:
    """The value of the context key: of the app, as an object or as JSON text, else the example in `cdk.json`.

    Raises:
        ValueError: for anything but an object.
    """
    value = app.node.try_get_context(CONTEXT_KEY)
    if value is None:
        value = json.loads(Path(__file__).with_name("cdk.json").read_text("utf-8"))["context"][CONTEXT_KEY]
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except json.JSONDecodeError as error:
            raise ValueError(f"the context {CONTEXT_KEY} is not JSON ({error}); see cdk.json for an example") from error
    if not isinstance(value, Mapping):
        raise ValueError(f"the context {CONTEXT_KEY} is {value!r}; allowed is an object; see cdk.json for an example")
    return cast("Mapping[str, Any]", value)


if __name__ == "__main__":
    app = App()
    try:
        build(app, read_settings(context_of(app)))
    except ValueError as error:
        sys.exit(str(error))
    app.synth()
