"""GuardDuty tells the account in which it found something, and its administrator."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import pytest

from tests.rehearsal.guardduty import GuardDuty

if TYPE_CHECKING:
    from tests.rehearsal.templates import Json

MEMBER, ADMINISTRATOR, REGION = "500000000001", "444444444444", "eu-west-1"


class Buses:
    """What was put on default buses."""

    def __init__(self) -> None:
        self.events: list[Json] = []
        self.now = 1_800_000_000.0

    def emit(self, event: Json) -> int:
        self.events.append(event)
        return 0


@pytest.fixture
def buses() -> Buses:
    return Buses()


def guardduty(buses: Buses) -> GuardDuty:
    anything = cast("Any", buses)
    return GuardDuty(anything, anything, administrator=ADMINISTRATOR)


def test_the_administrator_sees_a_member_s_finding(buses: Buses) -> None:
    seen = guardduty(buses).finding(MEMBER, REGION, family="rds", severity=4.7)

    own, copy = buses.events
    assert copy == seen
    assert (own["account"], copy["account"]) == (MEMBER, ADMINISTRATOR)
    assert own["id"] != copy["id"]
    assert own["detail"] == copy["detail"]
    assert (own["detail"]["accountId"], own["detail"]["severity"]) == (MEMBER, 4.7)


def test_the_administrator_s_own_finding_is_there_once(buses: Buses) -> None:
    seen = guardduty(buses).finding(ADMINISTRATOR, REGION)

    assert buses.events == [seen]


def test_without_an_administrator_only_the_account_is_told(buses: Buses) -> None:
    detectors = guardduty(buses)
    detectors.administrator = None
    found = [detectors.finding(MEMBER, REGION) for _ in range(2)]

    assert buses.events == found
    assert found[0]["detail"]["id"] != found[1]["detail"]["id"]
    assert found[0]["time"] == "2027-01-15T08:00:00Z"
