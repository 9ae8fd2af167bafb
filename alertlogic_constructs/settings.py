"""The settings of a landing zone, as `cdk.json` holds them: what the sample is built from, and what the commands check.

Nothing here is a construct. The context `alertlogic:landing-zone` of `cdk.json` shows every key.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar, cast

from ._validation import Checks
from .alert_logic import AlertLogic, DataCenter
from .central_trail import CentralTrail
from .guardduty import GuardDutyCoverage
from .guardduty_forwarder import check_filters
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
class FindingSettings:
    """What is said of GuardDuty's findings.

    Attributes:
        coverage: Which accounts forward them.
        filters: Which of them are sent: the arguments `minimum_severity`, `finding_types` and `sample_findings` of
            `GuardDutyForwarder`, as far as they are given.
    """

    coverage: GuardDutyCoverage
    filters: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Everything that the sample can be told.

    Attributes:
        landing_zone: The landing zone.
        alert_logic: The customer, without a secret.
        organizational_units: Which accounts are enrolled.
        policy: The protection policy of every account.
        mode: How Alert Logic's appliances come into an account.
        protection_scope: Which assets of an account are protected.
        trail: The trail whose logs are collected; None for each account's own.
        guardduty: Which findings are forwarded; None for none.
        deletion_guard_percentage: Which share of the enrolled accounts may leave within 24 hours.
        offboarding: What becomes of the deployment of an account that leaves.
        alarm_topic_name: The SNS topic in each account and region to which alarms are published; None for none.
    """

    landing_zone: LandingZone
    alert_logic: AlertLogic
    organizational_units: OrganizationalUnits
    policy: ProtectionPolicy
    mode: DeploymentMode
    protection_scope: ProtectionScope
    trail: CentralTrail | None
    guardduty: FindingSettings | None
    deletion_guard_percentage: int
    offboarding: Offboarding
    alarm_topic_name: str | None


def read_settings(value: object) -> Settings:
    """Check the value of the context key, an object or its JSON text, as a whole.

    It needs every key that `cdk.json` shows, but `alarm_topic_name`.

    Raises:
        ValueError: that lists everything wrong with it, each with its fix. What is in `trail` is looked at only once
            the landing zone, from which the rest of it comes, is right.
    """
    reader = _Reader(_mapping(value))
    parts: dict[str, Callable[[], object]] = {
        "landing_zone": reader.landing_zone,
        "alert_logic": reader.alert_logic,
        "organizational_units": reader.organizational_units,
        "policy": lambda: reader.choice(ProtectionPolicy, "policy"),
        "mode": lambda: reader.choice(DeploymentMode, "mode"),
        "protection_scope": reader.protection_scope,
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

    def attempt(self, make: Callable[[], T], *keys: str) -> T | None:
        """Make a part, or note why it cannot be made; `keys` are those that are called otherwise there."""
        try:
            return make()
        except ValueError as error:
            self.problems.append(f"{', '.join(keys)}: {error}" if keys else str(error))
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

    def organizational_units(self) -> OrganizationalUnits | None:
        keys = ("included_units", "excluded_units", "excluded_accounts")
        included, excluded, accounts = (self.left.pop(key, None) for key in keys)
        # An empty list means the whole organization; a missing one must not.
        if not isinstance(included, list):
            self.problems.append(
                f"included_units is {included!r}; allowed is a list of strings; [] includes every unit"
            )
            included = []
        make = partial(OrganizationalUnits.only, *included) if included else OrganizationalUnits.all
        return self.attempt(lambda: make(excluding=excluded, excluding_accounts=accounts), *keys)

    def protection_scope(self) -> ProtectionScope | None:
        tags, prune = self.left.pop("vpc_tags", None), self.left.pop("prune", None)
        # An empty object means whole regions; a missing one must not.
        make = ProtectionScope.regions if tags == {} else partial(ProtectionScope.vpc_tags, tags)
        return self.attempt(lambda: make(prune=prune), "vpc_tags", "prune")

    def trail(self) -> CentralTrail | None:
        said = self.left.pop("trail", "missing")
        allowed = [field for field in CentralTrail.__dataclass_fields__ if field != "organization_id"]
        if said is not None and not (isinstance(said, dict) and said.keys() <= set(allowed)):
            raise ValueError(f"trail is {said!r}; allowed is null, or an object with {', '.join(allowed)}; correct it")
        zone = self._zone
        if said is None or zone is None:
            return None
        if said.keys() <= {"key_arn"}:
            return self.attempt(lambda: CentralTrail.before_landing_zone_4(zone, **said), "trail")
        names = {"bucket_name": None, "topic_arn": None, **said}
        return self.attempt(lambda: CentralTrail(organization_id=zone.organization_id, **names), "trail")

    def deletion_guard_percentage(self) -> int:
        given = self.left.pop("deletion_guard_percentage", None)
        if not isinstance(given, int) or isinstance(given, bool) or given not in range(100 + 1):
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

    def guardduty(self) -> FindingSettings | None:
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
        coverage = self.attempt(
            lambda: GuardDutyCoverage.every_account() if account is None else GuardDutyCoverage.administrator(account),
            "guardduty",
        )
        given = {key: said[key] for key in filters if key in said}
        self.attempt(lambda: check_filters(Checks("guardduty"), **given))
        return FindingSettings(coverage=coverage, filters=given) if coverage else None


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


def _mapping(value: object) -> Mapping[str, Any]:
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except json.JSONDecodeError as error:
            raise ValueError(f"the context {CONTEXT_KEY} is not JSON ({error}); see cdk.json for an example") from error
    if not isinstance(value, Mapping):
        raise ValueError(f"the context {CONTEXT_KEY} is {value!r}; allowed is an object; see cdk.json for an example")
    return cast("Mapping[str, Any]", value)
