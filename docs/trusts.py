"""Reads from the synthesized templates who is trusted with what: the facts of the threat model."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from .diagram import templates, without_hash

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from .synthesis import Template

# A landing zone in which every trust occurs: EventBridge brings the organization's events from us-east-1, every account
# forwards its findings, and the trail is encrypted.
_WIDE: Mapping[str, Any] = {
    "home_region": "eu-west-1",
    "governed_regions": ["eu-west-1", "us-east-1"],
    "guardduty": {"administrator": None},
    "trail": {"key_arn": "arn:aws:kms:eu-west-1:111111111111:key/11111111-2222-3333-4444-555555555555"},
}
_ACCOUNTS = {
    "AlertLogic-Master": "management",
    "AlertLogic-Master-Global": "management, us-east-1",
    "AlertLogic-Master-us-east-1": "management, other governed regions",
    "AlertLogic-Security": "security",
    "AlertLogic-Audit": "audit",
    "AlertLogic-LogArchive": "log archive",
    "MemberAccount": "every enrolled",
}
# What the sample's ids stand for.
_WORDS = {
    "111111111111": "MANAGEMENT",
    "222222222222": "AUDIT",
    "333333333333": "LOG_ARCHIVE",
    "444444444444": "SECURITY",
    "733251395267": "ALERT_LOGIC",
    "12345678": "CUSTOMER",
    "o-exampleorg1": "ORGANIZATION",
    "eu-west-1": "HOME_REGION",
    "11111111-2222-3333-4444-555555555555": "KEY",
}
_REFERENCES = {
    "AWS::AccountId": "ACCOUNT",
    "AWS::Partition": "aws",
    "AWS::Region": "REGION",
    "AWS::StackId": "the stack itself",
}
# More than a reader would go through, and so only counted.
_MOST_ACTIONS = 15
_OPERATORS = {"ArnEquals": "=", "ArnLike": "like", "StringEquals": "="}

_FUNCTIONS, _TRAIL_KEY = "Execution roles of the functions", "The trail's key"
_RESOURCES = {
    "AWS::Events::EventBusPolicy": "The hub's event bus",
    "AWS::KMS::Key": "The registration topic's key",
    "AWS::S3::BucketPolicy": "The status bucket",
    "AWS::SNS::TopicPolicy": "The registration topic",
    "AWS::SQS::QueuePolicy": "The queues",
}


@dataclass(frozen=True, slots=True)
class Trust:
    """Who may do what, as a trust policy or a statement of a resource's policy says.

    Attributes:
        name: The heading in the threat model under which it stands.
        account: In which account it is.
        who: The principal.
        conditions: What must hold of the request, each beginning with the condition's key.
        allowed: What the principal may do then.
    """

    name: str
    account: str
    who: str
    conditions: tuple[str, ...]
    allowed: tuple[str, ...]


@cache
def trusts() -> list[Trust]:
    """Read every trust of a role, and what resources' policies allow, in a landing zone in which all of them occur."""
    found = templates(**_WIDE)
    return [trust for stack, template in found.items() for trust in _of_stack(template, _ACCOUNTS[stack])]


def table(those: Sequence[Trust]) -> str:
    """The trusts as a Markdown table, with one row for whatever differs only in its conditions."""
    rows: dict[tuple[str, str, str], list[str]] = {}
    for one in those:
        conditions = "<br>".join(one.conditions) or "no condition"
        rows.setdefault((one.account, one.who, "<br>".join(one.allowed)), []).append(conditions)
    return "\n".join(
        [
            "| account | who | only if | may |",
            "| --- | --- | --- | --- |",
            *(
                f"| {account} | {who} | {'<br>or '.join(conditions)} | {allowed} |"
                for (account, who, allowed), conditions in rows.items()
            ),
            "",
        ]
    )


def _of_stack(template: Template, account: str) -> Iterator[Trust]:
    for id_, resource in template["Resources"].items():
        properties = resource.get("Properties", {})
        if resource["Type"] == "AWS::IAM::Role":
            yield from _of_role(template, account, id_, properties)
        elif resource["Type"] == "AWS::Lambda::Permission":
            yield _of_permission(account, properties)
        elif resource["Type"] in _RESOURCES:
            for statement in _statements(properties):
                yield _of_statement(_RESOURCES[resource["Type"]], account, statement)
    if "KeyPolicyStatement" in template.get("Outputs", {}):
        statement = json.loads(_text(template["Outputs"]["KeyPolicyStatement"]["Value"]))
        yield _of_statement(_TRAIL_KEY, "management", statement)


