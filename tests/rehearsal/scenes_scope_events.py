"""Events about VPCs come twice, late, never, at once or from somebody else, and Alert Logic is not always there."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from tests.rehearsal.principals import RoleSession, Service
from tests.rehearsal.scenes_alertlogic import HOUR, SOMEBODY
from tests.rehearsal.scenes_scope import DEV, EUROPE, HOME, PROD, WEST, in_scope, settle, writes

if TYPE_CHECKING:
    from tests.rehearsal.principals import Principal
    from tests.rehearsal.story import Story
    from tests.rehearsal.templates import Json
    from tests.rehearsal.vpcs import Vpc

ONE_DEPLOYMENT = r"/deployments/[^/]+$"


def deliveries(story: Story) -> None:
    rehearsal, vpcs, emit = story.rehearsal, story.rehearsal.vpcs, story.rehearsal.event_bridge.emit
    with story.step("Events about VPCs come twice"):
        account = rehearsal.vend_account("delivered", PROD)
        rehearsal.settle(within_minutes=10)
        vpc, other = (vpcs.create(account, WEST) for _ in range(2))
        before = len(writes(story, account))
        with rehearsal.delivering_twice():
            vpcs.tag(vpc, alertlogic="true")
        rehearsal.functions.warm("vpc_scope", 2)
        # Two workers have read the same deployment before either writes it.
        with rehearsal.alert_logic.meeting("GET", ONE_DEPLOYMENT, callers=2):
            rehearsal.settle(within_minutes=1, concurrency=2, batch_size=1)
        in_scope(story, "the VPC is in scope, once", account, vpc)
        story.equal("of two writes one was refused", sorted(writes(story, account)[before:]), [200, 409])
    with story.step("An older event comes after a newer one"):
        with vpcs.held_events() as events:
            vpcs.untag(vpc, "alertlogic")
            vpcs.tag(vpc, alertlogic="true")
            vpcs.untag(vpc, "alertlogic")
        for event in reversed(events):
            emit(event)
            settle(story)
            in_scope(story, "what holds is that the tag is gone", account)
    with story.step("An event is lost"):
        with vpcs.held_events():
            vpcs.tag(vpc, alertlogic="true")
        settle(story)
        in_scope(story, "nothing happens", account)
        vpcs.tag(other, CostCenter="4711")
        settle(story)
        in_scope(story, "the next event of that region makes up for it", account, vpc)
    _conflicts(story, vpc)


def _conflicts(story: Story, vpc: Vpc) -> None:
    rehearsal, vpcs, alert_logic, account = (
        story.rehearsal,
        story.rehearsal.vpcs,
        story.rehearsal.alert_logic,
        vpc.account,
    )
    entries = [{"type": "subnet", "key": f"/aws/{WEST}/subnet/subnet-0123456789abcdef0"}]
    with story.step("A user changes the deployment between our read and our write"):
        vpcs.untag(vpc, "alertlogic")
        edits = [lambda: alert_logic.add_to_scope(account, exclude=entries, by=SOMEBODY)]
        with alert_logic.after_each("GET", ONE_DEPLOYMENT, lambda: edits and edits.pop()()):
            settle(story)
        in_scope(story, "the VPC is not in scope", account)
        [deployment] = rehearsal.deployments(account)
        story.equal("the user's change is there, too", deployment["scope"]["exclude"], entries)
    with story.step("Others change the deployment again and again"):
        alert_logic.fail(409, method="PUT", path=ONE_DEPLOYMENT, times=6)
        vpcs.tag(vpc, alertlogic="true")
        settle(story)
        in_scope(story, "in the end the VPC is in scope", account, vpc)
    with story.step("Others change it for five minutes"):
        alert_logic.fail(409, method="PUT", path=ONE_DEPLOYMENT, until=rehearsal.clock.now + 300)
        vpcs.untag(vpc, "alertlogic")
        settle(story)
        story.equal("the event waits", rehearsal.queue_depths()["vpc_scope"], 1)
        rehearsal.settle(within_minutes=20)
        in_scope(story, "then the VPC is not in scope", account)
    with story.step("Alert Logic answers 503 for an hour, and VPCs change"):
        alert_logic.fail(503, until=rehearsal.clock.now + HOUR)
        vpcs.tag(vpc, alertlogic="true")
        late = vpcs.create(account, EUROPE, Env="Prod")
        rehearsal.advance(minutes=50)
        in_scope(story, "the scope is as it was", account)
        story.check("the events wait", holds=rehearsal.queue_depths()["vpc_scope"] > 0)
        rehearsal.advance(minutes=40)
        in_scope(story, "an hour later it is right", account, vpc, late)
    alert_logic.recover()


def strangers(story: Story) -> None:
    rehearsal = story.rehearsal
    victim, attacker = (rehearsal.vend_account(name, DEV) for name in ("alice", "mallory"))
    with story.step("Two accounts, in which VPCs have tags of which no event has told"):
        rehearsal.settle(within_minutes=10)
        story.registered(victim, attacker)
        with rehearsal.vpcs.held_events() as events:
            vpc, other = (rehearsal.vpcs.create(one, WEST, alertlogic="true") for one in (victim, attacker))
        created, tagged, _, tagged_other = events
    _contradictions(story, created, tagged, tagged_other)
    with story.step("Another event of the same batch"):
        in_scope(story, "is heard", attacker, other)
    _forgeries(story, attacker, tagged)
    with story.step("Which roles may do what"):
        _check_roles(story, attacker, victim)
    with story.step("The VPC's own event comes"):
        rehearsal.event_bridge.emit(tagged)
        settle(story)
        in_scope(story, "and is heard", victim, vpc)


def _contradictions(story: Story, created: Json, tagged: Json, tagged_other: Json) -> None:
    rehearsal = story.rehearsal
    account, other = tagged["account"], tagged_other["account"]
    wrong: dict[str, Json] = {
        f"not a VPC under arn:aws:ec2:{WEST}:{account}": tagged | {"resources": tagged_other["resources"]},
        f"not a VPC under arn:aws:ec2:{EUROPE}:{account}": tagged | {"region": EUROPE},
        f"names [], not a VPC under arn:aws:ec2:{WEST}": tagged | {"resources": []},
        "but is about": created | {"detail": created["detail"] | {"recipientAccountId": other}},
        "'vpc' is missing": created | {"detail": created["detail"] | {"responseElements": {"_return": True}}},
    }
    with story.step("Events contradict themselves, or name no VPC", dead_letters={"vpc_scope": len(wrong)}):
        for event in (*wrong.values(), tagged_other):
            rehearsal.event_bridge.emit(event)
        settle(story)
        reasons = " ".join(attributes["reason"] for _, attributes in rehearsal.dead_letters("vpc_scope"))
        missing = [reason for reason in wrong if reason not in reasons]
        story.check("each is set aside with the reason", holds=not missing, found=missing)
        in_scope(story, "nothing comes of them", account)


def _forgeries(story: Story, attacker: str, event: Json) -> None:
    rehearsal = story.rehearsal
    developer = rehearsal.forger.create_role(attacker, "Developer")
    with story.step("A developer in another account puts the event on the hub's bus"):
        answer = rehearsal.forger.put_event(developer, event)
        story.equal("it is refused", answer["Entries"][0].get("ErrorCode"), "NotAuthorizedForSourceException")
        answer = rehearsal.forger.put_event(developer, event | {"source": "our.tag"})
        story.equal("an event of another source is taken", answer["FailedEntryCount"], 0)
        story.equal("nothing reaches the function", rehearsal.queue_depths()["vpc_scope"], 0)
    queue = rehearsal.functions.labeled("vpc_scope").environment["QUEUE_URL"]
    no_queue = frozenset({("sqs:SendMessage", queue.rsplit("/", 1)[1])})
    with story.step("The developer sends it to the function's queue", denials=no_queue):
        with contextlib.suppress(ClientError):
            rehearsal.forger.send_message(developer, queue, event)
        story.equal("nothing reaches the function", rehearsal.queue_depths()["vpc_scope"], 0)
        in_scope(story, "nothing comes of it", event["account"])


def _check_roles(story: Story, attacker: str, victim: str) -> None:
    rehearsal, zone = story.rehearsal, story.rehearsal.zone
    role, bus = rehearsal.delivery_role(victim, WEST), rehearsal.hub_bus
    reader = f"arn:aws:iam::{victim}:role/alertlogic-hub-reader"
    developer = RoleSession(f"arn:aws:iam::{attacker}:role/Developer", "session")
    delivery = RoleSession(role, "EventBridge")

    def may(principal: Principal, action: str, *resources: str) -> set[bool]:
        return {rehearsal.authority.asks(principal, action, resource).allowed for resource in resources}

    def rule(account: str, region: str) -> Service:
        return Service("events.amazonaws.com", f"arn:aws:events:{region}:{account}:rule/any")

    others = (bus.replace("/alertlogic-hub", "/default"), bus.replace(zone.security, attacker), f"{bus}-2")
    story.equal("rules there assume the delivery role", may(rule(victim, WEST), "sts:AssumeRole", role), {True})
    story.equal("rules of another account do not", may(rule(attacker, WEST), "sts:AssumeRole", role), {False})
    story.equal("nor those of another region", may(rule(victim, HOME), "sts:AssumeRole", role), {False})
    story.equal("it puts events on the hub's bus", may(delivery, "events:PutEvents", bus), {True})
    story.equal("and on no other", may(delivery, "events:PutEvents", *others), {False})
    story.equal("the developer does not read what the hub reads", may(developer, "sts:AssumeRole", reader), {False})
