"""The sample: settings from the context `alertlogic:landing-zone` -> the stacks of a landing zone."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

from aws_cdk import App, Environment, Stack

from alertlogic_constructs import (
    AlertLogic,
    AlertLogicHub,
    ControlTowerIntegration,
    DataCenter,
    DeploymentMode,
    LandingZone,
    Offboarding,
    OrganizationalUnits,
    ProtectionPolicy,
    ProtectionScope,
    VpcScopeWatcher,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from enum import Enum

CONTEXT_KEY = "alertlogic:landing-zone"

T = TypeVar("T")
EnumT = TypeVar("EnumT", bound="Enum")


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Everything that the sample can be told."""

    landing_zone: LandingZone
    alert_logic: AlertLogic
    organizational_units: OrganizationalUnits
    policy: ProtectionPolicy
    mode: DeploymentMode
    scope: ProtectionScope
    offboarding: Offboarding


def read_settings(given: Mapping[str, Any]) -> Settings:
    """Check the context's value as a whole. It needs every key that `cdk.json` shows.

    Raises:
        ValueError: that lists everything wrong with it, each with its fix.
    """
    left = dict(given)
    problems: list[str] = []

    def choose(choices: type[EnumT], key: str) -> EnumT:
        name = left.pop(key, None)
        if isinstance(name, str) and name in choices.__members__:
            return choices[name]
        raise ValueError(f"{key} is {name!r}; allowed is one of {', '.join(choices.__members__)}; correct it")

    def units() -> OrganizationalUnits:
        included, excluded, accounts = (
            left.pop(key, None) for key in ("included_units", "excluded_units", "excluded_accounts")
        )
        # An empty list means the whole organization; a missing one must not.
        if not isinstance(included, list):
            problems.append(f"included_units is {included!r}; allowed is a list of strings; [] includes every unit")
        elif included:
            return OrganizationalUnits.only(*included, excluding=excluded, excluding_accounts=accounts)
        return OrganizationalUnits.all(excluding=excluded, excluding_accounts=accounts)

    def scope() -> ProtectionScope:
        tags, prune = left.pop("vpc_tags", None), left.pop("prune", None)
        # An empty object means whole regions; a missing one must not.
        return ProtectionScope.regions(prune=prune) if tags == {} else ProtectionScope.vpc_tags(tags, prune=prune)

    parts: dict[str, Callable[[], object]] = {
        "landing_zone": lambda: LandingZone(**{key: left.pop(key, None) for key in LandingZone.__dataclass_fields__}),
        "alert_logic": lambda: AlertLogic(customer_id=left.pop("customer_id", None)),
        "data_center": lambda: choose(DataCenter, "data_center"),
        "organizational_units": units,
        "policy": lambda: choose(ProtectionPolicy, "policy"),
        "mode": lambda: choose(DeploymentMode, "mode"),
        "scope": scope,
        "offboarding": lambda: choose(Offboarding, "offboarding"),
    }
    made: dict[str, Any] = {}
    for name, make in parts.items():
        try:
            made[name] = make()
        except ValueError as error:
            problems.append(str(error))
    problems += [f"{key} is unknown; allowed are the keys that cdk.json shows; correct or delete it" for key in left]
    if problems:
        raise ValueError("\n".join([f"the context {CONTEXT_KEY} cannot be used:", *problems]))
    alert_logic = replace(made.pop("alert_logic"), data_center=made.pop("data_center"))
    return Settings(alert_logic=alert_logic, **made)


def build(app: App, settings: Settings) -> None:
    """Put the stacks into the app."""
    zone = settings.landing_zone

    def stack(name: str, account: str) -> Stack:
        return Stack(app, f"AlertLogic-{name}", env=Environment(account=account, region=zone.home_region))

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
        organizational_units=settings.organizational_units,
    )
    # Accounts register as soon as the master stack enrolls them.
    master.add_stack_dependency(security)


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
        settings = read_settings(context_of(app))
    except ValueError as error:
        sys.exit(str(error))
    build(app, settings)
    app.synth()
