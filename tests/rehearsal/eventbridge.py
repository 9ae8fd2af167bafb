"""EventBridge: events on buses, and what the buses' rules pass on. Each hop is judged."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING, Any

from moto.events.models import EventPattern

from tests.rehearsal.calls import bus_of
from tests.rehearsal.event_text import event_text
from tests.rehearsal.gateway import AwsError
from tests.rehearsal.moto_state import backend
from tests.rehearsal.principals import RoleSession, Service, account_of, region_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.rehearsal.authority import Authority, Context
    from tests.rehearsal.calls import ApiCall
    from tests.rehearsal.clock import VirtualClock
    from tests.rehearsal.gateway import Handler
    from tests.rehearsal.invocations import Invocations
    from tests.rehearsal.queues import Queues
    from tests.rehearsal.templates import Json

TRANSFORMS = {"Input", "InputPath", "InputTransformer"}


class ThirdHopError(Exception):
    """A rule would pass an event on that came from another account or region. EventBridge sets it aside instead.

    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-cross-account.html
    """


class EventBridge:
    """All event buses of all accounts."""

    def __init__(self, queues: Queues, invocations: Invocations, authority: Authority, clock: VirtualClock) -> None:
        self._queues = queues
        self._invocations = invocations
        self._authority = authority
        self._clock = clock
        # Says what becomes of an event that somebody puts on a bus: after how many seconds each copy of it arrives.
        self.fate: Callable[[Json], Sequence[float]] | None = None
        self._late: list[tuple[float, str, Json, bool]] = []
        self._put = 0

    def emit(self, event: Json) -> int:
        """An AWS service puts an event on the default bus of the account and region that the event names.

        Returns:
            How many queues it ended in.
        """
        return self._carry(f"arn:aws:events:{event['region']}:{event['account']}:event-bus/default", event)

    def _carry(self, bus_arn: str, event: Json, *, is_received: bool = False) -> int:
        """Put an event on a bus as often and as late as `fate` says; return how many queues it ended in so far."""
        taken = 0
        for seconds in self.fate(event) if self.fate else (0,):
            if seconds:
                self._late.append((self._clock.now + seconds, bus_arn, event, is_received))
            else:
                taken += self.put(bus_arn, event, is_received=is_received)
        return taken

    def step(self) -> bool:
        """Put the late events on their buses whose time has come; tell whether there was one."""
        ready = [one for one in self._late if one[0] <= self._clock.now]
        self._late = [one for one in self._late if one[0] > self._clock.now]
        for _, bus_arn, event, is_received in ready:
            self.put(bus_arn, event, is_received=is_received)
        return bool(ready)

    def due(self) -> list[float]:
        """When late events arrive."""
        return [moment for moment, *_ in self._late]

    def put(self, bus_arn: str, event: Json, *, is_received: bool = False) -> int:
        """Put an event on a bus, whoever it is from.

        Args:
            bus_arn: The bus.
            event: The event.
            is_received: It came from another account or region.

        Returns:
            How many queues it ended in.

        Raises:
            ThirdHopError: a rule would pass a received event on.
        """
        bus = backend("events", account_of(bus_arn), region_of(bus_arn)).event_buses[bus_arn.rsplit("/", 1)[1]]
        return sum(
            self.deliver(rule.arn, target, event, is_received=is_received)
            for rule in bus.rules.values()
            if rule.state == "ENABLED" and rule.event_pattern.get_pattern() and rule.event_pattern.matches_event(event)
            for target in rule.targets
        )

    def handlers(self) -> dict[str, Handler]:
        """The part of EventBridge's API that moto plays too simply, or not at all."""
        return {"PutEvents": self.put_events, "TestEventPattern": self._test_event_pattern}

    def put_events(self, call: ApiCall) -> dict[str, Any]:
        """EventBridge's PutEvents. That the caller may put events on the bus is judged before."""
        results = [self._put_entry(call, entry) for entry in call.parameters["Entries"]]
        return {"FailedEntryCount": sum("ErrorCode" in result for result in results), "Entries": results}

    @staticmethod
    def _test_event_pattern(call: ApiCall) -> dict[str, Any]:
        """EventBridge's TestEventPattern, judged as events on buses are."""
        pattern = EventPattern.load(call.parameters["EventPattern"])
        return {"Result": pattern.matches_event(json.loads(call.parameters["Event"]))}

    def _put_entry(self, call: ApiCall, entry: Json) -> dict[str, str]:
        """Nobody can speak for AWS. Whoever else somebody speaks for, the account is the caller's."""
        bus_arn = bus_of(call, entry)
        if region_of(bus_arn) != call.region:
            raise AwsError("ValidationException", f"{bus_arn} is in another region")
        if entry["Source"].startswith("aws."):
            code = "NotAuthorizedForSourceException"
            return {"ErrorCode": code, "ErrorMessage": "Not authorized for the source."}
        self._put += 1
        event: Json = {
            "version": "0",
            "id": str(uuid.uuid5(uuid.NAMESPACE_URL, f"PutEvents/{self._put}")),
            "detail-type": entry["DetailType"],
            "source": entry["Source"],
            "account": call.account,
            "time": self._clock.iso(),
            "region": call.region,
            "resources": entry.get("Resources", []),
            "detail": json.loads(entry["Detail"]),
        }
        self._carry(bus_arn, event, is_received=account_of(bus_arn) != call.account)
        return {"EventId": event["id"]}

    def deliver(self, rule_arn: str, target: Json, event: Json, *, is_received: bool = False) -> int:
        """Give a rule's target an event that the rule matches; return how many queues it ended in."""
        if TRANSFORMS & target.keys():
            raise NotImplementedError(f"rule {rule_arn}: only whole events are known")
        service = Service("events.amazonaws.com", rule_arn)
        dead_letters = target.get("DeadLetterConfig", {}).get("Arn")
        match target["Arn"].split(":")[2]:
            case "sqs":
                return self._queues.send(service, event_text(event), target["Arn"], dead_letters)
            case "lambda":
                if self._authority.allows(service, "lambda:InvokeFunction", target["Arn"]):
                    self._invocations.add(target["Arn"], event)
                else:
                    self._queues.send(service, event_text(event), None, dead_letters)
                return 0
            case "events" if self._may_forward(service, target, event, is_received=is_received):
                return self.put(target["Arn"], event, is_received=is_received or _is_abroad(rule_arn, target["Arn"]))
            case "events":
                self._queues.send(service, event_text(event), None, dead_letters)
                return 0
            case _:
                raise NotImplementedError(f"rule {rule_arn}: only queues, functions and event buses are known")

    def _may_forward(self, service: Service, target: Json, event: Json, *, is_received: bool) -> bool:
        """Whether the rule may assume the target's role, and the role put this event on the other bus."""
        if is_received and _is_abroad(str(service.source_arn), target["Arn"]):
            raise ThirdHopError(f"rule {service.source_arn} passes on to {target['Arn']} what came from elsewhere")
        context: Context = {
            "aws:RequestedRegion": region_of(target["Arn"]),
            "events:detail-type": event["detail-type"],
            "events:source": event["source"],
        }
        return self._authority.allows(service, "sts:AssumeRole", target["RoleArn"]) and self._authority.allows(
            RoleSession(target["RoleArn"], "EventBridge"), "events:PutEvents", target["Arn"], context
        )


def _is_abroad(here: str, there: str) -> bool:
    """Whether two ARNs are of different accounts or regions."""
    return (account_of(here), region_of(here)) != (account_of(there), region_of(there))
