"""What goes wrong in chaos: events are lost, repeated and delayed, and calls fail, before or after their effect.

Whether something goes wrong depends on the seed, on what it is and on how often that was before, but not on what else
happens at the same time.
"""

from __future__ import annotations

import contextlib
import random
import re
import threading
from collections import Counter
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Self
from unittest import mock

from werkzeug.wrappers import Response

from tests.rehearsal import gateway
from tests.rehearsal.alertlogic import _Fault
from tests.rehearsal.gateway import AwsError
from tests.rehearsal.organization import EXECUTION_ROLE
from tests.rehearsal.principals import RoleSession

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType
    from wsgiref.types import StartResponse, WSGIEnvironment

    from tests.rehearsal.alertlogic_server import Request
    from tests.rehearsal.calls import ApiCall
    from tests.rehearsal.gateway import Handler
    from tests.rehearsal.rehearsal import Rehearsal
    from tests.rehearsal.templates import Json

EVENTS_SHARE = 0.3
LONGEST_DELAY_SECONDS = 3600
# Half of the faults are over at once; the others last longer than the clients' own repetitions. With two calls to a
# fault on average, one call in five fails.
FAULTS_BEGIN = 1 / 9
FAULT_LENGTHS = (1, 3)
# What Lambda does with the function's role, and repeats by itself.
OF_LAMBDA = {"ReceiveMessage", "DeleteMessageBatch", "GetQueueAttributes"}
THROTTLED, BROKEN = "Throttling", "InternalFailure"
ALERT_LOGIC_ANSWERS = (503, 502, 500, 429, None)


class OutageError(AwsError):
    """AWS answers with the status 500."""


class Dice:
    """Draws the same for the same thing at the same time, whatever else is drawn."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._drawn: Counter[str] = Counter()
        self._failing: dict[str, int] = {}
        self._lock = threading.Lock()

    def of(self, what: str) -> random.Random:
        """What is drawn from for a thing, differently each time."""
        with self._lock:
            self._drawn[what] += 1
            return random.Random(f"{self._seed}/{what}/{self._drawn[what]}")  # noqa: S311 - no secret

    def fails(self, what: str) -> random.Random | None:
        """What the way is drawn from in which a call fails; None if it does not."""
        drawn = self.of(what)
        with self._lock:
            left = self._failing.get(what, 0)
            if not left and drawn.random() < FAULTS_BEGIN:
                left = drawn.choice(FAULT_LENGTHS)
            self._failing[what] = max(0, left - 1)
        return drawn if left else None


class Chaos:
    """Makes things go wrong for as long as the block lasts.

    Attributes:
        counts: How many events and calls there were, and what became of them.
    """

    def __init__(self, rehearsal: Rehearsal, seed: int) -> None:
        self.counts: Counter[str] = Counter()
        self._rehearsal = rehearsal
        self._dice = Dice(seed)
        self._here = threading.local()
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Self:
        rehearsal, aws = self._rehearsal, self._rehearsal.gateway
        answer, moto_app, render = aws._answer, aws._moto_app, gateway._render

        def answer_perhaps(handler: Handler, call: ApiCall) -> dict[str, Any]:
            answered = answer(handler, call)
            self._lose_answer()
            return answered

        def moto_perhaps(service: str) -> Any:
            def app(environ: WSGIEnvironment, start_response: StartResponse) -> Any:
                response = Response.from_app(moto_app(service), environ)
                self._lose_answer()
                return response(environ, start_response)

            return app

        def render_outage(call: ApiCall, found: dict[str, Any] | AwsError) -> Response:
            response = render(call, found)
            if isinstance(found, OutageError):
                response.status_code = 500
            return response

        rehearsal.event_bridge.fate = self._fate
        aws.fault = self._fault
        self._stack.enter_context(mock.patch.object(aws, "_answer", answer_perhaps))
        self._stack.enter_context(mock.patch.object(aws, "_moto_app", moto_perhaps))
        self._stack.enter_context(mock.patch.object(gateway, "_render", render_outage))
        rehearsal.alert_logic._faults.append(_RandomFault(self._dice, self.counts))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._rehearsal.event_bridge.fate = None
        self._rehearsal.gateway.fault = None
        self._rehearsal.alert_logic.recover()
        self._stack.close()

    def share(self, kind: str) -> float:
        """Which share of the calls or events of a kind something became of."""
        return self.counts[f"{kind} hit"] / max(1, self.counts[kind])

    def _fate(self, event: Json) -> Sequence[float]:
        self.counts["events"] += 1
        drawn = self._dice.of(f"{event['detail-type']} {event['account']} {event['region']}")
        if drawn.random() >= EVENTS_SHARE:
            return (0,)
        self.counts["events hit"] += 1
        late = drawn.randint(1, LONGEST_DELAY_SECONDS)
        return drawn.choice(((), (0, 0), (0, late), (late,)))

    def _fault(self, call: ApiCall) -> AwsError | None:
        self._here.loses_answer = False
        if not isinstance(call.caller, RoleSession) or call.caller.role_name == EXECUTION_ROLE:
            return None
        if call.operation in OF_LAMBDA:
            return None
        self.counts["AWS calls"] += 1
        drawn = self._dice.fails(f"{call.caller.arn} {call.service} {call.operation}")
        if drawn is None:
            return None
        self.counts["AWS calls hit"] += 1
        if drawn.random() < 1 / 2:
            return AwsError(THROTTLED, "Rate exceeded")
        self._here.loses_answer = drawn.random() < 1 / 2
        return None if self._here.loses_answer else OutageError(BROKEN, "before any effect")

    def _lose_answer(self) -> None:
        if getattr(self._here, "loses_answer", False):
            self._here.loses_answer = False
            raise OutageError(BROKEN, "after the effect")


class _RandomFault(_Fault):
    """Strikes some requests to Alert Logic, before or after their effect."""

    def __init__(self, dice: Dice, counts: Counter[str]) -> None:
        super().__init__(None, None, "", None, None, None, None, after_effect=False, body=None)
        self._dice = dice
        self._counts = counts

    def strikes(self, request: Request, now: float) -> bool:  # noqa: ARG002 - as any fault
        """Tell whether it strikes, and with what."""
        self._counts["Alert Logic calls"] += 1
        drawn = self._dice.fails(f"{request.method} {re.sub('[0-9A-F-]{36}', '', request.path)}")
        if drawn is None:
            return False
        self._counts["Alert Logic calls hit"] += 1
        self.status = drawn.choice(ALERT_LOGIC_ANSWERS)
        # Who sends too much is turned away before anything is done.
        self.after_effect = self.status != HTTPStatus.TOO_MANY_REQUESTS and drawn.random() < 1 / 2
        return True
