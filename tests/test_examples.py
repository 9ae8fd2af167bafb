from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_synthesizes(example: Path, tmp_path: Path) -> None:
    environment = os.environ | {
        "PYTHONPATH": str(ROOT),
        "CDK_OUTDIR": str(tmp_path),
        # The asset is built by the tests that are about it.
        "CDK_CONTEXT_JSON": '{"aws:cdk:bundling-stacks": []}',
    }

    done = subprocess.run([sys.executable, str(example)], env=environment, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    assert list(tmp_path.glob("*.template.json"))
