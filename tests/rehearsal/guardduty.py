"""GuardDuty: what it finds in an account and region, and whose event buses it tells."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from tests.rehearsal.findings import finding

if TYPE_CHECKING:
    from tests.rehearsal.clock import VirtualClock
    from tests.rehearsal.eventbridge import EventBridge
    from tests.rehearsal.templates import Json


class GuardDuty:
    """The detectors of all accounts.

    Attributes:
        administrator: The account that sees the findings of all others, if there is one.
    """

    def __init__(self, event_bridge: EventBridge, clock: VirtualClock, *, administrator: str) -> None:
        self.administrator: str | None = administrator
        self._event_bridge = event_bridge
        self._clock = clock
        self._found = 0

    def finding(
        self,
        account: str,
        region: str,
        *,
        family: str = "ec2",
        size: int | None = None,
        severity: float | None = None,
        sample: bool = False,
    ) -> Json:
        """Find something, and tell of it; return the event as `tell` does. The arguments are `findings.finding`'s."""
        self._found += 1
        event = finding(
            family,
            number=self._found,
            account=account,
            region=region,
            size=size,
            severity=severity,
            sample=sample,
            at=self._clock.now,
        )
        return self.tell(event)

    def tell(self, event: Json) -> Json:
        """Put a finding's event on the default bus of its account, and on that of the administrator.

        https://docs.aws.amazon.com/guardduty/latest/ug/guardduty_findings_eventbridge.html

        Returns:
            What the administrator's bus was told; what its own account's was, if there is no administrator.
        """
        account = event["detail"]["accountId"]
        self._event_bridge.emit(event)
        if self.administrator in {None, account}:
            return event
        copy = event | {"id": str(uuid.uuid5(uuid.NAMESPACE_URL, event["id"])), "account": self.administrator}
        self._event_bridge.emit(copy)
        return copy
