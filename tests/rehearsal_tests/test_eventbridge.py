"""Events go from bus to bus as in AWS: one hop, each by a role that both sides admit."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError
from moto.events.models import EventPattern

from tests.rehearsal import Rehearsal
from tests.rehearsal.eventbridge import ThirdHopError
from tests.rehearsal.principals import Operator, RoleSession

if TYPE_CHECKING:
    from collections.abc import Generator

    from tests.rehearsal.stacks import Stack
    from tests.rehearsal.templates import Json

MEMBER, MEMBER_REGION = "222222222222", "us-west-2"
HUB, HUB_REGION = "444444444444", "us-east-1"
BUS = f"arn:aws:events:{HUB_REGION}:{HUB}:event-bus/hub"
THIRD_BUS = "arn:aws:events:us-east-1:333333333333:event-bus/default"
QUEUE = f"arn:aws:sqs:{HUB_REGION}:{HUB}:events"
ROLE = f"arn:aws:iam::{MEMBER}:role/delivery"
DEAD_LETTERS = f"arn:aws:sqs:{MEMBER_REGION}:{MEMBER}:dead-letters"
ORGANIZATION = {"StringEquals": {"aws:PrincipalOrgID": "o-exampleorg1"}}
PATTERN = {"source": ["aws.tag", "own.source"], "detail": {"errorCode": [{"exists": False}]}}
EVENT: Json = {
    "version": "0",
    "id": "1",
    "detail-type": "Tag Change on Resource",
    "source": "aws.tag",
    "account": MEMBER,
    "time": "2026-01-15T12:00:00Z",
    "region": MEMBER_REGION,
    "resources": [],
    "detail": {"service": "ec2"},
}


def statement(action: str, resource: str, **more: Any) -> Json:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def rule(*targets: Json, **more: Any) -> Json:
    return {"Type": "AWS::Events::Rule", "Properties": {"EventPattern": PATTERN, "Targets": [*targets], **more}}


def queue(arn: str) -> Json:
    """A queue that takes what EventBridge sends."""
    feeds = statement("sqs:SendMessage", arn, Principal={"Service": "events.amazonaws.com"})
    return {
        "Queue": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": arn.rsplit(":", 1)[1]}},
        "QueuePolicy": {
            "Type": "AWS::SQS::QueuePolicy",
            "Properties": {"Queues": [{"Ref": "Queue"}], "PolicyDocument": {"Statement": [feeds]}},
        },
    }


def hub(**bus_policy: Any) -> Json:
    """A bus that admits the organization, and a rule on it that feeds a queue."""
    admits = statement("events:PutEvents", BUS, Sid="Admit", Principal="*", Condition=ORGANIZATION)
    return {
        "Bus": {"Type": "AWS::Events::EventBus", "Properties": {"Name": "hub"}},
        "BusPolicy": {
            "Type": "AWS::Events::EventBusPolicy",
            "Properties": {"EventBusName": {"Ref": "Bus"}, "StatementId": "Admit", "Statement": admits | bus_policy},
        },
        **queue(QUEUE),
        "Rule": rule({"Id": "queue", "Arn": QUEUE}, EventBusName={"Ref": "Bus"}),
    }


def member(*, trusts: Json | None = None, may_put_on: str = BUS, target: str = BUS) -> Json:
    """A rule on the default bus that passes on to the hub's bus, by a role."""
    source = f"arn:aws:events:{MEMBER_REGION}:{MEMBER}:rule/*"
    conditions = trusts or {"ArnLike": {"aws:SourceArn": source}, "StringEquals": {"aws:SourceAccount": MEMBER}}
    trust = {
        "Effect": "Allow",
        "Action": "sts:AssumeRole",
        "Principal": {"Service": "events.amazonaws.com"},
        "Condition": conditions,
    }
    passes_on = {"Id": "hub", "Arn": target, "RoleArn": ROLE, "DeadLetterConfig": {"Arn": DEAD_LETTERS}}
    return {
        "Role": {
            "Type": "AWS::IAM::Role",
            "Properties": {
                "RoleName": "delivery",
                "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [trust]},
                "Policies": [
                    {
                        "PolicyName": "put",
                        "PolicyDocument": {
                            "Version": "2012-10-17",
                            "Statement": [statement("events:PutEvents", may_put_on)],
                        },
                    }
                ],
            },
        },
        "Rule": rule(passes_on),
    }


