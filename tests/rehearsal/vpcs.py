"""VPCs in all accounts and regions: how they come, change and go, what AWS tells of it, and how they are listed."""

from __future__ import annotations

import contextlib
import json
import uuid
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from unittest import mock

from moto.ec2.models import vpcs as vpc_models

from tests.rehearsal.gateway import AwsError, Handler
from tests.rehearsal.moto_state import backend
from tests.rehearsal.organization import EVENTS

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable

    from tests.rehearsal.calls import ApiCall
    from tests.rehearsal.clock import VirtualClock
    from tests.rehearsal.eventbridge import EventBridge
    from tests.rehearsal.templates import Json

CIDR_BLOCK = "10.0.0.0/16"
# EC2 may answer fewer than asked for; this keeps "more than one page" small.
LARGEST_PAGE = 100
MOST_RESULTS = 1000


@dataclass(frozen=True)
class Vpc:
    """Where a VPC is, or was."""

    account: str
    region: str
    id: str

    @property
    def arn(self) -> str:
        return f"arn:aws:ec2:{self.region}:{self.account}:vpc/{self.id}"

    @property
    def key(self) -> str:
        """Alert Logic's key of the VPC as an asset."""
        return f"/aws/{self.region}/vpc/{self.id}"


class Vpcs:
    """What operators do to VPCs, each with the events that AWS emits for it.

    There are no default VPCs: Control Tower deletes them in the accounts that it enrolls.
    https://docs.aws.amazon.com/controltower/latest/userguide/vpc-ct-cidr.html
    """

    def __init__(self, event_bridge: EventBridge, clock: VirtualClock) -> None:
        self._event_bridge = event_bridge
        self._clock = clock
        self._versions: Counter[Vpc] = Counter()
        self._made = 0
        self._events = 0
        self._held: list[Json] | None = None

    def create(self, account: str, region: str, **tags: str) -> Vpc:
        """Create a VPC, with tags from the start."""
        self._made += 1
        # Whoever asks for it first makes moto make a VPC there, too.
        ec2 = backend("ec2", account, region)
        with mock.patch.object(vpc_models, "random_vpc_id", return_value=f"vpc-{self._made:017x}"):
            made = ec2.create_vpc(CIDR_BLOCK)
        made.add_tags(tags)
        vpc = Vpc(account, region, made.id)
        event = self._api_call("create-vpc", vpc)
        detail = event["detail"]
        asked, answered = detail["requestParameters"], detail["responseElements"]["vpc"]
        answered |= {"vpcId": vpc.id, "ownerId": account, "cidrBlock": CIDR_BLOCK, "tagSet": {}}
        if tags:
            answered["tagSet"] = {"items": [{"key": key, "value": value} for key, value in tags.items()]}
            asked["tagSpecificationSet"]["items"][0]["tags"] = answered["tagSet"]["items"]
        else:
            del asked["tagSpecificationSet"]
        self._emit(event)
        if tags:
            self._tell_of_tags(vpc, tags)
        return vpc

    def tag(self, vpc: Vpc, **tags: str) -> None:
        """Add tags, or change their values."""
        backend("ec2", vpc.account, vpc.region).create_tags([vpc.id], tags)
        self._tell_of_tags(vpc, tags)

    def untag(self, vpc: Vpc, *keys: str) -> None:
        """Remove tags."""
        backend("ec2", vpc.account, vpc.region).delete_tags([vpc.id], dict.fromkeys(keys))
        self._tell_of_tags(vpc, keys)

    def delete(self, vpc: Vpc) -> None:
        """Delete a VPC. That AWS then also tells of its tags is nowhere promised."""
        backend("ec2", vpc.account, vpc.region).delete_vpc(vpc.id)
        event = self._api_call("delete-vpc", vpc)
        event["detail"]["requestParameters"]["vpcId"] = vpc.id
        self._emit(event)

    def of(self, account: str, region: str) -> dict[Vpc, dict[str, str]]:
        """All VPCs of an account in a region, and the tags of each."""
        stored = [vpc for vpc in backend("ec2", account, region).vpcs.values() if not vpc.is_default]
        return {Vpc(account, region, vpc.id): {tag["key"]: tag["value"] for tag in vpc.get_tags()} for vpc in stored}

    @contextlib.contextmanager
    def held_events(self) -> Generator[list[Json]]:
        """Keep the events of the block back: the caller may `EventBridge.emit` them late, twice or never."""
        self._held = []
        try:
            yield self._held
        finally:
            self._held = None

    def handlers(self) -> dict[str, Handler]:
        return {"DescribeVpcs": self._describe}

    def _describe(self, call: ApiCall) -> dict[str, Any]:
        """One page; its token is the number of the first VPC that is left."""
        parameters = call.parameters
        filters = {one["Name"]: one["Values"] for one in parameters.get("Filters", [])}
        unknown = (parameters.keys() - {"Filters", "MaxResults", "NextToken"}) | (filters.keys() - {"owner-id"})
        if unknown:
            raise NotImplementedError(f"DescribeVpcs with {sorted(unknown)} is not known to tests/rehearsal/vpcs.py")
        most = int(parameters.get("MaxResults", LARGEST_PAGE))
        if most > MOST_RESULTS:
            raise AwsError("InvalidParameterValue", f"Value ( {most} ) for parameter maxResults is invalid.")
        is_asked_for = call.account in filters.get("owner-id", [call.account])
        vpcs = list(self.of(call.account, call.region).items()) if is_asked_for else []
        first = int(parameters.get("NextToken", 0))
        last = first + min(most, LARGEST_PAGE)
        described = [
            {
                "VpcId": vpc.id,
                "OwnerId": call.account,
                "CidrBlock": CIDR_BLOCK,
                "State": "available",
                "InstanceTenancy": "default",
                "IsDefault": False,
                "Tags": [{"Key": key, "Value": value} for key, value in tags.items()],
            }
            for vpc, tags in vpcs[first:last]
        ]
        return {"Vpcs": described, "NextToken": str(last) if last < len(vpcs) else None}

    def _tell_of_tags(self, vpc: Vpc, changed: Iterable[str]) -> None:
        """All tags as they are now, and which keys changed: https://docs.aws.amazon.com/eventbridge/latest/ref/tag.html."""
        self._versions[vpc] += 1
        event = self._event("tag-change-vpc-added", vpc)
        event["resources"] = [vpc.arn]
        event["detail"] |= {
            "changed-tag-keys": sorted(changed),
            "tags": self.of(vpc.account, vpc.region)[vpc],
            "version": self._versions[vpc],
        }
        self._emit(event)

    def _api_call(self, name: str, vpc: Vpc) -> Json:
        event = self._event(name, vpc)
        detail = event["detail"]
        caller = json.dumps(detail["userIdentity"]).replace(detail["recipientAccountId"], vpc.account)
        detail |= {
            "awsRegion": vpc.region,
            "eventID": event["id"],
            "eventTime": event["time"],
            "recipientAccountId": vpc.account,
            "userIdentity": json.loads(caller),
        }
        return event

    def _event(self, name: str, vpc: Vpc) -> Json:
        """One of the events in `tests/events`, from here and now."""
        event: Json = json.loads((EVENTS / f"{name}.json").read_text(encoding="utf-8"))
        self._events += 1
        event_id = str(uuid.uuid5(uuid.NAMESPACE_URL, f"vpc-event/{self._events}"))
        return event | {"id": event_id, "account": vpc.account, "time": self._clock.iso(), "region": vpc.region}

    def _emit(self, event: Json) -> None:
        if self._held is None:
            self._event_bridge.emit(event)
        else:
            self._held.append(event)