def _of_role(template: Template, account: str, id_: str, role: Mapping[str, Any]) -> Iterator[Trust]:
    allowed = tuple(_granted(template, id_, role))
    for statement in role["AssumeRolePolicyDocument"]["Statement"]:
        if statement["Principal"] == {"Service": "lambda.amazonaws.com"}:
            [function] = [
                resource["Properties"]["Handler"].removesuffix(".handler.lambda_handler")
                for resource in template["Resources"].values()
                if resource["Type"] == "AWS::Lambda::Function"
                and resource["Properties"]["Role"] == {"Fn::GetAtt": [id_, "Arn"]}
            ]
            # CDK's own function names its file.
            name = "CDK, to empty the status bucket" if "." in function else f"`{function}`"
            yield Trust(_FUNCTIONS, account, f"Lambda, for {name}", _conditions(statement), allowed)
        else:
            name = role.get("RoleName") or without_hash(id_)
            yield Trust(f"`{name}`", account, _who(statement["Principal"]), _conditions(statement), allowed)


def _of_permission(account: str, permission: Mapping[str, Any]) -> Trust:
    return Trust(
        "Calls of functions",
        account,
        f"`{permission['Principal']}`",
        (f"`aws:SourceArn` = `{_text(permission['SourceArn'])}`",),
        (f"`{permission['Action']}` on `{_text(permission['FunctionName'])}`",),
    )


def _of_statement(name: str, account: str, statement: Mapping[str, Any]) -> Trust:
    return Trust(name, account, _who(statement["Principal"]), _conditions(statement), (_allowed(statement),))


def _statements(properties: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """What a resource's policy allows; its denials only refuse what does not come over TLS."""
    for key in ("PolicyDocument", "KeyPolicy"):
        for statement in properties.get(key, {}).get("Statement", ()):
            if statement["Effect"] == "Allow":
                yield statement
    # A bus has a policy of one statement.
    if "Statement" in properties:
        yield properties["Statement"]


def _granted(template: Template, id_: str, role: Mapping[str, Any]) -> Iterator[str]:
    attached = [
        resource["Properties"]["PolicyDocument"]
        for resource in template["Resources"].values()
        if resource["Type"] == "AWS::IAM::Policy" and {"Ref": id_} in resource["Properties"]["Roles"]
    ]
    documents = [*(policy["PolicyDocument"] for policy in role.get("Policies", ())), *attached]
    statements = [statement for document in documents for statement in document["Statement"]]
    actions = sorted({action for statement in statements for action in _listed(statement["Action"])})
    if len(actions) > _MOST_ACTIONS and "RoleName" not in role and not attached:
        services = sorted({action.split(":")[0] for action in actions})
        yield f"{len(actions)} actions of {', '.join(f'`{service}`' for service in services)}, as pinned"
        return
    for statement in statements:
        conditions = _conditions(statement)
        yield _allowed(statement) + (f", if {' and '.join(conditions)}" if conditions else "")
    for policy in role.get("ManagedPolicyArns", ()):
        yield f"`{_text(policy).rsplit('/', maxsplit=1)[1]}`"


def _allowed(statement: Mapping[str, Any]) -> str:
    actions = ", ".join(f"`{action}`" for action in _listed(statement["Action"]))
    resources = ", ".join(f"`{_text(resource)}`" for resource in _listed(statement["Resource"]))
    return f"{actions} on {resources}"


def _who(principal: str | Mapping[str, Any]) -> str:
    if isinstance(principal, str) or principal == {"AWS": "*"}:
        return "anyone"
    return ", ".join(f"`{_text(one)}`" for those in principal.values() for one in _listed(those))


def _conditions(statement: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(
        f"`{key}` is there"
        if (operator, value) == ("Null", "false")
        else f"`{key}` {_OPERATORS[operator]} {' or '.join(f'`{_text(one)}`' for one in _listed(value))}"
        for operator, those in statement.get("Condition", {}).items()
        for key, value in those.items()
    )


def _listed(value: object) -> Sequence[Any]:
    return value if isinstance(value, list) else [value]


def _text(value: object) -> str:
    """A value as a reader would write it: what CloudFormation puts in, in words."""
    if isinstance(value, dict):
        [(function, argument)] = value.items()
        if function == "Fn::Join":
            return str(argument[0]).join(_text(part) for part in argument[1])
        if function == "Fn::Sub":
            return str(argument)
        referred = argument if function == "Ref" else argument[0]
        return _REFERENCES.get(referred) or without_hash(referred)
    return re.sub("|".join(_WORDS), lambda found: _WORDS[found[0]], str(value))
