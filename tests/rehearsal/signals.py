"""What AWS Organizations and Control Tower tell of accounts and units, made from the events in `tests/events`."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING

from tests.rehearsal.organization import EVENTS

if TYPE_CHECKING:
    from tests.rehearsal.clock import VirtualClock
    from tests.rehearsal.organization import Organization, Zone
    from tests.rehearsal.templates import Json

# https://docs.aws.amazon.com/organizations/latest/userguide/orgs_cloudtrail-integration.html
ORGANIZATIONS_REGION = "us-east-1"
# How an account comes and goes stands in the same event but for its name.
_ORGANIZATIONS_FILES = {
    "MoveAccount": "move-account",
    "CloseAccount": "close-account",
    "CloseAccountResult": "close-account-result",
    "CreateAccountResult": "create-account-result-succeeded",
    "RemoveAccountFromOrganization": "remove-account-from-organization",
    "AccountJoinedOrganization": "account-departed-organization",
    "AccountDepartedOrganization": "account-departed-organization",
}


class Signals:
    """Makes events; whoever gets one may put it on a bus."""

    def __init__(self, organization: Organization, zone: Zone, clock: VirtualClock) -> None:
        self._organization = organization
        self._zone = zone
        self._clock = clock
        self._made = 0

    def of_organizations(self, name: str, account: str, **details: str) -> Json:
        """Organizations' event about an account, which exists in us-east-1 only.

        Args:
            name: Such as `MoveAccount`.
            account: The account.
            details: Further request parameters of an API call, such as `destinationParentId`, or fields beside the
                account of any other event; `errorCode` stands in the record itself.
        """
        event = self._event(_ORGANIZATIONS_FILES[name], region=ORGANIZATIONS_REGION)
        detail = event["detail"]
        detail["eventName"] = name
        if "errorCode" in details:
            detail["errorCode"] = details.pop("errorCode")
        place = detail["requestParameters"]
        if place is None:
            place = detail["serviceEventDetails"]
            [inner] = [one for one in place.values() if isinstance(one, dict)] or [place]
            place = inner
        place |= {"accountId": account, **details}
        return event

    def of_baseline(self, name: str, target: str) -> Json:
        """Control Tower's event about a baseline, such as `EnableBaseline`, of an account or of a unit by its path."""
        is_account = target.isdecimal()
        event = self._event("enable-baseline-account", region=self._zone.home_region)
        detail = event["detail"]
        [status] = detail["serviceEventDetails"].values()
        detail["eventName"] = name
        detail["serviceEventDetails"] = {f"{name[:1].lower()}{name[1:]}Status": status}
        status["enabledBaselineDetails"]["targetIdentifier"] = self._organization.arn(
            target if is_account else self._organization.unit(target)
        )
        return event

    def of_drift(self, account: str, *, kind: str = "ACCOUNT_MOVED_BETWEEN_OUS") -> Json:
        """Control Tower's event that an account drifted."""
        event = self._event("drift-account-moved", region=self._zone.home_region)
        detail = event["detail"]
        detail["message"] = detail["message"].replace(detail["accountId"], account)
        detail |= {
            "driftType": kind,
            "accountId": account,
            "sourceId": account,
            "managementAccountId": self._zone.management,
            "organizationId": self._zone.organization_id,
        }
        return event

    def of_unit(self, name: str, unit: str) -> Json:
        """Control Tower's event about a unit by its path: `RegisterOrganizationalUnit`, or that it is not any more."""
        event = self._event("register-organizational-unit", region=self._zone.home_region)
        detail = event["detail"]
        [status] = detail["serviceEventDetails"].values()
        detail["eventName"] = name
        detail["serviceEventDetails"] = {f"{name[:1].lower()}{name[1:]}Status": status}
        status["organizationalUnit"] = {
            "organizationalUnitName": unit.rsplit("/", 1)[-1],
            "organizationalUnitId": self._organization.unit(unit),
        }
        return event

    def of_landing_zone(self, name: str = "UpdateLandingZone") -> Json:
        """Control Tower's event about the landing zone as a whole."""
        event = self._event("update-landing-zone", region=self._zone.home_region)
        detail = event["detail"]
        [status] = detail["serviceEventDetails"].values()
        detail["eventName"] = name
        detail["serviceEventDetails"] = {f"{name[:1].lower()}{name[1:]}Status": status}
        return event

    def of_stack(self, stack_id: str, status: str) -> Json:
        """CloudFormation's event that a stack has another status, in the account and region of the stack."""
        region, account = stack_id.split(":")[3:5]
        event = self._event("stack-status-change", region=region) | {"account": account, "resources": [stack_id]}
        event["detail"] |= {"stack-id": stack_id, "status-details": {"status": status, "status-reason": ""}}
        return event

    def _event(self, name: str, *, region: str) -> Json:
        """One of the events in `tests/events`, from here and now."""
        text = (EVENTS / f"{name}.json").read_text(encoding="utf-8")
        event: Json = json.loads(text)
        event = json.loads(text.replace(event["account"], self._zone.management))
        self._made += 1
        event_id = str(uuid.uuid5(uuid.NAMESPACE_URL, f"signal/{self._made}"))
        now = self._clock.iso()
        event |= {"id": event_id, "account": self._zone.management, "time": now, "region": region}
        detail = event["detail"]
        if "eventID" in detail:
            detail |= {"eventID": event_id, "eventTime": now, "awsRegion": region}
        return event
