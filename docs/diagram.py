"""Draws who talks to whom, from the synthesized templates: all of it, and one flow with its trusts."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

from .synthesis import sample_with

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    from .synthesis import Template

_ACCOUNTS = {
    "AlertLogic-Master": ("Management account", "master"),
    "MemberAccount": ("Every enrolled account", "member"),
    "AlertLogic-Security": ("Security account", "security"),
    "AlertLogic-Audit": ("Audit account", "audit"),
    "AlertLogic-LogArchive": ("Log archive account", "logarchive"),
}

# Whose events the rules on default buses take.
_EVENT_SOURCES = {
    "aws.controltower": ("master_events", "AWS Control Tower"),
    "aws.organizations": ("master_organization", "AWS Organizations"),
    "aws.tag": ("member_vpcs", "VPCs of every governed region"),
    "aws.ec2": ("member_vpcs", "VPCs of every governed region"),
    "aws.guardduty": ("member_guardduty", "GuardDuty of the accounts that forward findings"),
}
# The landing zone's own, which Alert Logic and the subscription meet.
_TOPIC = 'audit_topic(["CloudTrail topic"])'
_BUCKET = 'logarchive_bucket(["CloudTrail logs"])'
# Control Tower's, with which a StackSet acts.
_EXECUTION = 'member_execution(["role AWSControlTowerExecution"])'
# What a function reads in other accounts, and what it changes.
_WORK = {
    "account_enrollment": ("", "stack instances"),
    "account_registration": ("stack, VPCs", "deployment, credential"),
    "collector_checkin": ("", "health"),
    "guardduty_findings": ("", "findings"),
    "trail_subscription": ("", ""),
    "stackset_emptier": ("", "empties"),
    "vpc_scope": ("VPCs", "protection scope"),
}
# A stack's own deployment, which is nobody's word.
_OWN_SOURCES = {"aws.cloudformation"}
_MOST_NAMES = 3


class Flow(Enum):
    """What the library does, by the name of its page in `docs/architecture`."""

    ENROLLMENT = "enrollment"
    REGISTRATION = "registration"
    SCOPE = "scope"
    FINDINGS = "findings"
    LOGS = "logs"
    DEPARTURES = "departures"


_FLOWS_OF_FUNCTIONS = {
    "account_enrollment": {Flow.ENROLLMENT, Flow.DEPARTURES},
    "account_registration": {Flow.REGISTRATION, Flow.DEPARTURES},
    "collector_checkin": {Flow.FINDINGS},
    "guardduty_findings": {Flow.FINDINGS},
    "stackset_emptier": {Flow.DEPARTURES},
    "trail_subscription": {Flow.LOGS},
    "vpc_scope": {Flow.SCOPE},
}
_FLOWS_OF_SOURCES = {"aws.tag": {Flow.SCOPE}, "aws.ec2": {Flow.SCOPE}, "aws.guardduty": {Flow.FINDINGS}}
# Which flows the roles are for that AWS's own services assume.
_FLOWS_OF_ROLES = {
    "ControlTowerAdministrationRole": {Flow.ENROLLMENT, Flow.DEPARTURES},
    "FindingsDeliveryRole": {Flow.FINDINGS},
    "VpcEventsDeliveryRole": {Flow.SCOPE},
}
_SERVICES = {"cloudformation": "CloudFormation", "events": "EventBridge"}
# A service's principal of a region, and which service it is of.
_SERVICE = re.compile(r"(?P<service>[a-z]+)\.(?:[a-z0-9-]+\.)?amazonaws\.com")


@dataclass(frozen=True, slots=True)
class Arrow:
    """What goes from one box to another, and the flows that it belongs to."""

    origin: str
    target: str
    style: str
    label: str
    flows: Collection[Flow]


def templates(**changes: object) -> dict[str, Template]:
    """Synthesize the sample, and the template that its StackSet deploys, by the names of their stacks.

    Args:
        **changes: Settings that differ from those in `cdk.json`.
    """
    found = sample_with(**changes)
    return {**found.templates, "MemberAccount": found.member}


def draw(found: Mapping[str, Template], flow: Flow | None = None) -> str:
    """Draw the flows as a Mermaid diagram: each box is a resource, and each arrow stands for a property of one.

    Args:
        found: The templates by the names of their stacks.
        flow: The one flow to draw, with its trusts; all of them, without, unless given.
    """
    arrows = [arrow for arrow in _arrows(found) if flow is None or flow in arrow.flows]
    boxes = {stack: [f'{_box(stack, id_)}["{label}"]' for id_, label in _labels(found[stack])] for stack in _ACCOUNTS}
    outside = ['al(["Alert Logic"])']
    guards: dict[str, str] = {}
    if flow:
        guards = {box: keys for stack in _ACCOUNTS for box, keys in _guards(found[stack], stack)}
        assumed = list(_assumed(found, flow))
        arrows += [arrow for _, _, those in assumed for arrow in those]
        for stack, box, _ in assumed:
            boxes[stack].append(box)
        outside += [f'{id_}(["{text}"])' for id_, text in _SERVICES.items()]
    drawn = {end for arrow in arrows for end in (arrow.origin, arrow.target)}
    lines = ["```mermaid", "flowchart LR", *(f"  {box}" for box in outside if flow is None or _id(box) in drawn)]
    for stack, (title, short) in _ACCOUNTS.items():
        events = [f'{id_}(["{text}"])' for id_, text in _EVENT_SOURCES.values()]
        theirs = [box for box in (*events, _TOPIC, _BUCKET, _EXECUTION) if box.startswith(f"{short}_")]
        shown = [box for box in dict.fromkeys([*theirs, *boxes[stack]]) if _is_shown(box, flow, drawn)]
        if shown:
            lines += [f'  subgraph {short}["{title}"]', *(f"    {box}" for box in shown), "  end"]
    return "\n".join([*lines, *_lines(arrows, guards), "```", ""])


def _is_shown(box: str, flow: Flow | None, drawn: Collection[str]) -> bool:
    return _id(box) in drawn if flow else box != _EXECUTION


def _lines(arrows: Sequence[Arrow], guards: Mapping[str, str]) -> Iterator[str]:
    """One line for all that goes from one box to another in the same way, with the conditions that it must meet."""
    labels: dict[tuple[str, str, str], list[str]] = {}
    for arrow in arrows:
        labels.setdefault((arrow.origin, arrow.target, arrow.style), []).append(arrow.label)
    for (origin, target, style), those in labels.items():
        begin, end = ("--", "-->") if style == "sends" else ("-.", ".->")
        # Alert Logic takes by a role what is drawn as sent to it.
        keys = guards.get(origin if target == "al" else target)
        condition = f"<br/>if {keys}" if keys and _account(origin) != _account(target) else ""
        yield f"  {origin} {begin} {', '.join(dict.fromkeys(those))}{condition} {end} {target}"


def _account(box: str) -> str:
    return box.split("_", maxsplit=1)[0]


def _id(box: str) -> str:
    return re.split(r"[(\[]", box, maxsplit=1)[0]


def _box(stack: str, id_: str) -> str:
    return f"{_ACCOUNTS[stack][1]}_{id_}"


def without_hash(id_: str) -> str:
    """A resource's logical id as its constructs name it, without the hash that CDK ends it with."""
    return re.sub(r"[0-9A-F]{8}$", "", id_)


