"""Accounts come into the landing zone."""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.rehearsal.story import Story

PROD, DEV, SECURITY = "Workloads/Prod", "Workloads/Dev", "Security"
PREFERENCES = {
    "RegionConcurrencyType": "PARALLEL",
    "FailureTolerancePercentage": 100,
    "ConcurrencyMode": "SOFT_FAILURE_TOLERANCE",
}
SEEDED = 150


def existing_accounts_with_an_empty_secret(story: Story) -> None:
    rehearsal, zone = story.rehearsal, story.rehearsal.zone
    units = {zone.audit: SECURITY, zone.log_archive: SECURITY, zone.security: SECURITY}
    units |= {rehearsal.create_account("shop", PROD): PROD, rehearsal.create_account("shop-test", DEV): DEV}
    with story.step("Existing accounts are enrolled, while the secret is still empty"):
        for account, unit in units.items():
            rehearsal.update_managed_account(account, unit)
        rehearsal.settle(within_minutes=5)
        waiting = rehearsal.queue_depths()["account_registration"]
        story.equal("their registrations wait in the queue", waiting, len(units))
        story.unregistered(*units)
    with story.step("The operator fills the secret"):
        rehearsal.put_secret_value()
        rehearsal.settle(within_minutes=20)
        story.registered(*units)
        _check_preferences(story)


def _check_preferences(story: Story) -> None:
    found = [operation.preferences for operation in story.rehearsal.stack_set.operations]
    kept = [{key: given.get(key) for key in PREFERENCES} == PREFERENCES for given in found]
    bounded = [0 < given.get("MaxConcurrentPercentage", 0) < 100 for given in found]
    story.check("every operation goes on past a bad account, some accounts at a time", holds=all([*kept, *bounded]))


def account_factory(story: Story) -> None:
    rehearsal = story.rehearsal
    with story.step("Account Factory vends an account"):
        account = rehearsal.vend_account("payments", PROD)
        rehearsal.settle(within_minutes=10)
        story.tell("enrolled by Control Tower, given its stack, registered at Alert Logic", account)
        story.registered(account)
        story.equal("in one operation", len(rehearsal.operations(account)), 1)


def same_event_twice(story: Story) -> None:
    rehearsal = story.rehearsal
    with story.step("The same event arrives twice, one after the other"):
        account = rehearsal.create_account("search", DEV)
        event = rehearsal.lifecycle_event("CreateManagedAccount", account, DEV)
        for _ in range(2):
            rehearsal.control_tower_event(event)
            rehearsal.settle()
        rehearsal.settle(within_minutes=20)
        story.registered(account)
        story.equal("in one operation", len(rehearsal.operations(account)), 1)
    with story.step("The same event arrives twice, both at once"):
        account = rehearsal.create_account("search-test", DEV)
        event = rehearsal.lifecycle_event("CreateManagedAccount", account, DEV)
        for _ in range(2):
            rehearsal.control_tower_event(event)
        with rehearsal.gateway.meeting("cloudformation:CreateStackInstances", callers=2):
            rehearsal.settle(concurrency=2, batch_size=1)
        rehearsal.settle(within_minutes=20)
        story.registered(account)
        story.equal("in one operation", len(rehearsal.operations(account)), 1)
        _check_overlap(story, "account_enrollment")
    with story.step("A registration request is delivered twice, both at once"):
        account = rehearsal.vend_account("ledger", PROD)
        rehearsal.settle()
        # From the last call before Alert Logic on, the two run side by side.
        meeting = rehearsal.gateway.meeting("cloudformation:DescribeStacks", callers=2)
        with rehearsal.delivering_twice(), meeting:
            rehearsal.settle(within_minutes=20, concurrency=2, batch_size=1)
        story.registered(account)
        _check_overlap(story, "account_registration")
    with story.step("A new role cannot be assumed in its first minutes", denials=frozenset({"sts:AssumeRole"})):
        rehearsal.authority.lag_seconds = 150
        account = rehearsal.create_account("lagging", PROD)
        rehearsal.clock.move_to(rehearsal.clock.now + 150)
        rehearsal.control_tower_event(rehearsal.lifecycle_event("CreateManagedAccount", account, PROD))
        rehearsal.settle(within_minutes=20)
        story.registered(account)
        rehearsal.authority.lag_seconds = 0


def _check_overlap(story: Story, label: str) -> None:
    at_once = story.rehearsal.functions.labeled(label).most_at_once
    story.equal("two processes of the function were at work", at_once, 2)


def five_at_once(story: Story) -> None:
    rehearsal = story.rehearsal
    with story.step("Five accounts are vended while an operation on the StackSet runs"):
        first = rehearsal.vend_account("team-1", DEV)
        rehearsal.settle()
        [running] = rehearsal.operations(first)
        story.equal("an operation runs", running.status, "RUNNING")
        others = [rehearsal.vend_account(f"team-{number}", DEV) for number in range(2, 7)]
        rehearsal.settle()
        overlapping = [operation.status for account in others for operation in rehearsal.operations(account)]
        story.equal("theirs run beside it", overlapping, ["RUNNING"] * len(others))
        rehearsal.settle(within_minutes=20)
        story.registered(first, *others)


