from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from alertlogic_api import CheckIn, Collector, Problem, RejectedError, RetryableError, Statistic

if TYPE_CHECKING:
    from alertlogic_api import AlertLogic
    from tests.rehearsal.alertlogic import FakeAlertLogic

COLLECTOR = Collector(
    account_id="444444444444",
    region="us-east-1",
    function_name="AlertLogic-Security-Findings_1",
    stack_name="AlertLogic-Security",
    version="0.1.0",
)
KEY = ("444444444444", "us-east-1", "AlertLogic-Security-Findings_1")
# As Alert Logic's own collector says it.
DOCUMENT = {
    "awsAccountId": "444444444444",
    "region": "us-east-1",
    "functionName": "AlertLogic-Security-Findings_1",
    "version": "0.1.0",
    "dataType": "secmsgs",
    "data_type": "secmsgs",
    "stackName": "AlertLogic-Security",
    "cf_stack_name": "AlertLogic-Security",
    "collect_rule": "aws.guardduty",
    "applicationId": "guardduty",
}
PROBLEM = Problem("FINDINGS_WAIT", "the oldest finding has waited for an hour")
AT = 1_800_000_000.25


def put(client: AlertLogic, fake: FakeAlertLogic, problem: Problem | None = None, *, at: float = AT) -> dict[str, Any]:
    """Put the status of a registered collector, and return what Alert Logic was told."""
    collector_id = client.collectors.register(COLLECTOR)
    client.collector_statuses.put(collector_id, problem, at=at)
    return fake.collectors[KEY].streams["guardduty"]


class TestRegister:
    def test_tells_alert_logic_what_its_own_collector_would(self, client: AlertLogic, fake: FakeAlertLogic) -> None:
        collector_id = client.collectors.register(COLLECTOR)

        [request] = [it for it in fake.requests if "azcollect" in it.path and it.method == "POST"]
        assert request.path == f"/azcollect/v1/{fake.customer_id}/aws/cwe/{'/'.join(KEY)}"
        assert request.body == DOCUMENT
        assert fake.collectors[KEY].id == collector_id

    def test_changes_nothing_the_second_time(self, client: AlertLogic, fake: FakeAlertLogic) -> None:
        first = client.collectors.register(COLLECTOR)

        assert client.collectors.register(COLLECTOR) == first
        assert list(fake.collectors) == [KEY]

    def test_cannot_lead_to_another_path(self, client: AlertLogic, fake: FakeAlertLogic) -> None:
        client.collectors.register(replace(COLLECTOR, function_name="a/../b?c"))

        assert fake.requests[-1].path.endswith("/us-east-1/a%2F..%2Fb%3Fc")
        # No function has such a name.
        fake.contract_violations.clear()

    @pytest.mark.parametrize("body", [None, {}, {"collector": {"id": 5}}, {"collector": {"id": "unregistered/../x"}}])
    def test_needs_an_id(self, client: AlertLogic, fake: FakeAlertLogic, body: object) -> None:
        fake.fail(200, path="azcollect", body=body)

        with pytest.raises(RetryableError, match="azcollect answered 200 with something that cannot be read"):
            client.collectors.register(COLLECTOR)

        fake.contract_violations.clear()


class TestCheckIn:
    def test_says_that_all_is_well(self, client: AlertLogic, fake: FakeAlertLogic) -> None:
        collector_id = client.collectors.register(COLLECTOR)
        statistics = (Statistic("Invocations", 3, 1_511_282_400), Statistic("Errors", None, 1_511_282_400))

        client.collectors.check_in(COLLECTOR, collector_id, CheckIn(None, statistics))

        [(_, said)] = fake.collectors[KEY].check_ins
        assert said == {
            **DOCUMENT,
            "collectorId": collector_id,
            "status": "ok",
            "details": {},
            "statistics": [
                {
                    "Label": "Invocations",
                    "Datapoints": [{"Timestamp": "2017-11-21T16:40:00Z", "Sum": 3, "Unit": "Count"}],
                },
                {"Label": "Errors", "Datapoints": []},
            ],
        }

    def test_says_what_is_wrong(self, client: AlertLogic, fake: FakeAlertLogic) -> None:
        collector_id = client.collectors.register(COLLECTOR)

        client.collectors.check_in(COLLECTOR, collector_id, CheckIn(PROBLEM, ()))

        [(_, said)] = fake.collectors[KEY].check_ins
        assert (said["status"], said["error_code"]) == ("error", "FINDINGS_WAIT")
        assert said["details"] == {"error": {"text": PROBLEM.text}}

    def test_does_not_heed_that_it_should_update_itself(self, client: AlertLogic, fake: FakeAlertLogic) -> None:
        fake.force_update = True
        collector_id = client.collectors.register(COLLECTOR)

        client.collectors.check_in(COLLECTOR, collector_id, CheckIn(None, ()))

        assert fake.collectors[KEY].status == "ok"

    def test_of_an_unknown_collector_is_rejected(self, client: AlertLogic) -> None:
        with pytest.raises(RejectedError) as rejection:
            client.collectors.check_in(COLLECTOR, "5C2B9A4E-0000-4000-8000-000000000000", CheckIn(None, ()))

        assert rejection.value.status == 404


def test_deregistered_twice_is_deregistered(client: AlertLogic, fake: FakeAlertLogic) -> None:
    client.collectors.register(COLLECTOR)

    client.collectors.deregister(COLLECTOR)
    client.collectors.deregister(COLLECTOR)

    assert fake.collectors == {}
    assert [it.status for it in fake.requests if it.method == "DELETE"] == [204, 404]


class TestStatus:
    def test_says_that_the_stream_flows(self, client: AlertLogic, fake: FakeAlertLogic) -> None:
        assert put(client, fake) == {
            "status": "ok",
            "inst_type": "collector",
            "stream": "guardduty",
            "status_id": fake.collectors[KEY].id,
            "timestamp": 1_800_000_000_250,
            "reported_by": "cwe",
            "collection_type": "guardduty",
        }

    def test_says_what_is_wrong(self, client: AlertLogic, fake: FakeAlertLogic) -> None:
        said = put(client, fake, PROBLEM)

        assert said["status"] == "error"
        assert said["errorinfo"] == {"details": [{"error": PROBLEM.text}, {"code": "FINDINGS_WAIT"}]}

    def test_that_says_nothing_new_is_as_good(self, client: AlertLogic, fake: FakeAlertLogic) -> None:
        put(client, fake)
        put(client, fake, at=AT + 900)

        assert [it.status for it in fake.requests if it.method == "PUT"] == [200, 304]

    def test_that_is_refused_is_rejected(self, client: AlertLogic, fake: FakeAlertLogic) -> None:
        fake.fail(400, method="PUT", body={"error": "not_in_enum"})

        with pytest.raises(RejectedError, match="not_in_enum"):
            put(client, fake)
