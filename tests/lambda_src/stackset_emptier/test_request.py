from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from aws.custom_resource import RequestRefusedError
from aws.queue import NotYet, Refused
from stackset_emptier.request import is_stack_going, parse, parse_message
from tests.lambda_src.stackset_emptier.deletion_requests import STACK_ID, STACK_SET, event

if TYPE_CHECKING:
    from aws.custom_resource import RequestType

ECHOED = {"StackId": STACK_ID, "RequestId": event()["RequestId"], "LogicalResourceId": "Resource"}


@pytest.mark.parametrize(("request_type", "is_to_empty"), [("Create", False), ("Update", False), ("Delete", True)])
def test_only_a_delete_is_to_empty_the_stack_set(request_type: RequestType, is_to_empty: bool) -> None:  # noqa: FBT001 - drawn by name
    request = parse(event(request_type))

    assert request.is_to_empty(STACK_SET) is is_to_empty
    assert request.succeeded(STACK_SET) == {"Status": "SUCCESS", "PhysicalResourceId": STACK_SET, **ECHOED}


def test_a_message_is_the_request_as_it_came() -> None:
    assert parse_message(json.dumps(event())) == parse(event())


def test_a_delete_empties_the_stack_set_even_if_its_create_was_never_answered() -> None:
    request = parse(event(PhysicalResourceId="AlertLogic-Master-Resource-1ABCDEFGHIJKL"))

    assert request.is_to_empty(STACK_SET)
    assert request.succeeded(STACK_SET)["PhysicalResourceId"] == "AlertLogic-Master-Resource-1ABCDEFGHIJKL"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"stack_set": "another"}, "StackSetName is 'another'"),
        ({"stack_set": 1}, "StackSetName is 1"),
        ({"ResourceProperties": None}, "StackSetName is None"),
        ({"ResourceProperties": "text"}, "StackSetName is None"),
    ],
)
def test_refuses_what_it_can_answer(changes: dict[str, Any], reason: str) -> None:
    request = parse(event(**changes))

    with pytest.raises(RequestRefusedError, match=reason):
        request.is_to_empty(STACK_SET)
    assert request.failed("no")["Status"] == "FAILED"
    assert request.failed("no")["PhysicalResourceId"]


def test_the_delete_after_a_create_that_failed_has_nothing_to_empty() -> None:
    answer = parse(event("Create", stack_set="another")).failed("no")
    assert answer == {"Status": "FAILED", "Reason": "no", "PhysicalResourceId": "refused/Resource", **ECHOED}

    request = parse(event(stack_set="another", PhysicalResourceId=answer["PhysicalResourceId"]))

    assert not request.is_to_empty(STACK_SET)
    assert request.succeeded(STACK_SET)["PhysicalResourceId"] == answer["PhysicalResourceId"]


def test_a_failure_keeps_the_physical_id() -> None:
    assert parse(event("Update")).failed("no")["PhysicalResourceId"] == STACK_SET


@pytest.mark.parametrize(
    ("body", "reason"),
    [("{", "not JSON"), ("[" * 5000, "not JSON"), ("[]", "not a request"), ("{}", "'RequestType' is missing")],
)
def test_refuses_a_message_that_is_no_request(body: str, reason: str) -> None:
    with pytest.raises(Refused, match=reason):
        parse_message(body)


@pytest.mark.parametrize(
    ("status", "is_going"),
    [
        ("DELETE_IN_PROGRESS", True),
        ("ROLLBACK_IN_PROGRESS", True),
        ("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", False),
        ("UPDATE_ROLLBACK_IN_PROGRESS", False),
        ("UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS", False),
    ],
)
def test_tells_a_stack_that_goes_from_one_that_stays(status: str, is_going: bool) -> None:  # noqa: FBT001 - drawn by name
    assert is_stack_going(status) is is_going


@pytest.mark.parametrize("status", ["CREATE_COMPLETE", "UPDATE_COMPLETE", "DELETE_FAILED", "DELETE_COMPLETE"])
def test_waits_for_a_stack_of_which_nothing_is_being_deleted(status: str) -> None:
    with pytest.raises(NotYet, match=status):
        is_stack_going(status)
