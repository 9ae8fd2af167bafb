"""The collector shows in Alert Logic's console: that it is there, and how it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.rehearsal.scenes_findings import CHECK_IN, FINDINGS, Intake
from tests.rehearsal.story import MINUTE

if TYPE_CHECKING:
    from tests.rehearsal.alertlogic_collection import RegisteredCollector
    from tests.rehearsal.story import Story

BEAT_MINUTES = 15


def _check_ins(story: Story, *, minutes: float) -> float:
    """What the alarm sees: how many check-ins succeeded in the last minutes."""
    return sum(story.rehearsal.metric(CHECK_IN, "CheckIn", since=story.rehearsal.clock.now - minutes * MINUTE))


def collector(story: Story) -> RegisteredCollector:
    """The only collector."""
    [found] = story.rehearsal.alert_logic.collectors.values()
    return found


def beat(story: Story, *, times: int = 1) -> None:
    """Let the schedule tick."""
    story.rehearsal.advance(minutes=BEAT_MINUTES * times)


def checks_in_with_an_empty_secret(story: Story) -> None:
    rehearsal = story.rehearsal
    with story.step("The secret is empty, and the collector is to check in", errors={CHECK_IN: "not checked in"}):
        with rehearsal.schedules.running():
            beat(story, times=3)
        story.equal("Alert Logic knows no collector", rehearsal.alert_logic.collectors, {})
        story.equal("no check-in is counted, which an alarm tells of", _check_ins(story, minutes=45), 0)


def registers(story: Story) -> None:
    rehearsal = story.rehearsal
    function = rehearsal.functions.labeled(FINDINGS)
    with story.step("The secret is filled, and the collector is to check in"), rehearsal.schedules.running():
        beat(story)
        found = collector(story)
        place = (found.aws_account, found.region, found.function_name)
        story.equal("it registers", place, (function.account, function.region, function.name))
        story.equal("and is well", (found.status, found.streams["guardduty"]["status"]), ("ok", "ok"))
        story.equal("which is counted", _check_ins(story, minutes=45), 1)
        beat(story, times=2)
        asked = [one.path.rsplit("/", 1)[1] for one in rehearsal.alert_logic.requests if "/azcollect/" in one.path]
        story.equal("it checks in every 15 minutes, and registers once", len(asked), 1 + 3)
        story.equal("under the same id", collector(story).id, found.id)


def tells_of_trouble(story: Story) -> None:
    rehearsal, alert_logic = story.rehearsal, story.rehearsal.alert_logic
    with story.step("Findings wait for ingest"), rehearsal.schedules.running():
        intake = Intake(story)
        alert_logic.fail(503, path="secmsgs", until=rehearsal.clock.now + 40 * MINUTE)
        event = rehearsal.guardduty.finding(rehearsal.zone.audit, rehearsal.zone.home_region)
        beat(story, times=2)
        _is_unwell(story, "FINDINGS_WAIT")
        beat(story, times=4)
        intake.holds("ingest takes them at last", [event])
        story.equal("the collector is well again", collector(story).status, "ok")
        story.equal("and its stream", collector(story).streams["guardduty"]["status"], "ok")
    alert_logic.recover()
    with story.step("A message is set aside", dead_letters={FINDINGS: 1}), rehearsal.schedules.running():
        rehearsal.send_message(FINDINGS, "null")
        beat(story)
        _is_unwell(story, "DEAD_LETTERS")
    with story.step("Somebody deletes the collector in the console"), rehearsal.schedules.running():
        alert_logic.collectors.clear()
        beat(story)
        story.equal("it registers again, and is well", collector(story).status, "ok")


def _is_unwell(story: Story, code: str) -> None:
    found = collector(story)
    said = found.check_ins[-1][1]
    story.tell(f"the collector says: {said.get('details')}")
    story.equal("the check-in shows the error", (said["status"], said.get("error_code")), ("error", code))
    story.equal("and so does the stream", found.streams["guardduty"]["status"], "error")
