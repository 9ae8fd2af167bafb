from __future__ import annotations

import json

import pytest
from botocore.stub import Stubber

from aws.clients import client
from aws.events import EventBus
from aws.queue import NotYet

ARN = "arn:aws:events:us-east-1:444444444444:event-bus/alertlogic-hub"


@pytest.mark.usefixtures("aws")
class TestPut:
    def test_puts_one_event_on_the_bus(self) -> None:
        events = client("events")
        detail = {"Sweep": "1", "Accounts": [{"Id": "555555555555", "Reason": None}]}
        entry = {
            "EventBusName": ARN,
            "Source": "alertlogic.accounts",
            "DetailType": "Accounts",
            "Detail": json.dumps(detail, separators=(",", ":")),
        }
        with Stubber(events) as stubber:
            answer = {"FailedEntryCount": 0, "Entries": [{"EventId": "1"}]}
            stubber.add_response("put_events", answer, {"Entries": [entry]})

            EventBus(events, arn=ARN).put(source="alertlogic.accounts", detail_type="Accounts", detail=detail)

            stubber.assert_no_pending_responses()

    def test_waits_where_the_bus_does_not_take_it(self) -> None:
        events = client("events")
        answer = {
            "FailedEntryCount": 1,
            "Entries": [{"ErrorCode": "ThrottlingException", "ErrorMessage": "Rate exceeded"}],
        }
        with Stubber(events) as stubber:
            stubber.add_response("put_events", answer)
            with pytest.raises(NotYet, match="takes no event: ThrottlingException: Rate exceeded"):
                EventBus(events, arn=ARN).put(source="alertlogic.accounts", detail_type="Accounts", detail={})
