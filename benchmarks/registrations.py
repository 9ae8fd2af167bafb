"""What a registration of whole regions costs: calls to Alert Logic, and CPU of the function's process, when warm."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.rehearsal import Rehearsal

from .row import Row

if TYPE_CHECKING:
    from collections.abc import Sequence

FUNCTION = "account_registration"
TIMES = 5
BATCH = 10
MOST_CALLS_ALONE = 3
MOST_CALLS_IN_BATCH = 2.1
MOST_CPU_MILLISECONDS = 30
# On a machine, or at a time, on which this takes longer, so may a registration.
BARE_CALL_MILLISECONDS = 0.5

_BARE_CALLS = """
import sys, time
sys.path.append({packages!r})
import requests
session = requests.Session()
session.post({url!r})
begun = time.process_time()
for _ in range({calls}):
    session.post({url!r}).content
print((time.process_time() - begun) / {calls})
"""


@dataclass(frozen=True, order=True)
class _Cost:
    cpu_ms: float
    calls: int


def measure() -> list[Row]:
    """Calls and CPU per registration, alone and in a batch."""
    with Rehearsal() as rehearsal:
        rehearsal.deploy(variant="regions")
        rehearsal.put_secret_value()
        _register(rehearsal, ["Warm-up"])
        # The least, since whatever else the machine does only adds to it.
        alone = min(_register(rehearsal, [f"Alone {number}"]) for number in range(TIMES))
        batch = min(
            _register(rehearsal, [f"Batch {time}-{number}" for number in range(BATCH)]) for time in range(TIMES)
        )
        bare_call_ms = _bare_call_ms(rehearsal.alert_logic.url)
    return [
        Row("Alert Logic calls per registration, alone", alone.calls, MOST_CALLS_ALONE),
        Row(f"Alert Logic calls per registration, of {BATCH} in a batch", batch.calls / BATCH, MOST_CALLS_IN_BATCH),
        _cpu_row("CPU ms per registration, alone", alone, 1, bare_call_ms),
        _cpu_row(f"CPU ms per registration, of {BATCH} in a batch", batch, BATCH, bare_call_ms),
    ]


def _cpu_row(what: str, cost: _Cost, registrations: int, bare_call_ms: float) -> Row:
    times = cost.cpu_ms / (cost.calls * bare_call_ms)
    note = f"{times:.1f} times the same number of bare calls with requests, at {bare_call_ms:.1f} ms each"
    slowness = max(1, bare_call_ms / BARE_CALL_MILLISECONDS)
    return Row(what, cost.cpu_ms / registrations, MOST_CPU_MILLISECONDS * slowness, note)


def _register(rehearsal: Rehearsal, names: Sequence[str]) -> _Cost:
    """Vend accounts, and let all their requests arrive before the function sees the first."""
    functions = rehearsal.functions
    with rehearsal.pollers.paused(FUNCTION):
        accounts = [rehearsal.vend_account(name, "Workloads/Prod") for name in names]
        rehearsal.settle(within_minutes=30)
    calls, cpu_seconds = len(rehearsal.alert_logic.requests), functions.cpu_seconds(FUNCTION)
    rehearsal.settle()
    missing = [account for account in accounts if not rehearsal.deployments(account)]
    if missing:
        raise RuntimeError(f"not registered: {missing}")
    return _Cost(
        cpu_ms=(functions.cpu_seconds(FUNCTION) - cpu_seconds) * 1000,
        calls=len(rehearsal.alert_logic.requests) - calls,
    )


def _bare_call_ms(url: str) -> float:
    program = _BARE_CALLS.format(packages=sysconfig.get_path("purelib"), url=f"{url}/aims/v1/authenticate", calls=100)
    done = subprocess.run([sys.executable, "-I", "-S", "-c", program], capture_output=True, text=True, check=True)
    return float(done.stdout) * 1000
