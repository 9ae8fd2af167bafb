"""Plays the story: `python -m tests.rehearsal`."""

from __future__ import annotations

import sys
import time

from tests.rehearsal import Rehearsal, permissions
from tests.rehearsal.scenes_alertlogic import (
    TOKEN_MINUTES,
    an_account_leaves,
    half_done,
    keys_and_tokens,
    outages,
    what_alert_logic_holds,
)
from tests.rehearsal.scenes_collector import checks_in_with_an_empty_secret, registers, tells_of_trouble
from tests.rehearsal.scenes_cost_savings import cost_savings
from tests.rehearsal.scenes_enrollment import (
    account_factory,
    busy_stack_set,
    check_preferences,
    existing_accounts_with_an_empty_secret,
    five_at_once,
    many_instances,
    new_role,
    nothing_to_enroll,
    same_event_twice,
    same_request_twice,
    settings_change,
    update_managed_account,
)
from tests.rehearsal.scenes_findings import findings_arrive
from tests.rehearsal.scenes_findings_styles import every_account_and_back, filters_and_back
from tests.rehearsal.scenes_findings_trouble import bad_messages, ingest_fails, redirects, refusals
from tests.rehearsal.scenes_forgery import forgeries
from tests.rehearsal.scenes_logs import (
    logs_are_collected,
    logs_are_encrypted,
    logs_are_refused,
    the_subscription_is_made_anew,
)
from tests.rehearsal.scenes_scope import (
    many_vpcs,
    tagged_before_enrollment,
    tagged_before_registration,
    tags,
    two_accounts_and_regions,
)
from tests.rehearsal.scenes_scope_events import deliveries, strangers
from tests.rehearsal.scenes_scope_users import in_our_deployment, in_somebody_elses_deployment, whole_regions_and_back
from tests.rehearsal.story import MINUTE, Story
from tests.rehearsal.synthesis import synthesize_ahead

SCENES = (
    checks_in_with_an_empty_secret,
    existing_accounts_with_an_empty_secret,
    account_factory,
    registers,
    findings_arrive,
    every_account_and_back,
    filters_and_back,
    logs_are_collected,
    logs_are_refused,
    the_subscription_is_made_anew,
    logs_are_encrypted,
    whole_regions_and_back,
    same_event_twice,
    same_request_twice,
    new_role,
    five_at_once,
    busy_stack_set,
    settings_change,
    many_instances,
    update_managed_account,
    nothing_to_enroll,
    tags,
    many_vpcs,
    tagged_before_enrollment,
    tagged_before_registration,
    two_accounts_and_regions,
    in_our_deployment,
    in_somebody_elses_deployment,
    deliveries,
    strangers,
    bad_messages,
    refusals,
    ingest_fails,
    redirects,
    tells_of_trouble,
    outages,
    half_done,
    what_alert_logic_holds,
    keys_and_tokens,
    forgeries,
    an_account_leaves,
)


def landing_zone() -> Story:
    """Play what happens in a landing zone in which every account is protected."""
    with Rehearsal() as rehearsal:
        rehearsal.alert_logic.token_lifetime = TOKEN_MINUTES * MINUTE
        story = Story(rehearsal)
        with story.step("The stacks are deployed"):
            for stack in rehearsal.deploy():
                story.tell(f"{stack.name}: {stack.status}", stack.account)
        for scene in SCENES:
            with story.surviving(scene.__name__):
                scene(story)
        with story.step("At the end"):
            rehearsal.settle(within_minutes=60)
            story.equal("the queues are empty", set(rehearsal.queue_depths().values()), {0})
            check_preferences(story)
            unused = permissions.unused_permissions(rehearsal)
            wrong = permissions.problems(permissions.listed_permissions(), unused)
            story.check("every permission is used, or known not to be", holds=not wrong, found="\n".join(["", *wrong]))
        story.table()
        return story


def another_landing_zone() -> Story:
    """Play what happens where GuardDuty's administrator alone is protected."""
    with Rehearsal() as rehearsal:
        story = Story(rehearsal)
        with story.surviving(cost_savings.__name__):
            cost_savings(story)
        return story


def main() -> int:
    started = time.perf_counter()
    synthesize_ahead()
    stories = [landing_zone(), another_landing_zone()]
    failures = [failure for story in stories for failure in story.failures]
    for failure in failures:
        sys.stdout.write(f"FAIL  {failure}\n")
    calls = sum(len(story.rehearsal.calls) for story in stories)
    sys.stdout.write(f"\n{calls} calls judged in {time.perf_counter() - started:.0f} s\n")
    sys.stdout.write(f"{sum(story.passed for story in stories)} passed, {len(failures)} failed\n")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
