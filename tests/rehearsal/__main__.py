"""Plays the story: `python -m tests.rehearsal`."""

from __future__ import annotations

import argparse
import sys
import time

from tests.rehearsal import Rehearsal, chaos, permissions
from tests.rehearsal.leaks import PLACES
from tests.rehearsal.scenes_alertlogic import (
    TOKEN_MINUTES,
    an_account_leaves,
    half_done,
    keys_and_tokens,
    outages,
    what_alert_logic_holds,
)
from tests.rehearsal.scenes_backfill import backfill, findings_before_the_collector
from tests.rehearsal.scenes_change import hub_deployed, key_rotated, region_added, tags_and_policy_changed
from tests.rehearsal.scenes_collector import checks_in_with_an_empty_secret, registers, tells_of_trouble
from tests.rehearsal.scenes_cost_savings import cost_savings
from tests.rehearsal.scenes_departures import guard, leavers, signals
from tests.rehearsal.scenes_enrollment import (
    account_factory,
    busy_stack_set,
    check_preferences,
    existing_accounts_with_an_empty_secret,
    five_at_once,
    many_instances,
    new_role,
    nothing_to_empty,
    nothing_to_enroll,
    same_event_twice,
    same_request_twice,
    settings_change,
    the_secret_is_filled,
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
from tests.rehearsal.scenes_moving_over import moving_over, nothing_of_the_vendors_goes, vendors_stacks_go
from tests.rehearsal.scenes_scope import (
    many_vpcs,
    tagged_before_enrollment,
    tagged_before_registration,
    tags,
    two_accounts_and_regions,
)
from tests.rehearsal.scenes_scope_events import deliveries, strangers
from tests.rehearsal.scenes_scope_users import in_our_deployment, in_somebody_elses_deployment, whole_regions_and_back
from tests.rehearsal.scenes_sweep import (
    accounts_without_event,
    at_alert_logic,
    existing_landing_zone,
    instances,
    pieces,
    tags_without_event,
)
from tests.rehearsal.scenes_teardown import status, teardown
from tests.rehearsal.story import MINUTE, Story
from tests.rehearsal.synthesis import synthesize_ahead

SCENES = (
    existing_accounts_with_an_empty_secret,
    checks_in_with_an_empty_secret,
    the_secret_is_filled,
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
    nothing_to_empty,
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

# In a landing zone of its own, for a sweep looks at all that is there.
LATER_SCENES = (
    existing_landing_zone,
    pieces,
    accounts_without_event,
    instances,
    at_alert_logic,
    tags_without_event,
    region_added,
    tags_and_policy_changed,
    hub_deployed,
    key_rotated,
    signals,
    leavers,
    guard,
    status,
)


def landing_zone() -> Story:
    """Play what happens in a landing zone in which every account is protected."""
    with Rehearsal() as rehearsal:
        rehearsal.alert_logic.token_lifetime = TOKEN_MINUTES * MINUTE
        story = Story(rehearsal)
        for scene in SCENES:
            with story.surviving(scene.__name__):
                scene(story)
        with story.step("At the end"):
            rehearsal.settle(within_minutes=60)
            story.equal("the queues are empty", set(rehearsal.queue_depths().values()), {0})
            story.equal("no function would be stopped that sends itself messages", rehearsal.loops(), [])
            check_preferences(story)
            story.unused = permissions.Grants.of(rehearsal).unused(rehearsal.calls)
        story.table()
        return story


def another_landing_zone() -> Story:
    """Play what happens where GuardDuty's administrator alone is protected."""
    with Rehearsal() as rehearsal:
        story = Story(rehearsal)
        with story.surviving(cost_savings.__name__):
            cost_savings(story)
        return story


def the_vendors_landing_zone() -> Story:
    """Play how a landing zone that the vendor's templates protected is moved over, its open findings with it."""
    with Rehearsal() as rehearsal:
        story = Story(rehearsal)
        with story.surviving(moving_over.__name__):
            findings = findings_before_the_collector(story)
            estate = moving_over(story)
            backfill(story, findings)
            vendors_stacks_go(story, estate)
            nothing_of_the_vendors_goes(story, estate)
        return story


def landing_zone_over_time(unused_before: dict[str, list[str]]) -> Story:
    """Play what happens to a landing zone that was there before the stacks were, until they are destroyed.

    Args:
        unused_before: The permissions that `landing_zone` did not use.
    """
    with Rehearsal() as rehearsal:
        story = Story(rehearsal)
        for scene in LATER_SCENES:
            with story.surviving(scene.__name__):
                scene(story)
        grants = permissions.Grants.of(rehearsal)
        with story.surviving(teardown.__name__):
            teardown(story)
        with story.step("At the end of all that can happen"):
            unused = permissions.unused_in_both(unused_before, grants.unused(rehearsal.calls))
            wrong = permissions.problems(permissions.listed_permissions(), unused)
            story.check("every permission is used, or known not to be", holds=not wrong, found="\n".join(["", *wrong]))
        return story


def check_leaks(story: Story) -> None:
    """Check that all that a landing zone showed of itself showed no secret."""
    leaks = story.rehearsal.leaks
    searched = ", ".join(f"{count} of {place}" for place, count in sorted(leaks.searched.items()))
    story.tell(f"searched for secrets, in characters: {searched}")
    story.equal("no secret and no pre-signed URL shows", [*leaks.found], [])
    story.equal(
        "they were searched for everywhere", PLACES - {place for place, count in leaks.searched.items() if count}, set()
    )


def _seeds(text: str) -> list[int]:
    """Read `7` or `1-20`."""
    first, _, last = text.partition("-")
    return list(range(int(first), int(last or first) + 1))


def _stories(seeds: list[int], *, is_brief: bool) -> list[Story]:
    if seeds:
        return [chaos.play(seed) for seed in seeds]
    synthesize_ahead()
    first = landing_zone()
    brief = [first, another_landing_zone(), the_vendors_landing_zone()]
    return brief if is_brief else [*brief, landing_zone_over_time(first.unused)]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.rehearsal", description="Plays the landing zone's story.")
    parser.add_argument(
        "--chaos", type=_seeds, default=[], metavar="SEED", help="play chaos instead, with a seed such as 7 or 1-20"
    )
    parser.add_argument("--brief", action="store_true", help="leave out what happens to a landing zone over time")
    options = parser.parse_args()
    started = time.perf_counter()
    stories = _stories(options.chaos, is_brief=options.brief)
    for story in stories:
        check_leaks(story)
    failures = [failure for story in stories for failure in story.failures]
    for failure in failures:
        sys.stdout.write(f"FAIL  {failure}\n")
    calls = sum(len(story.rehearsal.calls) for story in stories)
    sys.stdout.write(f"\n{calls} calls judged in {time.perf_counter() - started:.0f} s\n")
    sys.stdout.write(f"{sum(story.passed for story in stories)} passed, {len(failures)} failed\n")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
