"""What somebody might do: each action, and all that it could be done to."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from tests.rehearsal.synthesis import TRAIL_KEY_ARN
from tests.rehearsal.templates import is_list
from tests.security.accounts import (
    AUDIT,
    CUSTOMER_ID,
    LOG_ARCHIVE,
    MANAGEMENT,
    MEMBER,
    ORGANIZATION,
    SECURITY,
    STRANGER,
)
from tests.security.laws import EXECUTION_ROLE, Target

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tests.rehearsal.authority import Context
    from tests.rehearsal.templates import Json
    from tests.security.styles import Style
    from tests.security.world import Resource, World

# Each kind of resource, and what is done to it: what our roles do, and what nobody is to do.
ACTIONS: dict[str, tuple[str, ...]] = {
    "queue": (
        "sqs:ReceiveMessage",
        "sqs:DeleteMessage",
        "sqs:GetQueueAttributes",
        "sqs:GetQueueUrl",
        "sqs:ChangeMessageVisibility",
        "sqs:SendMessage",
        "sqs:PurgeQueue",
        "sqs:SetQueueAttributes",
        "sqs:DeleteQueue",
    ),
    "secret": ("secretsmanager:GetSecretValue", "secretsmanager:DescribeSecret", "secretsmanager:PutSecretValue"),
    "log group": ("logs:CreateLogStream", "logs:PutLogEvents", "logs:GetLogEvents", "logs:CreateLogGroup"),
    "table": (
        "dynamodb:GetItem",
        "dynamodb:Query",
        "dynamodb:Scan",
        "dynamodb:PutItem",
        "dynamodb:UpdateItem",
        "dynamodb:DeleteItem",
        "dynamodb:BatchWriteItem",
        "dynamodb:DeleteTable",
    ),
    "bucket": (
        "s3:ListBucket",
        "s3:GetBucketLocation",
        "s3:GetBucketTagging",
        "s3:ListBucketVersions",
        "s3:PutBucketPolicy",
        "s3:DeleteBucket",
    ),
    "object": ("s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:DeleteObjectVersion"),
    "topic": (
        "sns:Publish",
        "sns:Subscribe",
        "sns:Subscribe/another-queue",
        "sns:Subscribe/web-server",
        "sns:ConfirmSubscription",
        "sns:ListSubscriptionsByTopic",
        "sns:GetTopicAttributes",
        "sns:SetTopicAttributes",
        "sns:AddPermission",
    ),
    "key": ("kms:Decrypt", "kms:Decrypt/topic", "kms:GenerateDataKey/topic", "kms:PutKeyPolicy", "kms:CreateGrant"),
    "bus": ("events:PutEvents",),
    "parameter": ("ssm:GetParameter", "ssm:PutParameter"),
    "function": ("lambda:InvokeFunction", "lambda:UpdateFunctionCode", "lambda:GetFunction"),
    "role": (
        "sts:AssumeRole",
        "iam:GetRole",
        "iam:GetRolePolicy",
        "iam:ListRolePolicies",
        "iam:ListAttachedRolePolicies",
        "iam:PassRole/CloudFormation",
        "iam:PassRole/Lambda",
        "iam:PutRolePolicy",
        "iam:UpdateAssumeRolePolicy",
        "iam:CreateRole",
    ),
    "stack set": (
        "cloudformation:ListStackInstances",
        "cloudformation:ListStackSetOperations",
        "cloudformation:ListStackSetOperationResults",
        "cloudformation:CreateStackInstances",
        "cloudformation:UpdateStackInstances",
        "cloudformation:DeleteStackInstances",
        "cloudformation:UpdateStackSet",
        "cloudformation:DeleteStackSet",
    ),
    "stack": ("cloudformation:DescribeStacks", "cloudformation:UpdateStack", "cloudformation:GetTemplate"),
    "organization's account": (
        "organizations:DescribeAccount",
        "organizations:ListParents",
        "organizations:CloseAccount",
        "organizations:MoveAccount",
    ),
    "organizational unit": (
        "organizations:ListParents",
        "organizations:ListAccountsForParent",
        "organizations:ListOrganizationalUnitsForParent",
    ),
    "root": ("organizations:ListAccountsForParent", "organizations:ListOrganizationalUnitsForParent"),
    "account": ("account:GetAccountInformation", "account:PutContactInformation"),
    "anything": (
        "sqs:ListQueues",
        "organizations:ListRoots",
        "organizations:LeaveOrganization",
        "cloudwatch:GetMetricData",
        "ec2:DescribeVpcs",
        "ec2:DescribeVpcs/another-region",
        "sns:GetSubscriptionAttributes",
        "sns:Unsubscribe",
        "iam:CreateUser",
        "secretsmanager:ListSecrets",
    ),
}
_ALWAYS = {"anything", "organization's account", "role", "secret", "stack set"}
_TYPES = {
    "AWS::DynamoDB::Table": "table",
    "AWS::Events::EventBus": "bus",
    "AWS::IAM::Role": "role",
    "AWS::KMS::Key": "key",
    "AWS::Lambda::Function": "function",
    "AWS::Logs::LogGroup": "log group",
    "AWS::S3::Bucket": "bucket",
    "AWS::SNS::Topic": "topic",
    "AWS::SQS::Queue": "queue",
    "AWS::SSM::Parameter": "parameter",
    "AWS::SecretsManager::Secret": "secret",
    "AWS::CloudFormation::StackSet": "stack set",
}


def actions_of(role: Resource) -> set[str]:
    """The actions that a role's own policies name."""
    return _named(statement for policy in role.identity.values() for statement in policy["Statement"])


