"""Findings as GuardDuty tells EventBridge of them: of every family, realistic, no two alike, each time the same.

https://docs.aws.amazon.com/guardduty/latest/ug/guardduty_findings_eventbridge.html
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from tests.rehearsal.event_text import event_text
from tests.rehearsal.finding_families import FAMILIES as _FAMILIES
from tests.rehearsal.finding_values import Values

if TYPE_CHECKING:
    from tests.rehearsal.finding_values import Draft
    from tests.rehearsal.templates import Json

FAMILIES = tuple(_FAMILIES)
# AWS allows no more on a resource.
MOST_TAGS = 50
NOON = datetime(2026, 1, 15, 12, 0, tzinfo=UTC).timestamp()


def finding(
    family: str,
    *,
    number: int,
    account: str,
    region: str,
    administrator: str | None = None,
    size: int | None = None,
    severity: float | None = None,
    sample: bool = False,
    at: float = NOON,
) -> Json:
    """Make the event of one finding.

    Args:
        family: One of `FAMILIES`.
        number: Tells findings of a family apart; the next number is often of another of the family's types.
        account: The account it is about.
        region: Where it was found.
        administrator: The account on whose bus the event is, if not the finding's own.
        size: The least bytes of the event as EventBridge sends it, which has no more than a thing seen above that; as
            small as its family goes (1 to 4 KB) if None.
        severity: One that the family can have if None.
        sample: Whether it is one of GuardDuty's sample findings.
        at: When the event was sent, Unix seconds.

    Returns:
        The whole event: the same for the same arguments.
    """
    values = Values(f"{family}/{number}/{account}/{region}", number=number, account=account, region=region, at=at)
    draft = _FAMILIES[family](values)
    event: Json = {
        "version": "0",
        "id": values.uuid(),
        "detail-type": "GuardDuty Finding",
        "source": "aws.guardduty",
        "account": administrator or account,
        "time": f"{datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H:%M:%SZ}",
        "region": region,
        "resources": [],
        "detail": _detail(values, draft, severity=severity, sample=sample),
    }
    if size is not None:
        _fill(values, draft, size - len(event_text(event).encode()))
    return event


def _detail(values: Values, draft: Draft, *, severity: float | None, sample: bool) -> Json:
    id_, detector = values.hex(32), values.shared("detector")
    if draft.tags is not None:
        draft.tags += [values.tag() for _ in range(values.number_to(3))]
    additional: Json = {
        "type": "default",
        "value": json.dumps({"sample": True} if sample else {"scans": values.hex(6)}),
    }
    title = f"{draft.kind.rsplit('/', 1)[1]} at {values.one_of(('the', 'an', 'one'))} {draft.resource['resourceType']}."
    return {
        "schemaVersion": "2.0",
        "accountId": values.account,
        "region": values.region,
        "partition": "aws",
        "id": id_,
        "arn": values.arn("guardduty", f"detector/{detector}/finding/{id_}"),
        "type": draft.kind,
        "resource": draft.resource,
        "service": {
            "serviceName": "guardduty",
            "detectorId": detector,
            **draft.service,
            "resourceRole": values.one_of(("TARGET", "ACTOR")),
            "additionalInfo": additional | ({"sample": True} if sample else {}),
            "eventFirstSeen": values.seconds_ago(1800 + values.number_to(86400)),
            "eventLastSeen": values.seconds_ago(values.number_to(1800)),
            "archived": False,
            "count": values.number_to(40),
        },
        "severity": values.one_of(draft.severities) if severity is None else severity,
        "createdAt": values.seconds_ago(1800),
        "updatedAt": values.seconds_ago(5),
        "title": f"[SAMPLE] {title}" if sample else title,
        "description": f"{title} Seen {values.number_to(40)} times in account {values.account}, {values.region}.",
    }


def _fill(values: Values, draft: Draft, missing: int) -> None:
    """Add things that were seen, and tags, until an event has so many bytes more."""
    while missing > 0:
        is_tag = draft.tags is not None and len(draft.tags) < MOST_TAGS and values.number_to(3) == 1
        to, more = (draft.tags, values.tag()) if is_tag and draft.tags is not None else (draft.pile, draft.another())
        missing -= len(event_text(more).encode()) + bool(to)
        to.append(more)
