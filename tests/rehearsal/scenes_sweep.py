"""A sweep finds what no event told of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.rehearsal.scenes_alertlogic import SOMEBODY
from tests.rehearsal.scenes_enrollment import NO_EXECUTION
from tests.rehearsal.scenes_scope import DEV, EUROPE, PROD, WEST, in_scope

if TYPE_CHECKING:
    from tests.rehearsal.alertlogic import LoggedRequest
    from tests.rehearsal.story import Story
    from tests.rehearsal.templates import Json

SANDBOX = "Workloads/Sandbox"
ENROLLMENT = "account_enrollment"
MASTER, SECURITY = "AlertLogic-Master", "AlertLogic-Security"
BEFORE_MASTER = (SECURITY, "AlertLogic-LogArchive", "AlertLogic-Audit")
# Organizations lists so many accounts at a time, and so many are looked at for one message.
PAGE = 20
OLD_ACCOUNTS = 22
SETTLING_MINUTES = 90
SWEEP_HOURS = 6


def sweep(story: Story) -> None:
    """Sweep, and let all happen that comes of it.

    Of what is told of an account in one second nobody knows which is later, so time goes on first.
    """
    story.rehearsal.advance(minutes=1)
    story.rehearsal.sweep(within_minutes=SETTLING_MINUTES)


def protected(story: Story) -> list[str]:
    """The accounts that have stack instances."""
    return sorted({account for account, _ in story.rehearsal.stack_set.instances})


def members(story: Story) -> list[str]:
    """Those of them that are not Control Tower's own."""
    zone = story.rehearsal.zone
    return sorted({*protected(story)} - {zone.audit, zone.log_archive, zone.security})


def changes(story: Story, since: int) -> list[LoggedRequest]:
    """What Alert Logic was told to change."""
    requests = story.rehearsal.alert_logic.requests[since:]
    return [one for one in requests if one.method != "GET" and "/deployments/" in one.path + "/"]


def lines(story: Story, message: str, since: int) -> list[Json]:
    """What the enrollment logged with these words."""
    return [line for line in story.rehearsal.log_lines(ENROLLMENT)[since:] if line.get("message") == message]


def logged(story: Story) -> int:
    return len(story.rehearsal.log_lines(ENROLLMENT))


def existing_landing_zone(story: Story) -> None:
    rehearsal, zone = story.rehearsal, story.rehearsal.zone
    there = [rehearsal.create_account(f"old-{number}", PROD) for number in range(1, OLD_ACCOUNTS + 1)]
    there.append(rehearsal.create_account("old-nested", "Workloads/Prod/Shops/Europe"))
    outside = [rehearsal.create_account(name, unit) for name, unit in (("toy", SANDBOX), ("elsewhere", "Suspended"))]
    closed = rehearsal.create_account("closed", DEV)
    rehearsal.close_account(closed)
    with story.step("The stacks are deployed into a landing zone that has long been there"):
        rehearsal.deploy(*BEFORE_MASTER)
        rehearsal.put_secret_value()
        rehearsal.deploy(MASTER)
        rehearsal.settle(within_minutes=SETTLING_MINUTES)
        story.registered(*there, zone.audit, zone.log_archive, zone.security)
        story.unregistered(*outside, closed, zone.management)
        begun = [operation for operation in rehearsal.stack_set.operations if operation.action == "CREATE"]
        found = [len({account for account, _ in operation.targets}) for operation in begun]
        story.check("accounts share operations", holds=len(begun) < len(there), found=found)
        waited = max(rehearsal.queue_depths().values())
        story.equal("and nothing waits", waited, 0)


def pieces(story: Story) -> None:
    rehearsal = story.rehearsal
    with story.step("Everything is as it should be, and a sweep looks at it"):
        begun, since, asked = len(rehearsal.stack_set.operations), logged(story), len(rehearsal.alert_logic.requests)
        sweep(story)
        story.equal("no operation is begun", len(rehearsal.stack_set.operations), begun)
        story.equal("Alert Logic is told of no change", changes(story, asked), [])
        looked = [line["accounts"] for line in lines(story, "looked at accounts", since)]
        story.tell(f"accounts for each message: {sorted(looked)}")
        story.equal("every account is looked at once", sum(looked), len(rehearsal.organization.names))
        story.check(f"no message is about more than {PAGE} accounts", holds=max(looked) <= PAGE, found=looked)
        listed = [one.path for one in rehearsal.alert_logic.requests[asked:] if one.path.endswith("/deployments")]
        story.equal("Alert Logic is listed once", len(listed), 1)
        walked = lines(story, "walked on", since)
        story.check("several pages are walked", holds=len(walked) > len(looked), found=len(walked))
        wrong = [line for line in walked if line["messages"] > PAGE]
        story.check("no page comes to more messages than it holds accounts", holds=not wrong, found=wrong)


