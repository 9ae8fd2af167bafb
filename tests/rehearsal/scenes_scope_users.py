"""What in a scope is the user's stays; and the sample is told to protect whole regions instead."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.rehearsal.scenes_alertlogic import SOMEBODY
from tests.rehearsal.scenes_scope import DEV, EUROPE, HOME, WEST, settle, writes

if TYPE_CHECKING:
    from tests.rehearsal.story import Story
    from tests.rehearsal.templates import Json

# A region that is not governed.
ELSEWHERE = "ap-south-1"
EXCLUDED = (
    {"type": "subnet", "key": f"/aws/{WEST}/subnet/subnet-0123456789abcdef0"},
    {"type": "host", "key": f"/aws/{WEST}/host/i-0123456789abcdef0"},
    {"type": "vpc", "key": f"/aws/{WEST}/vpc/vpc-0eeeeeeeeeeeeeee0"},
)


def _entries(story: Story) -> list[Json]:
    """What a user may include in a scope that has nothing to do with VPCs in governed regions."""
    [policy] = [one["id"] for one in story.rehearsal.alert_logic.policies if one["name"] == "Essentials"]
    keys = {
        f"/aws/{WEST}/host/i-0fedcba9876543210": "host",
        f"/aws/{ELSEWHERE}": "region",
        f"/aws/{HOME}": "region",
        f"/aws/{ELSEWHERE}/vpc/vpc-0123456789abcdef0": "vpc",
    }
    return [_entry(key, kind, policy) for key, kind in keys.items()]


def _entry(key: str, kind: str, policy: str) -> Json:
    return {"type": kind, "key": key, "policy": {"id": policy}}


def _scope(story: Story, account: str) -> Any:
    [deployment] = story.rehearsal.deployments(account)
    return deployment["scope"]


def in_our_deployment(story: Story) -> None:
    rehearsal, vpcs = story.rehearsal, story.rehearsal.vpcs
    with story.step("A user adds to the scope of a deployment that we made"):
        account = rehearsal.vend_account("shared", DEV)
        rehearsal.settle(within_minutes=10)
        vpc, stray = (vpcs.create(account, WEST) for _ in range(2))
        settle(story)
        entries = _entries(story)
        by_hand = _entry(stray.key, "vpc", entries[0]["policy"]["id"])
        rehearsal.alert_logic.add_to_scope(account, include=[*entries, by_hand], exclude=EXCLUDED, by=SOMEBODY)
        vpcs.tag(vpc, alertlogic="true")
        settle(story)
        included = _scope(story, account)["include"]
        keys = [entry["key"] for entry in included]
        story.equal("all else that was added stays as it was", [e for e in included if e in entries], entries)
        story.check("the VPC that no tag wants goes", holds=stray.key not in keys, found=keys)
        story.check("the one with the tag is in scope", holds=vpc.key in keys, found=keys)
        story.equal("exclusions stay", _scope(story, account)["exclude"], [*EXCLUDED])


def in_somebody_elses_deployment(story: Story) -> None:
    rehearsal, vpcs, alert_logic = story.rehearsal, story.rehearsal.vpcs, story.rehearsal.alert_logic
    account = rehearsal.create_account("adopted", DEV)
    vpc, by_hand = (vpcs.create(account, WEST) for _ in range(2))
    with story.step("An account has a deployment that somebody else made, with a scope of its own"):
        entries = _entries(story)
        entries.append(_entry(by_hand.key, "vpc", entries[0]["policy"]["id"]))
        scope = {"include": entries, "exclude": [*EXCLUDED]}
        alert_logic.add_deployment(account_id=account, name="adopted", created_by=SOMEBODY, scope=scope)
        # Before it registers an account, a sweep lists what Alert Logic holds.
        rehearsal.sweep()
        story.registered(account)
        _check_kept(story, account, scope)
    with story.step("A VPC there gets the tag"):
        vpcs.tag(vpc, alertlogic="true")
        settle(story)
        _check_kept(story, account, scope)
        story.check("it is in scope", holds=vpc.key in rehearsal.included(account), found=rehearsal.included(account))
        retained = [line["retained"] for line in rehearsal.log_lines("vpc_scope") if line.get("account_id") == account]
        story.equal("the log says what would go", retained, [[by_hand.key]])
    with story.step("The VPC loses the tag"):
        before, counted = writes(story, account), _retained(story)
        vpcs.untag(vpc, "alertlogic")
        settle(story)
        _check_kept(story, account, scope)
        story.check("it stays in scope, too", holds=vpc.key in rehearsal.included(account))
        story.equal("nothing is written", writes(story, account), before)
        story.equal("a metric counts what would go", _retained(story) - counted, 2)


def _check_kept(story: Story, account: str, scope: Json) -> None:
    now = _scope(story, account)
    kept = [entry for entry in now["include"] if entry in scope["include"]]
    story.equal("all that was in scope is, as it was", kept, scope["include"])
    story.equal("exclusions stay", now["exclude"], scope["exclude"])


def _retained(story: Story) -> float:
    """The sum of the metric `EntriesRetained`."""
    lines = story.rehearsal.log_lines("vpc_scope")
    return sum(value for line in lines for value in line.get("EntriesRetained", ()))


def whole_regions_and_back(story: Story) -> None:
    rehearsal, vpcs, zone = story.rehearsal, story.rehearsal.vpcs, story.rehearsal.zone
    accounts = [account for account in rehearsal.organization.names if rehearsal.deployments(account)]
    adopted = rehearsal.create_account("before-us", DEV)
    with story.step("Before whole regions, an account with somebody else's deployment"):
        rehearsal.alert_logic.add_deployment(account_id=adopted, name="before-us", created_by=SOMEBODY)
        rehearsal.sweep()
        story.registered(*accounts, adopted)
        kept = rehearsal.included(adopted)
    with story.step("The stacks are deployed anew, with whole regions instead of tags"):
        rehearsal.deploy(variant="regions")
        rehearsal.settle(within_minutes=20)
        story.vpc_tags = {}
        story.registered(*accounts, adopted)
        kept += sorted(f"/aws/{region}" for region in zone.governed_regions)
        story.equal("nothing is taken from somebody else", rehearsal.included(adopted), kept)
    with story.step("An account is vended meanwhile"):
        late = rehearsal.vend_account("meanwhile", DEV)
        rehearsal.settle(within_minutes=10)
        story.registered(late)
        story.equal("it has one stack", len(rehearsal.member_stacks(late)), 1)
    with story.step("Nobody watches tags now"):
        with vpcs.held_events() as events:
            vpcs.create(accounts[-1], WEST, alertlogic="true")
        story.equal("no rule passes an event on", [rehearsal.event_bridge.emit(one) for one in events], [0, 0])
    with story.step("The stacks are deployed anew, with tags again"):
        rehearsal.deploy(variant="manual")
        rehearsal.settle(within_minutes=20)
        story.vpc_tags = zone.vpc_tags
        story.registered(*accounts, adopted)
        story.equal("nothing is taken from somebody else", rehearsal.included(adopted), kept)
    with story.step("Control Tower updates the account that was vended meanwhile"):
        rehearsal.update_managed_account(late, DEV)
        rehearsal.settle(within_minutes=10)
        story.registered(late)
        story.equal("it has a stack in each region", len(rehearsal.member_stacks(late)), len(zone.governed_regions))
    with story.step("A VPC gets the tag"):
        vpc = vpcs.create(accounts[-1], EUROPE, alertlogic="true")
        settle(story)
        story.registered(accounts[-1])
        story.check("it is in scope", holds=vpc.key in rehearsal.included(accounts[-1]))
