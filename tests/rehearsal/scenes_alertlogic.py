"""Alert Logic is not always there, and does not always know us."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.rehearsal.story import Story

PROD, DEV = "Workloads/Prod", "Workloads/Dev"
HOUR = 3600
TOKEN_MINUTES = 30
# What the function says of the messages that it leaves in the queue, for an alarm.
WAITING = "OldestWaitingMessage"
# A user of Alert Logic who is not us.
SOMEBODY = "0A1B2C3D-4E5F-4A6B-8C7D-9E0F1A2B3C4D"


def outages(story: Story) -> None:
    rehearsal, alert_logic = story.rehearsal, story.rehearsal.alert_logic
    with story.step("Alert Logic answers 503 for ten minutes"):
        alert_logic.fail(503, until=rehearsal.clock.now + 600)
        account = rehearsal.vend_account("mail", PROD)
        rehearsal.settle(within_minutes=5)
        story.unregistered(account)
        rehearsal.settle(within_minutes=30)
        story.registered(account)
        story.equal("CloudFormation hears of it once it is done", rehearsal.registration_status(account), "registered")
    with story.step("Alert Logic answers 503 for two hours"):
        alert_logic.fail(503, until=rehearsal.clock.now + 2 * HOUR)
        lines_before = len(rehearsal.log_lines("account_registration"))
        account = rehearsal.vend_account("chat", PROD)
        rehearsal.advance(minutes=30)
        story.equal("the stack waits", rehearsal.home_stack(account).status, "CREATE_IN_PROGRESS")
        rehearsal.advance(minutes=20)
        story.equal("CloudFormation hears 'pending'", rehearsal.registration_status(account), "pending")
        story.equal("the stack is complete", rehearsal.home_stack(account).status, "CREATE_COMPLETE")
        story.unregistered(account)
        lines = rehearsal.log_lines("account_registration")[lines_before:]
        ages = [age for line in lines for age in line.get(WAITING, ())]
        story.check("a metric says how long it has waited", holds=max(ages) > HOUR / 2, found=ages)
        rehearsal.advance(minutes=100)
        story.tell("Alert Logic is back", account)
        story.registered(account)
    alert_logic.recover()


def half_done(story: Story) -> None:
    rehearsal, alert_logic = story.rehearsal, story.rehearsal.alert_logic
    for what, path in (("credential", "/credentials$"), ("deployment", "/deployments$")):
        with story.step(f"The POST of a {what} takes effect, but answers 503"):
            alert_logic.fail(503, method="POST", path=path, times=1, after_effect=True)
            account = rehearsal.vend_account(f"half-{what}", DEV)
            rehearsal.settle(within_minutes=20)
            story.registered(account)


def what_alert_logic_holds(story: Story) -> None:
    rehearsal, alert_logic = story.rehearsal, story.rehearsal.alert_logic
    with story.step("The customer is not entitled to the policy"):
        policies, alert_logic.policies = alert_logic.policies, alert_logic.policies[:1]
        account = rehearsal.vend_account("unentitled", DEV)
        rehearsal.settle(within_minutes=10)
        instance = rehearsal.home_instance(account)
        story.tell(instance.reason, account)
        story.equal("the instance fails", (instance.status, instance.detailed), ("OUTDATED", "FAILED"))
        story.unregistered(account)
    with story.step("The customer buys the policy, and Control Tower updates the account"):
        alert_logic.policies = policies
        rehearsal.update_managed_account(account, DEV)
        rehearsal.settle(within_minutes=10)
        story.registered(account)
    with story.step("Somebody has made a deployment for an account by hand"):
        account = rehearsal.create_account("by-hand", DEV)
        made_by_hand = alert_logic.add_deployment(account_id=account, name="by-hand", created_by=SOMEBODY)
        rehearsal.update_managed_account(account, DEV)
        rehearsal.settle(within_minutes=10)
        there = [one["id"] for one in rehearsal.deployments(account)]
        story.check("it is not looked for", holds=len(there) > 1 and made_by_hand in there, found=there)
        rehearsal.sweep()
        story.tell("a sweep has listed what Alert Logic holds", account)
        story.registered(account)
        story.equal("it is the same deployment", [one["id"] for one in rehearsal.deployments(account)], [made_by_hand])


def keys_and_tokens(story: Story) -> None:
    rehearsal, alert_logic = story.rehearsal, story.rehearsal.alert_logic
    with story.step("A token is about to end"):
        rehearsal.advance(minutes=TOKEN_MINUTES - 5)
        asked = _registration_requests(story, "renewal")
        story.equal("a new one is asked for first", asked[0], ("POST", "authenticate", 200))
        story.check("no request carries one that has ended", holds=401 not in {one[2] for one in asked}, found=asked)
    with story.step("The token ends midway through a registration"):
        alert_logic.fail(401, method="POST", path="/deployments$", times=1)
        asked = _registration_requests(story, "tokens")
        refused = asked.index(("POST", "deployments", 401))
        again = [("POST", "authenticate", 200), ("POST", "deployments", 201)]
        story.equal("a new one is asked for, and the request repeated", asked[refused + 1 : refused + 3], again)
        story.equal("once", sum(one[1] == "authenticate" for one in asked), 1)
    with story.step("The API key in the secret is wrong"):
        rehearsal.put_secret_value('{"access_key_id": "wrong", "secret_key": "wrong"}')
        alert_logic.expire_tokens()
        account = rehearsal.vend_account("keys", DEV)
        rehearsal.settle(within_minutes=5)
        story.unregistered(account)
        story.equal("the registration waits", rehearsal.queue_depths()["account_registration"], 1)
        story.check(
            "the log says what is wrong",
            holds="bad access key" in rehearsal.logs("account_registration"),
            found=rehearsal.logs("account_registration")[-800:],
        )
    with story.step("The operator puts the right key into the secret"):
        rehearsal.put_secret_value()
        rehearsal.settle(within_minutes=30)
        story.registered(account)
    carried = [r.path for r in alert_logic.requests if r.basic and not r.path.endswith("/authenticate")]
    story.equal("the key goes to authenticate and nowhere else", carried, [])


def _registration_requests(story: Story, name: str) -> list[tuple[str, str, int | None]]:
    """Have an account registered, and return what Alert Logic was asked for it."""
    rehearsal = story.rehearsal
    before = len(rehearsal.alert_logic.requests)
    account = rehearsal.vend_account(name, DEV)
    rehearsal.settle(within_minutes=10)
    story.registered(account)
    served = rehearsal.alert_logic.requests[before:]
    return [(one.method, one.path.rsplit("/", 1)[1], one.status) for one in served]


def an_account_leaves(story: Story) -> None:
    rehearsal = story.rehearsal
    with story.step("The operator takes an account's instance away"):
        account = rehearsal.vend_account("leaver", DEV)
        rehearsal.settle(within_minutes=10)
        rehearsal.delete_instances(account)
        rehearsal.settle(within_minutes=10)
        story.equal("its stack instance is gone", rehearsal.stack_instances(account), [])
        story.equal("CloudFormation hears of it", rehearsal.registration_status(account), "deregistered")
        enabled = [deployment["enabled"] for deployment in rehearsal.deployments(account)]
        story.equal("its deployment is disabled, not deleted", enabled, [False])
