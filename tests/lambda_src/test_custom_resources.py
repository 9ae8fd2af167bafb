"""What the functions behind custom resources have in common: whatever they cannot answer they refuse, and say why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from aws.queue import Refused
from collector_checkin import request as collector_checkin
from stackset_emptier import request as stackset_emptier
from tests.lambda_src.collector_checkin import custom_resources
from tests.lambda_src.custom_resources import SIGNATURE
from tests.lambda_src.stackset_emptier import deletion_requests
from tests.lambda_src.trail_subscription import requests_and_notices
from trail_subscription import request as trail_subscription

if TYPE_CHECKING:
    from collections.abc import Callable


class Function(NamedTuple):
    """What reads a request, and an Update, which has all that a request can have."""

    parse: Callable[[dict[str, Any]], object]
    update: dict[str, Any]


FUNCTIONS = {
    "collector_checkin": Function(collector_checkin.parse, custom_resources.event("Update")),
    "stackset_emptier": Function(stackset_emptier.parse, deletion_requests.event("Update")),
    "trail_subscription": Function(trail_subscription.parse, requests_and_notices.event("Update")),
}
NAMES = ["RequestType", "RequestId", "StackId", "ResponseURL", "LogicalResourceId", "PhysicalResourceId"]
REQUIRED = [
    *((function, name) for function in FUNCTIONS for name in NAMES),
    # The function that empties the StackSet answers that it is not the one that is meant.
    *((function, "ResourceProperties") for function in FUNCTIONS if function != "stackset_emptier"),
]


@pytest.mark.parametrize(("function", "name"), REQUIRED)
def test_a_request_that_lacks_something(function: str, name: str) -> None:
    parse, update = FUNCTIONS[function]

    with pytest.raises(Refused, match=f"^the message is not a request of CloudFormation: '{name}' is missing"):
        parse({key: value for key, value in update.items() if key != name})


@pytest.mark.parametrize(("function", "name"), REQUIRED)
def test_a_request_with_a_number_for_a_text(function: str, name: str) -> None:
    parse, update = FUNCTIONS[function]

    with pytest.raises(Refused, match=r"^the message is not a request of CloudFormation$"):
        parse(update | {name: 1})


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("RequestType", "Replace", "the request has the unknown type 'Replace'"),
        (
            "StackId",
            "arn:aws:cloudformation:us-east-1:222222222222:changeSet/x/y",
            "the StackId is not the ARN of a stack",
        ),
        (
            "ResponseURL",
            f"https://evil.example/key?{SIGNATURE}",
            "the ResponseURL does not lead to CloudFormation's response bucket in us-east-1",
        ),
    ],
)
def test_a_request_with_a_wrong_value(function: str, name: str, value: str, reason: str) -> None:
    parse, update = FUNCTIONS[function]

    with pytest.raises(Refused) as caught:
        parse(update | {name: value})
    assert str(caught.value) == reason


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_request_does_not_show_its_url(function: str) -> None:
    parse, update = FUNCTIONS[function]

    assert SIGNATURE not in repr(parse(update))
