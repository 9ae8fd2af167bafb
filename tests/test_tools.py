"""What the commands have in common."""

from __future__ import annotations

import runpy
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from alertlogic_constructs import backfill, policies, preflight, status
from alertlogic_constructs._tools import UNUSABLE, how_to_install
from alertlogic_constructs.status import UNSHOWN
from tests.rehearsal.synthesis import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@dataclass(frozen=True)
class Command:
    """A command, how it gives up, and the modules by which it comes to boto3."""

    main: Callable[[list[str]], int]
    words: str
    code: int
    modules: tuple[str, ...]


COMMANDS = {
    "preflight": Command(preflight.main, "the checks cannot begin", UNUSABLE, ("_preflight.run", "_preflight.cloud")),
    "policies": Command(
        policies.main, "the policy cannot be refreshed", UNUSABLE, ("_preflight.latest_policy", "_preflight.cloud")
    ),
    "backfill": Command(backfill.main, "the backfill cannot begin", UNUSABLE, ("_backfill_aws",)),
    "status": Command(status.main, "the status cannot be shown", UNSHOWN, ("_status_bucket",)),
}
every_command = pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)


@every_command
def test_a_profile_that_is_not_there_is_named(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))

    assert command.main([]) == command.code
    said = capsys.readouterr().err
    assert said.startswith(f"{command.words}: ")
    assert said.endswith("The config profile (nobody) could not be found\n")


@every_command
def test_a_package_that_is_missing_is_named(
    command: Command, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for module in command.modules:
        monkeypatch.delitem(sys.modules, f"alertlogic_constructs.{module}", raising=False)
    monkeypatch.setitem(sys.modules, "boto3", None)

    assert command.main([]) == command.code
    assert (
        capsys.readouterr().err
        == f"{command.words}: boto3 is missing; install the wheel with its extra, as in WHEEL[tools]\n"
    )


@every_command
def test_a_module_of_ours_that_is_missing_is_an_error(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    module = f"alertlogic_constructs.{command.modules[0]}"
    monkeypatch.setitem(sys.modules, module, None)

    with pytest.raises(ModuleNotFoundError, match=module):
        command.main([])


def test_a_part_of_a_package_is_missing_with_it() -> None:
    missing = ModuleNotFoundError(name="botocore.config")

    assert how_to_install(missing) == "botocore is missing; install the wheel with its extra, as in WHEEL[tools]"


@pytest.mark.parametrize("name", COMMANDS)
def test_it_is_a_program(name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    module = f"alertlogic_constructs.{name}"
    monkeypatch.setattr(sys, "argv", [name, "--help"])
    monkeypatch.delitem(sys.modules, module)

    with pytest.raises(SystemExit) as caught:
        runpy.run_module(module, run_name="__main__")

    assert caught.value.code == 0
    assert capsys.readouterr().out.startswith(f"usage: python -m {module}")
