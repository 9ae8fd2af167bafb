from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from botocore.exceptions import ClientError

from tests.rehearsal.principals import Operator

if TYPE_CHECKING:
    from tests.rehearsal import Rehearsal


def test_nobody_publishes_to_a_topic_in_another_region(rehearsal: Rehearsal) -> None:
    client = rehearsal.gateway.client("sns", Operator(rehearsal.zone.audit), "eu-west-1")

    with pytest.raises(ClientError, match="InvalidParameter"):
        client.publish(TopicArn=rehearsal.registration_topic, Message="{}")
