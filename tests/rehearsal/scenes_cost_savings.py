"""A landing zone of another customer: one account is GuardDuty's administrator, and alone protected by Alert Logic."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.rehearsal.findings import FAMILIES
from tests.rehearsal.scenes_collector import beat, collector
from tests.rehearsal.scenes_findings import FINDINGS, REGIONS, Intake, settle
from tests.rehearsal.scenes_scope import EUROPE, WEST

if TYPE_CHECKING:
    from tests.rehearsal.story import Story

HOME_STACK = "AlertLogic-Administrator"
SPOKES = tuple(f"AlertLogic-Findings-{region}" for region in (WEST, EUROPE))


def cost_savings(story: Story) -> None:
    rehearsal, guardduty, zone = story.rehearsal, story.rehearsal.guardduty, story.rehearsal.zone
    administrator = zone.audit
    guardduty.administrator = administrator
    with story.step("The stacks of examples/cost_savings.py are deployed"):
        for stack in rehearsal.deploy(HOME_STACK, *SPOKES, variant="cost_savings"):
            story.tell(f"{stack.name}: {stack.status}", stack.account)
    intake = Intake(story)
    with story.step("GuardDuty finds something of every kind while the secret is still empty"):
        members = (zone.security, zone.log_archive, administrator)
        events = [
            guardduty.finding(members[index % 3], REGIONS[index % 2], family=family)
            for index, family in enumerate(FAMILIES)
        ]
        settle(story)
        story.equal("all of it waits", rehearsal.queue_depths()[FINDINGS], len(events))
    with story.step("The operator fills the secret"):
        rehearsal.put_secret_value()
        rehearsal.settle(within_minutes=30)
        intake.holds("Alert Logic has what waited", events)
        [deployment] = rehearsal.deployments(administrator)
        story.equal("and one deployment", len(rehearsal.alert_logic.deployments), 1)
        story.equal("of the administrator", deployment["platform"]["id"], administrator)
    with story.step("GuardDuty finds more, in every account and region"):
        intake = Intake(story)
        events = [guardduty.finding(account, region) for account in rehearsal.organization.names for region in REGIONS]
        settle(story)
        intake.holds("Alert Logic has each once", events)
    with story.step("The collector checks in"), rehearsal.schedules.running():
        beat(story)
        story.equal("it is well", collector(story).status, "ok")
    _destroyed(story)


def _destroyed(story: Story) -> None:
    rehearsal, alert_logic = story.rehearsal, story.rehearsal.alert_logic
    with story.step("The stack is destroyed"):
        rehearsal.destroy(HOME_STACK)
        story.equal("the collector is gone", alert_logic.collectors, {})
    with story.step("It is deployed again, and the collector checks in"):
        rehearsal.deploy(HOME_STACK, variant="cost_savings")
        rehearsal.put_secret_value()
        with rehearsal.schedules.running():
            beat(story)
        story.equal("it is well", collector(story).status, "ok")
    with story.step("It is destroyed while azcollect is down"):
        alert_logic.fail(503, path="/azcollect/")
        before = len(alert_logic.requests)
        rehearsal.destroy(HOME_STACK)
        asked = {(one.method, one.status) for one in alert_logic.requests[before:] if "/azcollect/" in one.path}
        story.equal("azcollect is asked to forget the collector, in vain", asked, {("DELETE", 503)})
        story.equal("which stays in the console", len(alert_logic.collectors), 1)
