"""A function's handler as its container runs it, with the fake Alert Logic on loopback."""

from __future__ import annotations

import io
from contextlib import contextmanager
from typing import TYPE_CHECKING

from aws.clients import client
from tests.rehearsal.alertlogic import FakeAlertLogic

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from types import ModuleType

    import pytest

    from tests.lambda_src.deliveries import Deliveries


@contextmanager
def running(
    handler: ModuleType, environment: Mapping[str, str], deliveries: Deliveries, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[FakeAlertLogic, io.StringIO]]:
    """Give a handler its environment, with true queues and the access key in the secret `alertlogic`.

    What it says to Alert Logic must keep to the contract.

    Args:
        handler: The module, which nothing has been wired in yet afterwards.
        environment: What the variables hold apart from the secret, Alert Logic's address and the queues.
        deliveries: The queues.
        monkeypatch: Undoes it all.

    Yields:
        Alert Logic, and the log.
    """
    with FakeAlertLogic() as fake:
        secret = client("secretsmanager").create_secret(Name="alertlogic", SecretString=fake.secret_string())
        own = {
            "ALERTLOGIC_SECRET_ARN": secret["ARN"],
            "ALERTLOGIC_GLOBAL_ENDPOINT": fake.url,
            "QUEUE_URL": deliveries.url,
            "DEAD_LETTER_QUEUE_URL": deliveries.dead_letter_url,
        }
        for name, value in {**environment, **own}.items():
            monkeypatch.setenv(name, value)
        log = io.StringIO()
        monkeypatch.setattr(handler.logger.registered_handler, "stream", log)
        handler.wire.cache_clear()
        yield fake, log
        handler.wire.cache_clear()
    assert fake.contract_violations == []
