from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.lambda_src.account_registration.loops import client, loop_of
from tests.rehearsal.alertlogic import FakeAlertLogic

if TYPE_CHECKING:
    from collections.abc import Iterator

    from account_registration.convergence import Convergence


@pytest.fixture
def fake() -> Iterator[FakeAlertLogic]:
    with FakeAlertLogic() as fake:
        yield fake
    assert fake.contract_violations == []


@pytest.fixture
def convergence(fake: FakeAlertLogic) -> Convergence:
    return loop_of(client(fake))
