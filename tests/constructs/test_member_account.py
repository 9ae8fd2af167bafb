from __future__ import annotations

import tempfile
from typing import TYPE_CHECKING

import jsii
import pytest
from constructs import IValidation

from alertlogic_constructs import AlertLogic, DeploymentMode, LandingZone, ProtectionPolicy, ProtectionScope
from alertlogic_constructs.member_account import MemberAccountStack

if TYPE_CHECKING:
    from pathlib import Path


@jsii.implements(IValidation)
class _Objection:
    def validate(self) -> list[str]:
        return ["it is no good"]


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The machine's folder for temporary files, as this test sees it."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


@pytest.fixture
def stack(temporary: Path, landing_zone: LandingZone) -> MemberAccountStack:
    assert temporary.is_dir()
    return MemberAccountStack(
        alert_logic=AlertLogic(customer_id="12345678"),
        landing_zone=landing_zone,
        policy=ProtectionPolicy.PROFESSIONAL,
        mode=DeploymentMode.MANUAL,
        protection_scope=ProtectionScope.regions(),
        central_logs=False,
        guardduty_coverage=None,
        policy_document=None,
        prefix="alertlogic",
    )


def test_nothing_is_left_in_the_temporary_folder(stack: MemberAccountStack, temporary: Path) -> None:
    assert list(temporary.iterdir()) == []

    first = stack.template_body()

    assert "Custom::AlertLogicRegistration" in first
    assert list(temporary.iterdir()) == []
    assert stack.template_body() == first
    assert list(temporary.iterdir()) == []


def test_nothing_is_left_when_the_body_cannot_be_made(stack: MemberAccountStack, temporary: Path) -> None:
    stack.node.add_validation(_Objection())

    with pytest.raises(RuntimeError, match="no good"):
        stack.template_body()

    assert list(temporary.iterdir()) == []
