"""Events hold pre-signed URLs, and Powertools would log them as a whole where an operator asks for that."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FUNCTIONS = sorted(path.parent.name for path in (ROOT / "lambda_src").glob("*/handler.py"))
SIGNATURE = "X-Amz-Signature=0123456789abcdef"
# Powertools reads its variable when a handler is imported, so in a process of its own. What the function makes of an
# event in an environment without settings does not matter: it is logged before.
INVOKE = f"""
import importlib, sys
from tests.lambda_src.deliveries import Context
handler = importlib.import_module(sys.argv[1] + ".handler")
handler.logger.info("imported")
for event in ({{"ResponseURL": "{SIGNATURE}"}}, {{"Records": [{{"body": "{SIGNATURE}"}}]}}):
    try:
        handler.lambda_handler(event, Context())
    except Exception as error:
        print("ended with", type(error).__name__)
"""


@pytest.mark.parametrize("function", FUNCTIONS)
def test_no_event_is_logged_whatever_an_operator_sets(function: str) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", INVOKE, function],
        check=True,
        capture_output=True,
        text=True,
        env={
            **os.environ,
            "PYTHONPATH": f"{ROOT}:{ROOT / 'lambda_src'}",
            "POWERTOOLS_LOGGER_LOG_EVENT": "true",
            "POWERTOOLS_LOG_LEVEL": "DEBUG",
        },
    )

    assert '"imported"' in ran.stdout
    assert SIGNATURE not in ran.stdout + ran.stderr
