"""Draws who talks to whom, from the synthesized templates, into README.md. `make diagram` runs it; a test checks it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aws_cdk import App

import app as sample

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

README = Path(__file__).parents[1] / "README.md"
BEGIN, END = "<!-- diagram: made by `make diagram` -->\n", "<!-- end of diagram -->"

Template = dict[str, Any]

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


def templates() -> dict[str, Template]:
    """Synthesize the sample, without its asset, and the template that its StackSet deploys."""
    app = App(context={"aws:cdk:bundling-stacks": []})
    sample.build(app, sample.read_settings(sample.context_of(app)))
    found: dict[str, Template] = {stack.stack_name: stack.template for stack in app.synth().stacks}
    [(_, stack_set)] = _of_type(found["AlertLogic-Master"], "AWS::CloudFormation::StackSet")
    return {**found, "MemberAccount": json.loads(stack_set["TemplateBody"])}


def draw(found: Mapping[str, Template]) -> str:
    """Draw the flows as a Mermaid diagram: each box is a resource, and each arrow stands for a property of one."""
    boxes = {stack: [f'{_box(stack, id_)}["{label}"]' for id_, label in _labels(found[stack])] for stack in _ACCOUNTS}
    arrows: dict[tuple[str, str, str], list[str]] = {}
    for origin, target, style, label in _arrows(found):
        arrows.setdefault((origin, target, style), []).append(label)
    lines = ["```mermaid", "flowchart LR", '  al(["Alert Logic"])']
    for stack, (title, short) in _ACCOUNTS.items():
        events = [f'{id_}(["{text}"])' for id_, text in _EVENT_SOURCES.values()]
        theirs = [box for box in (*events, _TOPIC, _BUCKET) if box.startswith(f"{short}_")]
        lines += [f'  subgraph {short}["{title}"]']
        lines += [f"    {box}" for box in dict.fromkeys([*theirs, *boxes[stack]])]
        lines += ["  end"]
    for (origin, target, style), labels in arrows.items():
        begin, end = ("--", "-->") if style == "sends" else ("-.", ".->")
        lines.append(f"  {origin} {begin} {', '.join(dict.fromkeys(labels))} {end} {target}")
    return "\n".join([*lines, "```", ""])


def _box(stack: str, id_: str) -> str:
    return f"{_ACCOUNTS[stack][1]}_{id_}"


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


def _arrows(found: Mapping[str, Template]) -> Iterator[tuple[str, str, str, str]]:
    for stack in _ACCOUNTS:
        yield from _events(found, stack)
        yield from _functions(found, stack)
    yield from _registrations(found)
    yield from _logs(found)


def _events(found: Mapping[str, Template], stack: str) -> Iterator[tuple[str, str, str, str]]:
    """From where an event comes to the function, or the bus, that a rule hands it to."""
    template = found[stack]
    functions = {
        mapping["EventSourceArn"]["Fn::GetAtt"][0]: mapping["FunctionName"]["Ref"]
        for _, mapping in _of_type(template, "AWS::Lambda::EventSourceMapping")
    }
    for _, rule in _of_type(template, "AWS::Events::Rule"):
        pattern = rule.get("EventPattern")
        # A schedule only says when.
        if pattern is None or pattern["source"][0] in _OWN_SOURCES:
            continue
        bus = rule.get("EventBusName")
        origin = _box(stack, bus["Ref"]) if bus else _EVENT_SOURCES[pattern["source"][0]][0]
        label = _listed(pattern.get("detail", {}).get("eventName") or pattern["detail-type"])
        for target in rule["Targets"]:
            arn = target["Arn"]
            to = _box(stack, functions[arn["Fn::GetAtt"][0]]) if "Fn::GetAtt" in arn else _named(found, arn)
            yield origin, to, "sends", label
    for _, subscription in _of_type(template, "AWS::SNS::Subscription"):
        function = functions[subscription["Endpoint"]["Fn::GetAtt"][0]]
        yield _box(stack, subscription["TopicArn"]["Ref"]), _box(stack, function), "sends", "request"


def _listed(names: Sequence[str]) -> str:
    rest = len(names) - _MOST_NAMES
    return ", ".join(names) if rest <= 0 else f"{', '.join(names[:_MOST_NAMES])} and {rest} more"


def _functions(found: Mapping[str, Template], stack: str) -> Iterator[tuple[str, str, str, str]]:
    """What each function is told by its environment to work on."""
    template = found[stack]
    readers = {role.get("RoleName"): id_ for id_, role in _of_type(found["MemberAccount"], "AWS::IAM::Role")}
    stack_sets = {one["StackSetName"]: id_ for id_, one in _of_type(template, "AWS::CloudFormation::StackSet")}
    for id_, function in _of_type(template, "AWS::Lambda::Function"):
        if "Environment" not in function:
            continue
        variables, box = function["Environment"]["Variables"], _box(stack, id_)
        question, change = _WORK[_function(function)]
        if "STACK_SET_NAME" in variables:
            yield box, _box(stack, stack_sets[variables["STACK_SET_NAME"]]), "sends", change
        if "HUB_BUS_ARN" in variables:
            yield box, _named(found, variables["HUB_BUS_ARN"]), "sends", "accounts"
        if "STATUS_BUCKET" in variables:
            yield box, _box(stack, variables["STATUS_BUCKET"]["Ref"]), "sends", "status"
        if "READER_ROLE_NAME" in variables:
            yield box, _box("MemberAccount", readers[variables["READER_ROLE_NAME"]]), "reads", question
        if "ALERTLOGIC_SECRET_ARN" in variables:
            yield box, _box(stack, variables["ALERTLOGIC_SECRET_ARN"]["Ref"]), "reads", "key"
            yield box, "al", "sends", change


def _registrations(found: Mapping[str, Template]) -> Iterator[tuple[str, str, str, str]]:
    for id_, registration in _of_type(found["MemberAccount"], "Custom::AlertLogicRegistration"):
        for stack_set, _ in _of_type(found["AlertLogic-Master"], "AWS::CloudFormation::StackSet"):
            yield _box("AlertLogic-Master", stack_set), _box("MemberAccount", id_), "sends", "stack instance"
        yield _box("MemberAccount", id_), _named(found, registration["ServiceToken"]), "sends", "request"
    for id_, role in _of_type(found["MemberAccount"], "AWS::IAM::Role"):
        if "sts:ExternalId" in json.dumps(role["AssumeRolePolicyDocument"]):
            yield "al", _box("MemberAccount", id_), "reads", "discovers, scans"


def _logs(found: Mapping[str, Template]) -> Iterator[tuple[str, str, str, str]]:
    archive, audit = "AlertLogic-LogArchive", "AlertLogic-Audit"
    topic, bucket = (box.split("(")[0] for box in (_TOPIC, _BUCKET))
    [(queue, _)] = [one for one in _of_type(found[archive], "AWS::SQS::Queue") if "QueueName" in one[1]]
    roles = {role["RoleName"]: id_ for id_, role in _of_type(found[archive], "AWS::IAM::Role")}
    for id_, subscription in _of_type(found[audit], "Custom::AlertLogicTrailSubscription"):
        [(function, properties)] = _of_type(found[audit], "AWS::Lambda::Function")
        reader = json.dumps(properties["Environment"]["Variables"]["TRAIL_READER_ROLE_ARN"]).split("/")[1].split('"')[0]
        assert subscription["ServiceToken"]["Fn::GetAtt"][0] == function  # noqa: S101 - as the construct made it
        yield _box(audit, id_), _box(audit, function), "sends", "request"
        yield _box(audit, function), topic, "sends", "subscribes"
        yield _box(audit, function), _box(archive, roles[reader]), "reads", "confirmation"
        yield topic, _box(archive, queue), "sends", "notice"
    for id_, role in _of_type(found[archive], "AWS::IAM::Role"):
        if "sts:ExternalId" in json.dumps(role["AssumeRolePolicyDocument"]):
            yield _box(archive, queue), _box(archive, id_), "sends", "notice"
            yield bucket, _box(archive, id_), "sends", "logs"
            yield _box(archive, id_), "al", "sends", "collected"


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


def with_diagram(text: str, diagram: str) -> str:
    """Put the diagram between its marks."""
    before, rest = text.split(BEGIN)
    return before + BEGIN + diagram + END + rest.split(END, maxsplit=1)[1]


if __name__ == "__main__":
    README.write_text(with_diagram(README.read_text("utf-8"), draw(templates())), "utf-8")
