"""The judge can say no: for each condition key in the synthesized policies, one value that it must refuse."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from tests.rehearsal.authority import ALLOW_ALL, NOBODY, Context, resource_policy
from tests.rehearsal.judge import JudgeError, the_judge
from tests.rehearsal.principals import ForeignRole, Principal, RoleSession, Service
from tests.rehearsal.templates import is_list, is_object

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.rehearsal import Rehearsal

OTHER_ACCOUNT = "999999999999"
MEMBER_ROLE = "arn:aws:iam::222222222222:role/AWSControlTowerExecution"


@dataclass(frozen=True)
class Request:
    """A request that the policies allow, and what is altered in it so that they must not."""

    principal: Principal
    action: str
    resource: str
    context: Context = field(default_factory=Context)


def _queue(rehearsal: Rehearsal, label: str) -> str:
    function, pollers = rehearsal.functions.labeled(label), rehearsal.pollers
    return next(one.queue_arn for one in pollers.sources.values() if pollers.function_of(one) is function)


def _publish(rehearsal: Rehearsal) -> Request:
    return Request(RoleSession(MEMBER_ROLE, "stack"), "sns:Publish", rehearsal.registration_topic)


def _encrypt(rehearsal: Rehearsal) -> Request:
    [key] = [made.attributes["Arn"] for s in rehearsal.stacks.all for made in s.made.values() if "KMS" in made.type]
    via: Context = {"kms:ViaService": "sns.us-east-1.amazonaws.com"}
    return Request(RoleSession(MEMBER_ROLE, "stack"), "kms:GenerateDataKey", key, via)


def _notice(rehearsal: Rehearsal) -> Request:
    topic = Service("sns.amazonaws.com", rehearsal.registration_topic)
    return Request(topic, "sqs:SendMessage", _queue(rehearsal, "account_registration"))


def _trail_notice(rehearsal: Rehearsal) -> Request:
    topic = Service("sns.amazonaws.com", rehearsal.central_logs.topic_arn)
    return Request(topic, "sqs:SendMessage", rehearsal.notice_queue)


def _subscribe(rehearsal: Rehearsal) -> Request:
    subscription = rehearsal.functions.labeled("trail_subscription").session
    context: Context = {"sns:Endpoint": rehearsal.notice_queue, "sns:Protocol": "sqs"}
    return Request(subscription, "sns:Subscribe", rehearsal.central_logs.topic_arn, context)


def _find_confirmation(rehearsal: Rehearsal) -> Request:
    subscription = rehearsal.functions.labeled("trail_subscription")
    return Request(subscription.session, "sts:AssumeRole", subscription.environment["TRAIL_READER_ROLE_ARN"])


def _collect(rehearsal: Rehearsal) -> Request:
    alert_logic = ForeignRole("arn:aws:iam::733251395267:role/alert-logic")
    return Request(alert_logic, "sts:AssumeRole", rehearsal.central_logs_role, {"sts:ExternalId": "12345678"})


def _rule(rehearsal: Rehearsal, logical_id: str) -> str:
    [rule] = [
        made.attributes["Arn"]
        for stack in rehearsal.stacks.all
        for made in stack.made.values()
        if made.type == "AWS::Events::Rule" and made.logical_id.startswith(logical_id)
    ]
    return rule


def _event(rehearsal: Rehearsal) -> Request:
    rule = Service("events.amazonaws.com", _rule(rehearsal, "ControlTowerLifecycleRule"))
    return Request(rule, "sqs:SendMessage", _queue(rehearsal, "account_enrollment"))


def _vpc_event(rehearsal: Rehearsal) -> Request:
    rule = Service("events.amazonaws.com", _rule(rehearsal, "ScopeVpcTagRule"))
    return Request(rule, "sqs:SendMessage", _queue(rehearsal, "vpc_scope"))


def _send_event(rehearsal: Rehearsal) -> Request:
    return Request(RoleSession(MEMBER_ROLE, "stack"), "events:PutEvents", rehearsal.hub_bus)


def _deliver(rehearsal: Rehearsal) -> Request:
    account = _registered(rehearsal)
    rule = Service("events.amazonaws.com", f"arn:aws:events:us-west-2:{account}:rule/any")
    return Request(rule, "sts:AssumeRole", rehearsal.delivery_role(account, "us-west-2"))


def _administer(rehearsal: Rehearsal) -> Request:
    stack_set = rehearsal.stack_set
    service = Service("cloudformation.amazonaws.com", stack_set.arn)
    return Request(service, "sts:AssumeRole", stack_set.administration_role)


def _execute(rehearsal: Rehearsal) -> Request:
    administration = RoleSession(rehearsal.stack_set.administration_role, "AWSCloudFormation")
    return Request(administration, "sts:AssumeRole", MEMBER_ROLE)


def _pass_role(rehearsal: Rehearsal) -> Request:
    passed: Context = {"iam:PassedToService": "cloudformation.amazonaws.com"}
    enrollment = rehearsal.functions.labeled("account_enrollment").session
    return Request(enrollment, "iam:PassRole", rehearsal.stack_set.administration_role, passed)


def _reader(rehearsal: Rehearsal) -> str:
    return f"arn:aws:iam::{_registered(rehearsal)}:role/alertlogic-hub-reader"


def _read(rehearsal: Rehearsal) -> Request:
    registration = rehearsal.functions.labeled("account_registration").session
    return Request(registration, "sts:AssumeRole", _reader(rehearsal))


def _read_scope(rehearsal: Rehearsal) -> Request:
    return Request(rehearsal.functions.labeled("vpc_scope").session, "sts:AssumeRole", _reader(rehearsal))


def _list_vpcs(rehearsal: Rehearsal) -> Request:
    reader = RoleSession(_reader(rehearsal), "vpc_scope")
    return Request(reader, "ec2:DescribeVpcs", "*", {"aws:RequestedRegion": "eu-west-1"})


def _look_into(rehearsal: Rehearsal) -> Request:
    [credential] = rehearsal.credentials(_registered(rehearsal))
    alert_logic = ForeignRole("arn:aws:iam::733251395267:role/alert-logic")
    return Request(alert_logic, "sts:AssumeRole", credential["secrets"]["arn"], {"sts:ExternalId": "12345678"})


def _registered(rehearsal: Rehearsal) -> str:
    """An account with the member stack in it."""
    known = [account for account, name in rehearsal.organization.names.items() if name == "judged"]
    if known:
        return known[0]
    account = rehearsal.vend_account("judged", "Workloads/Prod")
    rehearsal.settle(within_minutes=5)
    return account


OTHER_ROLE = "arn:aws:iam::222222222222:role/Developer"
CASES: tuple[tuple[Callable[[Rehearsal], Request], str, str], ...] = (
    (_publish, "aws:PrincipalOrgID", "o-somebodyelse"),
    (_publish, "aws:PrincipalArn", OTHER_ROLE),
    (_publish, "aws:SecureTransport", "false"),
    (_encrypt, "aws:PrincipalOrgID", "o-somebodyelse"),
    (_encrypt, "aws:PrincipalArn", OTHER_ROLE),
    (_encrypt, "kms:ViaService", "sqs.us-east-1.amazonaws.com"),
    (_notice, "aws:SourceArn", f"arn:aws:sns:us-east-1:{OTHER_ACCOUNT}:alertlogic-registration"),
    (_notice, "aws:SecureTransport", "false"),
    (_event, "aws:SourceArn", f"arn:aws:events:us-east-1:{OTHER_ACCOUNT}:rule/lifecycle"),
    (_event, "aws:SecureTransport", "false"),
    (_vpc_event, "aws:SourceArn", f"arn:aws:events:us-east-1:{OTHER_ACCOUNT}:rule/alertlogic-hub/tags"),
    (_vpc_event, "aws:SecureTransport", "false"),
    (_deliver, "aws:SourceArn", f"arn:aws:events:us-west-2:{OTHER_ACCOUNT}:rule/any"),
    (_deliver, "aws:SourceAccount", OTHER_ACCOUNT),
    (_send_event, "aws:PrincipalOrgID", "o-somebodyelse"),
    (_administer, "aws:SourceAccount", OTHER_ACCOUNT),
    (_administer, "aws:SourceArn", "arn:aws:cloudformation:us-east-1:111111111111:stackset/another:1"),
    (_execute, "aws:ResourceOrgID", "o-somebodyelse"),
    (_pass_role, "iam:PassedToService", "lambda.amazonaws.com"),
    (_read, "aws:PrincipalArn", "arn:aws:iam::444444444444:role/Developer"),
    (_read, "aws:PrincipalOrgID", "o-somebodyelse"),
    (_read_scope, "aws:PrincipalArn", "arn:aws:iam::444444444444:role/Developer"),
    (_read_scope, "aws:PrincipalOrgID", "o-somebodyelse"),
    (_list_vpcs, "aws:RequestedRegion", "ap-south-1"),
    (_look_into, "sts:ExternalId", "87654321"),
    (_collect, "sts:ExternalId", "87654321"),
    (_trail_notice, "aws:SourceArn", f"arn:aws:sns:us-east-1:{OTHER_ACCOUNT}:aws-controltower-AllConfigNotifications"),
    (_trail_notice, "aws:SecureTransport", "false"),
    (_subscribe, "sns:Endpoint", "arn:aws:sqs:us-east-1:333333333333:another"),
    (_subscribe, "sns:Protocol", "https"),
    (_find_confirmation, "aws:PrincipalArn", OTHER_ROLE),
    (_find_confirmation, "aws:PrincipalOrgID", "o-somebodyelse"),
)


@pytest.mark.parametrize(
    ("ask", "key", "value"), CASES, ids=[f"{ask.__name__.strip('_')}-{key}" for ask, key, _ in CASES]
)
def test_each_condition_is_refused(
    rehearsal: Rehearsal, ask: Callable[[Rehearsal], Request], key: str, value: str
) -> None:
    asked = ask(rehearsal)
    allows = rehearsal.authority.asks
    assert allows(asked.principal, asked.action, asked.resource, asked.context).allowed
    assert not allows(asked.principal, asked.action, asked.resource, asked.context | {key: value}).allowed


def test_no_condition_key_is_left_out(rehearsal: Rehearsal) -> None:
    bodies = [stack.body for stack in rehearsal.stacks.all] + [rehearsal.stack_set.body]

    assert {key for body in bodies for key in _condition_keys(body["Resources"])} == {key for _, key, _ in CASES}


def _condition_keys(value: Any) -> set[str]:
    """The condition keys of all statements in a template."""
    if is_list(value):
        return {key for item in value for key in _condition_keys(item)}
    if not is_object(value):
        return set()
    keys = {key for item in value.values() for key in _condition_keys(item)}
    if "Effect" in value and "Condition" in value:
        keys |= {key for operator in value["Condition"].values() for key in operator}
    return keys


def test_a_changed_policy_counts_at_once(rehearsal: Rehearsal) -> None:
    asked = _publish(rehearsal)
    before = resource_policy(rehearsal.registration_topic)
    sns = rehearsal.client("sns", rehearsal.zone.security)

    def set_policy(policy: Any) -> None:
        sns.set_topic_attributes(
            TopicArn=rehearsal.registration_topic, AttributeName="Policy", AttributeValue=json.dumps(policy)
        )

    set_policy(NOBODY)
    denied = rehearsal.authority.asks(asked.principal, asked.action, asked.resource)
    set_policy(before)

    assert not denied.allowed
    assert rehearsal.authority.asks(asked.principal, asked.action, asked.resource).allowed


@pytest.mark.parametrize(
    ("action", "resource"),
    [
        ("sqs:PurgeQueue", "arn:aws:sqs:us-east-1:444444444444:any"),
        ("organizations:CloseAccount", "arn:aws:organizations::111111111111:account/o-exampleorg1/222222222222"),
        ("sts:AssumeRole", "arn:aws:iam::222222222222:role/AWSControlTowerExecution"),
    ],
)
def test_functions_may_not_do_what_they_were_not_given(rehearsal: Rehearsal, action: str, resource: str) -> None:
    for function in rehearsal.functions.all.values():
        assert not rehearsal.authority.asks(function.session, action, resource).allowed


def test_a_foreigner_may_not_put_events(rehearsal: Rehearsal) -> None:
    asked = _send_event(rehearsal)
    foreigner = ForeignRole(f"arn:aws:iam::{OTHER_ACCOUNT}:role/AWSControlTowerExecution")

    assert not rehearsal.authority.asks(foreigner, asked.action, asked.resource).allowed


def test_another_account_needs_both_policies() -> None:
    queue = "arn:aws:sqs:us-east-1:444444444444:queue"
    admits = {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": queue, "Principal": {"AWS": "222222222222"}}
        ],
    }

    def allowed(*, identity: dict[str, Any], resource: dict[str, Any] | None) -> bool:
        return (
            the_judge()
            .judge(
                principal="arn:aws:sts::222222222222:assumed-role/Role/session",
                action="sqs:SendMessage",
                resource=queue,
                resource_account="444444444444",
                context={"aws:PrincipalArn": "arn:aws:iam::222222222222:role/Role"},
                identity_policies=identity,
                resource_policy=resource,
            )
            .allowed
        )

    assert allowed(identity={"all": ALLOW_ALL}, resource=admits)
    assert not allowed(identity={"all": ALLOW_ALL}, resource=None)
    assert not allowed(identity={}, resource=admits)


@pytest.mark.parametrize(("given", "admitted"), [("aws:cloudtrail:arn", True), ("aws:s3:arn", False)])
def test_an_encryption_context_counts(given: str, *, admitted: bool) -> None:
    key = "arn:aws:kms:us-east-1:111111111111:key/5c0a1e7e-10c5-4a3d-8e6b-0c1d2e3f4a5b"
    statement = {
        "Effect": "Allow",
        "Action": "kms:Decrypt",
        "Resource": "*",
        "Principal": {"AWS": "arn:aws:iam::333333333333:root"},
        "Condition": {"Null": {"kms:EncryptionContext:aws:cloudtrail:arn": "false"}},
    }

    verdict = the_judge().judge(
        principal="arn:aws:sts::333333333333:assumed-role/Role/session",
        action="kms:Decrypt",
        resource=key,
        resource_account="111111111111",
        context={f"kms:EncryptionContext:{given}": "arn:aws:any"},
        identity_policies={"all": ALLOW_ALL},
        resource_policy={"Version": "2012-10-17", "Statement": [statement]},
    )

    assert verdict.allowed == admitted


def test_an_unknown_action_is_no_question() -> None:
    with pytest.raises(JudgeError, match="sqs:Nonsense"):
        the_judge().judge(
            principal="arn:aws:iam::222222222222:role/Role",
            action="sqs:Nonsense",
            resource="arn:aws:sqs:us-east-1:444444444444:queue",
            resource_account="444444444444",
            context={},
            identity_policies={},
            resource_policy=None,
        )


def test_a_call_that_nobody_described_fails_loudly(rehearsal: Rehearsal) -> None:
    session = rehearsal.functions.labeled("account_enrollment").session
    client = rehearsal.gateway.client("sqs", session, rehearsal.zone.home_region)

    with pytest.raises(client.exceptions.ClientError, match="does not know it"):
        client.purge_queue(QueueUrl="https://sqs.us-east-1.amazonaws.com/444444444444/any")

    assert rehearsal.gateway.faults.pop().startswith("sqs:PurgeQueue is called by a role")
