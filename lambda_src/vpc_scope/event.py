"""Events about VPCs: a tag that changed, a VPC that was made or deleted.

https://docs.aws.amazon.com/eventbridge/latest/ref/tag-monitor.html
https://docs.aws.amazon.com/eventbridge/latest/ref/events-ref-ec2.html
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from aws.environment import ACCOUNT_ID, REGION
from aws.json_text import decoded, object_of
from aws.organizations import AwsAccountId
from aws.queue import Refused, reading

if TYPE_CHECKING:
    from collections.abc import Mapping

_TAG_CHANGE: Final = ("aws.tag", "Tag Change on Resource")
_API_CALL: Final = ("aws.ec2", "AWS API Call via CloudTrail")
_VPC_ID: Final = r"vpc-[0-9a-f]+"


@dataclass(frozen=True, slots=True)
class VpcEvent:
    """Where something happened to a VPC; only where to look, for what is there now is read elsewhere.

    Attributes:
        id: EventBridge's id of the event.
        account_id: The account that owns the VPC.
        region: Where it is.
    """

    id: str
    account_id: AwsAccountId
    region: str


def parse(body: str) -> VpcEvent:
    """Read an event as EventBridge puts it into the queue.

    Raises:
        Refused: It is not an event about a VPC, or contradicts itself.
    """
    with reading("an event about a VPC"):
        event = object_of(decoded(body))
        origin = (event["source"], event["detail-type"])
        parsed = VpcEvent(event["id"], AwsAccountId(event["account"]), event["region"])
        parts = {".+": parsed.id, ACCOUNT_ID.pattern: parsed.account_id, REGION.pattern: parsed.region}
        if not all(_matches(pattern, part) for pattern, part in parts.items()):
            raise Refused(f"event {parsed.id} names no account and region")
        if origin == _TAG_CHANGE:
            _require_tagged_vpc(event, parsed)
        elif origin == _API_CALL:
            _require_called_vpc(event["detail"], parsed)
        else:
            raise Refused(f"event {parsed.id} is {origin}, which says nothing about a VPC")
        return parsed


def _require_tagged_vpc(event: Mapping[str, Any], parsed: VpcEvent) -> None:
    detail = event["detail"]
    kind = (detail["service"], detail["resource-type"])
    if kind != ("ec2", "vpc"):
        raise Refused(f"event {parsed.id} is about {kind}, not about a VPC")
    arns: list[object] = event["resources"]
    expected = f"arn:aws:ec2:{parsed.region}:{parsed.account_id}:vpc/"
    if not arns or not all(_matches(re.escape(expected) + _VPC_ID, arn) for arn in arns):
        raise Refused(f"event {parsed.id} names {arns!r}, not a VPC under {expected}")


def _require_called_vpc(detail: Mapping[str, Any], parsed: VpcEvent) -> None:
    match detail["eventName"]:
        case "CreateVpc":
            vpc_id = detail["responseElements"]["vpc"]["vpcId"]
        case "DeleteVpc":
            vpc_id = detail["requestParameters"]["vpcId"]
        case name:
            raise Refused(f"event {parsed.id} is a call of {name!r}, which neither makes nor deletes a VPC")
    if not _matches(_VPC_ID, vpc_id):
        raise Refused(f"event {parsed.id} names {vpc_id!r}, not a VPC")
    called = (detail.get("recipientAccountId", parsed.account_id), detail.get("awsRegion", parsed.region))
    if called != (parsed.account_id, parsed.region):
        raise Refused(f"event {parsed.id} comes from {(parsed.account_id, parsed.region)}, but is about {called}")


def _matches(pattern: str, value: object) -> bool:
    return isinstance(value, str) and re.fullmatch(pattern, value) is not None