def _guards(template: Template, stack: str) -> Iterator[tuple[str, str]]:
    """The keys of the conditions in the policy of each box."""
    for id_, role in _of_type(template, "AWS::IAM::Role"):
        yield _box(stack, id_), _keys(role["AssumeRolePolicyDocument"]["Statement"])
    for type_, property_ in (("AWS::SNS::TopicPolicy", "Topics"), ("AWS::SQS::QueuePolicy", "Queues")):
        for _, policy in _of_type(template, type_):
            for guarded in policy[property_]:
                yield _box(stack, guarded["Ref"]), _keys(policy["PolicyDocument"]["Statement"])
    for _, policy in _of_type(template, "AWS::Events::EventBusPolicy"):
        [bus] = [id_ for id_, _ in _of_type(template, "AWS::Events::EventBus")]
        yield _box(stack, bus), _keys([policy["Statement"]])


def _keys(statements: Sequence[Mapping[str, Any]]) -> str:
    """The keys of the conditions under which something is allowed."""
    allowed = [statement.get("Condition", {}) for statement in statements if statement["Effect"] == "Allow"]
    return ", ".join(sorted({key for conditions in allowed for keys in conditions.values() for key in keys}))


def _assumed(found: Mapping[str, Template], flow: Flow) -> Iterator[tuple[str, str, Sequence[Arrow]]]:
    """The roles that AWS's services assume for a flow: their stack, their box, and the arrows to and from it."""
    for stack in _ACCOUNTS:
        policies = [policy for _, policy in _of_type(found[stack], "AWS::IAM::Policy")]
        for id_, role in _of_type(found[stack], "AWS::IAM::Role"):
            if flow not in _FLOWS_OF_ROLES.get(without_hash(id_), ()):
                continue
            box, statements = _box(stack, id_), role["AssumeRolePolicyDocument"]["Statement"]
            services = {match["service"] for match in _SERVICE.finditer(json.dumps(statements))}
            yield (
                stack,
                f'{box}["role<br/>{without_hash(id_)}"]',
                [
                    *(Arrow(one, box, "reads", "assumes", {flow}) for one in sorted(services)),
                    *(
                        Arrow(box, _target(found, statement["Resource"]), "sends", statement["Action"], {flow})
                        for policy in policies
                        if {"Ref": id_} in policy["Roles"]
                        for statement in policy["PolicyDocument"]["Statement"]
                    ),
                ],
            )


