"""An event bus to which events of our own are put."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from .queue import NotYet

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mypy_boto3_events import EventBridgeClient


class EventBus:
    """An event bus, of whatever account.

    Args:
        events: A client of the bus's region.
        arn: The bus.
    """

    def __init__(self, events: EventBridgeClient, *, arn: str) -> None:
        self._events = events
        self._arn = arn

    def put(self, *, source: str, detail_type: str, detail: Mapping[str, Any]) -> None:
        """Put an event.

        Raises:
            NotYet: The bus does not take it.
        """
        answer = self._events.put_events(
            Entries=[
                {
                    "EventBusName": self._arn,
                    "Source": source,
                    "DetailType": detail_type,
                    "Detail": json.dumps(detail, separators=(",", ":")),
                }
            ]
        )
        if answer["FailedEntryCount"]:
            reasons = [f"{entry.get('ErrorCode')}: {entry.get('ErrorMessage')}" for entry in answer["Entries"]]
            raise NotYet(f"the event bus {self._arn} takes no event: {reasons[0]}")
