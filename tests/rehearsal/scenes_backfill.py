"""Findings that were open before the collector was there reach Alert Logic when somebody runs the backfill."""

from __future__ import annotations

import contextlib
import io
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from unittest import mock

from alertlogic_constructs import backfill as backfill_command
from tests.rehearsal.findings import FAMILIES, finding
from tests.rehearsal.principals import Operator, RoleSession
from tests.rehearsal.scenes_findings import REGIONS, Intake, settle
from tests.rehearsal.scenes_scope import EUROPE, HOME, WEST
from tests.rehearsal.story import MINUTE
from tests.rehearsal.synthesis import ROOT

if TYPE_CHECKING:
    from tests.rehearsal.story import Story
    from tests.rehearsal.templates import Json

DAY = 24 * 60 * MINUTE
# More than one page of them.
MANY = 60
ALL_SENT = 0


@dataclass(frozen=True)
class OpenFindings:
    """What there is before anything of ours is.

    Attributes:
        expected: The events that EventBridge made of those that are still open.
    """

    expected: list[Json]


def findings_before_the_collector(story: Story) -> OpenFindings:
    rehearsal, guardduty, zone = story.rehearsal, story.rehearsal.guardduty, story.rehearsal.zone
    with story.step("GuardDuty finds things, and nobody listens yet"):
        for region in REGIONS:
            rehearsal.gateway.client("guardduty", Operator(zone.security), region).create_detector(Enable=True)
        events = [guardduty.finding(zone.audit, WEST, family=family) for family in FAMILIES]
        events += [guardduty.finding(zone.log_archive, EUROPE, sample=number % 2 == 0) for number in range(MANY)]
        events += [_days_ago(story, days, HOME) for days in (1, 89)]
        _days_ago(story, 91, HOME)
        archived = guardduty.finding(zone.security, HOME)
        guardduty.archive(archived)
        story.tell(f"{len(events)} stay open, one is archived, one is from 91 days ago")
        return OpenFindings(events)


def backfill(story: Story, before: OpenFindings) -> None:
    rehearsal = story.rehearsal
    with story.step("The operator counts the findings that were open before the stacks were there"):
        intake = Intake(story)
        story.equal("all can be read", _run(story, "--dry-run"), ALL_SENT)
        settle(story)
        story.equal("and none is sent", intake.texts, [])
    with story.step("The operator sends them"):
        story.equal("all are", _run(story), ALL_SENT)
        settle(story)
        sent = sorted(intake.texts)
        _holds(story, "Alert Logic has each once, as its event would have been", sent, before.expected)
    with story.step("The operator sends them again"):
        intake = Intake(story)
        story.equal("all are", _run(story), ALL_SENT)
        settle(story)
        story.equal("they are the same, letter by letter", sorted(intake.texts), sent)
        story.equal("no queue holds anything else", set(rehearsal.queue_depths().values()), {0})
    with story.step("The forwarder is told to send some findings only, and the operator sends those"):
        rehearsal.deploy("AlertLogic-Security", variant="automatic")
        intake = Intake(story)
        story.equal("all are", _run(story), ALL_SENT)
        settle(story)
        wanted = [event for event in before.expected if _is_wanted(event["detail"])]
        _holds(story, "those that its rule takes, no samples among them", intake.texts, wanted)


def _days_ago(story: Story, days: int, region: str) -> Json:
    account, at = story.rehearsal.zone.audit, story.rehearsal.clock.now - days * DAY
    return story.rehearsal.guardduty.tell(finding("iam", number=days, account=account, region=region, at=at))


def _run(story: Story, *arguments: str) -> int:
    """Run the command with the permissions of docs/backfill.md, and nothing else."""
    rehearsal = story.rehearsal
    operator = RoleSession(_role(story), "operator")
    credentials = rehearsal.gateway.credentials(operator)
    environment = {
        "AWS_ENDPOINT_URL": rehearsal.gateway.url,
        "AWS_DEFAULT_REGION": rehearsal.zone.home_region,
        "AWS_ACCESS_KEY_ID": credentials["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": credentials["SecretAccessKey"],
        "AWS_SESSION_TOKEN": credentials["SessionToken"],
    }
    said = io.StringIO()
    with mock.patch.dict("os.environ", environment), contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        code = backfill_command.main(arguments)
    for line in said.getvalue().splitlines():
        story.tell(line, operator.account)
    return code


def _role(story: Story) -> str:
    iam = story.rehearsal.client("iam", story.rehearsal.zone.security)
    [policy] = re.findall(r"```json\n(.*?)```", (ROOT / "docs" / "backfill.md").read_text("utf-8"), re.DOTALL)
    trust: Json = {"Version": "2012-10-17", "Statement": []}
    with contextlib.suppress(iam.exceptions.EntityAlreadyExistsException):
        iam.create_role(RoleName="Backfill", AssumeRolePolicyDocument=json.dumps(trust))
    iam.put_role_policy(RoleName="Backfill", PolicyName="Backfill", PolicyDocument=policy)
    arn: str = iam.get_role(RoleName="Backfill")["Role"]["Arn"]
    return arn


def _is_wanted(detail: Json) -> bool:
    """What `synthesis.FILTERED` says, in other words."""
    is_kind = ":EC2/" in detail["type"] or detail["type"] == "Discovery:IAMUser/AnomalousBehavior"
    return is_kind and detail["severity"] >= 4.5 and "sample" not in detail["service"]["additionalInfo"]


def _holds(story: Story, what: str, texts: list[str], events: list[Json]) -> None:
    """Compare all but the id and the time of an event, which only its sender knows."""
    found, expected = (
        sorted(json.dumps({**event, "id": "", "time": ""}, sort_keys=True) for event in some)
        for some in (map(json.loads, texts), events)
    )
    missing = [text[:300] for text in expected if text not in set(found)]
    story.check(what, holds=found == expected, found=f"{len(found)} of {len(expected)}, missing {missing[:2]}")
