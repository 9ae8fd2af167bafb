"""The settings of a landing zone, as `cdk.json` holds them: what the sample is built from, and what the commands check.

Nothing here is a construct. The context `alertlogic:landing-zone` of `cdk.json` shows every key.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar, cast

from .alert_logic import AlertLogic, DataCenter
from .central_trail import CentralTrail
from .guardduty import GuardDutyCoverage
from .landing_zone import LandingZone, OrganizationalUnits
from .protection import DeploymentMode, Offboarding, ProtectionPolicy, ProtectionScope

if TYPE_CHECKING:
    from collections.abc import Callable
    from enum import Enum
    from pathlib import Path

CONTEXT_KEY = "alertlogic:landing-zone"

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
    alarm_topic_name: str | None


def read_settings(given: Mapping[str, Any]) -> Settings:
    """Check the context's value as a whole. It needs every key that `cdk.json` shows, but `alarm_topic_name`.

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
        "alarm_topic_name": reader.alarm_topic_name,
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

    def alarm_topic_name(self) -> str | None:
        given = self.left.pop("alarm_topic_name", None)
        # https://docs.aws.amazon.com/sns/latest/api/API_CreateTopic.html
        if given is not None and not (isinstance(given, str) and re.fullmatch(r"[A-Za-z0-9_-]{1,256}", given)):
            raise ValueError(
                f"alarm_topic_name is {given!r}; allowed is null, or the name of an SNS topic that is no FIFO topic; "
                "give its name, not its ARN"
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


def read_context(file: Path) -> Mapping[str, Any]:
    """Read the context of a `cdk.json`, of which `CONTEXT_KEY` is one key.

    Raises:
        ValueError: it cannot be read, or is no JSON object.
    """
    try:
        document = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise ValueError(f"{file} cannot be read ({error}); name a cdk.json") from error
    context = document.get("context", {}) if isinstance(document, dict) else None
    if not isinstance(context, dict):
        raise ValueError(f"{file} is no JSON object with a context; see the cdk.json of the sample for an example")
    return cast("Mapping[str, Any]", context)


def settings_of(value: object) -> Mapping[str, Any]:
    """Return the context key's value, which may be an object or its JSON text, as `read_settings` takes it.

    Raises:
        ValueError: for anything but an object.
    """
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except json.JSONDecodeError as error:
            raise ValueError(f"the context {CONTEXT_KEY} is not JSON ({error}); see cdk.json for an example") from error
    if not isinstance(value, Mapping):
        raise ValueError(f"the context {CONTEXT_KEY} is {value!r}; allowed is an object; see cdk.json for an example")
    return cast("Mapping[str, Any]", value)