def _target(found: Mapping[str, Template], arn: Mapping[str, Any]) -> str:
    return _id(_EXECUTION) if ":role/" in json.dumps(arn) else _named(found, arn)


def _role(properties: Mapping[str, Any]) -> str | None:
    if "Service" in json.dumps(properties["AssumeRolePolicyDocument"]):
        return None
    return f"role<br/>{properties.get('RoleName', 'of Alert Logic, External ID')}"


def _called(properties: Mapping[str, Any]) -> str | None:
    # Whatever has no settings is CDK's own.
    if "Environment" not in properties:
        return None
    queue = "queue and " if "QUEUE_URL" in properties["Environment"]["Variables"] else ""
    return f"{queue}function<br/>{_function(properties)}"


# How a resource is called in the diagram; what has no name here is left out.
_NAMES: dict[str, Callable[[Mapping[str, Any]], str | None]] = {
    "AWS::CloudFormation::StackSet": lambda properties: "StackSet<br/>" + properties["StackSetName"],
    "AWS::Events::EventBus": lambda properties: "event bus<br/>" + properties["Name"],
    "AWS::IAM::Role": _role,
    "AWS::Lambda::Function": _called,
    "AWS::S3::Bucket": lambda _: "bucket<br/>status of all accounts",
    "AWS::SNS::Topic": lambda properties: "topic<br/>" + properties["TopicName"],
    "AWS::SQS::Queue": lambda properties: "queue<br/>outcomesbucket-..." if "QueueName" in properties else None,
    "AWS::SecretsManager::Secret": lambda _: "secret<br/>API key",
    "Custom::AlertLogicRegistration": lambda _: "registration<br/>custom resource",
    "Custom::AlertLogicTrailSubscription": lambda _: "subscription<br/>custom resource",
}


