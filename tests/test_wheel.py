"""The wheel alone, in an empty environment, synthesizes an app: nothing it needs lies beside it."""

from __future__ import annotations

import json
import os
import subprocess
import textwrap
import zipfile
from pathlib import Path

PROJECT = Path(__file__).parents[1]

APP = """
from aws_cdk import App, Environment, Stack
from alertlogic_constructs import AlertLogic, ProtectedAccount, ProtectionPolicy

app = App()
stack = Stack(app, "Payments", env=Environment(account="555555555555", region="eu-west-1"))
alert_logic = AlertLogic.placeholder(stack, "ApiKey", customer_id="12345678")
ProtectedAccount(stack, "Account", alert_logic=alert_logic, policy=ProtectionPolicy.PROFESSIONAL)
app.synth()
"""


def test_an_app_that_imports_the_installed_wheel_synthesizes(tmp_path: Path) -> None:
    def run(*command: str, **environment: str) -> None:
        done = subprocess.run(
            command, cwd=tmp_path, env={**os.environ, **environment}, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr

    run("uv", "build", "--quiet", "--wheel", "--out-dir", str(tmp_path), str(PROJECT))
    [wheel] = tmp_path.glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    sources = {
        f"alertlogic_constructs/_lambda_src/{path.relative_to(PROJECT / 'lambda_src').as_posix()}"
        for path in (PROJECT / "lambda_src").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert sources <= names
    assert "alertlogic_constructs/py.typed" in names

    (tmp_path / "app.py").write_text(textwrap.dedent(APP), "utf-8")
    run("uv", "venv", "--quiet", "environment")
    python = str(tmp_path / "environment" / "bin" / "python")
    run("uv", "pip", "install", "--quiet", "--python", python, str(wheel))
    run(python, "app.py", CDK_OUTDIR=str(tmp_path / "cdk.out"))

    template = json.loads((tmp_path / "cdk.out" / "Payments.template.json").read_text("utf-8"))
    assert "Custom::AlertLogicRegistration" in {resource["Type"] for resource in template["Resources"].values()}
    [asset] = (tmp_path / "cdk.out").glob("asset.*")
    assert (asset / "account_registration" / "handler.py").is_file()
