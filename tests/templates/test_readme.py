from __future__ import annotations

import re
import subprocess
import sys

import pytest

from docs.diagram import README, draw, templates, with_diagram

TEXT = README.read_text("utf-8")
EXAMPLES = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)


def test_the_diagram_is_what_the_templates_say() -> None:
    assert with_diagram(TEXT, draw(templates())) == TEXT, "run `make diagram`"


@pytest.mark.parametrize(
    "example", EXAMPLES, ids=["landing-zone", "cloudtrail-logs", "findings", "findings-alone", "account", "vpc-tags"]
)
def test_an_example_synthesizes(example: str) -> None:
    without_asset = example.replace("App()", 'App(context={"aws:cdk:bundling-stacks": []})')

    done = subprocess.run(
        [sys.executable, "-c", without_asset], cwd=README.parent, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr


def test_every_make_target_that_it_names_exists() -> None:
    makefile = (README.parent / "Makefile").read_text("utf-8")

    named = set(re.findall(r"(?:^|`)make ([a-z-]+)", TEXT, re.MULTILINE))
    assert {target for target in named if not re.search(rf"^{target}:", makefile, re.MULTILINE)} == set()
