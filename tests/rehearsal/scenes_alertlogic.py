"""Alert Logic is not always there, and does not always know us."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.rehearsal.story import Story

PROD, DEV = "Workloads/Prod", "Workloads/Dev"
HOUR = 3600
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
        account = rehearsal.vend_account("chat", PROD)
        rehearsal.advance(minutes=30)
        stacks = [i.stack.status for i in rehearsal.stack_instances(account) if i.stack is not None]
        story.equal("the stack waits", stacks, ["CREATE_IN_PROGRESS"])
        rehearsal.advance(minutes=20)
        story.equal("CloudFormation hears 'pending'", rehearsal.registration_status(account), "pending")
        stacks = [i.stack.status for i in rehearsal.stack_instances(account) if i.stack is not None]
        story.equal("the stack is complete", stacks, ["CREATE_COMPLETE"])
        story.unregistered(account)
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
        [instance] = rehearsal.stack_instances(account)
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
        story.registered(account)
        story.equal("it is the same deployment", [one["id"] for one in rehearsal.deployments(account)], [made_by_hand])


def keys_and_tokens(story: Story) -> None:
    rehearsal, alert_logic = story.rehearsal, story.rehearsal.alert_logic
    with story.step("The token ends midway through a registration"):
        requests_before = len(alert_logic.requests)
        alert_logic.fail(401, method="POST", path="/deployments$", times=1)
        account = rehearsal.vend_account("tokens", DEV)
        rehearsal.settle(within_minutes=10)
        story.registered(account)
        asked = [(r.method, r.path, r.status) for r in alert_logic.requests[requests_before:]]
        authentications = [one for one in asked if one[1].endswith("/authenticate")]
        story.check(
            "one 401, one new token", holds=len(authentications) == 1 and 401 in {o[2] for o in asked}, found=asked
        )
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
