"""What the templates of a style make, as far as IAM is concerned: roles, policies, and the ARNs of all else."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.rehearsal.resources import MANAGED_POLICIES
from tests.rehearsal.templates import Template, is_list

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.rehearsal.templates import Json
    from tests.security.styles import Deployed, Style

_HASH = re.compile(r"[0-9A-F]{8}$")
# The property that names a resource, and its ARN after the account; a bucket's names no account.
_ARNS = {
    "AWS::CloudFormation::StackSet": ("StackSetName", "cloudformation", "stackset/{}:0"),
    "AWS::DynamoDB::Table": ("TableName", "dynamodb", "table/{}"),
    "AWS::Events::EventBus": ("Name", "events", "event-bus/{}"),
    "AWS::Events::Rule": ("Name", "events", "rule/{}"),
    "AWS::IAM::Role": ("RoleName", "iam", "role/{}"),
    "AWS::KMS::Key": ("", "kms", "key/{}"),
    "AWS::Lambda::Function": ("FunctionName", "lambda", "function:{}"),
    "AWS::Logs::LogGroup": ("LogGroupName", "logs", "log-group:{}:*"),
    "AWS::S3::Bucket": ("BucketName", "s3", "{}"),
    "AWS::SNS::Topic": ("TopicName", "sns", "{}"),
    "AWS::SQS::Queue": ("QueueName", "sqs", "{}"),
    "AWS::SSM::Parameter": ("Name", "ssm", "parameter/{}"),
    "AWS::SecretsManager::Secret": ("Name", "secretsmanager", "secret:{}-AbCdEf"),
}
# What `Ref` gives, where it is not the name.
_REF_IS_ARN = {"AWS::SNS::Topic", "AWS::SecretsManager::Secret"}
# Which resource a policy in the template is on, and where in it.
_POLICIES = {
    "AWS::SQS::QueuePolicy": ("Queues", "PolicyDocument"),
    "AWS::SNS::TopicPolicy": ("Topics", "PolicyDocument"),
    "AWS::S3::BucketPolicy": ("Bucket", "PolicyDocument"),
    "AWS::SecretsManager::ResourcePolicy": ("SecretId", "ResourcePolicy"),
    "AWS::DynamoDB::Table": ("", "ResourcePolicy"),
}
# A policy that would be overlooked: it grants or attaches elsewhere than where this module looks.
_UNKNOWN = re.compile(r"Policy|Permission|AWS::IAM::")
_KNOWN = {
    *_POLICIES,
    "AWS::Events::EventBusPolicy",
    "AWS::IAM::Policy",
    "AWS::IAM::Role",
    "AWS::Lambda::Permission",
}


@dataclass
class Resource:
    """A resource with an ARN."""

    label: str
    type: str
    arn: str
    account: str
    region: str
    # Who may do what with it, or assume it, apart from what principals are allowed.
    policy: Json | None = None
    # What a role allows.
    identity: dict[str, Json] = field(default_factory=dict[str, "Json"])


class World:
    """All resources of a style, by `<stack>/<logical id>` without the hash at its end."""

    def __init__(self, style: Style) -> None:
        self.resources: dict[str, Resource] = {}
        for deployed in style.deployed:
            _Reading(deployed, self.resources).read()

    def of_type(self, *types: str) -> dict[str, Resource]:
        return {label: one for label, one in self.resources.items() if one.type in types}

    @property
    def roles(self) -> dict[str, Resource]:
        return self.of_type("AWS::IAM::Role")

    def at(self, arn: str) -> Resource | None:
        """The resource that an ARN names, or in which there is what it names."""
        of_object = arn.partition("/")[0] if arn.startswith("arn:aws:s3:::") else arn
        return next((one for one in self.resources.values() if one.arn in {arn, of_object}), None)


class _Reading:
    """Reads one template into the resources of a world."""

    def __init__(self, deployed: Deployed, resources: dict[str, Resource]) -> None:
        self._at = deployed
        self._resources = resources
        self._stack_id = f"arn:aws:cloudformation:{deployed.region}:{deployed.account}:stack/{deployed.stack}/0"
        pseudo = {
            "AWS::AccountId": deployed.account,
            "AWS::Partition": "aws",
            "AWS::Region": deployed.region,
            "AWS::StackId": self._stack_id,
            "AWS::StackName": deployed.stack,
            "AWS::URLSuffix": "amazonaws.com",
        }
        self._template = Template(deployed.body, parameters={}, pseudo=pseudo)

    def read(self) -> None:
        for logical_id in self._template.order():
            resource = self._template.resources[logical_id]
            kind, properties = resource["Type"], self._resolved(resource.get("Properties", {}))
            if kind in _ARNS:
                self._resources[self._label(logical_id)] = Resource(
                    self._label(logical_id), kind, self._arn(logical_id), self._at.account, self._at.region
                )
            if _UNKNOWN.search(kind) and kind not in _KNOWN:
                raise NotImplementedError(f"{logical_id}: nothing here knows what a {kind} allows")
            self._note(logical_id, kind, properties)

    def _note(self, logical_id: str, kind: str, properties: Json) -> None:
        """Take down what a resource allows."""
        own = self._resources.get(self._label(logical_id))
        match kind:
            case "AWS::IAM::Role" if own:
                own.policy = properties["AssumeRolePolicyDocument"]
                own.identity |= {one["PolicyName"]: one["PolicyDocument"] for one in properties.get("Policies", [])}
                own.identity |= {arn: MANAGED_POLICIES[arn] for arn in properties.get("ManagedPolicyArns", [])}
            case "AWS::IAM::Policy":
                for name in properties["Roles"]:
                    role = self._named(f"arn:aws:iam::{self._at.account}:role/{name}")
                    role.identity[properties["PolicyName"]] = properties["PolicyDocument"]
            case "AWS::KMS::Key" if own:
                own.policy = properties["KeyPolicy"]
            case "AWS::Events::EventBusPolicy":
                bus = f"arn:aws:events:{self._at.region}:{self._at.account}:event-bus/{properties['EventBusName']}"
                self._add_statement(self._named(bus), properties["Statement"])
            case "AWS::Lambda::Permission":
                function = self._named(properties["FunctionName"])
                self._add_statement(function, _permission(properties, function.arn))
            case _ if kind in _POLICIES:
                self._note_policy(properties, *_POLICIES[kind], own)
            case _:
                pass

    def _note_policy(self, properties: Json, on: str, where: str, own: Resource | None) -> None:
        if where not in properties:
            return
        named: Any = properties[on] if on else []
        references: list[str] = named if is_list(named) else [str(named)]
        targets = [self._named(one) for one in references] if on else [own]
        for target in targets:
            if target is None or target.policy is not None:
                raise NotImplementedError(f"{named}: a policy on nothing, or a second one")
            target.policy = properties[where]

    @staticmethod
    def _add_statement(target: Resource, statement: Json) -> None:
        target.policy = target.policy or {"Version": "2012-10-17", "Statement": []}
        target.policy["Statement"].append(statement)

    def _named(self, reference: str) -> Resource:
        """The resource of this stack that a policy names by its ARN, URL or name."""
        name = reference.rsplit("/", 1)[1] if reference.startswith("https://") else reference
        by_name = ("AWS::SQS::Queue", "AWS::S3::Bucket")
        own = [one for one in self._resources.values() if one.label.startswith(f"{self._at.stack}/")]
        [found] = [one for one in own if one.arn == reference or (one.type in by_name and one.arn.endswith(f":{name}"))]
        return found

    def _resolved(self, value: Any) -> Any:
        get_att: Callable[[str, str], Any] = self._attribute
        return self._template.resolve(value, self._ref, get_att)

    def _label(self, logical_id: str) -> str:
        return f"{self._at.stack}/{_HASH.sub('', logical_id)}"

    def _name(self, logical_id: str) -> str:
        resource = self._template.resources[logical_id]
        given = _ARNS.get(resource["Type"], ("",))[0]
        named = resource.get("Properties", {}).get(given)
        return f"{self._at.stack}-{_HASH.sub('', logical_id)}" if named is None else str(self._resolved(named))

    def _arn(self, logical_id: str) -> str:
        resource, name = self._template.resources[logical_id], self._name(logical_id)
        _, service, path = _ARNS[resource["Type"]]
        bus = resource.get("Properties", {}).get("EventBusName")
        if resource["Type"] == "AWS::Events::Rule" and bus:
            name = f"{self._resolved(bus)}/{name}"
        region = "" if service in {"iam", "s3"} else self._at.region
        account = "" if service == "s3" else self._at.account
        return f"arn:aws:{service}:{region}:{account}:{path.format(name)}"

    def _ref(self, logical_id: str) -> str:
        kind = self._template.resources[logical_id]["Type"]
        if kind == "AWS::SQS::Queue":
            return f"https://sqs.{self._at.region}.amazonaws.com/{self._at.account}/{self._name(logical_id)}"
        return self._arn(logical_id) if kind in _REF_IS_ARN else self._name(logical_id)

    def _attribute(self, logical_id: str, attribute: str) -> str:
        is_arn = attribute == "Arn" and self._template.resources[logical_id]["Type"] in _ARNS
        return self._arn(logical_id) if is_arn else f"{self._name(logical_id)}.{attribute}"


def _permission(properties: Json, function_arn: str) -> Json:
    return {
        "Effect": "Allow",
        "Principal": {"Service": properties["Principal"]},
        "Action": properties["Action"],
        "Resource": function_arn,
        "Condition": {"ArnLike": {"aws:SourceArn": properties["SourceArn"]}},
    }
