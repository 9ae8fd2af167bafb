"""A finding as GuardDuty's API shows it -> the event by which EventBridge would have told of it."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from ._tools import CommandError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

# What SQS takes in one message, and in one call:
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-batch-api-actions.html
MOST_BYTES: Final = 1_048_576
MOST_AT_ONCE: Final = 10


class BackfillError(CommandError):
    """Something cannot be done; the message says what, and why."""


def event_of(finding: Mapping[str, Any], *, account: str, region: str) -> dict[str, Any]:
    """Return the event, the same for the same state of a finding.

    Its id is made of the finding's ARN and the time of its last change, which is also the event's time.

    Args:
        finding: The finding, with the names that GuardDuty's API itself writes, not those of an SDK.
        account: The account that GuardDuty shows it to: the administrator, or the finding's own.
        region: Where it does.
    """
    updated_at = datetime.fromisoformat(finding["updatedAt"]).astimezone(UTC)
    return {
        "version": "0",
        "id": str(uuid.uuid5(uuid.NAMESPACE_URL, f"{finding['arn']}/{finding['updatedAt']}")),
        "detail-type": "GuardDuty Finding",
        "source": "aws.guardduty",
        "account": account,
        "time": f"{updated_at:%Y-%m-%dT%H:%M:%SZ}",
        "region": region,
        "resources": [],
        "detail": _detail(finding),
    }


def message_of(event: Mapping[str, Any]) -> str:
    """Return an event as a message of a queue, in ASCII: SQS takes not every other letter that JSON can hold."""
    return json.dumps(event, separators=(",", ":"))


def batches(messages: Iterable[str]) -> Iterator[list[str]]:
    """Yield messages, each of `MOST_BYTES` at most, so that SQS takes them in one call."""
    batch: list[str] = []
    size = 0
    for message in messages:
        if batch and (len(batch) == MOST_AT_ONCE or size + len(message) > MOST_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(message)
        size += len(message)
    if batch:
        yield batch


def _detail(finding: Mapping[str, Any]) -> Mapping[str, Any]:
    """Say of a sample finding that it is one where an event says so, which the API does in a text only.

    https://docs.aws.amazon.com/guardduty/latest/APIReference/API_ServiceAdditionalInfo.html
    """
    service = finding.get("service", {})
    information = service.get("additionalInfo", {})
    if "sample" in information or not _is_sample(information.get("value")):
        return finding
    return {**finding, "service": {**service, "additionalInfo": {**information, "sample": True}}}


def _is_sample(value: object) -> bool:
    try:
        said = json.loads(value) if isinstance(value, str) else None
    except ValueError:
        return False
    return isinstance(said, dict) and said.get("sample") is True
