"""GuardDuty's findings reach Alert Logic as they are, each once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.rehearsal.event_text import event_text
from tests.rehearsal.findings import FAMILIES, finding
from tests.rehearsal.scenes_scope import EUROPE, HOME, WEST
from tests.rehearsal.story import MINUTE

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.rehearsal.alertlogic_collection import SentBatch
    from tests.rehearsal.story import Story
    from tests.rehearsal.templates import Json

FINDINGS, CHECK_IN = "guardduty_findings", "collector_checkin"
REGIONS = (HOME, WEST, EUROPE)


class Intake:
    """What ingest takes from now on."""

    def __init__(self, story: Story) -> None:
        self._story = story
        self._before = len(story.rehearsal.alert_logic.batches)

    @property
    def batches(self) -> list[SentBatch]:
        return self._story.rehearsal.alert_logic.batches[self._before :]

    @property
    def texts(self) -> list[str]:
        return [text for batch in self.batches for text in batch.texts]

    def holds(self, what: str, events: Iterable[Json]) -> None:
        """Check that it is these findings, each once, letter by letter."""
        self._compare(what, events, self.texts)

    def holds_at_least_once(self, what: str, events: Iterable[Json]) -> None:
        """Check that it is these findings, each once or more, letter by letter."""
        self._compare(what, events, list(dict.fromkeys(self.texts)))

    def _compare(self, what: str, events: Iterable[Json], found: list[str]) -> None:
        expected = sorted(map(event_text, events))
        missing = [text[:300] for text in expected if text not in set(found)]
        others = [text[:300] for text in found if text not in set(expected)]
        difference = f"{len(found)} of {len(expected)}, missing {missing[:2]}, others {others[:2]}"
        self._story.check(what, holds=sorted(found) == expected, found=difference)


def settle(story: Story) -> None:
    """Let findings arrive, gather and be sent."""
    story.rehearsal.settle(within_minutes=1)


def named(story: Story, name: str) -> str:
    """An account by its name."""
    return next(account for account, other in story.rehearsal.organization.names.items() if other == name)


def findings_arrive(story: Story) -> None:
    rehearsal, guardduty, zone = story.rehearsal, story.rehearsal.guardduty, story.rehearsal.zone
    account = named(story, "payments")
    with story.step("GuardDuty finds something of every kind in a member account, not in the home region"):
        intake, begun = Intake(story), rehearsal.clock.now
        events = [guardduty.finding(account, WEST, family=family) for family in FAMILIES]
        settle(story)
        intake.holds(f"Alert Logic has all {len(events)}, every letter as it was", events)
        story.tell("found, seen by the administrator, forwarded to the hub, collected by Alert Logic", account)
        [batch] = intake.batches
        story.equal("in one request", len(batch.texts), len(events))
        story.equal("from the collector", batch.source_id, rehearsal.functions.labeled(FINDINGS).arn)
        seen = {(event["account"], event["detail"]["accountId"]) for event in rehearsal.alert_logic.findings}
        story.equal("as the administrator saw it, of the account it is about", seen, {(zone.security, account)})
        story.check("within a minute", holds=batch.at - begun <= MINUTE, found=batch.at - begun)
    _of_every_size(story, account)
    _more_than_once(story, account)
    _not_from_the_administrator(story, account)


def _of_every_size(story: Story, account: str) -> None:
    guardduty, zone = story.rehearsal.guardduty, story.rehearsal.zone
    with story.step(
        "It finds small and large things everywhere, samples too, and something of the administrator's own"
    ):
        intake = Intake(story)
        events = [guardduty.finding(account, region, family="s3", severity=4.7) for region in REGIONS]
        events += [guardduty.finding(zone.audit, region, family="eks", size=200_000) for region in REGIONS]
        events += [guardduty.finding(zone.security, region, family="iam", size=6_000) for region in REGIONS]
        events += [guardduty.finding(account, EUROPE, family=family, sample=True) for family in FAMILIES]
        settle(story)
        intake.holds("Alert Logic has all of them", events)


def _more_than_once(story: Story, account: str) -> None:
    rehearsal, guardduty = story.rehearsal, story.rehearsal.guardduty
    with story.step("SQS delivers findings twice"):
        intake = Intake(story)
        with rehearsal.delivering_twice():
            events = [guardduty.finding(account, WEST, family=family) for family in FAMILIES]
        settle(story)
        intake.holds("Alert Logic gets each once", events)
    with story.step("A finding recurs"):
        intake = Intake(story)
        first = finding("rds", number=10**6, account=account, region=WEST, at=rehearsal.clock.now)
        again = finding("rds", number=10**6, account=account, region=WEST, at=rehearsal.clock.now + 21600)
        again["detail"]["service"]["count"] += 1
        events = [guardduty.tell(event) for event in (first, again)]
        story.equal("under the same id", len({event["detail"]["id"] for event in events}), 1)
        settle(story)
        intake.holds("Alert Logic gets both", events)


def _not_from_the_administrator(story: Story, account: str) -> None:
    rehearsal = story.rehearsal
    developer = rehearsal.forger.create_role(account, "Analyst")
    with story.step("Somebody in a member account puts a finding on the hub's bus"):
        event = finding("ec2", number=10**6, account=account, region=WEST)
        answer = rehearsal.forger.put_event(developer, event)
        story.equal("it is refused", answer["Entries"][0].get("ErrorCode"), "NotAuthorizedForSourceException")
        taken = rehearsal.event_bridge.put(rehearsal.hub_bus, event, is_received=True)
        story.equal("the hub takes none but the administrator's", taken, 0)
