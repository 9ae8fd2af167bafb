from __future__ import annotations

from typing import TYPE_CHECKING

from tests.rehearsal.story import Story

if TYPE_CHECKING:
    from tests.rehearsal import Rehearsal


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
        story.registered(rehearsal.zone.audit)

    assert len(story.failures) == 2
