"""How long a function's module takes to import, beside the libraries that it cannot do without."""

from __future__ import annotations

import statistics
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

from alertlogic_constructs import _lambda_asset
from tests.rehearsal.functions import RUNTIME_LIBRARIES

from .row import Row

PROCESSES = 10
MOST_TIMES_THE_FLOOR = 1.5

_FLOOR = "import boto3, requests"
_PROGRAM = """
import sys, time
sys.path[:0] = {path!r}
begun = time.perf_counter()
{statement}
print(time.perf_counter() - begun)
"""


def measure() -> list[Row]:
    """Median import time of each handler in fresh processes, as a multiple of `import boto3, requests`."""
    with tempfile.TemporaryDirectory() as folder:
        path = [str(Path(folder) / "asset"), str(Path(folder) / "runtime")]
        _lambda_asset.build(Path(path[0]))
        _runtime_libraries(Path(path[1]))
        handlers = sorted(handler.parent.name for handler in Path(path[0]).glob("*/handler.py"))
        statements = {_FLOOR: _FLOOR} | {name: f"import {name}.handler" for name in handlers}
        seconds = _seconds(statements, path)
    floor = seconds.pop(_FLOOR)
    return [
        Row(
            f"import of {name}, times the floor",
            median / floor,
            MOST_TIMES_THE_FLOOR,
            f"{median * 1000:.0f} ms; floor, {_FLOOR}: {floor * 1000:.0f} ms",
        )
        for name, median in seconds.items()
    ]


def _seconds(statements: dict[str, str], path: list[str]) -> dict[str, float]:
    measured: dict[str, list[float]] = {name: [] for name in statements}
    # The first round compiles the byte code. Then in turns, so that a slow moment of the machine hits all alike.
    for round_ in range(PROCESSES + 1):
        for name, statement in statements.items():
            program = _PROGRAM.format(path=path, statement=statement)
            done = subprocess.run(
                [sys.executable, "-I", "-S", "-c", program], capture_output=True, text=True, check=True
            )
            if round_:
                measured[name].append(float(done.stdout))
    return {name: statistics.median(values) for name, values in measured.items()}


def _runtime_libraries(folder: Path) -> None:
    folder.mkdir()
    for library in RUNTIME_LIBRARIES:
        (folder / library).symlink_to(Path(sysconfig.get_path("purelib")) / library)
