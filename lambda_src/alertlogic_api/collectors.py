"""A collector as Alert Logic's console shows it: that it exists, that it is alive, and how its stream is.

Alert Logic publishes no document of these services. What is sent is what its own GuardDuty collector sends:
https://github.com/alertlogic/cwe-collector on https://github.com/alertlogic/al-aws-collector-js 4.2.5.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

if TYPE_CHECKING:
    from .session import Session

_KIND: Final = "cwe"
_DATA_TYPE: Final = "secmsgs"
_APPLICATION: Final = "guardduty"


@dataclass(frozen=True, slots=True)
class Collector:
    """A function that collects GuardDuty findings; account, region and name tell it from all others.

    Attributes:
        account_id: The AWS account that it runs in.
        region: The region that it runs in.
        function_name: Its name there.
        stack_name: The CloudFormation stack that made it.
        version: Its version.
    """

    account_id: str
    region: str
    function_name: str
    stack_name: str
    version: str

    def document(self) -> dict[str, str]:
        """Return what is said of it at its registration and at every check-in."""
        return {
            "awsAccountId": self.account_id,
            "region": self.region,
            "functionName": self.function_name,
            "version": self.version,
            "dataType": _DATA_TYPE,
            # As clients before version 3 spelled it.
            "data_type": _DATA_TYPE,
            "stackName": self.stack_name,
            "cf_stack_name": self.stack_name,
            "collect_rule": "aws.guardduty",
            "applicationId": _APPLICATION,
        }


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a collector is not well; `code` is the same for the same cause, `text` is for people."""

    code: str
    text: str


@dataclass(frozen=True, slots=True)
class Statistic:
    """A measured value.

    Attributes:
        label: What was measured, such as `Invocations`.
        value: The value, None if there was nothing to measure.
        at: When, Unix seconds; of a sum, when its interval began.
        unit: A unit of CloudWatch, such as `Count`.
    """

    label: str
    value: float | None
    at: float
    unit: str = "Count"

    def document(self) -> dict[str, Any]:
        """Return it in the form of CloudWatch's GetMetricStatistics, which is what Alert Logic reads."""
        point = {"Timestamp": _iso(self.at), "Sum": self.value, "Unit": self.unit}
        return {"Label": self.label, "Datapoints": [] if self.value is None else [point]}


@dataclass(frozen=True, slots=True)
class CheckIn:
    """What a collector says about itself every 15 minutes; it is well where it has no problem."""

    problem: Problem | None
    statistics: tuple[Statistic, ...]


class Collectors:
    """The collectors that Alert Logic knows."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._path: Final = f"/azcollect/v1/{session.customer_id}/aws/{_KIND}"

    def register(self, collector: Collector) -> str:
        """Register a collector, once or again, and return Alert Logic's id of it."""
        path = f"{self._path}/{_key(collector)}"
        return self._session.call("POST", "azcollect", path, read=_collector_id, body=collector.document())

    def check_in(self, collector: Collector, collector_id: str, check_in: CheckIn) -> None:
        """Report that a registered collector is alive, and how it is.

        An answer that asks for an update is Alert Logic's way to update its own collector, and not heeded.
        """
        problem = check_in.problem
        status: dict[str, Any] = {"status": "ok", "details": {}}
        if problem:
            status = {"status": "error", "error_code": problem.code, "details": {"error": {"text": problem.text}}}
        body = {
            **collector.document(),
            "collectorId": collector_id,
            **status,
            "statistics": [statistic.document() for statistic in check_in.statistics],
        }
        path = f"{self._path}/checkin/{_key(collector)}"
        self._session.call("POST", "azcollect", path, read=lambda _: None, body=body)

    def deregister(self, collector: Collector) -> None:
        """Forget a collector, if it is still known."""
        self._session.delete("azcollect", f"{self._path}/{_key(collector)}")


class CollectorStatuses:
    """How the streams of collectors are."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._path: Final = f"/collectors_status/v1/{session.customer_id}/statuses"

    def put(self, collector_id: str, problem: Problem | None, *, at: float) -> None:
        """Say how the stream of GuardDuty findings of a collector is.

        Args:
            collector_id: Alert Logic's id of it.
            problem: What is wrong, if anything.
            at: When that was so, Unix seconds.
        """
        status: dict[str, Any] = {
            "status": "ok",
            "inst_type": "collector",
            "stream": _APPLICATION,
            "status_id": collector_id,
            "timestamp": round(at * 1000),
            "reported_by": _KIND,
            "collection_type": _APPLICATION,
        }
        if problem:
            details = [{"error": problem.text}, {"code": problem.code}]
            status = {**status, "status": "error", "errorinfo": {"details": details}}
        path = f"{self._path}/{quote(collector_id, safe='')}/streams/{_APPLICATION}"
        self._session.put("collector_status", path, status)


def _key(collector: Collector) -> str:
    return "/".join(quote(part, safe="") for part in (collector.account_id, collector.region, collector.function_name))


def _collector_id(document: Any) -> str:  # noqa: ANN401 - JSON can be anything
    collector_id: str = document["collector"]["id"]
    if not re.fullmatch(r"[A-Za-z0-9-]+", collector_id):
        raise ValueError
    return collector_id


def _iso(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