def _labels(template: Template) -> Iterator[tuple[str, str]]:
    for id_, resource in template["Resources"].items():
        call = _NAMES.get(resource["Type"])
        name = call(resource.get("Properties", {})) if call else None
        if name:
            yield id_, name


def _arrows(found: Mapping[str, Template]) -> Iterator[Arrow]:
    for stack in _ACCOUNTS:
        yield from _events(found, stack)
        yield from _functions(found, stack)
    yield from _registrations(found)
    yield from _logs(found)


def _events(found: Mapping[str, Template], stack: str) -> Iterator[Arrow]:
    """From where an event comes to the function, or the bus, that a rule hands it to."""
    template = found[stack]
    functions = {
        mapping["EventSourceArn"]["Fn::GetAtt"][0]: mapping["FunctionName"]["Ref"]
        for _, mapping in _of_type(template, "AWS::Lambda::EventSourceMapping")
    }
    flows = {
        id_: _FLOWS_OF_FUNCTIONS[_function(function)]
        for id_, function in _of_type(template, "AWS::Lambda::Function")
        if id_ in functions.values()
    }
    for _, rule in _of_type(template, "AWS::Events::Rule"):
        pattern = rule.get("EventPattern")
        # A schedule only says when.
        if pattern is None or pattern["source"][0] in _OWN_SOURCES:
            continue
        [source] = pattern["source"]
        bus = rule.get("EventBusName")
        origin = _box(stack, bus["Ref"]) if bus else _EVENT_SOURCES[source][0]
        label = _listed(pattern.get("detail", {}).get("eventName") or pattern["detail-type"])
        for target in rule["Targets"]:
            arn = target["Arn"]
            if "Fn::GetAtt" in arn:
                function = functions[arn["Fn::GetAtt"][0]]
                yield Arrow(origin, _box(stack, function), "sends", label, flows[function])
            else:
                yield Arrow(origin, _named(found, arn), "sends", label, _FLOWS_OF_SOURCES[source])
    for _, subscription in _of_type(template, "AWS::SNS::Subscription"):
        function = functions[subscription["Endpoint"]["Fn::GetAtt"][0]]
        topic = _box(stack, subscription["TopicArn"]["Ref"])
        yield Arrow(topic, _box(stack, function), "sends", "request", flows[function])


def _listed(names: Sequence[str]) -> str:
    rest = len(names) - _MOST_NAMES
    return ", ".join(names) if rest <= 0 else f"{', '.join(names[:_MOST_NAMES])} and {rest} more"


def _functions(found: Mapping[str, Template], stack: str) -> Iterator[Arrow]:
    """What each function is told by its environment to work on."""
    template = found[stack]
    readers = {role.get("RoleName"): id_ for id_, role in _of_type(found["MemberAccount"], "AWS::IAM::Role")}
    stack_sets = {one["StackSetName"]: id_ for id_, one in _of_type(template, "AWS::CloudFormation::StackSet")}
    for id_, function in _of_type(template, "AWS::Lambda::Function"):
        if "Environment" not in function:
            continue
        variables, box = function["Environment"]["Variables"], _box(stack, id_)
        flows = _FLOWS_OF_FUNCTIONS[_function(function)]
        question, change = _WORK[_function(function)]
        if "STACK_SET_NAME" in variables:
            yield Arrow(box, _box(stack, stack_sets[variables["STACK_SET_NAME"]]), "sends", change, flows)
        if "HUB_BUS_ARN" in variables:
            told = {*flows, Flow.REGISTRATION}
            yield Arrow(box, _named(found, variables["HUB_BUS_ARN"]), "sends", "accounts", told)
        if "STATUS_BUCKET" in variables:
            yield Arrow(box, _box(stack, variables["STATUS_BUCKET"]["Ref"]), "sends", "status", flows)
        if "READER_ROLE_NAME" in variables:
            reader = _box("MemberAccount", readers[variables["READER_ROLE_NAME"]])
            yield Arrow(box, reader, "reads", question, flows)
        if "ALERTLOGIC_SECRET_ARN" in variables:
            yield Arrow(box, _box(stack, variables["ALERTLOGIC_SECRET_ARN"]["Ref"]), "reads", "key", flows)
            yield Arrow(box, "al", "sends", change, flows)