def _named(statements: Iterable[Json]) -> set[str]:
    named = (statement["Action"] for statement in statements)
    return {action for one in named for action in (one if is_list(one) else [one])}


@dataclass(frozen=True)
class Attempt:
    """One action on one thing, and how the tables name both."""

    words: str
    name: str
    action: str
    target: Target
    context: Context


def questions(world: World, style: Style, asker: Resource) -> Iterator[Attempt]:
    """Everything that a role might try, on its own things and on those of others.

    Left out are services of which its own policies say nothing: there a resource's policy would have to let it in, and
    what these do is asked of everybody.
    """
    services = {action.partition(":")[0] for action in actions_of(asker)}
    for kind, targets in _targets(world, style, asker).items():
        if kind not in _ALWAYS and not services & {action.partition(":")[0] for action in ACTIONS[kind]}:
            continue
        for words in ACTIONS[kind]:
            for name, target in targets.items():
                yield Attempt(words, name, words.partition("/")[0], target, context_of(words, style, asker.region))


def context_of(words: str, style: Style, region: str) -> Context:
    """What a request says beside its action."""
    queue = f"arn:aws:sqs:{style.home_region}:{LOG_ARCHIVE if style.is_organization else SECURITY}"
    topic: Context = {"kms:ViaService": f"sns.{style.home_region}.amazonaws.com"}
    contexts: dict[str, Context] = {
        "iam:PassRole/CloudFormation": {"iam:PassedToService": "cloudformation.amazonaws.com"},
        "iam:PassRole/Lambda": {"iam:PassedToService": "lambda.amazonaws.com"},
        "sns:Subscribe": {"sns:Protocol": "sqs", "sns:Endpoint": f"{queue}:outcomesbucket-{CUSTOMER_ID}"},
        "sns:Subscribe/another-queue": {"sns:Protocol": "sqs", "sns:Endpoint": f"{queue}:another"},
        "sns:Subscribe/web-server": {"sns:Protocol": "https", "sns:Endpoint": "https://example.com/"},
        "ec2:DescribeVpcs": {"aws:RequestedRegion": style.home_region},
        "ec2:DescribeVpcs/another-region": {"aws:RequestedRegion": "sa-east-1"},
        "kms:Decrypt/topic": topic,
        "kms:GenerateDataKey/topic": topic,
        # As S3 asks for what CloudTrail keeps there.
        "kms:Decrypt": {
            "kms:ViaService": f"s3.{region}.amazonaws.com",
            "kms:EncryptionContext:aws:cloudtrail:arn": f"arn:aws:cloudtrail:{region}:{MANAGEMENT}:trail/any",
            "kms:EncryptionContextKeys": ["aws:cloudtrail:arn"],
        },
    }
    return contexts.get(words, {})


def own_questions(world: World, style: Style, resource: Resource) -> Iterator[Attempt]:
    """What somebody might do to a resource itself, and to an object in a bucket.

    Left out are actions that no statement of its policy allows to anybody, but for one of each kind.
    """
    statements = (resource.policy or {"Statement": []})["Statement"]
    allowed = _named(statement for statement in statements if statement["Effect"] == "Allow")
    for kind, targets in _targets(world, style, resource).items():
        for name, target in targets.items():
            if target.arn == resource.arn or target.arn.startswith(f"{resource.arn}/"):
                for words in ACTIONS[kind]:
                    action = words.partition("/")[0]
                    if words == ACTIONS[kind][0] or any(fnmatchcase(action, one) for one in allowed):
                        yield Attempt(words, name, action, target, context_of(words, style, resource.region))


def _targets(world: World, style: Style, asker: Resource) -> dict[str, dict[str, Target]]:
    found: dict[str, dict[str, Target]] = {kind: {} for kind in ACTIONS}
    for resource in world.resources.values():
        kind = _TYPES.get(resource.type)
        if kind is not None:
            found[kind][resource.label] = Target(_single(resource.arn), resource.account)
    for kind, name, target in _others(world, style, asker):
        found[kind][name] = target
    return found


def _single(arn: str) -> str:
    """A log group's ARN stands for its streams."""
    return arn.removesuffix("*") + "log-stream:any" if arn.endswith(":*") else arn


