"""A tag on a VPC decides whether Alert Logic protects it."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.rehearsal.story import Story
    from tests.rehearsal.vpcs import Vpc

PROD, DEV = "Workloads/Prod", "Workloads/Dev"
HOME, WEST, EUROPE = "us-east-1", "us-west-2", "eu-west-1"
CROWD = 230


def in_scope(story: Story, what: str, account: str, *vpcs: Vpc) -> None:
    """Check that these VPCs and the one that the account came with are in scope, each once, and nothing else."""
    [own] = [vpc for vpc, tags in story.rehearsal.vpcs.of(account, HOME).items() if tags == {"alertlogic": "true"}][:1]
    story.equal(what, sorted(story.rehearsal.included(account)), sorted(vpc.key for vpc in (own, *vpcs)))


def writes(story: Story, account: str) -> list[int]:
    """The status of Alert Logic's answer to every change of an account's deployment; 0 for none."""
    [deployment] = story.rehearsal.deployments(account)
    requests = story.rehearsal.alert_logic.requests
    return [r.status or 0 for r in requests if r.method == "PUT" and r.path.endswith(deployment["id"])]


def settle(story: Story) -> None:
    """Let events arrive, gather and be worked on."""
    story.rehearsal.settle(within_minutes=1)


def tags(story: Story) -> None:
    vpcs = story.rehearsal.vpcs
    with story.step("An account has a VPC without a tag"):
        account = story.rehearsal.vend_account("tagged", PROD)
        story.rehearsal.settle(within_minutes=10)
        story.registered(account)
        vpc = vpcs.create(account, WEST)
        settle(story)
        in_scope(story, "it is not in scope", account)
    with story.step("The VPC gets the tag"):
        vpcs.tag(vpc, alertlogic="true")
        settle(story)
        story.tell(f"{vpc.id} is protected", account)
        in_scope(story, "it is in scope", account, vpc)
    with story.step("The tag's value changes, and changes back"):
        vpcs.tag(vpc, alertlogic="false")
        settle(story)
        in_scope(story, "with another value it is not in scope", account)
        vpcs.tag(vpc, alertlogic="true")
        settle(story)
        in_scope(story, "with the right one it is", account, vpc)
    with story.step("The tag is removed"):
        vpcs.untag(vpc, "alertlogic")
        settle(story)
        in_scope(story, "it is not in scope", account)
    _several_tags(story, vpc)
    _other_tags(story, vpc)
    _made_and_deleted(story, account)


def _several_tags(story: Story, vpc: Vpc) -> None:
    vpcs, account = story.rehearsal.vpcs, vpc.account
    with story.step("A VPC has two of the tags, and loses one after the other"):
        vpcs.tag(vpc, alertlogic="true", Env="Prod")
        settle(story)
        in_scope(story, "with both it is in scope, once", account, vpc)
        before = writes(story, account)
        vpcs.untag(vpc, "alertlogic")
        settle(story)
        in_scope(story, "with one it stays", account, vpc)
        story.equal("nothing is written for that", writes(story, account), before)
        vpcs.untag(vpc, "Env")
        settle(story)
        in_scope(story, "with none it goes", account)


def _other_tags(story: Story, vpc: Vpc) -> None:
    vpcs, account = story.rehearsal.vpcs, vpc.account
    with story.step("A VPC has tags that are almost right, or nobody's business"):
        before = writes(story, account)
        for almost in ({"Env": "Pro"}, {"Env": "prod"}, {"env": "Prod"}, {"Env": ""}, {"CostCenter": "true"}):
            vpcs.tag(vpc, **almost)
            settle(story)
        in_scope(story, "it is not in scope", account)
        story.equal("nothing is written", writes(story, account), before)


def _made_and_deleted(story: Story, account: str) -> None:
    rehearsal, vpcs = story.rehearsal, story.rehearsal.vpcs
    with story.step("A VPC is created with the tag, of which only CloudTrail tells"):
        with vpcs.held_events() as events:
            vpc = vpcs.create(account, EUROPE, Env="Prod")
        [created] = [event for event in events if event["source"] == "aws.ec2"]
        rehearsal.event_bridge.emit(created)
        settle(story)
        in_scope(story, "it is in scope", account, vpc)
    with story.step("The VPC is deleted"):
        vpcs.delete(vpc)
        settle(story)
        in_scope(story, "it is not in scope", account)
    with story.step("Nobody may delete a VPC, and somebody tries"):
        with vpcs.held_events() as events:
            vpcs.delete(vpcs.create(account, EUROPE))
        failed = events[-1]
        failed["detail"] |= {"errorCode": "Client.UnauthorizedOperation", "responseElements": None}
        story.equal("no rule passes it on", rehearsal.event_bridge.emit(failed), 0)


def many_vpcs(story: Story) -> None:
    rehearsal, vpcs = story.rehearsal, story.rehearsal.vpcs
    with story.step(f"A region has {CROWD} VPCs, and those with the tag are on EC2's second and third page"):
        account = rehearsal.vend_account("crowded", PROD)
        rehearsal.settle(within_minutes=10)
        with vpcs.held_events():
            crowd = [vpcs.create(account, EUROPE) for _ in range(CROWD)]
            protected = [crowd[index] for index in (100, 150, 199, 200, CROWD - 1)]
            for vpc in protected[:-1]:
                vpcs.tag(vpc, alertlogic="true")
        vpcs.tag(protected[-1], alertlogic="true")
        settle(story)
        in_scope(story, "one event brings in all of them", account, *protected)
        vpcs.untag(protected[0], "alertlogic")
        vpcs.tag(crowd[0], alertlogic="true")
        settle(story)
        in_scope(story, "and the next two what has changed since", account, crowd[0], *protected[1:])


def tagged_before_enrollment(story: Story) -> None:
    rehearsal, vpcs = story.rehearsal, story.rehearsal.vpcs
    with story.step("An account has VPCs with the tag before it is enrolled"):
        account = rehearsal.create_account("prepared", DEV)
        there = [vpcs.create(account, region, Env="Prod") for region in (WEST, EUROPE)]
        vpcs.create(account, WEST, Env="Test")
        before = len(rehearsal.alert_logic.requests)
        rehearsal.update_managed_account(account, DEV)
        rehearsal.settle(within_minutes=10)
        story.registered(account)
        in_scope(story, "they are in scope", account, *there)
        asked = rehearsal.alert_logic.requests[before:]
        [made] = [r.body for r in asked if (r.method, r.path.rsplit("/", 1)[1]) == ("POST", "deployments")]
        entries = {entry["key"] for entry in made["scope"]["include"]}
        story.equal("from the first moment on", entries, set(rehearsal.included(account)))
        story.equal("without any change", writes(story, account), [])


def tagged_before_registration(story: Story) -> None:
    rehearsal, vpcs, alert_logic = story.rehearsal, story.rehearsal.vpcs, story.rehearsal.alert_logic
    with story.step("A VPC gets the tag while its account is not yet registered"):
        alert_logic.fail(503, method="POST", path="/deployments$", until=rehearsal.clock.now + 600)
        account = rehearsal.vend_account("awaited", DEV)
        vpc = vpcs.create(account, EUROPE)
        rehearsal.settle(within_minutes=2)
        story.equal("the rules are there", len(rehearsal.member_stacks(account)), 3)
        vpcs.tag(vpc, Env="Prod")
        settle(story)
        story.equal("there is no deployment", rehearsal.deployments(account), [])
        reasons = {line.get("reason") for line in rehearsal.log_lines("vpc_scope")}
        why = f"Alert Logic has no deployment of account {account}"
        story.check("the event waits for it", holds=why in reasons, found=reasons)
    with story.step("The account is registered"):
        # Ten minutes, and twice the longest wait: that of the registration, and then that of the event.
        rehearsal.settle(within_minutes=40)
        story.registered(account)
        in_scope(story, "the VPC is in scope", account, vpc)
        story.equal("no event waits", rehearsal.queue_depths()["vpc_scope"], 0)


def two_accounts_and_regions(story: Story) -> None:
    rehearsal, vpcs = story.rehearsal, story.rehearsal.vpcs
    with story.step("VPCs of two accounts, in two regions each, get the tag at once"):
        accounts = [rehearsal.vend_account(name, PROD) for name in ("both-1", "both-2")]
        rehearsal.settle(within_minutes=10)
        made = {account: [vpcs.create(account, region) for region in (WEST, EUROPE)] for account in accounts}
        settle(story)
        batches = len(_converged(story))
        served = len(rehearsal.alert_logic.requests)
        for vpc in itertools.chain(*made.values()):
            vpcs.tag(vpc, alertlogic="true")
        settle(story)
        for account in accounts:
            in_scope(story, f"those of {account} are in its scope", account, *made[account])
        asked = [(r.method, r.path.split("/")[1]) for r in rehearsal.alert_logic.requests[served:]]
        story.equal("each account is worked on once", len(_converged(story)) - batches, len(accounts))
        story.equal("with one write each", asked.count(("PUT", "deployments")), len(accounts))
    with story.step("The same in every region of the audit account"):
        audit = rehearsal.zone.audit
        there = [vpcs.create(audit, region, Env="Prod") for region in rehearsal.zone.governed_regions]
        settle(story)
        story.equal("all are in scope", sorted(rehearsal.included(audit)), sorted(vpc.key for vpc in there))


def _converged(story: Story) -> list[object]:
    return [line for line in story.rehearsal.log_lines("vpc_scope") if line.get("message") == "converged"]
