"""The sample app, synthesized with the rehearsal's own settings if its sources are newer than what is there."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import subprocess
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from tests.rehearsal.templates import Json

ROOT = Path(__file__).parents[2]
CONTEXT = Path(__file__).with_name("context.json")
CONTEXT_KEY = "alertlogic:landing-zone"
ASSEMBLIES = ROOT / "build" / "rehearsal"
SETTINGS = tuple(str(file.relative_to(ROOT)) for file in (CONTEXT, Path(__file__)))
SOURCES = ("app.py", "cdk.json", "alertlogic_constructs", "lambda_src", "examples", *SETTINGS)

# The key that Control Tower is given in the management account, where it is given one.
TRAIL_KEY_ARN = "arn:aws:kms:us-east-1:111111111111:key/5c0a1e7e-10c5-4a3d-8e6b-0c1d2e3f4a5b"

# What is sent of GuardDuty's findings, where not all are.
FILTERED: Json = {
    "administrator": "444444444444",
    "minimum_severity": 4.5,
    "finding_types": ["*:EC2/*", "Discovery:IAMUser/AnomalousBehavior"],
    "sample_findings": False,
}

# What a variant of the sample sets otherwise than the rehearsal's settings. That two things differ in one of them
# saves a synthesis: scenes deploy only the stack that they are about.
Variant = Literal["manual", "automatic", "regions", "every_account", "cost_savings", "grown", "retagged"]
VARIANTS: dict[Variant, Json] = {
    "manual": {},
    "every_account": {"guardduty": {"administrator": None}},
    "automatic": {
        "mode": "AUTOMATIC",
        "trail": {"key_arn": TRAIL_KEY_ARN},
        "guardduty": FILTERED,
        "offboarding": "DELETE",
    },
    "regions": {"vpc_tags": {}},
    "cost_savings": {},
    "grown": {"governed_regions": ["us-east-1", "us-west-2", "eu-west-1", "eu-central-1"]},
    "retagged": {"vpc_tags": {"alertlogic": "true", "Tier": "Web"}, "policy": "ENTERPRISE"},
}

# What is synthesized, where that is not the sample.
PROGRAMS: dict[Variant, str] = {"cost_savings": "examples/cost_savings.py"}


@dataclass(frozen=True)
class Assembly:
    """A synthesized app."""

    folder: Path

    def template(self, stack: str) -> Json:
        return self._read(f"{stack}.template.json")

    def assets(self, stack: str) -> dict[str, Path]:
        """Where each asset of a stack lies, by the key under which templates name it."""
        files = self._read(f"{stack}.assets.json")["files"]
        return {f"{key}.zip": self.folder / file["source"]["path"] for key, file in files.items()}

    def environment(self, stack: str) -> tuple[str, str]:
        """The account and region that a stack is for."""
        environment: str = self._read("manifest.json")["artifacts"][stack]["environment"]
        account, region = environment.removeprefix("aws://").split("/")
        return account, region

    def _read(self, name: str) -> Json:
        content: Json = json.loads((self.folder / name).read_text(encoding="utf-8"))
        return content


def settings() -> Json:
    """What the rehearsal sets the sample to, whatever the user's `cdk.json` says."""
    context: Json = json.loads(CONTEXT.read_text(encoding="utf-8"))
    return context


def synthesized(variant: Variant) -> Assembly:
    """A variant of the sample with the rehearsal's settings."""
    folder = ASSEMBLIES / variant
    manifest = folder / "manifest.json"
    root = os.open(ROOT, os.O_RDONLY)
    try:
        # Of several test processes, one synthesizes and the others wait for it.
        fcntl.flock(root, fcntl.LOCK_EX)
        if not manifest.exists() or manifest.stat().st_mtime < _newest_source():
            # Each has the asset of its time in it.
            shutil.rmtree(folder, ignore_errors=True)
            context = f"{CONTEXT_KEY}={json.dumps(settings() | VARIANTS[variant])}"
            program = f"python {PROGRAMS.get(variant, 'app.py')}"
            arguments = ["synth", "--quiet", "--app", program, "--output", str(folder), "--context", context]
            subprocess.run([str(ROOT / "node_modules/.bin/cdk"), *arguments], cwd=ROOT, check=True)
    finally:
        os.close(root)
    return Assembly(folder)


def synthesize_ahead() -> None:
    """Synthesize all variants in the order in which the scenes need them, beside what else is done."""

    def synthesize() -> None:
        for variant in VARIANTS:
            # Whoever needs one that fails gets its failure.
            with contextlib.suppress(subprocess.CalledProcessError):
                synthesized(variant)

    threading.Thread(target=synthesize, name="synthesis", daemon=True).start()


def _newest_source() -> float:
    files = (
        file
        for source in SOURCES
        for file in [ROOT / source, *(ROOT / source).rglob("*")]
        if file.is_file() and "__pycache__" not in file.parts
    )
    return max(file.stat().st_mtime for file in files)
