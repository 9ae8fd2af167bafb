"""The templates of the sample and of the examples, without their asset, and with nothing left on the disk."""

from __future__ import annotations

import json
import runpy
import tempfile
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

import aws_cdk

# It also binds the library to the real App, before example() puts another in its place.
import app as sample
from alertlogic_constructs.settings import read_settings

if TYPE_CHECKING:
    from collections.abc import Mapping

Template = dict[str, Any]

_EXAMPLES = Path(__file__).parents[1] / "examples"
_WITHOUT_ASSET: Mapping[str, Any] = {"aws:cdk:bundling-stacks": []}


@dataclass(frozen=True)
class Synthesized:
    """What one app writes.

    Attributes:
        templates: The template of each stack.
        places: Account and region of each stack, as `ACCOUNT/REGION`.
    """

    templates: Mapping[str, Template]
    places: Mapping[str, str]

    @property
    def member(self) -> Template:
        """The template that the StackSet deploys; one without resources where there is no StackSet."""
        bodies = [
            resource["Properties"]["TemplateBody"]
            for template in self.templates.values()
            for resource in template["Resources"].values()
            if resource["Type"] == "AWS::CloudFormation::StackSet"
        ]
        template: Template = json.loads(bodies[0]) if bodies else {"Resources": {}}
        return template


def sample_with(**changes: object) -> Synthesized:
    """Synthesize the sample with `cdk.json`'s settings, some of them changed; the same only once."""
    return _sample_with(json.dumps(changes, sort_keys=True))


@cache
def _sample_with(changes: str) -> Synthesized:
    with tempfile.TemporaryDirectory() as folder:
        app = aws_cdk.App(outdir=folder, context=_WITHOUT_ASSET)
        settings: Any = sample.context_of(app)
        sample.build(app, read_settings(settings | json.loads(changes)))
        app.synth()
        return _read(Path(folder))


@cache
def example(name: str) -> Synthesized:
    """Run one of the programs in `examples/`, as `python examples/NAME.py` does; each only once."""
    with tempfile.TemporaryDirectory() as folder:
        app = partial(aws_cdk.App, outdir=folder, context=_WITHOUT_ASSET)
        with mock.patch.object(aws_cdk, "App", app):
            runpy.run_path(str(_EXAMPLES / f"{name}.py"), run_name="__main__")
        return _read(Path(folder))


def _read(folder: Path) -> Synthesized:
    artifacts = json.loads((folder / "manifest.json").read_text("utf-8"))["artifacts"]
    stacks = {name: one for name, one in artifacts.items() if one["type"] == "aws:cloudformation:stack"}
    return Synthesized(
        templates={
            name: json.loads((folder / one["properties"]["templateFile"]).read_text("utf-8"))
            for name, one in stacks.items()
        },
        places={name: one["environment"].removeprefix("aws://") for name, one in stacks.items()},
    )
