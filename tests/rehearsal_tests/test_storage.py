"""Buckets and tables: what their policies, conditions and CDK's own emptier do."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from tests.rehearsal import auto_delete
from tests.rehearsal.moto_state import bucket_versions, has_object
from tests.rehearsal.principals import Operator, RoleSession

if TYPE_CHECKING:
    from tests.rehearsal import Rehearsal
    from tests.rehearsal.stacks import Stack
    from tests.rehearsal.templates import Json

DEPLOYED = ()

TAGS = [{"Key": "aws-cdk:auto-delete-objects", "Value": "true"}]
KEPT: Json = {"VersioningConfiguration": {"Status": "Enabled"}}


def create(rehearsal: Rehearsal, **resources: Json) -> Stack:
    stack = rehearsal.stacks.create(
        f"stack-{len(rehearsal.stacks.all)}",
        account=rehearsal.zone.audit,
        region=rehearsal.zone.home_region,
        body={"Resources": resources},
        parameters={},
        caller=Operator(rehearsal.zone.audit),
    )
    rehearsal.settle()
    return stack


def bucket(**properties: Any) -> Json:
    return {"Type": "AWS::S3::Bucket", "Properties": properties}


def role_that_may(rehearsal: Rehearsal, *actions: str) -> RoleSession:
    statement: Json = {"Effect": "Allow", "Action": [*actions], "Resource": "*"}
    trust: Json = {"Version": "2012-10-17", "Statement": []}
    name = f"role-{len(rehearsal.calls)}"
    policies = [{"PolicyName": "P", "PolicyDocument": {"Version": "2012-10-17", "Statement": [statement]}}]
    properties: Json = {"RoleName": name, "AssumeRolePolicyDocument": trust, "Policies": policies if actions else []}
    create(rehearsal, Role={"Type": "AWS::IAM::Role", "Properties": properties})
    return RoleSession(f"arn:aws:iam::{rehearsal.zone.audit}:role/{name}", "test")


def request(rehearsal: Rehearsal, name: str) -> Json:
    return {
        "RequestType": "Delete",
        "ResourceType": auto_delete.RESOURCE_TYPE,
        "StackId": f"arn:aws:cloudformation:{rehearsal.zone.home_region}:{rehearsal.zone.audit}:stack/S/1",
        "RequestId": "request",
        "LogicalResourceId": "R",
        "PhysicalResourceId": "physical",
        "ResourceProperties": {"BucketName": name},
    }


@pytest.mark.parametrize("consents", [True, False])
def test_a_bucket_is_emptied_of_all_versions_if_it_says_so(rehearsal: Rehearsal, *, consents: bool) -> None:
    stack = create(rehearsal, Bucket=bucket(**KEPT, **({"Tags": TAGS} if consents else {})))
    name = stack.made["Bucket"].physical_id
    s3 = rehearsal.client("s3", rehearsal.zone.audit)
    for content in (b"1", b"2"):
        s3.put_object(Bucket=name, Key="key", Body=content)
    s3.delete_object(Bucket=name, Key="key")
    actions = ("s3:GetBucketTagging", "s3:ListBucketVersions", "s3:DeleteObject", "s3:DeleteObjectVersion")
    session = role_that_may(rehearsal, *actions)
    if not consents:
        s3.put_bucket_tagging(Bucket=name, Tagging={"TagSet": [{"Key": "other", "Value": "true"}]})
    assert [version.value for version in bucket_versions(name)] == [b"1", b"2"]
    assert not has_object(name, "key")

    answer = auto_delete.answer_to(request(rehearsal, name), rehearsal.gateway, session)

    assert (answer["Status"], answer["PhysicalResourceId"]) == ("SUCCESS", "physical")
    assert bool(bucket_versions(name)) is not consents


def test_a_bucket_that_is_not_empty_keeps_its_stack(rehearsal: Rehearsal) -> None:
    stack = create(rehearsal, Bucket=bucket())
    name = stack.made["Bucket"].physical_id
    s3 = rehearsal.client("s3", rehearsal.zone.audit)
    s3.put_object(Bucket=name, Key="key", Body=b"")

    rehearsal.stacks.delete(stack)
    rehearsal.settle()

    assert stack.status == "DELETE_FAILED"
    assert "BucketNotEmpty" in stack.reason
    s3.delete_object(Bucket=name, Key="key")
    rehearsal.stacks.delete(stack)
    rehearsal.settle()
    assert stack.status == "DELETE_COMPLETE"


def test_emptying_needs_permission(rehearsal: Rehearsal) -> None:
    stack = create(rehearsal, Bucket=bucket(Tags=TAGS))
    session = role_that_may(rehearsal)

    answer = auto_delete.answer_to(request(rehearsal, stack.made["Bucket"].physical_id), rehearsal.gateway, session)

    assert answer["Status"] == "FAILED"
    assert "s3:GetBucketTagging" in answer["Reason"]


def test_other_functions_of_cdk_are_not_played(rehearsal: Rehearsal) -> None:
    other = request(rehearsal, "any") | {"ResourceType": "Custom::Other"}

    with pytest.raises(NotImplementedError, match="Custom::Other"):
        auto_delete.answer_to(other, rehearsal.gateway, role_that_may(rehearsal))


def test_a_policy_on_a_bucket_admits_and_refuses(rehearsal: Rehearsal) -> None:
    session = role_that_may(rehearsal)
    name = "policed-bucket"
    statement: Json = {"Effect": "Allow", "Principal": {"AWS": session.role_arn}, "Action": "s3:*"}
    policy: Json = {
        "Version": "2012-10-17",
        "Statement": [
            statement | {"Resource": f"arn:aws:s3:::{name}/*"},
            statement | {"Effect": "Deny", "Action": "s3:DeleteObject", "Resource": f"arn:aws:s3:::{name}/kept"},
        ],
    }
    policed: Json = {"Type": "AWS::S3::BucketPolicy", "Properties": {"Bucket": name, "PolicyDocument": policy}}
    stack = create(rehearsal, Bucket=bucket(BucketName=name), Policy=policed | {"DependsOn": "Bucket"})
    s3 = rehearsal.gateway.client("s3", session, rehearsal.zone.home_region)

    s3.put_object(Bucket=name, Key="kept", Body=b"content")
    assert s3.get_object(Bucket=name, Key="kept")["Body"].read() == b"content"
    with pytest.raises(ClientError, match="s3:DeleteObject"):
        s3.delete_object(Bucket=name, Key="kept")
    # That there is nothing, only those hear who may list the bucket.
    with pytest.raises(ClientError, match="s3:ListBucket"):
        s3.get_object(Bucket=name, Key="missing")

    rehearsal.client("s3", rehearsal.zone.audit).delete_object(Bucket=name, Key="kept")
    rehearsal.stacks.delete(stack)
    rehearsal.settle()
    assert stack.status == "DELETE_COMPLETE"
    assert name not in rehearsal.authority.bucket_policies


def test_a_managed_policy_counts_if_it_is_known(rehearsal: Rehearsal) -> None:
    arn = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
    trust: Json = {"Version": "2012-10-17", "Statement": []}
    role: Json = {"AssumeRolePolicyDocument": trust, "ManagedPolicyArns": [arn]}
    stack = create(rehearsal, Role={"Type": "AWS::IAM::Role", "Properties": role})
    name = stack.made["Role"].physical_id
    iam = rehearsal.client("iam", rehearsal.zone.audit)
    policy = iam.get_role_policy(RoleName=name, PolicyName="AWSLambdaBasicExecutionRole")["PolicyDocument"]
    assert "logs:PutLogEvents" in json.dumps(policy)


def test_calls_to_tables_are_judged(rehearsal: Rehearsal) -> None:
    keys: Json = {
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
        "BillingMode": "PAY_PER_REQUEST",
    }
    stack = create(rehearsal, Table={"Type": "AWS::DynamoDB::Table", "Properties": keys})
    name = stack.made["Table"].physical_id
    session = role_that_may(rehearsal, "dynamodb:BatchWriteItem")
    dynamodb = rehearsal.gateway.client("dynamodb", session, rehearsal.zone.home_region)
    item: Json = {"id": {"S": "1"}}

    dynamodb.batch_write_item(RequestItems={name: [{"PutRequest": {"Item": item}}]})
    with pytest.raises(ClientError, match=f"dynamodb:GetItem on {stack.made['Table'].attributes['Arn']}"):
        dynamodb.get_item(TableName=name, Key=item)

    found = rehearsal.client("dynamodb", rehearsal.zone.audit).get_item(TableName=name, Key=item)["Item"]
    assert found == item
