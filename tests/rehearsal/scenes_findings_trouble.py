"""What is no finding, or is not taken, or not now: no finding is lost, and none waits for another."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.rehearsal.findings import FAMILIES
from tests.rehearsal.scenes_findings import FINDINGS, REGIONS, Intake, named, settle
from tests.rehearsal.scenes_scope import WEST
from tests.rehearsal.story import MINUTE

if TYPE_CHECKING:
    from tests.rehearsal.story import Story
    from tests.rehearsal.templates import Json

GOOD, MANY = 97, 1000
SEND = "/data/secmsgs$"
TRUNCATED = '{"version":"0","id":"4b1e'
NO_FINDING = '{"version":"0","id":"1","detail-type":"Tag Change on Resource","source":"aws.tag","detail":{}}'


def _found(story: Story, number: int, *, size: int | None = None) -> list[Json]:
    """So many findings, of all kinds, in all regions, of two accounts."""
    accounts = (story.rehearsal.zone.audit, named(story, "payments"))
    return [
        story.rehearsal.guardduty.finding(
            accounts[index % len(accounts)],
            REGIONS[index % len(REGIONS)],
            family=FAMILIES[index % len(FAMILIES)],
            size=size,
        )
        for index in range(number)
    ]


def bad_messages(story: Story) -> None:
    rehearsal = story.rehearsal
    reasons = {
        TRUNCATED: "the message is not JSON",
        "null": "the message is not a GuardDuty finding",
        NO_FINDING: "the message is not a GuardDuty finding",
    }
    with story.step(f"What is no finding comes among {GOOD} findings", dead_letters={FINDINGS: len(reasons)}):
        intake, begun = Intake(story), rehearsal.clock.now
        events = _found(story, GOOD // 2)
        for body in reasons:
            rehearsal.send_message(FINDINGS, body)
        events += _found(story, GOOD - len(events))
        settle(story)
        intake.holds(f"Alert Logic has the {GOOD}", events)
        story.equal("in one request", len(intake.batches), 1)
        letters = {body: attributes["reason"] for body, attributes in rehearsal.dead_letters(FINDINGS)}
        for body, reason in reasons.items():
            found = letters.get(body, "")
            story.check(f"set aside: {reason}", holds=found.startswith(reason), found=found)
        counts = {"FindingsReceived": GOOD + len(reasons), "FindingsForwarded": GOOD, "FindingsFailed": len(reasons)}
        for name, count in counts.items():
            story.equal(f"the metric {name}", sum(rehearsal.metric(FINDINGS, name, since=begun)), count)
        [delay] = rehearsal.metric(FINDINGS, "DeliveryDelay", since=begun)
        story.check("the metric DeliveryDelay", holds=0 < delay <= MINUTE, found=delay)


def refusals(story: Story) -> None:
    rehearsal, alert_logic = story.rehearsal, story.rehearsal.alert_logic
    with story.step("Alert Logic cannot read one of many findings", errors={FINDINGS: "message refused"}):
        intake = Intake(story)
        events = _found(story, 40)
        [wrong] = events[25:26]
        alert_logic.poison = wrong["detail"]["id"]
        settle(story)
        intake.holds("it has the others", [event for event in events if event is not wrong])
        [(_, attributes)] = rehearsal.dead_letters(FINDINGS)
        said = attributes["reason"]
        story.check("that one is set aside with its words", holds="a message cannot be read" in said, found=said)
        alert_logic.poison = None
        rehearsal.replay(FINDINGS)
        story.equal("the operator brings it back", rehearsal.dead_letters(FINDINGS), [])
        settle(story)
        intake.holds("then Alert Logic has it, too", events)
    with story.step("Alert Logic takes only small requests", dead_letters={FINDINGS: 1}):
        intake = Intake(story)
        alert_logic.largest_payload_bytes = 15_000
        events = _found(story, 40)
        rehearsal.guardduty.finding(rehearsal.zone.audit, WEST, size=200_000)
        settle(story)
        intake.holds("it has the findings in several requests", events)
        story.check("of which none is too large", holds=len(intake.batches) > 1, found=len(intake.batches))
        alert_logic.largest_payload_bytes = 700_000


def ingest_fails(story: Story) -> None:
    rehearsal, alert_logic = story.rehearsal, story.rehearsal.alert_logic
    with story.step(f"Ingest answers 503, and {MANY} findings come"):
        intake = Intake(story)
        alert_logic.fail(503, path=SEND, until=rehearsal.clock.now + 100, retry_after=60)
        events = _found(story, MANY)
        settle(story)
        story.equal("all of them wait", rehearsal.queue_depths()[FINDINGS], MANY)
        rehearsal.settle(within_minutes=10)
        intake.holds_at_least_once(f"then Alert Logic has all {MANY}", events)
        story.equal("none waits", rehearsal.queue_depths()[FINDINGS], 0)
        story.tell(f"{len(intake.texts)} findings in {len(intake.batches)} requests")
    with story.step("A request takes effect, but is answered 503"):
        intake = Intake(story)
        alert_logic.fail(503, path=SEND, times=1, after_effect=True)
        events = _found(story, 40)
        rehearsal.settle(within_minutes=10)
        intake.holds_at_least_once("none is missing", events)
        story.check("each is there twice at most", holds=len(intake.texts) <= 2 * len(events), found=len(intake.texts))
    with story.step("Ingest never answers"):
        intake = Intake(story)
        events = _found(story, 40)
        with alert_logic.silent(SEND), rehearsal.functions.impatient(1):
            settle(story)
        story.check("it was asked", holds=bool(alert_logic.unanswered))
        story.equal("the findings wait", rehearsal.queue_depths()[FINDINGS], len(events))
        rehearsal.settle(within_minutes=10)
        intake.holds("then Alert Logic has them", events)
    alert_logic.recover()


def redirects(story: Story) -> None:
    rehearsal, alert_logic = story.rehearsal, story.rehearsal.alert_logic
    path = f"/ingest/v1/{rehearsal.zone.customer_id}/data/secmsgs"
    with story.step("Ingest redirects to another of its hosts"), alert_logic.another_host() as url:
        intake = Intake(story)
        alert_logic.fail(307, path=SEND, times=1, location=url + path, retry_after=2)
        events = _found(story, 10)
        settle(story)
        intake.holds("which has the findings", events)
        hosts = [request.host for request in alert_logic.requests[-2:]]
        story.equal("after the first was asked", hosts, [alert_logic.own_host, url.removeprefix("http://")])
    with story.step("Ingest redirects to a stranger"):
        intake = Intake(story)
        alert_logic.fail(
            307, path=SEND, until=rehearsal.clock.now + 60, location=f"https://alertlogic.com.example{path}"
        )
        events = _found(story, 10)
        settle(story)
        story.equal("nothing is sent there", intake.texts, [])
        rehearsal.settle(within_minutes=10)
        intake.holds("once it does no more, Alert Logic has the findings", events)
    alert_logic.recover()
