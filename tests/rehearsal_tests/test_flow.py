from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.rehearsal.principals import RoleSession
from tests.rehearsal.story import Story, unannounced

if TYPE_CHECKING:
    from tests.rehearsal import Rehearsal
    from tests.rehearsal.templates import Json


def test_a_vended_account_is_registered(rehearsal: Rehearsal) -> None:
    story = Story(rehearsal)
    with story.step("Account Factory vends an account"):
        account = rehearsal.vend_account("payments", "Workloads/Prod")
        rehearsal.settle(within_minutes=5)
        story.registered(account)

    assert story.failures == []
    assert set(rehearsal.queue_depths().values()) == {0}


def test_a_story_sees_what_is_wrong(rehearsal: Rehearsal) -> None:
    story = Story(rehearsal)
    with story.step("Nothing happens", dead_letters={"account_registration": 1}):
        story.unregistered(rehearsal.zone.audit)

    assert len(story.failures) == 2


REFUSED: Json = {"level": "ERROR", "message": "message refused"}
FAILED: Json = {"level": "ERROR", "message": "message failed"}


@pytest.mark.parametrize(
    ("lines", "refusals", "found"),
    [
        ([{"level": "INFO", "message": "registered"}, {"_aws": {}, "OldestWaitingMessage": [1]}], 0, []),
        ([FAILED], 1, [FAILED]),
        ([REFUSED], 1, []),
        ([REFUSED, REFUSED], 1, [REFUSED]),
        ([{"text": "Traceback (most recent call last):"}], 0, [{"text": "Traceback (most recent call last):"}]),
    ],
)
def test_errors_in_a_log_count_unless_announced(lines: list[Json], refusals: int, found: list[Json]) -> None:
    assert unannounced(lines, refusals=refusals) == found


def test_an_error_may_be_announced() -> None:
    other = {"level": "ERROR", "message": "another"}

    assert unannounced([FAILED, other, FAILED], refusals=0, error="message failed") == [other]


def test_an_announced_error_must_be_logged(rehearsal: Rehearsal) -> None:
    story = Story(rehearsal)
    with story.step("Nothing happens", errors={"collector_checkin": "not checked in"}):
        pass
    assert len(story.failures) == 1


@pytest.mark.parametrize("wrong", ["is_control_tower", "control_tower", "scope"])
def test_a_registration_counts_only_if_it_is_complete(rehearsal: Rehearsal, wrong: str) -> None:
    account = rehearsal.vend_account(wrong.replace("_", "-"), "Workloads/Prod")
    rehearsal.settle(within_minutes=5)
    [deployment] = rehearsal.deployments(account)
    story = Story(rehearsal)
    story.registered(account)
    assert story.failures == []

    deployment[wrong] = {
        "is_control_tower": False,
        "control_tower": {"org": {}},
        "scope": {"include": [{"type": "region", "key": "/aws/us-east-1", "policy": {"id": "another"}}]},
    }[wrong]
    story.registered(account)

    assert len(story.failures) == 1


def test_nothing_but_the_named_denial_is_accepted(rehearsal: Rehearsal) -> None:
    story = Story(rehearsal)
    topic = rehearsal.registration_topic
    role = rehearsal.forger.create_role(rehearsal.zone.audit, "Nobody")
    with story.step("Denied elsewhere than named", denials=frozenset({("sns:Publish", ":another-topic")})):
        rehearsal.authority.allows(RoleSession(role, "session"), "sns:Publish", topic)
    assert len(story.failures) == 2

    with story.step("Denied as named", denials=frozenset({("sns:Publish", ":alertlogic-registration")})):
        rehearsal.authority.allows(RoleSession(role, "session"), "sns:Publish", topic)
    assert len(story.failures) == 2
