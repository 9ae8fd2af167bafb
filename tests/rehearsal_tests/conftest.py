from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.rehearsal import Rehearsal
from tests.rehearsal.rehearsal import STACKS

if TYPE_CHECKING:
    from collections.abc import Generator


@pytest.fixture(scope="module")
def rehearsal(request: pytest.FixtureRequest) -> Generator[Rehearsal]:
    """A landing zone with the stacks that the module names in `DEPLOYED`, or with all of the sample.

    Time stands still in this process while it lasts.
    """
    with Rehearsal() as started:
        stacks = getattr(request.module, "DEPLOYED", STACKS)
        for stack in stacks:
            started.deploy(stack)
        if "AlertLogic-Security" in stacks:
            started.put_secret_value()
        yield started


@pytest.fixture(scope="module")
def security() -> Generator[Rehearsal]:
    """The security stack, deployed, and nothing else."""
    with Rehearsal() as started:
        started.deploy("AlertLogic-Security")
        started.put_secret_value()
        yield started
