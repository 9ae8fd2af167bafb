"""Accounts come and go, signals of all kinds tell of it, and the deletion guard minds that not too many go."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.rehearsal.scenes_change import deploy_with
from tests.rehearsal.scenes_enrollment import NO_EXECUTION
from tests.rehearsal.scenes_scope import DEV, PROD
from tests.rehearsal.scenes_sweep import ENROLLMENT, SANDBOX, SETTLING_MINUTES, lines, logged, members, protected, sweep

if TYPE_CHECKING:
    from tests.rehearsal.story import Story

DAY_MINUTES = 24 * 60
BASELINED, REGISTERED = "Workloads/Baseline", "Workloads/Registered"
STANDING = {"CREATE_COMPLETE", "UPDATE_COMPLETE"}
GUARD = "DELETION_GUARD_PERCENTAGE"
FAILED = {"errorCode": "AccessDenied"}


def settle(story: Story) -> None:
    story.rehearsal.settle(within_minutes=SETTLING_MINUTES)


def next_day(story: Story) -> None:
    """Let so much time pass that the deletion guard counts anew."""
    story.rehearsal.advance(minutes=DAY_MINUTES + 1)


def account_named(story: Story, name: str) -> str:
    return next(account for account, known in story.rehearsal.organization.names.items() if known == name)


def signals(story: Story) -> None:
    rehearsal = story.rehearsal
    with story.step("Organizations tells that accounts moved in, were created and joined"):
        moved = rehearsal.create_account("signal-moved", SANDBOX)
        made, joined = (rehearsal.create_account(name, DEV) for name in ("signal-made", "signal-joined"))
        rehearsal.move_account(moved, DEV)
        rehearsal.organizations_event("CreateAccountResult", made)
        rehearsal.organizations_event("AccountJoinedOrganization", joined)
        settle(story)
        story.registered(moved, made, joined)
    with story.step("It tells so by another kind of event, with the account in another place"):
        account = rehearsal.create_account("signal-lenient", DEV)
        event = rehearsal.signals.of_organizations("AccountJoinedOrganization", account)
        event["detail-type"] = "AWS API Call via CloudTrail"
        event["detail"]["serviceEventDetails"] = {"joined": [{"who": {"ACCOUNTID": account}}]}
        story.equal("a rule passes it on", rehearsal.event_bridge.emit(event), 1)
        settle(story)
        story.registered(account)
    with story.step("Control Tower tells of baselines, of a unit and of drift"):
        baselined, drifted = (rehearsal.create_account(name, DEV) for name in ("signal-baseline", "signal-drift"))
        in_units = [
            rehearsal.create_account("signal-unit", BASELINED),
            rehearsal.create_account("signal-nested", f"{REGISTERED}/Nested/Deep"),
        ]
        heard = [
            rehearsal.baseline_event("EnableBaseline", baselined),
            rehearsal.baseline_event("EnableBaseline", BASELINED),
            rehearsal.unit_event("RegisterOrganizationalUnit", REGISTERED),
            rehearsal.drift_event(drifted),
        ]
        story.equal("a rule passes each on", heard, [1] * len(heard))
        settle(story)
        story.registered(baselined, drifted, *in_units)
    with story.step("Calls that were to move, close or remove an account have failed"):
        begun = len(rehearsal.stack_set.operations)
        for name in ("MoveAccount", "CloseAccount", "RemoveAccountFromOrganization"):
            heard_of = rehearsal.organizations_event(name, moved, **FAILED)
            story.equal(f"no rule passes {name} on", heard_of, 0)
        settle(story)
        story.equal("nothing is begun", len(rehearsal.stack_set.operations), begun)
        story.registered(moved)


def leavers(story: Story) -> None:
    _moved_out(story)
    _closed(story)
    _out_of_the_organization(story)
    _out_of_reach(story)


def _moved_out(story: Story) -> None:
    rehearsal, account = story.rehearsal, account_named(story, "old-1")
    next_day(story)
    with story.step("An account moves out of the included units"):
        stacks = rehearsal.member_stacks(account)
        rehearsal.move_account(account, SANDBOX)
        settle(story)
        story.equal("its stacks are deleted", {stack.status for stack in stacks}, {"DELETE_COMPLETE"})
        story.equal("which deregisters it", rehearsal.registration_status(account), "deregistered")
        _has_left(story, account)
    with story.step("It moves back"):
        rehearsal.move_account(account, PROD)
        settle(story)
        story.registered(account)


def _closed(story: Story) -> None:
    rehearsal, account = story.rehearsal, account_named(story, "old-2")
    next_day(story)
    with story.step("An account is closed"):
        stacks = rehearsal.member_stacks(account)
        rehearsal.close_account(account, tell=True)
        settle(story)
        _is_let_go_of(story, account)
        _has_left(story, account)
        story.check("its stacks stay", holds={stack.status for stack in stacks} <= STANDING, found=stacks)


def _out_of_the_organization(story: Story) -> None:
    rehearsal = story.rehearsal
    ways = {"old-3": "RemoveAccountFromOrganization", "old-4": "AccountDepartedOrganization"}
    accounts = {account_named(story, name): event for name, event in ways.items()}
    next_day(story)
    with story.step("An account is removed from the organization, another leaves it"):
        for account, event in accounts.items():
            rehearsal.remove_account(account, tell=False)
            rehearsal.organizations_event(event, account)
        settle(story)
        for account in accounts:
            _is_let_go_of(story, account)
            _has_left(story, account)
    silent = account_named(story, "old-5")
    next_day(story)
    with story.step("An account leaves the organization, and no event tells of it"):
        rehearsal.remove_account(silent, tell=False)
        sweep(story)
        _is_let_go_of(story, silent)
        _has_left(story, silent)


def _out_of_reach(story: Story) -> None:
    rehearsal, account = story.rehearsal, account_named(story, "old-6")
    next_day(story)
    with story.step("An account moves out of the included units without Control Tower's role", denials=NO_EXECUTION):
        rehearsal.set_execution_role(account, trusts=account)
        rehearsal.move_account(account, SANDBOX)
        settle(story)
        story.equal("to delete its stacks is tried, then they are let go of", _removals(story, account), [False, True])
        _has_left(story, account)


def _removals(story: Story, account: str) -> list[bool]:
    """Whether each operation that was to take the account away let go of its stacks."""
    return [one.retain for one in story.rehearsal.operations(account) if one.id.startswith("remove-")]


def _is_let_go_of(story: Story, account: str) -> None:
    story.equal(f"{account} is let go of, in one operation", _removals(story, account), [True])


def _has_left(story: Story, account: str) -> None:
    rehearsal = story.rehearsal
    story.equal(f"{account} has no stack instance any more", rehearsal.stack_instances(account), [])
    enabled = [deployment["enabled"] for deployment in rehearsal.deployments(account)]
    story.equal("its deployment is disabled, not deleted", enabled, [False])


def guard(story: Story) -> None:
    """Half of the landing zone falls out of the included units with one deployment."""
    rehearsal = story.rehearsal
    next_day(story)
    enrolled = len(protected(story))
    included = rehearsal.organization.unit(PROD)
    leaving = [it for it in members(story) if not rehearsal.organization.unit_of(it).startswith(PROD)]
    staying = sorted(set(protected(story)) - set(leaving))
    most = max(1, enrolled * _percentage(story) // 100)
    with story.step(f"{len(leaving)} of {enrolled} accounts fall out of the included units at once"):
        since, began = logged(story), rehearsal.clock.now
        deploy_with(story, ENROLLMENT, INCLUDED_UNITS=included)
        settle(story)
        left = [account for account in leaving if not rehearsal.stack_instances(account)]
        story.equal("as many go as the guard lets through", len(left), most)
        for account in left:
            _has_left(story, account)
        story.registered(*staying, *(account for account in leaving if account not in left))
        held_back = {line["account_id"] for line in lines(story, "removal held back", since)}
        story.equal("the log tells of all others", held_back, set(leaving) - set(left))
        counted = sum(rehearsal.metric(ENROLLMENT, "RemovalsHeldBack", since=began))
        story.check("and a metric, for an alarm", holds=counted >= len(held_back), found=counted)
        sweep(story)
        story.equal("so it is after another sweep", len(set(leaving) & set(protected(story))), len(leaving) - most)
    with story.step("The operator deploys with a guard that lets everything through"):
        deploy_with(story, ENROLLMENT, INCLUDED_UNITS=included, DELETION_GUARD_PERCENTAGE="100")
        settle(story)
        for account in leaving:
            _has_left(story, account)
        story.registered(*staying)


def _percentage(story: Story) -> int:
    return int(story.rehearsal.functions.labeled(ENROLLMENT).environment[GUARD])
