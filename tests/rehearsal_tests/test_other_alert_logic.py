from __future__ import annotations

from tests.rehearsal import Rehearsal
from tests.rehearsal.alertlogic import FakeAlertLogic


def test_the_rehearsal_takes_another_alert_logic() -> None:
    with FakeAlertLogic() as other, Rehearsal(alert_logic_url=other.url) as rehearsal:
        rehearsal.deploy()
        rehearsal.put_secret_value(other.secret_string())
        account = rehearsal.vend_account("elsewhere", "Workloads/Prod")
        rehearsal.settle(within_minutes=5)

        assert len(other.deployments_of(account)) == 1
        assert rehearsal.deployments(account) == []
