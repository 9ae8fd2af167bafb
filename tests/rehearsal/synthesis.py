"""The sample app, synthesized if its sources are newer than what is there."""

from __future__ import annotations

import fcntl
import os
import subprocess
from typing import TYPE_CHECKING

from tests.rehearsal.organization import ROOT

if TYPE_CHECKING:
    from pathlib import Path

ASSEMBLY = ROOT / "cdk.out"
SOURCES = ("app.py", "cdk.json", "alertlogic_constructs", "lambda_src")


def synthesized() -> Path:
    """The folder with the sample's templates and assets."""
    manifest = ASSEMBLY / "manifest.json"
    root = os.open(ROOT, os.O_RDONLY)
    try:
        # Of several test processes, one synthesizes and the others wait for it.
        fcntl.flock(root, fcntl.LOCK_EX)
        if not manifest.exists() or manifest.stat().st_mtime < _newest_source():
            cdk = ROOT / "node_modules/.bin/cdk"
            subprocess.run([str(cdk), "synth", "--quiet", "--output", str(ASSEMBLY)], cwd=ROOT, check=True)
    finally:
        os.close(root)
    return ASSEMBLY


def _newest_source() -> float:
    files = (
        file
        for source in SOURCES
        for file in [ROOT / source, *(ROOT / source).rglob("*")]
        if file.is_file() and "__pycache__" not in file.parts
    )
    return max(file.stat().st_mtime for file in files)
