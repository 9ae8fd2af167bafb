"""CloudTrail's logs reach Alert Logic from the log archive account, and nobody else."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from tests.rehearsal.collector import Collector
from tests.rehearsal.inspection import ALERT_LOGIC_AWS_ACCOUNT
from tests.rehearsal.scenes_enrollment import PROD

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.rehearsal.authority import Context
    from tests.rehearsal.gateway import Serve
    from tests.rehearsal.stacks import Stack
    from tests.rehearsal.story import Story
    from tests.rehearsal.templates import Json
    from tests.rehearsal.topics import Subscription

AUDIT, LOG_ARCHIVE = "AlertLogic-Audit", "AlertLogic-LogArchive"
SUBSCRIPTION = "Custom::AlertLogicTrailSubscription"
FILTER = json.dumps({"messageType": [{"exists": False}]})
NOTICE, CONFIRMATION = "Notification", "SubscriptionConfirmation"
WAITING = 500
# An AWS account that is neither ours nor Alert Logic's.
STRANGER = "987654321098"


def collector(story: Story, *, aws_account: str = ALERT_LOGIC_AWS_ACCOUNT) -> Collector:
    """Alert Logic, with what it knows by the credential."""
    rehearsal = story.rehearsal
    [id_] = rehearsal.central_credentials()
    return Collector(
        rehearsal.gateway,
        region=rehearsal.zone.home_region,
        customer_id=rehearsal.zone.customer_id,
        role_arn=rehearsal.alert_logic.credentials[id_]["secrets"]["arn"],
        aws_account=aws_account,
    )


def _subscriptions(story: Story) -> list[Subscription]:
    return story.rehearsal.topics.of(story.rehearsal.central_logs.topic_arn)


def _depth(story: Story) -> int:
    return story.rehearsal.queues.depth(story.rehearsal.notice_queue)


def _announced(story: Story) -> list[str]:
    """The key of every log that the queue tells of."""
    bodies = [json.loads(body) for body, _ in story.rehearsal.queues.bodies(story.rehearsal.notice_queue)]
    return [key for body in bodies for key in json.loads(body["Message"])["s3ObjectKey"]]


def logs_are_collected(story: Story) -> None:
    rehearsal = story.rehearsal
    logs, zone = rehearsal.central_logs, rehearsal.zone
    with story.step("The queue is subscribed to the trail's topic"):
        [subscription] = _subscriptions(story)
        story.equal("by the topic's owner", subscription.owner, zone.audit)
        story.equal("and confirmed", subscription.token, None)
        story.equal("the confirmation is not left in the queue", _depth(story), 0)
    with story.step("Every deployment links the role as the reader of the organization's logs"):
        accounts = [account for account in rehearsal.organization.names if rehearsal.deployments(account)]
        story.registered(*accounts)
        story.equal("by one credential", len(rehearsal.central_credentials()), 1)
    with story.step("CloudTrail delivers a log of an account's own trail, and one of an organization trail"):
        keys = [logs.deliver(zone.audit, by_organization_trail=whole) for whole in (False, True)]
        story.equal("the queue tells of both", sorted(_announced(story)), sorted(keys))
        collected = collector(story).collect()
        story.equal("Alert Logic reads both", sorted(collected), sorted(keys))
        found = {record["recipientAccountId"] for log in collected.values() for record in log["Records"]}
        story.equal("and what is in them", found, {zone.audit})
        story.equal("the queue is empty", _depth(story), 0)
    with story.step("AWS Config publishes on the topic, and CloudTrail tries whether it may"):
        logs.record_configuration()
        logs.validate()
        story.equal("nothing of it is in the queue", _depth(story), 0)


def logs_are_refused(story: Story) -> None:
    rehearsal = story.rehearsal
    logs, zone = rehearsal.central_logs, rehearsal.zone
    role = frozenset({("sts:AssumeRole", ":role/alertlogic-central-logs")})
    with story.step("Somebody else would read the logs", denials=role):
        _refused(story, "without the External ID", collector(story).assume)
        _refused(story, "with another", lambda: collector(story).assume(ExternalId="87654321"))
        stranger = collector(story, aws_account=STRANGER)
        _refused(story, "from another account", lambda: stranger.assume(ExternalId=zone.customer_id))
        inside = collector(story, aws_account=zone.audit)
        _refused(story, "from one of the organization's", lambda: inside.assume(ExternalId=zone.customer_id))
    other_bucket, other_prefix, other_queue = "application-logs", "o-another0001/AWSLogs/log.json.gz", "orders"
    operator = {service: rehearsal.client(service, zone.log_archive) for service in ("s3", "sqs")}
    operator["s3"].create_bucket(Bucket=other_bucket)
    key = logs.put_log(zone.audit)
    for bucket, name in ((other_bucket, key), (logs.bucket, other_prefix)):
        operator["s3"].put_object(Bucket=bucket, Key=name, Body=b"secret")
    url = operator["sqs"].create_queue(QueueName=other_queue)["QueueUrl"]
    refused = frozenset(
        {
            ("s3:GetObject", f":::{other_bucket}/{key}"),
            ("s3:GetObject", f":::{logs.bucket}/{other_prefix}"),
            ("sqs:ReceiveMessage", f":{other_queue}"),
        }
    )
    with story.step("Alert Logic would read something else", denials=refused):
        alert_logic = collector(story)
        alert_logic.assume(ExternalId=zone.customer_id)
        _refused(story, "another bucket", lambda: alert_logic.read(other_bucket, key))
        _refused(story, "another prefix", lambda: alert_logic.read(logs.bucket, other_prefix))
        _refused(story, "another queue", lambda: alert_logic.client("sqs").receive_message(QueueUrl=url))
        story.equal("the log beside it can be read", list(alert_logic.read(logs.bucket, key)), ["Records"])


def _refused(story: Story, what: str, act: Callable[[], object]) -> None:
    try:
        act()
    except ClientError as error:
        code = error.response["Error"]["Code"]
        story.check(f"refused: {what}", holds=code in {"AccessDenied", "AccessDeniedException"}, found=code)
    else:
        story.check(f"refused: {what}", holds=False, found="it is allowed")


def the_subscription_is_made_anew(story: Story) -> None:
    rehearsal = story.rehearsal
    logs, zone = rehearsal.central_logs, rehearsal.zone
    with story.step(f"The audit stack is destroyed while {WAITING} notices wait"):
        keys = [logs.put_log(zone.audit, by_organization_trail=whole) for whole in (False, True)] * (WAITING // 2)
        for key in keys:
            logs.announce(key)
        rehearsal.destroy(AUDIT)
        story.equal("no subscription is left behind", _subscriptions(story), [])
        _all_wait(story, keys)
        logs.deliver(zone.audit)
        story.equal("nothing more arrives", _depth(story), WAITING)
    with story.step("It is deployed anew"):
        [stack] = rehearsal.deploy(AUDIT)
        _confirmed(story, stack)
        _all_wait(story, keys)
        story.equal("Alert Logic collects what they tell of", sorted(collector(story).collect()), sorted({*keys}))
        story.equal("the queue is empty", _depth(story), 0)
    with story.step("The filter changes, as from landing zone 4.0 on"):
        waiting = [logs.deliver(zone.audit)]
        [before] = _subscriptions(story)
        _filter(story, stack, "")
        story.check("another subscription replaces the one there was", holds=before not in _subscriptions(story))
        _confirmed(story, stack)
        _all_wait(story, waiting)
        logs.validate()
        logs.record_configuration()
        story.equal("what was kept out comes in", _depth(story), len(waiting) + 3)
        rehearsal.queues.drain(rehearsal.notice_queue)
    with story.step("It changes back, and Alert Logic is the first to receive the confirmation"):
        waiting = [logs.deliver(zone.audit)]
        taken = _polling_at_first(story, lambda: _filter(story, stack, FILTER))
        story.equal("it has received notice and confirmation", len(taken), 2)
        _confirmed(story, stack)
        logs.record_configuration()
        rehearsal.advance(minutes=1)
        story.equal("what it received comes back, and nothing else", _kinds(story), [NOTICE, CONFIRMATION])
        rehearsal.queues.drain(rehearsal.notice_queue)
        waiting = [logs.deliver(zone.audit)]
        story.equal("Alert Logic collects", list(collector(story).collect()), waiting)


def _polling_at_first(story: Story, act: Callable[[], None]) -> list[Json]:
    """Have Alert Logic receive what is in the queue once SNS has been asked for a subscription."""
    alert_logic = collector(story)
    received: list[Json] = []

    def subscribe_and_poll(serve: Serve) -> Json:
        answer = serve()
        if not received:
            received.extend(alert_logic.receive(alert_logic.find_queue()))
        return answer

    with story.rehearsal.gateway.around("sns:Subscribe", subscribe_and_poll):
        act()
    return received


def _kinds(story: Story) -> list[str]:
    bodies = story.rehearsal.queues.bodies(story.rehearsal.notice_queue)
    return sorted(json.loads(body)["Type"] for body, _ in bodies)


def _filter(story: Story, stack: Stack, policy: str) -> None:
    """Update the audit stack with another filter."""
    body = json.loads(json.dumps(stack.body))
    [resource] = [one for one in body["Resources"].values() if one["Type"] == SUBSCRIPTION]
    resource["Properties"]["FilterPolicy"] = policy
    story.rehearsal.stacks.update(stack, body, {})
    story.rehearsal.settle()
    story.equal("the stack", stack.status, "UPDATE_COMPLETE")


def _confirmed(story: Story, stack: Stack) -> None:
    [subscription] = _subscriptions(story)
    [made] = [made for made in stack.made.values() if made.type == SUBSCRIPTION]
    story.equal("the stack holds the one subscription", made.physical_id, subscription.arn)
    story.equal("which is confirmed", subscription.token, None)


def _all_wait(story: Story, keys: list[str]) -> None:
    """Check that every notice can be received at once, and that nothing else is in the queue."""
    rehearsal = story.rehearsal
    rehearsal.advance(minutes=1 / 60)
    story.check("all notices wait, each once", holds=sorted(_announced(story)) == sorted(keys), found=_depth(story))
    ready = rehearsal.queues.ready_at(rehearsal.notice_queue)
    story.check("none is hidden", holds=max(ready) <= rehearsal.clock.now, found=max(ready))


def logs_are_encrypted(story: Story) -> None:
    rehearsal = story.rehearsal
    logs = rehearsal.central_logs
    no_key = frozenset({("kms:Decrypt", logs.key_arn)})
    with logs.encrypting():
        with story.step("Control Tower is given a key, and the log archive stack is not told", denials=no_key):
            account = rehearsal.vend_account("encrypted", PROD)
            rehearsal.settle(within_minutes=10)
            key = logs.deliver(account, by_organization_trail=True)
            _refused(story, "the log, by the role", collector(story).collect)
            story.equal("its notice waits", _announced(story), [key])
        with story.step("The stack is told, but the key's policy is as Control Tower's guide has it", denials=no_key):
            [stack] = rehearsal.deploy(LOG_ARCHIVE, variant="automatic")
            story.equal("the stack", stack.status, "UPDATE_COMPLETE")
            _refused(story, "the log, by the key", lambda: collector(story).read(logs.bucket, key))
        with story.step("The operator adds the statement that the stack shows"):
            statement = json.loads(stack.outputs["KeyPolicyStatement"])
            logs.allow_on_key(statement)
            # What was received and not read comes back.
            rehearsal.advance(minutes=25)
            story.equal("Alert Logic collects the log", list(collector(story).collect()), [key])
            story.equal("the queue is empty", _depth(story), 0)
        with story.step("The role would decrypt what is not CloudTrail's", denials=no_key):
            context: Context = {"kms:EncryptionContext:aws:s3:arn": "arn:aws:s3:::application-logs/log"}
            role = collector(story).session
            allowed = rehearsal.authority.allows(role, "kms:Decrypt", logs.key_arn, context)
            story.check("it cannot", holds=not allowed)
    with story.step("Control Tower is given no key any more"):
        [stack] = rehearsal.deploy(LOG_ARCHIVE)
        story.equal("the stack", stack.status, "UPDATE_COMPLETE")
        key = logs.deliver(account)
        story.equal("Alert Logic collects as before", list(collector(story).collect()), [key])
