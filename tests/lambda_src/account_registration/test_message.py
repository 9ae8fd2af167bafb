"""What arrives in the queue, and from whom."""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any

import pytest

from account_registration.accounts_event import AccountsEvent
from account_registration.errand import Deregister, Reconcile
from account_registration.message import StatusDue, SweepDue, parse
from account_registration.request import Request
from aws.accounts_table import Word
from aws.custom_resource import StackId
from aws.organizations import AwsAccountId
from aws.queue import Refused
from tests.lambda_src.account_registration.accounts_events import (
    MANAGEMENT,
    MEMBER_STACK,
    accounts_event,
    instance,
    told,
)
from tests.lambda_src.account_registration.cloudformation_requests import MEMBER, message, request
from tests.lambda_src.deliveries import raw_event

if TYPE_CHECKING:
    from collections.abc import Sequence

    from account_registration.message import Content

STACK = StackId.parse(MEMBER_STACK)


def parsed(document: Any) -> Content:
    return parse(json.dumps(document), management_account_id=MANAGEMENT)


def words(*accounts: dict[str, Any], **changes: str) -> list[Word]:
    event = parsed(accounts_event(*accounts, **changes))
    assert isinstance(event, AccountsEvent)
    return [it.word for it in event.accounts]


def changed(path: Sequence[str | int], value: Any = None, *, is_missing: bool = False) -> dict[str, Any]:
    event = copy.deepcopy(raw_event("accounts"))
    inner: Any = event
    for step in path[:-1]:
        inner = inner[step]
    if is_missing:
        del inner[path[-1]]
    else:
        inner[path[-1]] = value
    return event


ACCOUNT = ("detail", "Accounts", 0)
INSTANCE = (*ACCOUNT, "Instances", 0)


class TestRequests:
    def test_are_read_as_cloudformation_and_this_function_send_them(self) -> None:
        for body in (message("Update"), request("Update").continuation(stack_changed_at="then")):
            assert isinstance(parse(body, management_account_id=MANAGEMENT), Request)

    @pytest.mark.parametrize("body", ["", "no JSON", "null", "[]", "7", '"text"', "{}", "[{}]"])
    def test_are_nothing_else(self, body: str) -> None:
        with pytest.raises(Refused):
            parse(body, management_account_id=MANAGEMENT)


class TestErrands:
    @pytest.mark.parametrize(
        "errand", [Reconcile(STACK, rank="rank", sweep="sweep"), Deregister(AwsAccountId(MEMBER), sweep="sweep")]
    )
    def test_are_read_as_they_were_written(self, errand: Reconcile | Deregister) -> None:
        read = parse(errand.body, management_account_id=MANAGEMENT)

        assert read == errand
        assert (errand.account_id, errand.id, errand.is_continued) == (MEMBER, "sweep", True)

    @pytest.mark.parametrize(
        "document",
        [
            {"Reconcile": {}},
            {"Reconcile": []},
            {"Reconcile": {"StackId": "member", "Rank": "rank", "Sweep": "sweep"}},
            {"Reconcile": {"StackId": MEMBER_STACK, "Rank": 1, "Sweep": "sweep"}},
            {"Deregister": None},
            {"Deregister": {"AccountId": MEMBER}},
            {"Deregister": {"AccountId": 555555555555, "Sweep": "sweep"}},
        ],
    )
    def test_are_refused_where_they_are_malformed(self, document: Any) -> None:
        with pytest.raises(Refused):
            parsed(document)

    def test_of_the_topic_are_none(self) -> None:
        forged = raw_event("registration-create")
        forged["Message"] = Deregister(AwsAccountId(MEMBER), sweep="sweep").body

        with pytest.raises(Refused):
            parsed(forged)


