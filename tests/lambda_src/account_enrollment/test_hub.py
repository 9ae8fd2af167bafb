from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from account_enrollment.enrollment import decide
from account_enrollment.hub import Hub, Standing, standing
from aws.organizations import AwsAccountId
from aws.stack_sets import StackInstance
from tests.lambda_src.account_enrollment.situations import (
    EAST,
    MEMBER,
    OUTSIDE,
    SCOPE,
    both,
    instance,
    situation,
    under_way,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

WHY_NOT = "it is in no included organizational unit"
HELD_BACK = f"{WHY_NOT}, but its departure is held back"


@dataclass
class FakeBus:
    put_: list[Mapping[str, Any]] = field(default_factory=list[Any])

    def put(self, *, source: str, detail_type: str, detail: Mapping[str, Any]) -> None:
        assert (source, detail_type) == ("alertlogic.accounts", "Accounts")
        self.put_.append(detail)


class TestStanding:
    @pytest.mark.parametrize("instances", [[], both("CURRENT", "SUCCEEDED"), both("OUTDATED", "FAILED", "remove-1")])
    def test_an_account_that_is_to_have_instances_is_wanted(self, instances: list[StackInstance]) -> None:
        told = standing(decide(SCOPE, situation(instances), []), is_departing=False)

        assert told == Standing(MEMBER, "shop", is_wanted=True, reason=None, instances=tuple(instances))

    def test_one_that_departs_is_not(self) -> None:
        decision = decide(SCOPE, situation(both("CURRENT", "SUCCEEDED"), OUTSIDE), [])

        told = standing(decision, is_departing=True)

        assert (told.is_wanted, told.reason) == (False, WHY_NOT)

    @pytest.mark.parametrize(
        "instances",
        [
            both("CURRENT", "SUCCEEDED"),
            both("INOPERABLE", "INOPERABLE"),
            [instance(EAST, "OUTDATED", "RUNNING", "now")],
        ],
    )
    def test_one_that_is_held_back_or_waits_stays_protected(self, instances: list[StackInstance]) -> None:
        told = standing(decide(SCOPE, situation(instances, OUTSIDE), under_way("now")), is_departing=False)

        assert (told.is_wanted, told.reason) == (True, HELD_BACK)

    @pytest.mark.parametrize("detailed_status", ["RUNNING", "FAILED"])
    def test_one_whose_departure_began_before_departs_still(self, detailed_status: str) -> None:
        instances = [instance(EAST, "OUTDATED", detailed_status, "remove-4")]

        told = standing(decide(SCOPE, situation(instances, OUTSIDE), under_way("remove-4")), is_departing=False)

        assert (told.is_wanted, told.reason) == (False, WHY_NOT)

    def test_one_without_instances_is_unwanted(self) -> None:
        told = standing(decide(SCOPE, situation([], OUTSIDE), []), is_departing=False)

        assert (told.is_wanted, told.reason) == (False, WHY_NOT)

    def test_one_that_left_the_organization_has_no_name(self) -> None:
        told = standing(decide(SCOPE, situation([], None), []), is_departing=False)

        assert told == Standing(MEMBER, "", is_wanted=False, reason="it is not in the organization", instances=())


def test_tells_what_the_security_account_needs() -> None:
    bus = FakeBus()
    stack_id = "arn:aws:cloudformation:us-east-1:555555555555:stack/StackSet-member/1"
    instances = (StackInstance(MEMBER, EAST, "CURRENT", "SUCCEEDED", "old", stack_id),)

    Hub(bus).tell("sweep", [Standing(MEMBER, "shop", is_wanted=True, reason=None, instances=instances)])  # type: ignore[arg-type]

    assert bus.put_ == [
        {
            "Sweep": "sweep",
            "Accounts": [
                {
                    "Id": MEMBER,
                    "Name": "shop",
                    "Wanted": True,
                    "Reason": None,
                    "Instances": [
                        {"Region": EAST, "Status": "CURRENT", "DetailedStatus": "SUCCEEDED", "StackId": stack_id}
                    ],
                }
            ],
        }
    ]


def test_tells_of_twenty_accounts_at_a_time() -> None:
    bus = FakeBus()
    standings = [
        Standing(AwsAccountId(f"{number:012}"), "", is_wanted=True, reason=None, instances=()) for number in range(45)
    ]

    Hub(bus).tell("sweep", standings)  # type: ignore[arg-type]

    assert [len(detail["Accounts"]) for detail in bus.put_] == [20, 20, 5]
    assert [it["Id"] for detail in bus.put_ for it in detail["Accounts"]] == [it.account_id for it in standings]


def test_says_nothing_where_there_is_nothing_to_say() -> None:
    bus = FakeBus()

    Hub(bus).tell("sweep", [])  # type: ignore[arg-type]

    assert bus.put_ == []


def test_tells_nobody_where_nobody_is_to_be_told() -> None:
    Hub(None).tell("sweep", [Standing(MEMBER, "shop", is_wanted=True, reason=None, instances=())])
