from __future__ import annotations

from typing import Any

import pytest

from aws.queue import Refused
from tests.lambda_src.trail_subscription.requests_and_notices import SIGNATURE, SUBSCRIPTION, event
from trail_subscription.request import parse

NAMES = ["RequestType", "RequestId", "StackId", "ResponseURL", "LogicalResourceId", "ResourceProperties"]


def test_reads_a_create() -> None:
    parsed = parse(event())

    assert (parsed.type, parsed.stack_id.region, parsed.logical_resource_id) == ("Create", "us-east-1", "Resource")
    assert parsed.physical_resource_id == "unsubscribed/aws-controltower-AllConfigNotifications"


@pytest.mark.parametrize("request_type", ["Update", "Delete"])
def test_reads_what_is_there_already(request_type: Any) -> None:
    parsed = parse(event(request_type))

    assert (parsed.type, parsed.physical_resource_id) == (request_type, SUBSCRIPTION)


def test_leaves_wrong_properties_to_be_answered() -> None:
    assert parse(event(properties={"TopicArn": None})).physical_resource_id == "unsubscribed/None"


@pytest.mark.parametrize("name", NAMES)
def test_refuses_a_request_without(name: str) -> None:
    with pytest.raises(Refused, match=name):
        parse(event(changes={name: None}))


def test_refuses_an_update_of_nothing() -> None:
    with pytest.raises(Refused, match="PhysicalResourceId"):
        parse(event("Update", changes={"PhysicalResourceId": None}))


@pytest.mark.parametrize("name", NAMES[1:])
def test_refuses_a_request_with_a_number_for(name: str) -> None:
    with pytest.raises(Refused):
        parse(event(changes={name: 1}))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("RequestType", "Replace"),
        ("StackId", "arn:aws:cloudformation:us-east-1:222222222222:changeSet/x/y"),
        ("ResponseURL", f"https://evil.example/key?{SIGNATURE}"),
    ],
)
def test_refuses_a_request_whose_value_is_wrong(name: str, value: str) -> None:
    with pytest.raises(Refused, match=name if name != "RequestType" else value) as caught:
        parse(event(changes={name: value}))
    assert SIGNATURE not in str(caught.value)


def test_shows_neither_url_nor_properties() -> None:
    shown = repr(parse(event()))

    assert SIGNATURE not in shown
    assert "QueueArn" not in shown