def _registrations(found: Mapping[str, Template]) -> Iterator[Arrow]:
    asked = {Flow.REGISTRATION, Flow.DEPARTURES}
    for id_, registration in _of_type(found["MemberAccount"], "Custom::AlertLogicRegistration"):
        resource = _box("MemberAccount", id_)
        for stack_set, _ in _of_type(found["AlertLogic-Master"], "AWS::CloudFormation::StackSet"):
            made = {*asked, Flow.ENROLLMENT}
            yield Arrow(_box("AlertLogic-Master", stack_set), resource, "sends", "stack instance", made)
        yield Arrow(resource, _named(found, registration["ServiceToken"]), "sends", "request", asked)
    for id_, role in _of_type(found["MemberAccount"], "AWS::IAM::Role"):
        if "sts:ExternalId" in json.dumps(role["AssumeRolePolicyDocument"]):
            yield Arrow("al", _box("MemberAccount", id_), "reads", "discovers, scans", {Flow.REGISTRATION})


def _logs(found: Mapping[str, Template]) -> Iterator[Arrow]:
    archive, audit, flows = "AlertLogic-LogArchive", "AlertLogic-Audit", {Flow.LOGS}
    topic, bucket = _id(_TOPIC), _id(_BUCKET)
    [(queue, _)] = [one for one in _of_type(found[archive], "AWS::SQS::Queue") if "QueueName" in one[1]]
    roles = {role["RoleName"]: id_ for id_, role in _of_type(found[archive], "AWS::IAM::Role")}
    for id_, subscription in _of_type(found[audit], "Custom::AlertLogicTrailSubscription"):
        [(function, properties)] = _of_type(found[audit], "AWS::Lambda::Function")
        reader = json.dumps(properties["Environment"]["Variables"]["TRAIL_READER_ROLE_ARN"]).split("/")[1].split('"')[0]
        assert subscription["ServiceToken"]["Fn::GetAtt"][0] == function  # noqa: S101 - as the construct made it
        yield Arrow(_box(audit, id_), _box(audit, function), "sends", "request", flows)
        yield Arrow(_box(audit, function), topic, "sends", "subscribes", flows)
        yield Arrow(_box(audit, function), _box(archive, roles[reader]), "reads", "confirmation", flows)
        yield Arrow(topic, _box(archive, queue), "sends", "notice", flows)
    for id_, role in _of_type(found[archive], "AWS::IAM::Role"):
        if "sts:ExternalId" in json.dumps(role["AssumeRolePolicyDocument"]):
            yield Arrow(_box(archive, queue), _box(archive, id_), "sends", "notice", flows)
            yield Arrow(bucket, _box(archive, id_), "sends", "logs", flows)
            yield Arrow(_box(archive, id_), "al", "sends", "collected", flows)


def _named(found: Mapping[str, Template], arn: Mapping[str, Any]) -> str:
    """The topic or bus of the security account that an ARN, put together from its parts, ends with the name of."""
    name = re.split("[:/]", arn["Fn::Join"][1][-1])[-1]
    [id_] = [
        id_
        for id_, resource in found["AlertLogic-Security"]["Resources"].items()
        if name in {resource.get("Properties", {}).get(key) for key in ("TopicName", "Name")}
    ]
    return _box("AlertLogic-Security", id_)


def _of_type(template: Template, type_: str) -> list[tuple[str, dict[str, Any]]]:
    return [(id_, r["Properties"]) for id_, r in template["Resources"].items() if r["Type"] == type_]


def _function(properties: Mapping[str, Any]) -> str:
    return str(properties["Handler"]).split(".", maxsplit=1)[0]
