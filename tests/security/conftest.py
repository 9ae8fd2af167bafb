from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.rehearsal.judge import IamJudge

if TYPE_CHECKING:
    from collections.abc import Generator


@pytest.fixture(scope="session")
def judge() -> Generator[IamJudge]:
    """One evaluator for all questions: it takes longer to start than to answer a thousand of them."""
    started = IamJudge()
    started.start()
    yield started
    started.close()
