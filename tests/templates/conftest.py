from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pytest
from aws_cdk import App, Stack

import app as sample
from alertlogic_constructs import ControlTowerIntegration
from alertlogic_constructs.settings import read_settings


@dataclass(frozen=True)
class Synthesized:
    """A stack and the template that it makes."""

    stack: Stack
    template: dict[str, Any]


def _synthesize() -> dict[str, Synthesized]:
    app = App(context={"aws:cdk:bundling-stacks": []})
    sample.build(app, read_settings(sample.context_of(app)))
    stacks = [child for child in app.node.children if isinstance(child, Stack)]
    assembly = app.synth()
    found = {
        stack.stack_name: Synthesized(stack, assembly.get_stack_by_name(stack.stack_name).template) for stack in stacks
    }
    [integration] = [c for stack in stacks for c in stack.node.children if isinstance(c, ControlTowerIntegration)]
    member = integration.member_account_stack
    return {**found, member.stack_name: Synthesized(member, json.loads(member.template_body()))}


_SYNTHESIZED: dict[str, Synthesized] = {}


@pytest.fixture(
    params=["AlertLogic-Security", "AlertLogic-Master", "AlertLogic-LogArchive", "AlertLogic-Audit", "MemberAccount"]
)
def synthesized(request: pytest.FixtureRequest) -> Synthesized:
    """Each stack of the sample, and the one that its StackSet deploys."""
    if not _SYNTHESIZED:
        _SYNTHESIZED.update(_synthesize())
    return _SYNTHESIZED[request.param]
