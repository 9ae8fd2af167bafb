from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.rehearsal import Rehearsal

if TYPE_CHECKING:
    from collections.abc import Generator


@pytest.fixture(scope="module")
def rehearsal() -> Generator[Rehearsal]:
    """The sample's stacks, deployed. Time stands still in this process while it lasts."""
    with Rehearsal() as started:
        started.deploy()
        started.put_secret_value()
        yield started


@pytest.fixture(scope="module")
def security() -> Generator[Rehearsal]:
    """The security stack, deployed, and nothing else."""
    with Rehearsal() as started:
        started.deploy("AlertLogic-Security")
        started.put_secret_value()
        yield started
