from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

LAMBDA_SRC = Path(__file__).parents[2] / "lambda_src"


def run(program: str) -> str:
    """Run a program as Lambda does: the asset's root on the path, and nothing of ours in the environment."""
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(LAMBDA_SRC)}
    completed = subprocess.run(
        [sys.executable, "-W", "error", "-c", program], env=environment, capture_output=True, text=True, check=False
    )
    assert completed.returncode == 0, completed.stderr
    return completed.stdout


def test_every_module_can_be_imported_with_an_empty_environment() -> None:
    modules = sorted(
        ".".join(path.relative_to(LAMBDA_SRC).with_suffix("").parts).removesuffix(".__init__")
        for path in LAMBDA_SRC.rglob("*.py")
    )

    assert {"account_enrollment.handler", "account_registration.handler", "aws.queue"} <= set(modules)
    run("import importlib\n" + "\n".join(f"importlib.import_module({module!r})" for module in modules))


def test_enrollment_does_not_load_the_client_for_alert_logic() -> None:
    program = "import sys, account_enrollment.handler; print(sorted({'requests', 'alertlogic_api'} & set(sys.modules)))"

    assert run(program) == "[]\n"
