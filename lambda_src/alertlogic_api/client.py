"""The one object through which a function speaks to Alert Logic."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Final

from .collectors import Collectors, CollectorStatuses
from .ingest import Ingest
from .services import Accounts, Credentials, Deployments, Policies, Roles
from .session import Session
from .transport import Transport

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from .session import Log
    from .settings import AccessKey, AlertLogicSettings


class AlertLogic:
    """All services for one customer. Make one per container: it keeps the connections, token and hosts.

    It is not safe to share between threads.

    Args:
        settings: Where Alert Logic is and whom to speak for.
        access_key: Called whenever a token is needed, so that a key that was rotated is found.
        clock: The time in Unix seconds.
        sleep: How to wait between two attempts.
        log: Gets a line for each call, with whatever correlation the caller has set by then.
    """

    def __init__(
        self,
        settings: AlertLogicSettings,
        *,
        access_key: Callable[[], AccessKey],
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
        log: Log = logging.getLogger(__name__),  # noqa: B008 - the same one each time
    ) -> None:
        self._transport = Transport(clock=clock, sleep=sleep)
        session = Session(settings, self._transport, access_key=access_key, clock=clock, log=log)
        self.deployments: Final = Deployments(session)
        self.credentials: Final = Credentials(session)
        self.policies: Final = Policies(session)
        self.account: Final = Accounts(session)
        self.roles: Final = Roles(session)
        self.ingest: Final = Ingest(session)
        self.collectors: Final = Collectors(session)
        self.collector_statuses: Final = CollectorStatuses(session)

    def within(self, remaining_seconds: Callable[[], float]) -> AbstractContextManager[None]:
        """Bound every call made inside by the time that the running invocation has left.

        A call stops 3 seconds before that, so that the function can still report.

        Args:
            remaining_seconds: Seconds until Lambda ends the invocation, asked for anew each time.
        """
        return self._transport.within(remaining_seconds)