def _others(world: World, style: Style, asker: Resource) -> Iterator[tuple[str, str, Target]]:
    """What is not in the templates: what belongs to Control Tower and to AWS, to strangers and to neighbors."""
    home, here = style.home_region, asker.region
    yield "anything", "*", Target("*", "")
    for bucket in world.of_type("AWS::S3::Bucket").values():
        for key in ("status.json", "another.json"):
            yield "object", f"{bucket.label}/{key}", Target(f"{bucket.arn}/{key}", bucket.account)
    for account in (MEMBER, STRANGER):
        whose = "of a member" if account == MEMBER else "of a stranger"
        if account == asker.account:
            whose = "of its own"
        for service, kind, path in (
            ("sqs", "queue", "any"),
            ("sns", "topic", "any"),
            ("secretsmanager", "secret", "secret:any-AbCdEf"),
            ("kms", "key", "key/any"),
            ("events", "bus", "event-bus/default"),
            ("dynamodb", "table", "table/any"),
            ("lambda", "function", "function:any"),
            ("logs", "log group", "log-group:any:log-stream:any"),
            ("ssm", "parameter", "parameter/any"),
            ("cloudformation", "stack", "stack/any/0"),
        ):
            yield kind, f"any {kind} {whose}", Target(f"arn:aws:{service}:{here}:{account}:{path}", account)
        yield "account", f"any account {whose}", Target(f"arn:aws:account::{account}:account", account)
        for name in (EXECUTION_ROLE, "Administrator", "alertlogic-hub-reader"):
            role = f"arn:aws:iam::{account}:role/{name}"
            if world.at(role) is None:
                yield "role", f"{name} {whose}", Target(role, account)
    for account in (SECURITY, MANAGEMENT):
        role = f"arn:aws:iam::{account}:role/{EXECUTION_ROLE}"
        yield "role", f"{EXECUTION_ROLE} of {account}", Target(role, account)
    own_account = Target(f"arn:aws:account::{asker.account}:account", asker.account)
    yield "account", "any account of its own", own_account
    stack = asker.label.partition("/")[0]
    own_stack = f"arn:aws:cloudformation:{here}:{asker.account}:stack/{stack}/0"
    yield "stack", "its own stack", Target(own_stack, asker.account)
    yield (
        "bus",
        "default bus of the management account",
        Target(f"arn:aws:events:{home}:{MANAGEMENT}:event-bus/default", MANAGEMENT),
    )
    security_bus = f"arn:aws:events:{home}:{SECURITY}:event-bus/default"
    yield "bus", "default bus of the security account", Target(security_bus, SECURITY)
    for name, target in _stack_sets(home):
        yield "stack set", name, target
    yield from _organization()
    yield from _trail(style)


def _stack_sets(home: str) -> Iterator[tuple[str, Target]]:
    prefix = f"arn:aws:cloudformation:{home}:{MANAGEMENT}"
    yield "another stack set", Target(f"{prefix}:stackset/another:0", MANAGEMENT)
    elsewhere = f"arn:aws:cloudformation:{home}:{MEMBER}:stackset/alertlogic-member-account:0"
    yield "the stack set of the same name in a member account", Target(elsewhere, MEMBER)


def _organization() -> Iterator[tuple[str, str, Target]]:
    for organization, whose in ((ORGANIZATION, "our"), ("o-somebodyelse", "another organization's")):
        for kind, path in (
            ("organization's account", f"account/{organization}/{MEMBER}"),
            ("organizational unit", f"ou/{organization}/ou-abcd-12345678"),
            ("root", f"root/{organization}/r-abcd"),
        ):
            name = f"{whose} {kind.rpartition(' ')[2]}"
            yield kind, name, Target(f"arn:aws:organizations::{MANAGEMENT}:{path}", MANAGEMENT)


def _trail(style: Style) -> Iterator[tuple[str, str, Target]]:
    home = style.home_region
    if style.is_organization:
        bucket, topic = f"aws-controltower-logs-{LOG_ARCHIVE}-{home}", "aws-controltower-AllConfigNotifications"
        owner, topic_owner = LOG_ARCHIVE, AUDIT
    else:
        bucket, topic, owner, topic_owner = "acme-trail", "acme-trail", SECURITY, SECURITY
    yield "bucket", "the trail's bucket", Target(f"arn:aws:s3:::{bucket}", owner)
    yield "bucket", "another bucket", Target("arn:aws:s3:::another", owner)
    log = f"{ORGANIZATION}/AWSLogs/{MEMBER}/log.json.gz"
    yield "object", "a log", Target(f"arn:aws:s3:::{bucket}/{log}", owner)
    yield "object", "what is no log", Target(f"arn:aws:s3:::{bucket}/other", owner)
    yield "object", "a log in another bucket", Target(f"arn:aws:s3:::another/{log}", owner)
    yield "topic", "the trail's topic", Target(f"arn:aws:sns:{home}:{topic_owner}:{topic}", topic_owner)
    yield "topic", "another topic", Target(f"arn:aws:sns:{home}:{topic_owner}:another", topic_owner)
    yield "key", "the trail's key", Target(TRAIL_KEY_ARN, MANAGEMENT)