def settings_change(story: Story) -> None:
    rehearsal = story.rehearsal
    with story.step("The master stack is deployed anew, with another deployment mode"):
        accounts = [account for account in rehearsal.organization.names if rehearsal.deployments(account)]
        master = next(stack for stack in rehearsal.stacks.all if stack.name == "AlertLogic-Master")
        old, new = (json.dumps({"Mode": mode}, separators=(",", ":"))[1:-1] for mode in (story.mode, "automatic"))
        body = copy.deepcopy(master.body)
        for resource in body["Resources"].values():
            if resource["Type"] == "AWS::CloudFormation::StackSet":
                resource["Properties"]["TemplateBody"] = resource["Properties"]["TemplateBody"].replace(old, new)
        rehearsal.stacks.update(master, body, {})
        rehearsal.settle(within_minutes=20)
        story.mode = "automatic"
        story.equal("the stack", master.status, "UPDATE_COMPLETE")
        story.registered(*accounts)


def many_instances(story: Story) -> None:
    rehearsal = story.rehearsal
    with story.step(f"There are {SEEDED} more instances, and as many past operations"):
        rehearsal.seed_instances(SEEDED)
        before = len(rehearsal.calls)
        account = rehearsal.vend_account("archive", PROD)
        rehearsal.settle(within_minutes=10)
        story.registered(account)
        pages = [call for call in rehearsal.calls[before:] if call.action == "cloudformation:ListStackSetOperations"]
        story.check("all pages are read", holds=len(pages) > 1, found=f"{len(pages)} pages")


def update_managed_account(story: Story) -> None:
    rehearsal, zone = story.rehearsal, story.rehearsal.zone
    with story.step("Control Tower updates an account that has all that it needs"):
        before = len(rehearsal.operations(zone.audit))
        rehearsal.update_managed_account(zone.audit, SECURITY)
        rehearsal.settle(within_minutes=10)
        story.equal("no operation is begun", len(rehearsal.operations(zone.audit)), before)
    with story.step(
        "An account cannot be reached, and Control Tower repairs it", denials=frozenset({"sts:AssumeRole"})
    ):
        account = rehearsal.create_account("broken", DEV)
        rehearsal.set_execution_role(account, trusts=account)
        rehearsal.control_tower_event(rehearsal.lifecycle_event("CreateManagedAccount", account, DEV))
        rehearsal.settle(within_minutes=10)
        [instance] = rehearsal.stack_instances(account)
        story.tell(f"{instance.status}, {instance.detailed}: {instance.reason}", account)
        story.equal("its instance fails", instance.detailed, "FAILED")
        story.unregistered(account)
        rehearsal.set_execution_role(account, trusts=zone.management)
        rehearsal.update_managed_account(account, DEV)
        rehearsal.settle(within_minutes=10)
        story.registered(account)
        actions = [operation.action for operation in rehearsal.operations(account)]
        story.equal("the same instance is brought up to date", actions, ["CREATE", "UPDATE"])
    with story.step("A stack instance becomes inoperable and is cleaned up by hand"):
        rehearsal.lose_instances(account)
        rehearsal.update_managed_account(account, DEV)
        rehearsal.settle(within_minutes=30)
        story.registered(account)
        actions = [operation.action for operation in rehearsal.operations(account)]
        story.equal("it is let go of and made anew", actions[2:], ["DELETE", "CREATE"])


def nothing_to_enroll(story: Story) -> None:
    rehearsal, zone = story.rehearsal, story.rehearsal.zone
    with story.step("Control Tower fails to vend an account"):
        account = rehearsal.create_account("unfinished", DEV)
        reason = "AWS Control Tower could not baseline the account."
        event = rehearsal.lifecycle_event("CreateManagedAccount", account, DEV, state="FAILED", message=reason)
        rehearsal.control_tower_event(event)
        rehearsal.settle(within_minutes=10)
        story.check("the log has Control Tower's reason", holds=reason in rehearsal.logs("account_enrollment"))
        story.equal("nothing is begun", rehearsal.operations(account), [])
    with story.step("Control Tower speaks of the management account, and of a closed one"):
        closed = rehearsal.create_account("closed", DEV)
        rehearsal.close_account(closed)
        rehearsal.update_managed_account(zone.management, SECURITY)
        rehearsal.update_managed_account(closed, DEV)
        rehearsal.settle(within_minutes=10)
        begun = rehearsal.operations(zone.management) + rehearsal.operations(closed)
        story.equal("nothing is begun", begun, [])
    with story.step("An event names no account", dead_letters={"account_enrollment": 1}):
        event = rehearsal.lifecycle_event("CreateManagedAccount", "", DEV)
        del event["detail"]["serviceEventDetails"]["createManagedAccountStatus"]["account"]
        rehearsal.control_tower_event(event)
        rehearsal.settle()
