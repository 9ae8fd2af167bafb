from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from aws.queue import Refused
from tests.lambda_src.deliveries import raw_event
from vpc_scope.event import VpcEvent, parse

if TYPE_CHECKING:
    from collections.abc import Callable

EVENTS = ("tag-change-vpc-added", "tag-change-vpc-removed", "create-vpc", "delete-vpc")
TAG_EVENT, API_EVENT = EVENTS[0], EVENTS[2]


@pytest.mark.parametrize("name", EVENTS)
def test_tells_where_something_happened(name: str) -> None:
    event = raw_event(name)

    assert parse(json.dumps(event)) == VpcEvent(event["id"], event["account"], event["region"])


@pytest.mark.parametrize("name", [API_EVENT, "delete-vpc"])
@pytest.mark.parametrize("left_out", ["awsRegion", "recipientAccountId"])
def test_takes_a_call_that_does_not_repeat_where_it_was_made(name: str, left_out: str) -> None:
    event = raw_event(name)
    del event["detail"][left_out]

    assert parse(json.dumps(event)).account_id == "555555555555"


@pytest.mark.parametrize("body", ["", "{", "[" * 5000, "null", "[]", '"text"', "{}", "1"])
def test_refuses_what_is_no_event(body: str) -> None:
    with pytest.raises(Refused, match="the message is not"):
        parse(body)


@pytest.mark.parametrize(
    ("name", "change", "reason"),
    [
        (TAG_EVENT, lambda event: event.update(source="custom.tag"), "says nothing about a VPC"),
        (TAG_EVENT, lambda event: event.update({"detail-type": "EC2 Instance State-change"}), "says nothing"),
        (TAG_EVENT, lambda event: event.update(source=None), "says nothing about a VPC"),
        (TAG_EVENT, lambda event: event.update(account="5555"), "names no account and region"),
        (TAG_EVENT, lambda event: event.update(account=555555555555), "names no account and region"),
        (TAG_EVENT, lambda event: event.update(region="global"), "names no account and region"),
        (TAG_EVENT, lambda event: event.update(id=None), "names no account and region"),
        (TAG_EVENT, lambda event: event.pop("account"), "'account' is missing"),
        (TAG_EVENT, lambda event: event.pop("detail"), "'detail' is missing"),
        (TAG_EVENT, lambda event: event.update(detail=None), "not an event about a VPC"),
        (TAG_EVENT, lambda event: event["detail"].update(service="s3"), "not about a VPC"),
        (TAG_EVENT, lambda event: event["detail"].update({"resource-type": "subnet"}), "not about a VPC"),
        (TAG_EVENT, lambda event: event.update(account="666666666666"), "not a VPC under"),
        (TAG_EVENT, lambda event: event.update(region="us-west-2"), "not a VPC under"),
        (TAG_EVENT, lambda event: event.update(resources=[]), "not a VPC under"),
        (TAG_EVENT, lambda event: event.update(resources=None), "not a VPC under"),
        (TAG_EVENT, lambda event: event.update(resources=[7]), "not a VPC under"),
        (TAG_EVENT, lambda event: event.update(resources=7), "not an event about a VPC"),
        (
            TAG_EVENT,
            lambda event: event["resources"].append("arn:aws:ec2:::vpc/vpc-1"),
            "not a VPC",
        ),
        (TAG_EVENT, lambda event: event.update(resources=[event["resources"][0] + "/x"]), "not a VPC under"),
        (API_EVENT, lambda event: event["detail"].update(eventName="CreateSubnet"), "'CreateSubnet', which neither"),
        (API_EVENT, lambda event: event["detail"].update(eventName=None), "which neither"),
        (API_EVENT, lambda event: event["detail"].update(responseElements=None), "not an event about a VPC"),
        (API_EVENT, lambda event: event["detail"]["responseElements"]["vpc"].update(vpcId="subnet-1"), "not a VPC"),
        (API_EVENT, lambda event: event["detail"]["responseElements"].pop("vpc"), "'vpc' is missing"),
        (API_EVENT, lambda event: event["detail"].update(recipientAccountId="666666666666"), "but is about"),
        (API_EVENT, lambda event: event["detail"].update(awsRegion="us-west-2"), "but is about"),
        (API_EVENT, lambda event: event.update(region="us-west-2"), "but is about"),
        (API_EVENT, lambda event: event.update(account="666666666666"), "but is about"),
        ("delete-vpc", lambda event: event["detail"]["requestParameters"].pop("vpcId"), "'vpcId' is missing"),
        ("delete-vpc", lambda event: event["detail"]["requestParameters"].update(vpcId=None), "not a VPC"),
    ],
)
def test_refuses_what_names_no_vpc_or_contradicts_itself(
    name: str, change: Callable[[dict[str, Any]], object], reason: str
) -> None:
    event = raw_event(name)
    change(event)

    with pytest.raises(Refused, match=reason):
        parse(json.dumps(event))
