"""What is installed is pinned and hashed, the asset's bill of materials says so, and the workflow runs the checks."""

from __future__ import annotations

import json
import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packaging.utils import parse_wheel_filename

from alertlogic_constructs import _lambda_asset
from docs import sbom

ROOT = Path(__file__).parents[1]
WORKFLOW = ROOT / ".github" / "workflows" / "ci.yml"
MAKEFILE = (ROOT / "Makefile").read_text("utf-8")


@pytest.fixture(scope="module")
def bill() -> dict[str, Any]:
    described: dict[str, Any] = json.loads(sbom.describe())
    return described


def test_every_locked_package_has_hashes() -> None:
    locked = tomllib.loads(sbom.LOCK.read_text("utf-8"))["package"]

    files = [
        (one["name"], file)
        for one in locked
        if "editable" not in one["source"]
        for file in (*one.get("wheels", ()), *([one["sdist"]] if "sdist" in one else ()))
    ]
    assert {name for name, _ in files} == {one["name"] for one in locked} - {"alertlogic-constructs"}
    assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", file["hash"]) for _, file in files)


def test_every_locked_node_package_has_a_hash() -> None:
    locked = json.loads((ROOT / "package-lock.json").read_text("utf-8"))["packages"]

    assert [path for path, one in locked.items() if path and "integrity" not in one] == []


def test_the_installer_takes_nothing_unhashed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    commands: list[list[str]] = []

    def run(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        commands.append(command)
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr("alertlogic_constructs._lambda_asset.subprocess.run", run)
    _lambda_asset.build(tmp_path)

    [command] = commands
    assert {"--require-hashes", "--no-deps", "--only-binary"} <= set(command)


def test_the_bill_is_valid(bill: dict[str, Any]) -> None:
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(json.dumps(bill)) is None


def test_the_bill_lists_the_assets_packages_with_the_hash_of_their_wheel(bill: dict[str, Any]) -> None:
    requirements = sbom.REQUIREMENTS.read_text("utf-8")

    assert {one["name"]: one["version"] for one in bill["components"]} == sbom.pins(requirements)
    for one in bill["components"]:
        [digest] = one["hashes"]
        assert f"--hash=sha256:{digest['content']}" in requirements
        assert one["purl"] == f"pkg:pypi/{one['name']}@{one['version']}"
    dependencies = {one["ref"]: one.get("dependsOn", []) for one in bill["dependencies"]}
    assert {ref.split("@")[0] for ref in dependencies["asset"]} == {
        "pkg:pypi/aws-lambda-powertools",
        "pkg:pypi/requests",
    }
    assert len(dependencies) == len(bill["components"]) + 1


def test_the_bill_names_the_wheels_that_are_in_the_asset(bill: dict[str, Any], tmp_path: Path) -> None:
    _lambda_asset.build(tmp_path)

    tag = re.compile(r"^Tag: (\S+)$", re.MULTILINE)
    built = {
        wheel.parent.name.removesuffix(".dist-info"): set(tag.findall(wheel.read_text("utf-8")))
        for wheel in tmp_path.glob("*.dist-info/WHEEL")
    }
    named = {
        "-".join(wheel.split("-")[:2]): {str(tag) for tag in parse_wheel_filename(wheel)[3]}
        for one in bill["components"]
        for wheel in (one["properties"][0]["value"],)
    }
    assert named == built


def test_the_bill_is_the_same_each_time_and_names_no_host(bill: dict[str, Any]) -> None:
    text = sbom.describe()

    assert json.loads(text) == bill
    assert set(re.findall(r"https?://[^\"]+", text)) <= {"http://cyclonedx.org/schema/bom-1.6.schema.json"}


def test_what_cannot_be_audited_fails() -> None:
    audits = re.findall(r"pip-audit .*", MAKEFILE)

    assert len(audits) == 2
    assert all("--strict" in audit and "--require-hashes" in audit for audit in audits)


def test_the_workflow_runs_what_a_contributor_runs() -> None:
    workflow = yaml.safe_load(WORKFLOW.read_text("utf-8"))
    targets = set(re.findall(r"^([a-z-]+):", MAKEFILE, re.MULTILINE))

    run = {
        target
        for job in workflow["jobs"].values()
        for step in job["steps"]
        for target in re.findall(r"\bmake ([a-z-]+)", step.get("run", ""))
    }
    assert {"synth", "test", "audit", "dist"} <= run <= targets


def test_the_workflow_trusts_nothing_by_default() -> None:
    workflow = yaml.safe_load(WORKFLOW.read_text("utf-8"))
    steps = [step for job in workflow["jobs"].values() for step in job["steps"]]

    assert workflow["permissions"] == {}
    assert all("permissions" in job for job in workflow["jobs"].values())
    assert all(re.fullmatch(r"[\w/-]+@[0-9a-f]{40}", step["uses"]) for step in steps if "uses" in step)
    checkouts = [step for step in steps if step.get("uses", "").startswith("actions/checkout@")]
    assert checkouts
    assert all(step["with"]["persist-credentials"] is False for step in checkouts)
