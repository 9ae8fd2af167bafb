"""The resource types that the templates use, each as the AWS calls that make and remove it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.rehearsal.templates import Json, TemplateError

Client = Callable[[str], Any]

# What moto does not have, as roles' own policies.
MANAGED_POLICIES: dict[str, Json] = {
    # https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AWSLambdaBasicExecutionRole.html
    "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole": {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Action": ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"],
                "Resource": "*",
            }
        ],
    }
}


@dataclass
class Made:
    """What a resource type needs to know to make one resource, and what is known once it is made."""

    logical_id: str
    type: str
    properties: Json
    stack_name: str
    account: str
    region: str
    suffix: str
    physical_id: str = ""
    attributes: dict[str, str] = field(default_factory=dict[str, str])

    def name(self, given: str, longest: int = 64) -> str:
        """The name that the template gives, else one as CloudFormation makes them."""
        generated = f"{self.stack_name}-{self.logical_id}"[: longest - 13] + f"-{self.suffix}"
        name: str = self.properties.get(given, generated)
        return name

    def arn(self, service: str, resource: str) -> str:
        return f"arn:aws:{service}:{self.region}:{self.account}:{resource}"


@dataclass(frozen=True)
class ResourceType:
    """How one type is made, brought to changed properties, and removed.

    `put` must be repeatable where `updatable`; a change to any other type is a replacement, which the rehearsal
    does not play.
    """

    put: Callable[[Made, Client], None]
    remove: Callable[[Made, Client], None]
    updatable: bool = False


def _keep(_made: Made, _client: Client) -> None:
    """Nothing of it is left behind that anything in the rehearsal would see."""


def _put_role(made: Made, client: Client) -> None:
    iam, properties = client("iam"), made.properties
    trust = json.dumps(properties["AssumeRolePolicyDocument"])
    if made.physical_id:
        iam.update_assume_role_policy(RoleName=made.physical_id, PolicyDocument=trust)
    else:
        made.physical_id = made.name("RoleName")
        path = properties.get("Path", "/")
        role = iam.create_role(RoleName=made.physical_id, AssumeRolePolicyDocument=trust, Path=path)["Role"]
        made.attributes = {"Arn": role["Arn"], "RoleId": role["RoleId"]}
    for arn in properties.get("ManagedPolicyArns", []):
        if arn not in MANAGED_POLICIES:
            raise TemplateError(f"{made.logical_id}: the managed policy {arn} is not known to the judge")
        _put_inline(iam, made.physical_id, arn.rsplit("/", 1)[1], MANAGED_POLICIES[arn])
    for policy in properties.get("Policies", []):
        _put_inline(iam, made.physical_id, policy["PolicyName"], policy["PolicyDocument"])


def _put_inline(iam: Any, role: str, name: str, document: Json) -> None:
    iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=json.dumps(document))


def _remove_role(made: Made, client: Client) -> None:
    iam = client("iam")
    for policy in iam.list_role_policies(RoleName=made.physical_id)["PolicyNames"]:
        iam.delete_role_policy(RoleName=made.physical_id, PolicyName=policy)
    iam.delete_role(RoleName=made.physical_id)


def _put_policy(made: Made, client: Client) -> None:
    made.physical_id = made.properties["PolicyName"]
    for role in made.properties["Roles"]:
        _put_inline(client("iam"), role, made.physical_id, made.properties["PolicyDocument"])


def _remove_policy(made: Made, client: Client) -> None:
    for role in made.properties["Roles"]:
        client("iam").delete_role_policy(RoleName=role, PolicyName=made.physical_id)


def _put_queue(made: Made, client: Client) -> None:
    name = made.name("QueueName", 80)
    if "KmsMasterKeyId" in made.properties:
        raise TemplateError(f"{made.logical_id}: whether services may use a queue's own key is not played")
    attributes = {
        key: json.dumps(value)
        if isinstance(value, dict)
        else str(value).lower()
        if isinstance(value, bool)
        else str(value)
        for key, value in made.properties.items()
        if key not in {"QueueName", "Tags"}
    }
    if made.physical_id:
        client("sqs").set_queue_attributes(QueueUrl=made.physical_id, Attributes=attributes)
    else:
        client("sqs").create_queue(QueueName=name, Attributes=attributes)
    made.physical_id = f"https://sqs.{made.region}.amazonaws.com/{made.account}/{name}"
    made.attributes = {"Arn": made.arn("sqs", name), "QueueName": name, "QueueUrl": made.physical_id}


def _remove_queue(made: Made, client: Client) -> None:
    client("sqs").delete_queue(QueueUrl=made.physical_id)


def _put_queue_policy(made: Made, client: Client) -> None:
    made.physical_id = made.name("")
    for queue in made.properties["Queues"]:
        client("sqs").set_queue_attributes(
            QueueUrl=queue, Attributes={"Policy": json.dumps(made.properties["PolicyDocument"])}
        )


def _put_topic(made: Made, client: Client) -> None:
    name = made.name("TopicName")
    given = {key: str(value) for key, value in made.properties.items() if key in {"KmsMasterKeyId", "DisplayName"}}
    made.physical_id = client("sns").create_topic(Name=name, Attributes=given)["TopicArn"]
    made.attributes = {"TopicArn": made.physical_id, "TopicName": name}


def _remove_topic(made: Made, client: Client) -> None:
    client("sns").delete_topic(TopicArn=made.physical_id)


def _put_topic_policy(made: Made, client: Client) -> None:
    made.physical_id = made.name("")
    for topic in made.properties["Topics"]:
        client("sns").set_topic_attributes(
            TopicArn=topic,
            AttributeName="Policy",
            AttributeValue=json.dumps(made.properties["PolicyDocument"]),
        )


def _put_subscription(made: Made, client: Client) -> None:
    properties = made.properties
    attributes = {
        key: json.dumps(properties[key]) if isinstance(properties[key], dict) else str(properties[key]).lower()
        for key in ("RawMessageDelivery", "FilterPolicy", "FilterPolicyScope", "RedrivePolicy")
        if key in properties
    }
    made.physical_id = client("sns").subscribe(
        TopicArn=properties["TopicArn"],
        Protocol=properties["Protocol"],
        Endpoint=properties["Endpoint"],
        Attributes=attributes,
        ReturnSubscriptionArn=True,
    )["SubscriptionArn"]


def _remove_subscription(made: Made, client: Client) -> None:
    client("sns").unsubscribe(SubscriptionArn=made.physical_id)


def _put_key(made: Made, client: Client) -> None:
    properties = made.properties
    key = client("kms").create_key(
        Policy=json.dumps(properties["KeyPolicy"]), Description=properties.get("Description", "")
    )["KeyMetadata"]
    made.physical_id = key["KeyId"]
    made.attributes = {"Arn": key["Arn"], "KeyId": key["KeyId"]}


def _remove_key(made: Made, client: Client) -> None:
    client("kms").schedule_key_deletion(KeyId=made.physical_id)


def _put_rule(made: Made, client: Client) -> None:
    properties = made.properties
    made.physical_id = made.name("Name")
    bus = properties.get("EventBusName", "default")
    schedule = {"ScheduleExpression": properties["ScheduleExpression"]} if "ScheduleExpression" in properties else {}
    pattern = {"EventPattern": json.dumps(properties["EventPattern"])} if "EventPattern" in properties else {}
    events = client("events")
    arn = events.put_rule(
        Name=made.physical_id, EventBusName=bus, State=properties.get("State", "ENABLED"), **schedule, **pattern
    )["RuleArn"]
    if properties.get("Targets"):
        events.put_targets(Rule=made.physical_id, EventBusName=bus, Targets=properties["Targets"])
    made.attributes = {"Arn": arn}


def _remove_rule(made: Made, client: Client) -> None:
    events, bus = client("events"), made.properties.get("EventBusName", "default")
    targets = [target["Id"] for target in made.properties.get("Targets", [])]
    if targets:
        events.remove_targets(Rule=made.physical_id, EventBusName=bus, Ids=targets)
    events.delete_rule(Name=made.physical_id, EventBusName=bus)


def _put_bus(made: Made, client: Client) -> None:
    made.physical_id = made.properties["Name"]
    arn = client("events").create_event_bus(Name=made.physical_id)["EventBusArn"]
    made.attributes = {"Arn": arn, "Name": made.physical_id}


def _remove_bus(made: Made, client: Client) -> None:
    client("events").delete_event_bus(Name=made.physical_id)


def _put_bus_policy(made: Made, client: Client) -> None:
    made.physical_id = made.properties["StatementId"]
    policy = {"Version": "2012-10-17", "Statement": [made.properties["Statement"]]}
    client("events").put_permission(EventBusName=made.properties["EventBusName"], Policy=json.dumps(policy))


def _put_secret(made: Made, client: Client) -> None:
    given = {key: made.properties[key] for key in ("SecretString", "KmsKeyId") if key in made.properties}
    arn = client("secretsmanager").create_secret(Name=made.name("Name"), **given)["ARN"]
    made.physical_id = arn
    made.attributes = {"Id": arn}


def _remove_secret(made: Made, client: Client) -> None:
    client("secretsmanager").delete_secret(SecretId=made.physical_id, ForceDeleteWithoutRecovery=True)


def _put_parameter(made: Made, client: Client) -> None:
    made.physical_id = made.name("Name", 1011)
    properties = made.properties
    client("ssm").put_parameter(
        Name=made.physical_id, Type=properties["Type"], Value=properties["Value"], Overwrite=True
    )
    made.attributes = {"Type": properties["Type"], "Value": properties["Value"]}


def _remove_parameter(made: Made, client: Client) -> None:
    client("ssm").delete_parameter(Name=made.physical_id)


def _put_table(made: Made, client: Client) -> None:
    made.physical_id = made.name("TableName", 255)
    given = {key: made.properties[key] for key in ("AttributeDefinitions", "BillingMode", "KeySchema")}
    table = client("dynamodb").create_table(TableName=made.physical_id, **given)["TableDescription"]
    made.attributes = {"Arn": table["TableArn"]}


def _remove_table(made: Made, client: Client) -> None:
    client("dynamodb").delete_table(TableName=made.physical_id)


def _put_bucket(made: Made, client: Client) -> None:
    properties, s3 = made.properties, client("s3")
    if not made.physical_id:
        made.physical_id = made.name("BucketName", 63).lower()
        s3.create_bucket(Bucket=made.physical_id)
        made.attributes = {"Arn": f"arn:aws:s3:::{made.physical_id}"}
    if "VersioningConfiguration" in properties:
        s3.put_bucket_versioning(Bucket=made.physical_id, VersioningConfiguration=properties["VersioningConfiguration"])
    if "Tags" in properties:
        s3.put_bucket_tagging(Bucket=made.physical_id, Tagging={"TagSet": properties["Tags"]})


def _remove_bucket(made: Made, client: Client) -> None:
    client("s3").delete_bucket(Bucket=made.physical_id)


def _put_log_group(made: Made, _client: Client) -> None:
    made.physical_id = made.name("LogGroupName", 512)
    made.attributes = {"Arn": made.arn("logs", f"log-group:{made.physical_id}:*")}


def _put_alarm(made: Made, _client: Client) -> None:
    made.physical_id = made.name("AlarmName", 255)
    made.attributes = {"Arn": made.arn("cloudwatch", f"alarm:{made.physical_id}")}


def _put_dashboard(made: Made, _client: Client) -> None:
    made.physical_id = made.name("DashboardName", 255)
    # CloudFormation would refuse a body that is not JSON.
    json.loads(made.properties["DashboardBody"])


def _put_marker(made: Made, _client: Client) -> None:
    made.physical_id = made.name("")


RESOURCE_TYPES: dict[str, ResourceType] = {
    "AWS::IAM::Role": ResourceType(_put_role, _remove_role, updatable=True),
    "AWS::IAM::Policy": ResourceType(_put_policy, _remove_policy, updatable=True),
    "AWS::SQS::Queue": ResourceType(_put_queue, _remove_queue, updatable=True),
    "AWS::SQS::QueuePolicy": ResourceType(_put_queue_policy, _keep, updatable=True),
    "AWS::SNS::Topic": ResourceType(_put_topic, _remove_topic),
    "AWS::SNS::TopicPolicy": ResourceType(_put_topic_policy, _keep, updatable=True),
    "AWS::SNS::Subscription": ResourceType(_put_subscription, _remove_subscription),
    "AWS::KMS::Key": ResourceType(_put_key, _remove_key),
    "AWS::Events::Rule": ResourceType(_put_rule, _remove_rule, updatable=True),
    "AWS::Events::EventBus": ResourceType(_put_bus, _remove_bus),
    "AWS::Events::EventBusPolicy": ResourceType(_put_bus_policy, _keep, updatable=True),
    "AWS::SecretsManager::Secret": ResourceType(_put_secret, _remove_secret),
    "AWS::SSM::Parameter": ResourceType(_put_parameter, _remove_parameter, updatable=True),
    "AWS::DynamoDB::Table": ResourceType(_put_table, _remove_table),
    "AWS::S3::Bucket": ResourceType(_put_bucket, _remove_bucket, updatable=True),
    "AWS::Logs::LogGroup": ResourceType(_put_log_group, _keep),
    "AWS::CloudWatch::Alarm": ResourceType(_put_alarm, _keep),
    "AWS::CloudWatch::Dashboard": ResourceType(_put_dashboard, _keep, updatable=True),
    "AWS::CDK::Metadata": ResourceType(_put_marker, _keep, updatable=True),
}