@pytest.fixture
def rehearsal() -> Generator[Rehearsal]:
    with Rehearsal() as started:
        deploy(started, queue(DEAD_LETTERS), Operator(MEMBER), MEMBER_REGION)
        yield started


def deploy(rehearsal: Rehearsal, resources: Json, caller: RoleSession | Operator, region: str) -> Stack:
    stack = rehearsal.stacks.create(
        f"stack-{len(rehearsal.stacks.all)}",
        account=caller.account,
        region=region,
        body={"Resources": resources},
        parameters={},
        caller=caller,
    )
    rehearsal.settle()
    assert (stack.status, stack.reason) == ("CREATE_COMPLETE", "")
    return stack


def deploy_hub(rehearsal: Rehearsal, resources: Json) -> Stack:
    return deploy(rehearsal, resources, Operator(HUB), HUB_REGION)


def deploy_member(rehearsal: Rehearsal, resources: Json) -> Stack:
    """With the role by which StackSets deploy, so that what they call is judged."""
    return deploy(rehearsal, resources, RoleSession(rehearsal.execution_role(MEMBER), "stack"), MEMBER_REGION)


def put_event(rehearsal: Rehearsal, session: RoleSession, source: str, bus: str = BUS) -> Any:
    entry = {"EventBusName": bus, "Source": source, "DetailType": "Any", "Detail": json.dumps({"any": "thing"})}
    return rehearsal.gateway.client("events", session, HUB_REGION).put_events(Entries=[entry])


def test_an_event_reaches_another_account_and_region_as_it_is(rehearsal: Rehearsal) -> None:
    deploy_hub(rehearsal, hub())
    deploy_member(rehearsal, member())

    assert rehearsal.event_bridge.emit(EVENT) == 1
    assert rehearsal.event_bridge.emit(EVENT | {"detail": {"errorCode": "Client.Failed"}}) == 0

    [(body, _)] = rehearsal.queues.bodies(QUEUE)
    assert json.loads(body) == EVENT
    assert rehearsal.queues.depth(DEAD_LETTERS) == 0
    hops = [(call.principal.arn, call.action, call.resource) for call in rehearsal.calls[-3:]]
    assert hops == [
        ("events.amazonaws.com", "sts:AssumeRole", ROLE),
        (f"arn:aws:sts::{MEMBER}:assumed-role/delivery/EventBridge", "events:PutEvents", BUS),
        ("events.amazonaws.com", "sqs:SendMessage", QUEUE),
    ]


@pytest.mark.parametrize(
    ("receiver", "sender"),
    [
        (hub(), member(trusts={"StringEquals": {"aws:SourceAccount": HUB}})),
        (hub(), member(trusts={"ArnLike": {"aws:SourceArn": f"arn:aws:events:{HUB_REGION}:{MEMBER}:rule/*"}})),
        (hub(), member(may_put_on=f"{BUS}-other")),
        (hub(Condition={"StringEquals": {"aws:PrincipalOrgID": "o-somebodyelse"}}), member()),
    ],
    ids=["another account's rules", "another region's rules", "another bus", "another organization"],
)
def test_either_side_can_refuse_an_event(rehearsal: Rehearsal, receiver: Json, sender: Json) -> None:
    deploy_hub(rehearsal, receiver)
    deploy_member(rehearsal, sender)

    assert rehearsal.event_bridge.emit(EVENT) == 0

    assert rehearsal.queues.depth(QUEUE) == 0
    assert rehearsal.queues.depth(DEAD_LETTERS) == 1
    assert len(rehearsal.authority.denials()) == 1


def test_nothing_is_passed_on_to_a_third(rehearsal: Rehearsal) -> None:
    onward = rule({"Id": "third", "Arn": THIRD_BUS, "RoleArn": ROLE}, EventBusName={"Ref": "Bus"})
    deploy_hub(rehearsal, hub() | {"Rule": onward})
    deploy_member(rehearsal, member())

    with pytest.raises(ThirdHopError, match=r"passes on to .* what came from elsewhere"):
        rehearsal.event_bridge.emit(EVENT)


