"""GuardDuty: what it finds in an account and region, and whose event buses it tells."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import TYPE_CHECKING, Any

from tests.rehearsal.findings import finding
from tests.rehearsal.gateway import AwsError, RawJson

if TYPE_CHECKING:
    from tests.rehearsal.calls import ApiCall
    from tests.rehearsal.clock import VirtualClock
    from tests.rehearsal.eventbridge import EventBridge
    from tests.rehearsal.gateway import Handler
    from tests.rehearsal.templates import Json

# GetFindings takes no more ids, and ListFindings answers no more: https://docs.aws.amazon.com/guardduty/latest/APIReference/
MOST_AT_ONCE = 50


class GuardDuty:
    """The detectors of all accounts.

    Attributes:
        administrator: The account that sees the findings of all others, if there is one.
    """

    def __init__(self, event_bridge: EventBridge, clock: VirtualClock, *, administrator: str) -> None:
        self.administrator: str | None = administrator
        self._event_bridge = event_bridge
        self._clock = clock
        self._found = 0
        # What there is, by region and id.
        self._findings: dict[tuple[str, str], Json] = {}

    def finding(
        self,
        account: str,
        region: str,
        *,
        family: str = "ec2",
        size: int | None = None,
        severity: float | None = None,
        sample: bool = False,
    ) -> Json:
        """Find something, and tell of it; return the event as `tell` does. The arguments are `findings.finding`'s."""
        self._found += 1
        event = finding(
            family,
            number=self._found,
            account=account,
            region=region,
            size=size,
            severity=severity,
            sample=sample,
            at=self._clock.now,
        )
        return self.tell(event)

    def tell(self, event: Json) -> Json:
        """Put a finding's event on the default bus of its account, and on that of the administrator.

        https://docs.aws.amazon.com/guardduty/latest/ug/guardduty_findings_eventbridge.html

        Returns:
            What the administrator's bus was told; what its own account's was, if there is no administrator.
        """
        account = event["detail"]["accountId"]
        self._findings[event["region"], event["detail"]["id"]] = event["detail"]
        self._event_bridge.emit(event)
        if self.administrator in {None, account}:
            return event
        copy = event | {"id": str(uuid.uuid5(uuid.NAMESPACE_URL, event["id"])), "account": self.administrator}
        self._event_bridge.emit(copy)
        return copy

    def archive(self, event: Json) -> None:
        """Somebody archives a finding, of which no event tells."""
        event["detail"]["service"]["archived"] = True

    def handlers(self) -> dict[str, Handler]:
        """The part of GuardDuty's API that shows findings; detectors are moto's."""
        return {"ListFindings": self._list_findings, "GetFindings": self._get_findings}

    def _list_findings(self, call: ApiCall) -> dict[str, Any]:
        wanted: Json = call.parameters["FindingCriteria"]["criterion"]
        seen = [it for it in self._seen_by(call) if all(_meets(it, *criterion) for criterion in wanted.items())]
        order = call.parameters["SortCriteria"]
        seen.sort(key=lambda it: it[order["attributeName"]], reverse=order["orderBy"] == "DESC")
        first = int(call.parameters.get("NextToken", 0))
        end = first + min(call.parameters.get("MaxResults", MOST_AT_ONCE), MOST_AT_ONCE)
        answer: Json = {"FindingIds": [it["id"] for it in seen[first:end]]}
        return answer | ({"NextToken": str(end)} if end < len(seen) else {})

    def _get_findings(self, call: ApiCall) -> dict[str, Any]:
        ids = call.parameters["FindingIds"]
        if len(ids) > MOST_AT_ONCE:
            raise AwsError("BadRequestException", f"{len(ids)} findings are too many")
        return RawJson({"findings": [_as_shown(it) for it in self._seen_by(call) if it["id"] in ids]})

    def _seen_by(self, call: ApiCall) -> list[Json]:
        return [
            detail
            for (region, _), detail in self._findings.items()
            if region == call.region and call.account in {self.administrator, detail["accountId"]}
        ]


def _meets(detail: Json, name: str, criterion: Json) -> bool:
    """https://docs.aws.amazon.com/guardduty/latest/APIReference/API_Condition.html: times in milliseconds."""
    match name, criterion:
        case "service.archived", {"equals": [str() as text]}:
            return detail["service"]["archived"] == (text == "true")
        case "updatedAt", {"greaterThanOrEqual": int() as since}:
            return datetime.fromisoformat(detail["updatedAt"]).timestamp() * 1000 >= since
        case _:
            raise AwsError("BadRequestException", f"the rehearsal knows no {name} {criterion}")


def _as_shown(detail: Json) -> Json:
    """A finding as the API shows it, whose model knows of additional information a type and a text only."""
    information = {name: detail["service"]["additionalInfo"][name] for name in ("type", "value")}
    return detail | {"service": detail["service"] | {"additionalInfo": information}}
