from __future__ import annotations

from typing import Any

import pytest

from tests.lambda_src.trail_subscription.requests_and_notices import SUBSCRIPTION, event
from trail_subscription.request import parse


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


def test_does_not_show_the_properties() -> None:
    assert "QueueArn" not in repr(parse(event()))
