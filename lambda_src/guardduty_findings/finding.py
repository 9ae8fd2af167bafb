"""GuardDuty's findings, as EventBridge delivers them.

https://docs.aws.amazon.com/guardduty/latest/ug/guardduty_findings_eventbridge.html
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from aws.json_text import decoded, object_of
from aws.queue import Refused, reading

if TYPE_CHECKING:
    from collections.abc import Mapping

_ORIGIN: Final = ("aws.guardduty", "GuardDuty Finding")
_IDENTITY: Final = ("accountId", "id", "updatedAt")


class Identity(NamedTuple):
    """What makes a finding another one.

    Attributes:
        account_id: The account in which something was found.
        finding_id: GuardDuty's id; it stays the same when the finding recurs.
        updated_at: When it recurred last, as GuardDuty writes it.
    """

    account_id: str
    finding_id: str
    updated_at: str


@dataclass(frozen=True, slots=True)
class Finding:
    """An event about a finding.

    Attributes:
        identity: Which finding it is.
        event_id: EventBridge's id of the event.
        reported_by: The account on whose bus GuardDuty put the event: the finding's own, or its administrator.
        reported_at: When that was, Unix seconds; None if the event does not say.
        text: The event as it arrived, which is what Alert Logic gets: no number in it is rounded, no name changed.
    """

    identity: Identity
    event_id: str
    reported_by: str
    reported_at: float | None
    text: bytes = field(repr=False)


def parse(body: str) -> Finding:
    """Read an event as EventBridge puts it into the queue.

    Raises:
        Refused: It is not about a finding, or contradicts itself.
    """
    with reading("a GuardDuty finding"):
        event = object_of(decoded(body))
    if (event.get("source"), event.get("detail-type")) != _ORIGIN:
        raise Refused("the message is not a GuardDuty finding: it has another source or detail-type")
    event_id, account, region = (_text(event, name, of="the event") for name in ("id", "account", "region"))
    detail = event.get("detail")
    if not isinstance(detail, dict):
        raise Refused(f"event {event_id} has no detail")
    identity = Identity(*(_text(detail, name, of=f"the detail of event {event_id}") for name in _IDENTITY))
    # Of a global service's finding the region may be another than the one in which GuardDuty found it, and nothing
    # says of which of the two the ARN is: https://docs.aws.amazon.com/guardduty/latest/APIReference/API_Finding.html
    arn = detail.get("arn", "")
    regions = "|".join(re.escape(str(it)) for it in (region, detail.get("region", region)))
    if "arn" in detail and not (isinstance(arn, str) and re.match(f"arn:[^:]+:guardduty:({regions}):", arn)):
        raise Refused(f"event {event_id} has an ARN that is not GuardDuty's in {region}")
    return Finding(identity, event_id, account, _reported_at(event), body.encode())


def _text(fields: Mapping[str, Any], name: str, *, of: str) -> str:
    value = fields.get(name)
    if not isinstance(value, str) or not value:
        raise Refused(f"{of} has no {name!r}")
    return value


def _reported_at(event: Mapping[str, Any]) -> float | None:
    try:
        moment = datetime.fromisoformat(event["time"])
    except (KeyError, TypeError, ValueError):
        return None
    return moment.replace(tzinfo=moment.tzinfo or UTC).timestamp()
