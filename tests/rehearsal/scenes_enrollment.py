"""Accounts come into the landing zone."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tests.rehearsal.authority import identity_policies
from tests.rehearsal.principals import RoleSession

if TYPE_CHECKING:
    from tests.rehearsal.story import Story

PROD, DEV, SECURITY = "Workloads/Prod", "Workloads/Dev", "Security"
PREFERENCES = {
    "RegionConcurrencyType": "PARALLEL",
    "FailureTolerancePercentage": 100,
    "ConcurrencyMode": "SOFT_FAILURE_TOLERANCE",
    "MaxConcurrentPercentage": 25,
}
NO_EXECUTION = frozenset({("sts:AssumeRole", ":role/AWSControlTowerExecution")})
NO_READER = frozenset({("sts:AssumeRole", ":role/alertlogic-hub-reader")})
SEEDED = 150
EMPTIER = "stackset_emptier"


def existing_accounts_with_an_empty_secret(story: Story) -> None:
    rehearsal, zone = story.rehearsal, story.rehearsal.zone
    existing = [rehearsal.create_account("shop", PROD), rehearsal.create_account("shop-test", DEV)]
    existing += [zone.audit, zone.log_archive, zone.security]
    with story.step("The stacks are deployed, where accounts have long been"):
        for stack in rehearsal.deploy():
            story.tell(f"{stack.name}: {stack.status}", stack.account)
    with story.step("The sweep after the deployment enrolls these accounts, while the secret is still empty"):
        rehearsal.settle(within_minutes=4)
        heard = {rehearsal.registration_status(account) for account in existing}
        story.equal("CloudFormation hears 'pending' of all of them", heard, {"pending"})
        waiting = rehearsal.queue_depths()["account_registration"]
        story.equal("their registrations go on in the queue", waiting, len(existing))
        rehearsal.settle(within_minutes=30)
        story.unregistered(*existing)


def the_secret_is_filled(story: Story) -> None:
    rehearsal = story.rehearsal
    with story.step("The operator fills the secret"):
        rehearsal.put_secret_value()
        rehearsal.settle(within_minutes=20)
        story.registered(*{account for account, _ in rehearsal.stack_set.instances})


def check_preferences(story: Story) -> None:
    """Check every operation that the function began: its ids name what it does and the account."""
    begun = [
        one
        for one in story.rehearsal.stack_set.operations
        if re.match(r"(create|update|release|trim)-\d{12}-|(remove|empty)-", one.id)
    ]
    wrong = [one.id for one in begun if one.preferences != PREFERENCES]
    story.check(
        f"each of {len(begun)} operations goes on past a bad account, some accounts at a time",
        holds=bool(begun) and not wrong,
        found=wrong,
    )


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


def same_request_twice(story: Story) -> None:
    rehearsal, alert_logic = story.rehearsal, story.rehearsal.alert_logic
    with story.step("A registration request is delivered twice, both at once"):
        rehearsal.functions.warm("account_registration", 2)
        account = rehearsal.vend_account("ledger", PROD)
        rehearsal.settle()
        served_before = len(alert_logic.requests)
        # Both have seen that there is nothing before either makes something.
        with (
            rehearsal.delivering_twice(),
            alert_logic.meeting("POST", "/credentials$", callers=2),
            alert_logic.meeting("POST", "/deployments$", callers=2),
        ):
            rehearsal.settle(within_minutes=20, concurrency=2, batch_size=1)
        served = [(r.method, r.path.split("/")[1], r.status) for r in alert_logic.requests[served_before:]]
        story.equal("both make a deployment", served.count(("POST", "deployments", 201)), 2)
        story.check("one of them is deleted", holds=("DELETE", "deployments", 204) in served, found=served)
        story.check("and its credential", holds=("DELETE", "credentials", 204) in served, found=served)
        story.registered(account)


def new_role(story: Story) -> None:
    rehearsal = story.rehearsal
    with story.step("A new role cannot be assumed in its first minutes", denials=NO_READER):
        rehearsal.authority.lag_seconds = 150
        account = rehearsal.create_account("lagging", PROD)
        rehearsal.clock.move_to(rehearsal.clock.now + 150)
        rehearsal.control_tower_event(rehearsal.lifecycle_event("CreateManagedAccount", account, PROD))
        rehearsal.settle(within_minutes=20)
        story.registered(account)
        rehearsal.authority.lag_seconds = 0


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


def busy_stack_set(story: Story) -> None:
    rehearsal = story.rehearsal
    # boto3 itself tries a throttled call three times.
    refusals = {"busy": ["OperationInProgressException"], "throttled": ["Throttling"] * 3}
    for name, errors in refusals.items():
        with story.step(f"CloudFormation takes no operation at first: {errors[0]}"):
            rehearsal.stack_sets.refusals.extend(errors)
            account = rehearsal.vend_account(name, DEV)
            rehearsal.settle()
            story.equal("it was asked", rehearsal.stack_sets.refusals, [])
            story.equal("nothing is begun", rehearsal.operations(account), [])
            story.equal("the event waits", rehearsal.queue_depths()["account_enrollment"], 1)
            rehearsal.settle(within_minutes=20)
            story.registered(account)
            story.equal("in one operation", len(rehearsal.operations(account)), 1)


def settings_change(story: Story) -> None:
    rehearsal = story.rehearsal
    with story.step("The master stack is deployed anew, with another deployment mode"):
        accounts = [account for account in rehearsal.organization.names if rehearsal.deployments(account)]
        before = {account: _may_run_appliances(story, account) for account in accounts}
        story.equal("until then no role may run appliances", set(before.values()), {False})
        [master] = rehearsal.deploy("AlertLogic-Master", variant="automatic")
        rehearsal.settle(within_minutes=20)
        story.mode = "automatic"
        story.equal("the stack", master.status, "UPDATE_COMPLETE")
        story.registered(*accounts)
        after = {account: _may_run_appliances(story, account) for account in accounts}
        story.equal("now every role may run appliances", set(after.values()), {True})


def _may_run_appliances(story: Story, account: str) -> bool:
    """Whether the role for Alert Logic has what only its role type `ci_full` has."""
    [credential] = story.rehearsal.credentials(account)
    policies = identity_policies(RoleSession(credential["secrets"]["arn"], "any")).values()
    return "RunAppliances" in {statement.get("Sid") for policy in policies for statement in policy["Statement"]}


def many_instances(story: Story) -> None:
    rehearsal = story.rehearsal
    with story.step(f"There are {SEEDED} more instances, and as many past operations"):
        rehearsal.seed_instances(SEEDED)
        account = rehearsal.vend_account("archive", PROD)
        rehearsal.settle(within_minutes=10)
        story.registered(account)
    with story.step("What matters is on the second page, of instances as of operations"):
        begun = len(rehearsal.operations(account))
        before = len(rehearsal.calls)
        rehearsal.update_managed_account(account, PROD)
        rehearsal.settle(within_minutes=10)
        story.equal("the instance is found", len(rehearsal.operations(account)), begun)
        running = rehearsal.seed_long_operation(account)
        rehearsal.update_managed_account(account, PROD)
        rehearsal.settle(within_minutes=10)
        story.equal("the operation that covers it is found", len(rehearsal.operations(account)), begun + 1)
        # What has nothing to wait for is decided without the operations.
        for action, least in (("ListStackInstances", 4), ("ListStackSetOperations", 2)):
            pages = sum(call.action == f"cloudformation:{action}" for call in rehearsal.calls[before:])
            story.check(f"all pages of {action} are read", holds=pages >= least, found=f"{pages} pages")
        rehearsal.hasten(running)
        rehearsal.settle(within_minutes=10)
        story.registered(account)
        rehearsal.remove_seeds()


def update_managed_account(story: Story) -> None:
    rehearsal, zone = story.rehearsal, story.rehearsal.zone
    with story.step("Control Tower updates an account that has all that it needs"):
        before = len(rehearsal.operations(zone.audit))
        rehearsal.update_managed_account(zone.audit, SECURITY)
        rehearsal.settle(within_minutes=10)
        story.equal("no operation is begun", len(rehearsal.operations(zone.audit)), before)
    with story.step("An account cannot be reached, and Control Tower repairs it", denials=NO_EXECUTION):
        account = rehearsal.create_account("broken", DEV)
        rehearsal.set_execution_role(account, trusts=account)
        rehearsal.control_tower_event(rehearsal.lifecycle_event("CreateManagedAccount", account, DEV))
        rehearsal.settle(within_minutes=10)
        instance = rehearsal.home_instance(account)
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


def nothing_to_empty(story: Story) -> None:
    rehearsal = story.rehearsal
    with story.step("What empties the StackSet gets something else than a request", dead_letters={EMPTIER: 1}):
        rehearsal.send_message(EMPTIER, "null")
        rehearsal.settle()
        story.check("no instance is gone", holds=bool(rehearsal.stack_set.instances))


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
    with story.step("Accounts are vended outside of the included units"):
        sandbox = rehearsal.vend_account("toy", "Workloads/Sandbox/Team/Trials")
        excluded = rehearsal.vend_account("own-tools", PROD, account=zone.excluded_account)
        elsewhere = rehearsal.vend_account("elsewhere", "Suspended")
        nested = rehearsal.vend_account("nested", "Workloads/Prod/Shops/Europe")
        rehearsal.settle(within_minutes=10)
        where = {sandbox: "an excluded unit", excluded: "an included unit, itself excluded", elsewhere: "no such unit"}
        for account, place in where.items():
            story.equal(f"nothing is begun for the account in {place}", rehearsal.operations(account), [])
            story.unregistered(account)
        story.registered(nested)
    with story.step("An event names no account", dead_letters={"account_enrollment": 1}):
        event = rehearsal.lifecycle_event("CreateManagedAccount", "", DEV)
        del event["detail"]["serviceEventDetails"]["createManagedAccountStatus"]["account"]
        rehearsal.control_tower_event(event)
        rehearsal.settle()
