from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from tests.rehearsal.delivery import done_of
from tests.rehearsal.principals import Operator

if TYPE_CHECKING:
    from tests.rehearsal import Rehearsal


@pytest.mark.parametrize(
    ("result", "done"),
    [
        (None, {"a", "b"}),
        ({}, {"a", "b"}),
        ({"batchItemFailures": []}, {"a", "b"}),
        ({"batchItemFailures": None}, {"a", "b"}),
        ({"batchItemFailures": [{"itemIdentifier": "a"}]}, {"b"}),
        ({"batchItemFailures": [{"itemIdentifier": "a"}, {"itemIdentifier": "unknown"}]}, set()),
        ({"batchItemFailures": [{"itemIdentifier": None}]}, set()),
        ({"batchItemFailures": [{"identifier": "a"}]}, set()),
        ({"failures": []}, set()),
        ("text", set()),
    ],
)
def test_which_messages_leave_the_queue(result: Any, done: set[str]) -> None:
    assert done_of(["a", "b"], result) == done


def test_nobody_publishes_to_a_topic_in_another_region(rehearsal: Rehearsal) -> None:
    client = rehearsal.gateway.client("sns", Operator(rehearsal.zone.audit), "eu-west-1")

    with pytest.raises(ClientError, match="InvalidParameter"):
        client.publish(TopicArn=rehearsal.registration_topic, Message="{}")
