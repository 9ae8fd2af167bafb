from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.lambda_src.account_registration.hub import hub  # noqa: F401 - a fixture
from tests.lambda_src.account_registration.loops import client, dynamodb, loop_of
from tests.lambda_src.accounts_tables import create_table
from tests.lambda_src.wire import one_at_a_time
from tests.rehearsal.alertlogic import FakeAlertLogic

if TYPE_CHECKING:
    from collections.abc import Iterator

    from account_registration.convergence import Convergence


@pytest.fixture
def fake(aws: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeAlertLogic]:  # noqa: ARG001 - AWS must be there
    one_at_a_time(monkeypatch)
    create_table(dynamodb())
    with FakeAlertLogic() as fake:
        yield fake
    assert fake.contract_violations == []


@pytest.fixture
def convergence(fake: FakeAlertLogic) -> Convergence:
    return loop_of(client(fake))