def accounts_without_event(story: Story) -> None:
    rehearsal = story.rehearsal
    with story.step("An account comes, and one moves into an included unit, and no event tells of it"):
        fresh = rehearsal.create_account("silent", DEV)
        moved = rehearsal.create_account("moved-in", SANDBOX)
        sweep(story)
        story.registered(fresh)
        story.unregistered(moved)
        rehearsal.move_account(moved, DEV, tell=False)
        rehearsal.settle(within_minutes=SETTLING_MINUTES)
        story.unregistered(moved)
        since = logged(story)
        with rehearsal.schedules.running():
            rehearsal.advance(minutes=SWEEP_HOURS * 60 + 30)
        story.equal("one sweep begins", len(lines(story, "sweep begun", since)), 1)
        story.registered(moved)


def instances(story: Story) -> None:
    rehearsal, zone = story.rehearsal, story.rehearsal.zone
    with story.step("An account cannot be reached", denials=NO_EXECUTION):
        failed = rehearsal.create_account("unreachable", DEV)
        rehearsal.set_execution_role(failed, trusts=failed)
        sweep(story)
        story.equal("its instances fail", {it.detailed for it in rehearsal.stack_instances(failed)}, {"FAILED"})
        story.unregistered(failed)
    with story.step("It can be reached again, other instances are outdated or lost, and no event tells of any of it"):
        rehearsal.set_execution_role(failed, trusts=zone.management)
        outdated, lost, missing = members(story)[-4:-1]
        for instance in rehearsal.stack_instances(outdated):
            instance.status, instance.detailed = "OUTDATED", "CANCELLED"
        rehearsal.lose_instances(lost)
        rehearsal.client("cloudformation", zone.management).delete_stack_instances(
            StackSetName=rehearsal.stack_set.name, Accounts=[missing], Regions=[WEST], RetainStacks=False
        )
        rehearsal.settle(within_minutes=SETTLING_MINUTES)
        sweep(story)
        story.registered(failed, outdated, lost, missing)


def at_alert_logic(story: Story) -> None:
    rehearsal, alert_logic = story.rehearsal, story.rehearsal.alert_logic
    deleted, disabled, unlinked = members(story)[3:6]
    with story.step("Somebody deletes a deployment in the console, disables another, and deletes a credential"):
        delete_deployment(story, deleted)
        disable_deployment(story, disabled)
        [credential] = rehearsal.credentials(unlinked)
        del alert_logic.credentials[credential["id"]]
        rehearsal.settle(within_minutes=SETTLING_MINUTES)
        story.equal("nobody notices", rehearsal.deployments(deleted), [])
        sweep(story)
        story.registered(deleted, disabled, unlinked)
    with story.step("Somebody deletes the deployment with the new credential, too"):
        delete_deployment(story, unlinked)
        sweep(story)
        story.registered(unlinked)


def tags_without_event(story: Story) -> None:
    vpcs, account = story.rehearsal.vpcs, members(story)[6]
    with story.step("VPCs are tagged, untagged, made and deleted, and no event tells of it"):
        with vpcs.held_events():
            stays, goes = (vpcs.create(account, region, Env="Prod") for region in (WEST, EUROPE))
        sweep(story)
        in_scope(story, "those with the tag are in scope", account, stays, goes)
        with vpcs.held_events():
            vpcs.untag(goes, "Env")
            late = vpcs.create(account, EUROPE, alertlogic="true")
        sweep(story)
        in_scope(story, "then those that have it", account, stays, late)
        story.registered(account)


def delete_deployment(story: Story, account: str) -> None:
    """Somebody deletes an account's deployments in the console."""
    for deployment in story.rehearsal.deployments(account):
        del story.rehearsal.alert_logic.deployments[deployment["id"]]


def disable_deployment(story: Story, account: str) -> None:
    """Somebody disables an account's deployments in the console."""
    alert_logic = story.rehearsal.alert_logic
    for stored in story.rehearsal.deployments(account):
        change = {"enabled": False, "version": stored["version"] + 1}
        modified = {"at": int(story.rehearsal.clock.now), "by": SOMEBODY}
        alert_logic.deployments[stored["id"]] = {**stored, **change, "modified": modified}
