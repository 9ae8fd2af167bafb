"""What the management side puts onto the hub's bus is what the hub reads."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from account_enrollment import hub
from account_registration import accounts_event
from account_registration.accounts_event import AccountsEvent
from account_registration.message import parse
from aws.organizations import AwsAccountId
from aws.stack_sets import StackInstance

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aws.events import EventBus

MANAGEMENT = "111111111111"
MEMBER = AwsAccountId("555555555555")
STACK = f"arn:aws:cloudformation:us-east-1:{MEMBER}:stack/StackSet-alertlogic-member-account-0a1b2c3d/1"


@dataclass
class Bus:
    """The hub's bus: it wraps what is put as EventBridge does."""

    delivered: list[str] = field(default_factory=list[str])

    def put(self, *, source: str, detail_type: str, detail: Mapping[str, Any]) -> None:
        envelope = {
            "version": "0",
            "id": f"event-{len(self.delivered)}",
            "detail-type": detail_type,
            "source": source,
            "account": MANAGEMENT,
            "time": "2026-01-15T18:00:07Z",
            "region": "us-east-1",
            "resources": [],
            "detail": detail,
        }
        self.delivered.append(json.dumps(envelope))


def test_the_hub_reads_what_it_is_told() -> None:
    bus = Bus()
    instances = (
        StackInstance(MEMBER, "us-east-1", "CURRENT", "SUCCEEDED", "create-1", STACK),
        StackInstance(MEMBER, "us-west-2", "OUTDATED", "PENDING", "create-1"),
    )
    standings = [
        hub.Standing(MEMBER, "shop", is_wanted=True, reason=None, instances=instances),
        *(
            hub.Standing(AwsAccountId(f"{number:012}"), "", is_wanted=False, reason="it is CLOSED", instances=())
            for number in range(30)
        ),
    ]

    hub.Hub(cast("EventBus", bus)).tell("sweep", standings)

    read = [parse(body, management_account_id=MANAGEMENT) for body in bus.delivered]
    events = [event for event in read if isinstance(event, AccountsEvent)]
    assert [event.sweep for event in events] == ["sweep"] * len(bus.delivered)
    told = [it for event in events for it in event.accounts]
    assert [it.word.account_id for it in told] == [it.account_id for it in standings]
    assert [(it.word.wanted, it.word.reason) for it in told[:2]] == [(True, None), (False, "it is CLOSED")]
    assert told[0].word.instances == {"us-east-1": "CURRENT", "us-west-2": "OUTDATED PENDING"}
    assert {region: stack_id.arn for region, stack_id in told[0].stack_ids.items()} == {"us-east-1": STACK}
    assert (hub.SOURCE, hub.DETAIL_TYPE) == accounts_event.ORIGIN
