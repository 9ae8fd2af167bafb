from __future__ import annotations

from typing import Any

import pytest

from aws.queue import Refused
from collector_checkin.request import NO_COLLECTOR, is_function_name, parse
from tests.lambda_src.collector_checkin.custom_resources import FUNCTION_NAME, SIGNATURE, event

NAMES = ["RequestId", "StackId", "ResponseURL", "LogicalResourceId", "ResourceProperties"]


def test_reads_a_create() -> None:
    request = parse(event())

    assert (request.type, request.stack_id.region, request.logical_resource_id) == ("Create", "us-east-1", "Collector")
    assert (request.function_name, request.physical_resource_id) == (FUNCTION_NAME, NO_COLLECTOR)


@pytest.mark.parametrize("request_type", ["Update", "Delete"])
def test_reads_whose_collector_there_is(request_type: Any) -> None:
    request = parse(event(request_type, function_name="new"))

    assert (request.type, request.function_name, request.physical_resource_id) == (request_type, "new", FUNCTION_NAME)


@pytest.mark.parametrize("name", [None, 5, ["x"], "", "a/b", "..", "x" * 65])
def test_leaves_a_wrong_name_to_be_answered(name: object) -> None:
    assert parse(event(function_name=name)).function_name is None


def test_no_function_has_the_name_of_no_collector() -> None:
    assert not is_function_name(NO_COLLECTOR)


@pytest.mark.parametrize("name", NAMES)
def test_refuses_a_request_without(name: str) -> None:
    with pytest.raises(Refused, match=name):
        parse(event(changes={name: None}))


@pytest.mark.parametrize("name", NAMES)
def test_refuses_a_request_with_a_number_for(name: str) -> None:
    with pytest.raises(Refused):
        parse(event(changes={name: 1}))


def test_refuses_an_update_of_nothing() -> None:
    with pytest.raises(Refused, match="PhysicalResourceId"):
        parse(event("Update", changes={"PhysicalResourceId": None}))


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


def test_does_not_show_the_url() -> None:
    assert SIGNATURE not in repr(parse(event()))
