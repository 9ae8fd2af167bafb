"""`python -m alertlogic_constructs.policies` against the fake Alert Logic."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from aws_cdk import App, Stack
from aws_cdk import aws_iam as iam
from aws_cdk.assertions import Template

from alertlogic_constructs import AlertLogic, AlertLogicRole, ProtectionPolicy
from alertlogic_constructs._role_policy import packaged_pin
from alertlogic_constructs._tools import UNUSABLE
from alertlogic_constructs.policies import DIFFERENT, main
from tests.rehearsal.alertlogic import FakeAlertLogic
from tests.rehearsal.synthesis import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

PIN = packaged_pin("ci_manual")
NEW = {"Sid": "ReadWorkGroups", "Effect": "Allow", "Action": ["athena:GetWorkGroup"], "Resource": "*"}
LATEST = {**PIN, "Statement": [*PIN["Statement"][1:], NEW]}


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeAlertLogic]:
    with FakeAlertLogic() as started:
        monkeypatch.setenv("ALERTLOGIC_GLOBAL_ENDPOINT", started.url)
        started.role_policies["ci_manual"] = LATEST
        yield started
        assert started.contract_violations == []


@pytest.fixture
def options(fake: FakeAlertLogic, cdk_json: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The settings, and a key that is in no secret yet; the working folder is one of its own."""
    monkeypatch.chdir(cdk_json.parent)
    Path("key.json").write_text(fake.secret_string(), "utf-8")
    return ["--key-file", "key.json"]


def test_the_difference_is_shown_and_the_pin_written(options: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(options) == 0

    first, *difference, last = capsys.readouterr().out.splitlines()
    assert first == "ci_manual of 2022-01-01, and what is pinned here:"
    assert difference[0] == "+ Allow athena:getworkgroup on *"
    assert "- Allow autoscaling:describe* on *" in difference[1:]
    assert last == "ci_manual.json is written."
    assert json.loads(Path("ci_manual.json").read_text("utf-8")) == LATEST


def test_a_pin_that_is_there_is_what_is_compared(
    options: list[str], fake: FakeAlertLogic, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(options) == 0
    capsys.readouterr()
    assert main([*options, "--check"]) == 0
    assert capsys.readouterr().out == "ci_manual of 2022-01-01 is what is pinned in ci_manual.json.\n"

    fake.role_policies["ci_manual"] = PIN
    assert main([*options, "--check"]) == DIFFERENT
    assert json.loads(Path("ci_manual.json").read_text("utf-8")) == LATEST


def test_the_role_takes_the_pin(options: list[str]) -> None:
    assert main([*options, "--output", "role.json"]) == 0
    stack = Stack(App(), "Stack")
    AlertLogicRole(
        stack,
        "Role",
        alert_logic=AlertLogic(customer_id="12345678"),
        policy=ProtectionPolicy.PROFESSIONAL,
        policy_document=iam.PolicyDocument.from_json(json.loads(Path("role.json").read_text("utf-8"))),
    )

    [role] = Template.from_stack(stack).find_resources("AWS::IAM::Role").values()
    [policy] = role["Properties"]["Policies"]
    assert NEW | {"Action": "athena:GetWorkGroup"} in policy["PolicyDocument"]["Statement"]


def test_another_role_may_be_asked_for(
    options: list[str], fake: FakeAlertLogic, capsys: pytest.CaptureFixture[str]
) -> None:
    fake.role_policies["ci_full"] = packaged_pin("ci_full")
    assert main([*options, "--role-type", "ci_full", "--check"]) == 0

    assert capsys.readouterr().out == "ci_full of 2022-01-01 is what is pinned here.\n"


def test_a_policy_that_no_role_can_have_is_not_written(
    options: list[str], fake: FakeAlertLogic, capsys: pytest.CaptureFixture[str]
) -> None:
    many = {**NEW, "Action": [f"athena:Get{number:09d}" for number in range(500)]}
    fake.role_policies["ci_manual"] = {"Version": "2012-10-17", "Statement": [many]}
    assert main(options) == UNUSABLE

    assert "the inline policies of a role 10240 at most" in capsys.readouterr().err
    assert not Path("ci_manual.json").exists()


@pytest.mark.parametrize("policy", [{}, {"Statement": [{"Effect": "Allow"}]}])
def test_what_is_no_policy_is_not_written(
    options: list[str], fake: FakeAlertLogic, capsys: pytest.CaptureFixture[str], policy: dict[str, Any]
) -> None:
    fake.role_policies["ci_manual"] = policy
    assert main(options) == UNUSABLE

    assert "this is no IAM policy" in capsys.readouterr().err
    assert not Path("ci_manual.json").exists()


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("", "the secret is empty"),
        ('{"access_key_id": "other", "secret_key": "other"}', "refuses the access key: bad access key"),
    ],
)
def test_a_key_that_does_not_work_is_explained(
    options: list[str], capsys: pytest.CaptureFixture[str], key: str, words: str
) -> None:
    Path("key.json").write_text(key, "utf-8")
    assert main(options) == UNUSABLE

    assert words in capsys.readouterr().err


def test_what_is_not_installed_is_named(tmp_path: Path) -> None:
    program = (
        "import sys; sys.modules['requests'] = None\n"
        "from alertlogic_constructs.policies import main\n"
        "sys.exit(main([]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stderr) == (
        UNUSABLE,
        "the policy cannot be refreshed: requests is missing; install the wheel with its extra, as in WHEEL[tools]\n",
    )
