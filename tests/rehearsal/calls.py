"""What a call to AWS asks for: the IAM actions, resources and condition keys behind each operation.

Only operations in this table may be called by a role; anything else fails the rehearsal, so that a new call in a
function cannot slip by unjudged.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from tests.rehearsal.authority import Context

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.rehearsal.principals import Operator, Principal


class UnknownCallError(Exception):
    """A role calls an operation whose permissions the rehearsal does not know."""


@dataclass(frozen=True)
class ApiCall:
    """One AWS API call, as it arrives."""

    service: str
    operation: str
    account: str
    region: str
    parameters: dict[str, Any]
    caller: Principal | Operator

    def arn(self, service: str, resource: str) -> str:
        return f"arn:aws:{service}:{self.region}:{self.account}:{resource}"


@dataclass(frozen=True)
class Demand:
    """One question for the judge."""

    action: str
    resource: str
    context: Context = field(default_factory=Context)


class Directory(Protocol):
    """Finds the resources that a call names in other words than an ARN."""

    def stack_arn(self, call: ApiCall, name: str) -> str: ...
    def stack_set_arn(self, call: ApiCall, name: str) -> str: ...
    def administration_role(self, call: ApiCall, name: str) -> str | None: ...
    def organization_arn(self, entity: str) -> str: ...
    def secret_arn(self, call: ApiCall, secret_id: str) -> str: ...
    def secret_key(self, call: ApiCall, secret_id: str) -> str | None: ...
    def topic_key(self, topic_arn: str) -> str | None: ...
    def has_key(self, key_arn: str) -> bool: ...
    def has_object(self, bucket: str, key: str) -> bool: ...
    def object_key(self, bucket: str, key: str) -> tuple[str, dict[str, str]] | None: ...


def _queue(call: ApiCall, _directory: Directory) -> list[Demand]:
    action = call.operation.removesuffix("Batch")
    account, name = call.parameters["QueueUrl"].rsplit("/", 2)[1:]
    return [Demand(f"sqs:{action}", f"arn:aws:sqs:{call.region}:{account}:{name}")]


def _queue_by_name(call: ApiCall, _directory: Directory) -> list[Demand]:
    account = call.parameters.get("QueueOwnerAWSAccountId", call.account)
    return [Demand(f"sqs:{call.operation}", f"arn:aws:sqs:{call.region}:{account}:{call.parameters['QueueName']}")]


def _everything(call: ApiCall, _directory: Directory) -> list[Demand]:
    """The action knows no resource-level permissions."""
    return [Demand(f"{call.service}:{call.operation}", "*")]


def _topic(call: ApiCall, _directory: Directory) -> list[Demand]:
    return [Demand(f"sns:{call.operation}", call.parameters["TopicArn"])]


def _subscribe(call: ApiCall, _directory: Directory) -> list[Demand]:
    context: Context = {"sns:Endpoint": call.parameters["Endpoint"], "sns:Protocol": call.parameters["Protocol"]}
    return [Demand("sns:Subscribe", call.parameters["TopicArn"], context)]


def _subscription(call: ApiCall, _directory: Directory) -> list[Demand]:
    """AWS knows only topics as resources, so the judge takes no ARN of a subscription.

    https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonsns.html
    """
    return [Demand(f"sns:{call.operation}", call.parameters["SubscriptionArn"].rsplit(":", 1)[0])]


def _object(call: ApiCall, directory: Directory) -> list[Demand]:
    """Reading an encrypted object also has its reader decrypt the key of its data.

    That there is no such object S3 tells only those who may list the bucket; others may not read it, whatever there is:
    https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
    """
    bucket, key = call.parameters["Bucket"], call.parameters["Key"]
    demands = [Demand("s3:GetObject", f"arn:aws:s3:::{bucket}/{key}")]
    if not directory.has_object(bucket, key):
        demands.append(Demand("s3:ListBucket", f"arn:aws:s3:::{bucket}"))
    encryption = directory.object_key(bucket, key)
    if encryption is not None:
        key_arn, encrypted_with = encryption
        context: Context = {
            "kms:ViaService": f"s3.{call.region}.amazonaws.com",
            "kms:CallerAccount": call.account,
            "kms:EncryptionContextKeys": list(encrypted_with),
            **{f"kms:EncryptionContext:{name}": value for name, value in encrypted_with.items()},
        }
        demands.append(Demand("kms:Decrypt", key_arn, context))
    return demands


def _written_object(call: ApiCall, _directory: Directory) -> list[Demand]:
    suffix = "Version" if "VersionId" in call.parameters else ""
    bucket, key = call.parameters["Bucket"], call.parameters["Key"]
    return [Demand(f"s3:{call.operation}{suffix}", f"arn:aws:s3:::{bucket}/{key}")]


def _bucket(action: str) -> Callable[[ApiCall, Directory], list[Demand]]:
    def demands(call: ApiCall, _directory: Directory) -> list[Demand]:
        return [Demand(action, f"arn:aws:s3:::{call.parameters['Bucket']}")]

    return demands


def _table(call: ApiCall, _directory: Directory) -> list[Demand]:
    if "TransactItems" in call.parameters:
        # Each item asks for what would ask for it alone.
        return [
            Demand(f"dynamodb:{kind}Item", call.arn("dynamodb", f"table/{part['TableName']}"))
            for item in call.parameters["TransactItems"]
            for kind, part in item.items()
        ]
    tables = call.parameters.get("RequestItems") or [call.parameters["TableName"]]
    return [Demand(f"dynamodb:{call.operation}", call.arn("dynamodb", f"table/{name}")) for name in tables]


def _own_account(call: ApiCall, _directory: Directory) -> list[Demand]:
    """See https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsaccountmanagement.html."""
    return [Demand(f"account:{call.operation}", f"arn:aws:account::{call.account}:account")]


def _publish(call: ApiCall, directory: Directory) -> list[Demand]:
    topic = call.parameters["TopicArn"]
    demands = [Demand("sns:Publish", topic)]
    key = directory.topic_key(topic)
    if key is not None:
        context: Context = {
            "kms:ViaService": f"sns.{call.region}.amazonaws.com",
            "kms:CallerAccount": call.account,
            "kms:EncryptionContext:aws:sns:topicArn": topic,
            "kms:EncryptionContextKeys": ["aws:sns:topicArn"],
        }
        demands += [Demand(action, key, context) for action in ("kms:GenerateDataKey", "kms:Decrypt")]
    return demands


def _parameter(call: ApiCall, _directory: Directory) -> list[Demand]:
    name: str = call.parameters["Name"]
    resource = name if name.startswith("arn:") else call.arn("ssm", f"parameter/{name.removeprefix('/')}")
    return [Demand(f"ssm:{call.operation}", resource)]


def _secret_value(call: ApiCall, directory: Directory) -> list[Demand]:
    secret = directory.secret_arn(call, call.parameters["SecretId"])
    context: Context = {
        "secretsmanager:SecretId": secret,
        "secretsmanager:VersionStage": call.parameters.get("VersionStage", "AWSCURRENT"),
    }
    demands = [Demand("secretsmanager:GetSecretValue", secret, context)]
    key = directory.secret_key(call, call.parameters["SecretId"])
    if key is not None:
        via: Context = {
            "kms:ViaService": f"secretsmanager.{call.region}.amazonaws.com",
            "kms:CallerAccount": call.account,
            "kms:EncryptionContext:SecretARN": secret,
            "kms:EncryptionContextKeys": ["SecretARN"],
        }
        demands.append(Demand("kms:Decrypt", key, via))
    return demands


def _assume_role(call: ApiCall, _directory: Directory) -> list[Demand]:
    context: Context = {"sts:RoleSessionName": call.parameters["RoleSessionName"]}
    if "ExternalId" in call.parameters:
        context["sts:ExternalId"] = call.parameters["ExternalId"]
    return [Demand("sts:AssumeRole", call.parameters["RoleArn"], context)]


def _describe_stacks(call: ApiCall, directory: Directory) -> list[Demand]:
    return [Demand("cloudformation:DescribeStacks", directory.stack_arn(call, call.parameters["StackName"]))]


def _stack_set(call: ApiCall, directory: Directory) -> list[Demand]:
    stack_set = directory.stack_set_arn(call, call.parameters["StackSetName"])
    return [Demand(f"cloudformation:{call.operation}", stack_set)]


def _stack_instances(call: ApiCall, directory: Directory) -> list[Demand]:
    """Changing instances also asks about the accounts they are in, and passes the administration role on.

    AWS asks about resource types too, but the judge takes no ARN without an account, as those of AWS's own types are:
    https://docs.aws.amazon.com/service-authorization/latest/reference/list_awscloudformation.html
    """
    name = call.parameters["StackSetName"]
    stack_set = directory.stack_set_arn(call, name)
    target = stack_set.replace(":stackset/", ":stackset-target/")
    resources = [stack_set, *(f"{target}/{account}" for account in call.parameters["Accounts"])]
    context: Context = {"cloudformation:TargetRegion": call.parameters["Regions"]}
    demands = [Demand(f"cloudformation:{call.operation}", resource, context) for resource in resources]
    role = directory.administration_role(call, name)
    if role is not None:
        demands.append(Demand("iam:GetRole", role))
        demands.append(Demand("iam:PassRole", role, {"iam:PassedToService": "cloudformation.amazonaws.com"}))
    return demands


def _role(call: ApiCall, _directory: Directory) -> list[Demand]:
    name, path = call.parameters["RoleName"], call.parameters.get("Path", "/")
    return [Demand(f"iam:{call.operation}", f"arn:aws:iam::{call.account}:role{path}{name}")]


def bus_of(call: ApiCall, entry: dict[str, Any]) -> str:
    """The ARN of the bus that a call, or an entry of it, names by its name or ARN; the default bus if by neither."""
    name: str = entry.get("EventBusName", "default")
    return name if name.startswith("arn:") else call.arn("events", f"event-bus/{name}")


def _put_events(call: ApiCall, _directory: Directory) -> list[Demand]:
    return [
        Demand(
            "events:PutEvents",
            bus_of(call, entry),
            {"events:detail-type": entry["DetailType"], "events:source": entry["Source"]},
        )
        for entry in call.parameters["Entries"]
    ]


def _rule(call: ApiCall, _directory: Directory) -> list[Demand]:
    """Giving a rule its targets also passes their roles on."""
    bus = bus_of(call, call.parameters).rsplit("/", 1)[1]
    name = call.parameters.get("Rule") or call.parameters["Name"]
    rule = call.arn("events", f"rule/{name}" if bus == "default" else f"rule/{bus}/{name}")
    targets = call.parameters.get("Targets", [])
    passed: Context = {"iam:PassedToService": "events.amazonaws.com"}
    roles = {target["RoleArn"] for target in targets if "RoleArn" in target}
    context: Context = {"events:TargetArn": [target["Arn"] for target in targets]} if targets else {}
    return [
        Demand(f"events:{call.operation}", rule, context),
        *(Demand("iam:PassRole", role, passed) for role in sorted(roles)),
    ]


def _nothing(_call: ApiCall, _directory: Directory) -> list[Demand]:
    """Nobody needs a permission for it: https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html."""
    return []


def _named(parameter: str) -> Callable[[ApiCall, Directory], list[Demand]]:
    """A parameter holds the ARN of what the call is about."""

    def demands(call: ApiCall, _directory: Directory) -> list[Demand]:
        return [Demand(f"{call.service}:{call.operation}", call.parameters[parameter])]

    return demands


def _key(call: ApiCall, directory: Directory) -> list[Demand]:
    """That there is no such key is told to whoever asks in its account."""
    key = call.parameters["KeyId"]
    return [Demand(f"kms:{call.operation}", key)] if directory.has_key(key) else []


def _detector(call: ApiCall, _directory: Directory) -> list[Demand]:
    return [Demand(f"guardduty:{call.operation}", call.arn("guardduty", f"detector/{call.parameters['DetectorId']}"))]


def _organization_entity(parameter: str) -> Callable[[ApiCall, Directory], list[Demand]]:
    def demands(call: ApiCall, directory: Directory) -> list[Demand]:
        entity = directory.organization_arn(call.parameters[parameter])
        return [Demand(f"organizations:{call.operation}", entity)]

    return demands


_TABLE: dict[str, Callable[[ApiCall, Directory], list[Demand]]] = {
    **{
        f"sqs:{operation}": _queue
        for operation in (
            "ReceiveMessage",
            "DeleteMessage",
            "DeleteMessageBatch",
            "ChangeMessageVisibility",
            "ChangeMessageVisibilityBatch",
            "SendMessage",
            "SendMessageBatch",
            "GetQueueAttributes",
            "SetQueueAttributes",
            "DeleteQueue",
        )
    },
    "sqs:ListQueues": _everything,
    **{f"sqs:{operation}": _queue_by_name for operation in ("CreateQueue", "GetQueueUrl")},
    "sns:Publish": _publish,
    "sns:Subscribe": _subscribe,
    **{f"sns:{operation}": _topic for operation in ("ConfirmSubscription", "ListSubscriptionsByTopic")},
    **{f"sns:{operation}": _subscription for operation in ("GetSubscriptionAttributes", "Unsubscribe")},
    "s3:GetObject": _object,
    **{f"s3:{operation}": _written_object for operation in ("PutObject", "DeleteObject")},
    "s3:GetBucketLocation": _bucket("s3:GetBucketLocation"),
    "s3:GetBucketTagging": _bucket("s3:GetBucketTagging"),
    "s3:ListObjectVersions": _bucket("s3:ListBucketVersions"),
    **{
        f"dynamodb:{operation}": _table
        for operation in (
            *("GetItem", "PutItem", "UpdateItem", "DeleteItem", "Query", "Scan", "BatchWriteItem"),
            "TransactWriteItems",
        )
    },
    **{f"account:{operation}": _own_account for operation in ("GetAccountInformation", "ListRegions")},
    "secretsmanager:GetSecretValue": _secret_value,
    "ssm:GetParameter": _parameter,
    "ssm:PutParameter": _parameter,
    "cloudwatch:GetMetricData": _everything,
    "sts:AssumeRole": _assume_role,
    "cloudformation:DescribeStacks": _describe_stacks,
    **{
        f"cloudformation:List{what}": _stack_set
        for what in ("StackInstances", "StackSetOperations", "StackSetOperationResults")
    },
    **{
        f"cloudformation:{operation}": _stack_instances
        for operation in ("CreateStackInstances", "UpdateStackInstances", "DeleteStackInstances")
    },
    # What CloudFormation does in the name of the execution role.
    **{
        f"iam:{operation}": _role
        for operation in (
            "CreateRole",
            "UpdateAssumeRolePolicy",
            "GetRole",
            "PutRolePolicy",
            "ListRolePolicies",
            "DeleteRolePolicy",
            "DeleteRole",
        )
    },
    **{f"events:{operation}": _rule for operation in ("PutRule", "PutTargets", "RemoveTargets", "DeleteRule")},
    "events:PutEvents": _put_events,
    # What a backfill asks.
    "events:DescribeRule": _rule,
    "events:TestEventPattern": _everything,
    **{f"guardduty:{operation}": _everything for operation in ("ListFindings", "GetFindings")},
    "ec2:DescribeVpcs": _everything,
    # What preflight looks at.
    "sts:GetCallerIdentity": _nothing,
    "organizations:DescribeOrganization": _everything,
    "organizations:DescribeOrganizationalUnit": _organization_entity("OrganizationalUnitId"),
    "controltower:ListLandingZones": _everything,
    "controltower:GetLandingZone": _named("landingZoneIdentifier"),
    "cloudtrail:DescribeTrails": _everything,
    "cloudtrail:GetTrailStatus": _named("Name"),
    "sns:GetTopicAttributes": _topic,
    **{f"kms:{operation}": _key for operation in ("DescribeKey", "GetKeyPolicy")},
    **{
        f"guardduty:{operation}": _everything
        for operation in ("ListOrganizationAdminAccounts", "ListDetectors", "DescribeOrganizationConfiguration")
    },
    "guardduty:GetDetector": _detector,
    "organizations:DescribeAccount": _organization_entity("AccountId"),
    "organizations:ListParents": _organization_entity("ChildId"),
    "organizations:ListRoots": _everything,
    **{
        f"organizations:{operation}": _organization_entity("ParentId")
        for operation in ("ListAccountsForParent", "ListOrganizationalUnitsForParent")
    },
}


def demands_of(call: ApiCall, directory: Directory) -> list[Demand]:
    """All questions for the judge that a call raises.

    Raises:
        UnknownCallError: the table has no such operation.
    """
    try:
        find = _TABLE[f"{call.service}:{call.operation}"]
    except KeyError:
        message = f"{call.service}:{call.operation} is called by a role, but tests/rehearsal/calls.py does not know it"
        raise UnknownCallError(message) from None
    return find(call, directory)
