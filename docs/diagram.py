"""Draws who talks to whom, from the synthesized templates, into README.md. `make diagram` runs it; a test checks it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aws_cdk import App

import app as sample

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

README = Path(__file__).parents[1] / "README.md"
BEGIN, END = "<!-- diagram: made by `make diagram` -->\n", "<!-- end of diagram -->"

Template = dict[str, Any]

_ACCOUNTS = {
    "AlertLogic-Master": ("Management account", "master"),
    "MemberAccount": ("Every enrolled account", "member"),
    "AlertLogic-Security": ("Security account", "security"),
}


def templates() -> dict[str, Template]:
    """Synthesize the sample, without its asset, and the template that its StackSet deploys."""
    app = App(context={"aws:cdk:bundling-stacks": []})
    sample.build(app, sample.read_settings(sample.context_of(app)))
    found: dict[str, Template] = {stack.stack_name: stack.template for stack in app.synth().stacks}
    [(_, stack_set)] = _of_type(found["AlertLogic-Master"], "AWS::CloudFormation::StackSet")
    return {**found, "MemberAccount": json.loads(stack_set["TemplateBody"])}


def draw(found: Mapping[str, Template]) -> str:
    """Draw the flow as a Mermaid diagram: each arrow stands for a property of a template."""
    nodes: dict[str, list[str]] = {}
    edges: list[str] = []
    for stack, (_, short) in _ACCOUNTS.items():
        nodes[stack] = [f'{short}_{id_}["{label}"]' for id_, label in _labels(found[stack])]
        edges += [f"{short}_{a} --> {short}_{b}" for a, b in _within(found[stack])]
    edges += _between(found)
    lines = ["```mermaid", "flowchart LR", '  ct(["AWS Control Tower"])', '  al(["Alert Logic"])']
    for stack, (title, short) in _ACCOUNTS.items():
        lines += [f'  subgraph {short}["{title}"]', *(f"    {node}" for node in nodes[stack]), "  end"]
    return "\n".join([*lines, *(f"  {edge}" for edge in edges), "```", ""])


def _labels(template: Template) -> Iterator[tuple[str, str]]:
    for id_, resource in template["Resources"].items():
        properties = resource.get("Properties", {})
        match resource["Type"]:
            case "AWS::Events::Rule":
                yield id_, "rule<br/>" + ", ".join(properties["EventPattern"]["detail"]["eventName"])
            case "AWS::SQS::Queue" if "RedrivePolicy" in properties:
                yield id_, "queue<br/>with dead-letter queue"
            case "AWS::Lambda::Function":
                yield id_, "function<br/>" + _function(properties)
            case "AWS::SNS::Topic":
                yield id_, "topic<br/>" + properties["TopicName"]
            case "AWS::SecretsManager::Secret":
                yield id_, "secret<br/>API key"
            case "AWS::CloudFormation::StackSet":
                yield id_, "StackSet<br/>" + properties["StackSetName"]
            case "Custom::AlertLogicRegistration":
                yield id_, "registration<br/>custom resource"
            case "AWS::IAM::Role" if _is_member_role(properties):
                yield id_, "role<br/>" + properties.get("RoleName", "of Alert Logic, External ID")
            case _:
                pass


def _within(template: Template) -> Iterator[tuple[str, str]]:
    for id_, rule in _of_type(template, "AWS::Events::Rule"):
        for target in rule["Targets"]:
            yield id_, target["Arn"]["Fn::GetAtt"][0]
    for _, subscription in _of_type(template, "AWS::SNS::Subscription"):
        yield subscription["TopicArn"]["Ref"], subscription["Endpoint"]["Fn::GetAtt"][0]
    for _, mapping in _of_type(template, "AWS::Lambda::EventSourceMapping"):
        yield mapping["EventSourceArn"]["Fn::GetAtt"][0], mapping["FunctionName"]["Ref"]
    for id_, function in _of_type(template, "AWS::Lambda::Function"):
        variables = function["Environment"]["Variables"]
        if "ALERTLOGIC_SECRET_ARN" in variables:
            yield variables["ALERTLOGIC_SECRET_ARN"]["Ref"], id_
        for stack_set_id, stack_set in _of_type(template, "AWS::CloudFormation::StackSet"):
            if variables.get("STACK_SET_NAME") == stack_set["StackSetName"]:
                yield id_, stack_set_id


def _between(found: Mapping[str, Template]) -> Iterator[str]:
    master, member, security = (found[stack] for stack in _ACCOUNTS)
    for id_, rule in _of_type(master, "AWS::Events::Rule"):
        if rule["EventPattern"]["source"] == ["aws.controltower"]:
            yield f"ct -- lifecycle event --> master_{id_}"
    topics = {topic["TopicName"]: id_ for id_, topic in _of_type(security, "AWS::SNS::Topic")}
    for id_, registration in _of_type(member, "Custom::AlertLogicRegistration"):
        for stack_set_id, _ in _of_type(master, "AWS::CloudFormation::StackSet"):
            yield f"master_{stack_set_id} -- stack instance --> member_{id_}"
        topic_name = registration["ServiceToken"]["Fn::Join"][1][-1].rsplit(":", maxsplit=1)[1]
        yield f"member_{id_} -- request --> security_{topics[topic_name]}"
    for id_, role in _of_type(member, "AWS::IAM::Role"):
        if "sts:ExternalId" in json.dumps(role["AssumeRolePolicyDocument"]):
            yield f"al -. discovers, scans .-> member_{id_}"
    readers = {role.get("RoleName"): id_ for id_, role in _of_type(member, "AWS::IAM::Role")}
    for id_, function in _of_type(security, "AWS::Lambda::Function"):
        variables = function["Environment"]["Variables"]
        if "READER_ROLE_NAME" in variables:
            yield f"security_{id_} -. is the stack in progress? .-> member_{readers[variables['READER_ROLE_NAME']]}"
        if "ALERTLOGIC_SECRET_ARN" in variables:
            yield f"security_{id_} -- deployment, credential --> al"


def _of_type(template: Template, type_: str) -> list[tuple[str, dict[str, Any]]]:
    return [(id_, r["Properties"]) for id_, r in template["Resources"].items() if r["Type"] == type_]


def _function(properties: Mapping[str, Any]) -> str:
    return str(properties["Handler"]).split(".", maxsplit=1)[0]


def _is_member_role(properties: Mapping[str, Any]) -> bool:
    return "Service" not in json.dumps(properties["AssumeRolePolicyDocument"])


def with_diagram(text: str, diagram: str) -> str:
    """Put the diagram between its marks."""
    before, rest = text.split(BEGIN)
    return before + BEGIN + diagram + END + rest.split(END, maxsplit=1)[1]


if __name__ == "__main__":
    README.write_text(with_diagram(README.read_text("utf-8"), draw(templates())), "utf-8")
