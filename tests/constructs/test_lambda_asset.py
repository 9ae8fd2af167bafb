from __future__ import annotations

import hashlib
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from alertlogic_constructs import _lambda_asset

if TYPE_CHECKING:
    from pathlib import Path


def _bytes_of(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("asset")
    _lambda_asset.build(folder)
    return folder


def test_identical_input_gives_identical_bytes(built: Path, tmp_path: Path) -> None:
    _lambda_asset.build(tmp_path)

    assert _bytes_of(tmp_path) == _bytes_of(built)


def test_it_holds_functions_and_wheels_and_nothing_of_this_machine(built: Path) -> None:
    names = {path.name for path in built.iterdir()}

    assert {"account_enrollment", "account_registration", "alertlogic_api", "aws", "requests"} <= names
    assert not {"bin", "boto3", "botocore", "__pycache__"} & names
    texts = [path.read_bytes() for path in built.rglob("*") if path.is_file()]
    assert not any(str(built).encode() in text or sys.prefix.encode() in text for text in texts)


def test_every_wheel_runs_on_arm64(built: Path) -> None:
    tags = {
        line.removeprefix("Tag: ")
        for wheel in built.glob("*.dist-info/WHEEL")
        for line in wheel.read_text("utf-8").splitlines()
        if line.startswith("Tag: ")
    }

    assert tags
    assert all(tag.endswith("-any") or (tag.startswith("cp313-cp313-") and tag.endswith("aarch64")) for tag in tags)


def test_the_hash_follows_the_content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = tmp_path / "function.py"
    monkeypatch.setattr(_lambda_asset, "SOURCE", tmp_path)
    hashes: list[str] = []
    for content in ("a", "b", "a"):
        source.write_text(content, "utf-8")
        hashes.append(_lambda_asset._content_hash())

    assert hashes[0] == hashes[2] != hashes[1]


def test_fails_when_a_wheel_is_not_the_pinned_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    requirements = tmp_path / "requirements.txt"
    requirements.write_text(f"requests==2.32.0 --hash=sha256:{'0' * 64}\n", "utf-8")
    monkeypatch.setattr(_lambda_asset, "_REQUIREMENTS", requirements)

    with pytest.raises(RuntimeError, match="could not be installed"):
        _lambda_asset.build(tmp_path / "out")


def test_the_pins_are_the_lock_files() -> None:
    command = "uv export --quiet --frozen --only-group lambda --no-emit-project --no-annotate --no-header"

    exported = subprocess.run(command.split(), capture_output=True, text=True, check=True)

    assert _lambda_asset._REQUIREMENTS.read_text("utf-8") == exported.stdout
