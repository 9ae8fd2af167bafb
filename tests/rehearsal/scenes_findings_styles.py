"""Which account forwards a finding, and which findings are sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.rehearsal.findings import finding
from tests.rehearsal.scenes_findings import FINDINGS, REGIONS, Intake, named, settle
from tests.rehearsal.scenes_scope import EUROPE, WEST

if TYPE_CHECKING:
    from tests.rehearsal.story import Story
    from tests.rehearsal.templates import Json

SECURITY, MASTER = "AlertLogic-Security", "AlertLogic-Master"
SPOKES = tuple(f"{MASTER}-{region}" for region in (WEST, EUROPE))


def every_account_and_back(story: Story) -> None:
    rehearsal, guardduty, zone = story.rehearsal, story.rehearsal.guardduty, story.rehearsal.zone
    account = named(story, "payments")
    with story.step("GuardDuty has no administrator any more, and every account is to forward its own findings"):
        for stack in rehearsal.deploy(SECURITY, MASTER, *SPOKES, variant="every_account"):
            story.tell(f"{stack.name}: {stack.status}", stack.account)
        rehearsal.settle(within_minutes=20)
        guardduty.administrator = None
        story.registered(account)
    with story.step("GuardDuty finds something in members and in the management account, in every region"):
        intake = Intake(story)
        places = [(one, region) for one in (account, zone.audit, zone.management) for region in REGIONS]
        events = [guardduty.finding(*place) for place in places]
        settle(story)
        intake.holds("Alert Logic has all of them", events)
        own = {event["account"] == event["detail"]["accountId"] for event in rehearsal.alert_logic.findings[-9:]}
        story.equal("each from its own account", own, {True})
    with story.step("GuardDuty gets an administrator all the same, who sees everything, too"):
        guardduty.administrator = zone.security
        intake = Intake(story)
        event = finding("lambda", number=1, account=account, region=WEST, at=rehearsal.clock.now)
        copy = guardduty.tell(event)
        settle(story)
        intake.holds("Alert Logic has it once, from its own account", [event])
        ignored = [line["reported_by"] for line in rehearsal.log_lines(FINDINGS) if line.get("message") == "ignored"]
        story.equal("the log says whose copy is left out", ignored, [[copy["account"]]])
    with story.step("The stacks are deployed anew, with the administrator"):
        for spoke in SPOKES:
            rehearsal.destroy(spoke)
        rehearsal.deploy(SECURITY, MASTER)
        rehearsal.settle(within_minutes=20)
        intake = Intake(story)
        event = guardduty.finding(account, EUROPE)
        settle(story)
        intake.holds("Alert Logic has a finding once, from the administrator", [event])


def filters_and_back(story: Story) -> None:
    rehearsal, guardduty = story.rehearsal, story.rehearsal.guardduty
    account = named(story, "payments")

    def found(family: str, number: int, severity: float, *, sample: bool = False) -> Json:
        event = finding(family, number=10**7 + number, account=account, region=WEST, severity=severity, sample=sample)
        return guardduty.tell(event)

    with story.step("The security stack is told to send some findings only"):
        [stack] = rehearsal.deploy(SECURITY, variant="automatic")
        story.equal("the stack", stack.status, "UPDATE_COMPLETE")
        intake = Intake(story)
        wanted = [found("ec2", 0, 4.5), found("ec2", 1, 8), found("malware_ec2", 0, 10.0), found("iam", 1, 5.0)]
        story.tell(f"wanted are {', '.join(sorted({event['detail']['type'] for event in wanted}))}", account)
        found("ec2", 2, 4.49)
        found("ec2", 3, 8, sample=True)
        found("iam", 2, 9.5)
        found("s3", 0, 9.5)
        settle(story)
        intake.holds("Alert Logic has those of a kind and severity that are wanted, and no samples", wanted)
    with story.step("It is told to send all of them again"):
        rehearsal.deploy(SECURITY)
        intake = Intake(story)
        events = [found("ec2", 5, 1.0, sample=True), found("s3", 1, 2)]
        settle(story)
        intake.holds("Alert Logic has them", events)
