"""AWS's events: where something may have changed. What is true there is read elsewhere.

https://docs.aws.amazon.com/controltower/latest/userguide/lifecycle-events.html
https://docs.aws.amazon.com/controltower/latest/userguide/governance-drift.html
https://docs.aws.amazon.com/organizations/latest/userguide/orgs_cloudtrail-integration.html
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/event-detail-stack-status-change.html
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from aws.environment import ACCOUNT_ID, UNIT_ID
from aws.organizations import AwsAccountId
from aws.queue import Refused

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# Which of the two Control Tower sends for an existing account depends on whether it knows the account already.
_OF_AN_ACCOUNT: Final = frozenset({"CreateManagedAccount", "UpdateManagedAccount"})
_OF_A_BASELINE: Final = frozenset(
    {"EnableBaseline", "ResetEnabledBaseline", "UpdateEnabledBaseline", "DisableBaseline"}
)
_OF_A_UNIT: Final = frozenset({"RegisterOrganizationalUnit", "DeregisterOrganizationalUnit"})
_OF_THE_LANDING_ZONE: Final = frozenset({"SetupLandingZone", "UpdateLandingZone"})
_OF_THE_ORGANIZATION: Final = frozenset(
    {
        "AccountDepartedOrganization",
        "AccountJoinedOrganization",
        "CloseAccount",
        "CloseAccountResult",
        "CreateAccountResult",
        "MoveAccount",
        "RemoveAccountFromOrganization",
    }
)
_TARGET: Final = re.compile(
    r"arn:[a-z-]+:organizations::[0-9]{12}:"
    rf"(account/o-[a-z0-9]+/(?P<account>{ACCOUNT_ID.pattern})|(ou|root)/o-[a-z0-9]+/(?P<unit>{UNIT_ID.pattern}))"
)


@dataclass(frozen=True, slots=True)
class AccountsTouched:
    """Look at these accounts."""

    id: str
    account_ids: tuple[AwsAccountId, ...]


@dataclass(frozen=True, slots=True)
class UnitTouched:
    """Look at every account below a unit."""

    id: str
    unit_id: str


@dataclass(frozen=True, slots=True)
class SweepDue:
    """Look at everything."""

    id: str


@dataclass(frozen=True, slots=True)
class Irrelevant:
    """Nothing can have changed."""

    id: str
    why: str


@dataclass(frozen=True, slots=True)
class EnrollmentFailed:
    """Control Tower could not enroll an account, and says so itself; another event comes once it can.

    Attributes:
        id: EventBridge's id of the event.
        name: `CreateManagedAccount` or `UpdateManagedAccount`.
        account_id: The account; None where it failed before there was one.
        message: Control Tower's own words.
    """

    id: str
    name: str
    account_id: AwsAccountId | None
    message: str


Event = AccountsTouched | UnitTouched | SweepDue | Irrelevant | EnrollmentFailed


def read(event: Mapping[str, Any], *, management_account_id: str) -> Event:
    """Read an event as EventBridge puts it into the queue.

    Args:
        event: The event.
        management_account_id: Only its events are heard.

    Raises:
        Refused: It is not an event of the management account that tells where to look.
        KeyError, AttributeError, TypeError: It is not such an event at all.
    """
    event_id, source, kind, detail = event["id"], event["source"], event["detail-type"], event["detail"]
    if event["account"] != management_account_id:
        raise Refused(f"event {event_id} comes from account {event['account']}, not from the management account")
    if error := detail.get("errorCode"):
        return Irrelevant(event_id, f"the call failed: {error}")
    match source, kind:
        case "aws.events", "Scheduled Event":
            return SweepDue(event_id)
        case "aws.cloudformation", "CloudFormation Stack Status Change":
            # Of the function's own stack, and only once it is deployed: so says the rule that puts it into the queue.
            return SweepDue(event_id)
        case "aws.controltower", "Drift Detected":
            return _drift(event_id, detail)
        case "aws.controltower", "AWS Service Event via CloudTrail":
            return _lifecycle(event_id, detail)
        # AWS does not say which kind of event tells that an account joined or departed.
        case "aws.organizations", _:
            return _membership(event_id, detail, management_account_id)
    raise Refused(f"event {event_id} is {kind!r} of {source!r}, which says nothing about accounts")


def _drift(event_id: str, detail: Mapping[str, Any]) -> Event:
    account_id = detail.get("accountId")
    if account_id is None:
        return Irrelevant(event_id, f"the drift {detail['driftType']} is of no account")
    return AccountsTouched(event_id, (_account_id(event_id, account_id),))


def _lifecycle(event_id: str, detail: Mapping[str, Any]) -> Event:
    name = detail["eventName"]
    status = detail["serviceEventDetails"][f"{name[:1].lower()}{name[1:]}Status"]
    if name in _OF_AN_ACCOUNT:
        return _managed_account(event_id, name, status)
    if name in _OF_A_BASELINE:
        return _baseline(event_id, status["enabledBaselineDetails"]["targetIdentifier"])
    if name in _OF_A_UNIT:
        unit_id = status["organizationalUnit"]["organizationalUnitId"]
        if not re.fullmatch(UNIT_ID.pattern, unit_id):
            raise Refused(f"event {event_id} names no organizational unit")
        return UnitTouched(event_id, unit_id)
    if name in _OF_THE_LANDING_ZONE:
        return SweepDue(event_id)
    raise Refused(f"event {event_id} is {name}, which says nothing about accounts")


def _managed_account(event_id: str, name: str, status: Mapping[str, Any]) -> Event:
    state, account_id = status["state"], status.get("account", {}).get("accountId")
    match state:
        case "SUCCEEDED":
            return AccountsTouched(event_id, (_account_id(event_id, account_id),))
        case "FAILED":
            return EnrollmentFailed(event_id, name, account_id, status.get("message", ""))
    raise Refused(f"event {event_id} has the unknown state {state!r}")


def _baseline(event_id: str, target: str) -> Event:
    match = _TARGET.fullmatch(target)
    if match is None:
        raise Refused(f"event {event_id} has the unknown target {target!r}")
    if match["unit"]:
        return UnitTouched(event_id, match["unit"])
    return AccountsTouched(event_id, (AwsAccountId(match["account"]),))


def _membership(event_id: str, detail: Mapping[str, Any], management_account_id: str) -> Event:
    name = detail["eventName"]
    if name not in _OF_THE_ORGANIZATION:
        raise Refused(f"event {event_id} is {name}, which says nothing about accounts")
    # Who acted is not what was acted on.
    others = {key: value for key, value in detail.items() if key != "userIdentity"}
    account_ids = set(_account_ids(others)) - {AwsAccountId(management_account_id)}
    if account_ids:
        return AccountsTouched(event_id, tuple(sorted(account_ids)))
    if name == "CreateAccountResult":
        return Irrelevant(event_id, "no account was created")
    raise Refused(f"event {event_id} names no account")


def _account_ids(value: object) -> Iterator[AwsAccountId]:
    """Find accounts wherever they may be: of some events AWS publishes no more than a few names."""
    match value:
        case dict():
            for key, inner in value.items():
                if key.lower() == "accountid" and isinstance(inner, str) and re.fullmatch(ACCOUNT_ID.pattern, inner):
                    yield AwsAccountId(inner)
                else:
                    yield from _account_ids(inner)
        case list():
            for inner in value:
                yield from _account_ids(inner)


def _account_id(event_id: str, account_id: object) -> AwsAccountId:
    if isinstance(account_id, str) and re.fullmatch(ACCOUNT_ID.pattern, account_id):
        return AwsAccountId(account_id)
    raise Refused(f"event {event_id} names no account")