def test_nobody_speaks_for_aws(rehearsal: Rehearsal) -> None:
    deploy_hub(rehearsal, hub())
    anybody = RoleSession(rehearsal.forger.create_role(MEMBER, "Anybody"), "session")

    forged = put_event(rehearsal, anybody, "aws.tag")
    own = put_event(rehearsal, anybody, "own.source")

    assert (forged["FailedEntryCount"], own["FailedEntryCount"]) == (1, 0)
    assert forged["Entries"][0]["ErrorCode"] == "NotAuthorizedForSourceException"
    [(body, _)] = rehearsal.queues.bodies(QUEUE)
    assert json.loads(body) | {"source": "own.source", "account": MEMBER, "region": HUB_REGION} == json.loads(body)


def test_the_policies_decide_who_puts_events(rehearsal: Rehearsal) -> None:
    deploy_hub(rehearsal, hub())
    nobody = RoleSession(f"arn:aws:iam::{MEMBER}:role/Nobody", "session")

    with pytest.raises(ClientError, match="AccessDeniedException"):
        put_event(rehearsal, nobody, "own.source")

    somebody = RoleSession(rehearsal.forger.create_role(MEMBER, "Somebody"), "session")
    with pytest.raises(ClientError, match="ValidationException"):
        put_event(rehearsal, somebody, "own.source", f"arn:aws:events:{MEMBER_REGION}:{MEMBER}:event-bus/default")


def test_a_rule_goes_with_its_stack(rehearsal: Rehearsal) -> None:
    deploy_hub(rehearsal, hub())
    rehearsal.stacks.delete(deploy_member(rehearsal, member()))
    rehearsal.settle()

    assert rehearsal.event_bridge.emit(EVENT) == 0
    assert rehearsal.gateway.faults == []


@pytest.mark.parametrize(
    ("pattern", "detail", "matches"),
    [
        ({"severity": [{"numeric": [">=", 4.5]}]}, {"severity": 4.5}, True),
        ({"severity": [{"numeric": [">=", 4.5]}]}, {"severity": 8}, True),
        ({"severity": [{"numeric": [">=", 4.5]}]}, {"severity": 4.49}, False),
        ({"severity": [{"numeric": [">=", 4.5]}]}, {"severity": "8"}, False),
        ({"severity": [{"numeric": [">=", 4.5]}]}, {}, False),
        ({"type": [{"wildcard": "*:EC2/*"}]}, {"type": "Recon:EC2/Portscan"}, True),
        ({"type": [{"wildcard": "*:EC2/*"}]}, {"type": "Recon:S3/Portscan"}, False),
        ({"type": [{"wildcard": "Recon:*"}, "A:B/C"]}, {"type": "A:B/C"}, True),
        ({"type": [{"wildcard": "A:B/C!*"}]}, {"type": "A:B/C!DNS"}, True),
        ({"type": [{"wildcard": "A:B/C.D"}]}, {"type": "A:B/CxD"}, False),
        ({"type": [{"prefix": "Recon:"}]}, {"type": "Recon:EC2/Portscan"}, True),
        ({"type": [{"prefix": "Recon:"}]}, {"type": "recon:EC2/Portscan"}, False),
        ({"service": {"additionalInfo": {"sample": [{"exists": False}, False]}}}, {"service": {}}, True),
        (
            {"service": {"additionalInfo": {"sample": [{"exists": False}, False]}}},
            {"service": {"additionalInfo": {"sample": False}}},
            True,
        ),
        (
            {"service": {"additionalInfo": {"sample": [{"exists": False}, False]}}},
            {"service": {"additionalInfo": {"sample": True, "value": "{}"}}},
            False,
        ),
        ({"type": [{"anything-but": {"prefix": "Policy:"}}]}, {"type": "Recon:EC2/Portscan"}, True),
        ({"type": [{"anything-but": {"prefix": "Policy:"}}]}, {"type": "Policy:S3/Any"}, False),
        ({"type": [{"anything-but": ["A", "B"]}]}, {"type": "B"}, False),
        ({"type": [{"anything-but": ["A", "B"]}]}, {}, False),
    ],
)
def test_what_rules_say_of_findings_is_understood(pattern: Json, detail: Json, *, matches: bool) -> None:
    """See https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html."""
    rule: Any = EventPattern
    assert rule.load(json.dumps({"detail": pattern})).matches_event({"detail": detail}) == matches