class TestAccountsEvent:
    def test_is_read(self) -> None:
        event = parsed(raw_event("accounts"))

        assert isinstance(event, AccountsEvent)
        assert (event.id, event.sweep) == (raw_event("accounts")["id"], raw_event("accounts")["detail"]["Sweep"])
        [first, second] = event.accounts
        assert first.word == Word(
            account_id=AwsAccountId(MEMBER),
            name="LifeCycle1",
            wanted=True,
            reason=None,
            instances={"us-east-1": "CURRENT", "us-west-2": "OUTDATED FAILED"},
            rank=f"2026-01-15T18:00:07Z 0 {event.id}",
        )
        assert first.stack_ids == {"us-east-1": STACK}
        assert (second.word.wanted, second.word.reason) == (False, "it is in an excluded organizational unit")
        assert (second.word.instances, second.stack_ids) == ({}, {})

    @pytest.mark.parametrize("stack_id", ["", None])
    def test_tells_of_an_instance_without_stack(self, stack_id: str | None) -> None:
        [word] = words(told(MEMBER, instance(stack_id=stack_id)))

        assert word.instances == {"us-east-1": "CURRENT"}

    def test_ranks_words_by_time_and_within_a_second_by_how_far_the_account_has_left(self) -> None:
        ranks = [
            word.rank
            for word in [
                *words(told(), time="2026-01-15T17:59:59Z", event_id="f"),
                *words(told(), event_id="e"),
                *words(told(MEMBER, instance(), wanted=False), event_id="d"),
                *words(told(wanted=False), event_id="c"),
                *words(told(wanted=False), event_id="d"),
                *words(told(), time="2026-01-15T18:00:08Z", event_id="a"),
            ]
        ]

        assert ranks == sorted(ranks)
        assert len(set(ranks)) == len(ranks)

    @pytest.mark.parametrize("account_id", ["555555555555", "", None, 111111111111])
    def test_is_refused_where_anybody_but_the_management_account_speaks(self, account_id: Any) -> None:
        with pytest.raises(Refused):
            parsed(changed(["account"], account_id))

    @pytest.mark.parametrize("account_id", [MANAGEMENT, ""])
    def test_is_refused_where_nobody_may_speak(self, account_id: str) -> None:
        with pytest.raises(Refused, match="management account"):
            parse(json.dumps(changed(["account"], account_id)), management_account_id="")

    @pytest.mark.parametrize(
        "path",
        [
            *(["account"], ["id"], ["time"], ["detail"], ["detail-type"], ["detail", "Sweep"], ["detail", "Accounts"]),
            *([*ACCOUNT, name] for name in ("Id", "Name", "Wanted", "Reason", "Instances")),
            *([*INSTANCE, name] for name in ("Region", "Status", "DetailedStatus", "StackId")),
        ],
    )
    def test_is_refused_where_something_is_missing_or_of_another_type(self, path: list[str | int]) -> None:
        with pytest.raises(Refused, match=str(path[-1])):
            parsed(changed(path, is_missing=True))
        for wrong in (5, {"a": "b"}):
            with pytest.raises(Refused):
                parsed(changed(path, wrong))

    @pytest.mark.parametrize(
        ("path", "value"),
        [
            (["id"], "an id"),
            (["time"], "2026-01-15 18:00:07"),
            (["time"], "yesterday"),
            (["detail", "Accounts"], [MEMBER]),
            ([*ACCOUNT, "Id"], "5555"),
            ([*ACCOUNT, "Wanted"], "true"),
            ([*ACCOUNT, "Instances"], {}),
            ([*ACCOUNT, "Instances"], ["us-east-1"]),
            ([*INSTANCE, "Region"], "everywhere"),
            ([*INSTANCE, "StackId"], "member"),
            ([*INSTANCE, "StackId"], MEMBER_STACK.replace(MEMBER, "666666666666")),
            ([*INSTANCE, "StackId"], MEMBER_STACK.replace("us-east-1", "us-west-2")),
        ],
    )
    def test_is_refused_where_it_is_malformed(self, path: list[str | int], value: Any) -> None:
        with pytest.raises(Refused):
            parsed(changed(path, value))


class TestOtherEvents:
    def test_of_the_schedule_call_for_the_status(self) -> None:
        event = raw_event("scheduled-event")

        assert parsed(event) == StatusDue(event["id"])

    def test_of_its_stack_call_for_a_sweep(self) -> None:
        event = raw_event("stack-status-change")

        assert parsed(event) == SweepDue(event["id"])

    @pytest.mark.parametrize(
        "change",
        [
            {"source": "aws.accounts"},
            {"source": ["alertlogic.accounts"]},
            {"detail-type": "Account"},
            {"source": "aws.events"},
            {"detail-type": "Scheduled Event"},
            {"source": "aws.ec2", "id": None},
        ],
    )
    def test_are_refused(self, change: dict[str, Any]) -> None:
        with pytest.raises(Refused):
            parsed(raw_event("accounts") | change)
