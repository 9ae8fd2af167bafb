"""What CDK's own function does that empties a bucket before CloudFormation deletes it, with that function's role.

The function runs on Node.js, from CDK's own code; only what it does to AWS is played here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from tests.rehearsal.gateway import Gateway
    from tests.rehearsal.principals import RoleSession
    from tests.rehearsal.templates import Json

RESOURCE_TYPE = "Custom::S3AutoDeleteObjects"
CONSENT = {"Key": "aws-cdk:auto-delete-objects", "Value": "true"}


def answer_to(request: Json, gateway: Gateway, session: RoleSession) -> Json:
    """Do what a request asks for, and return the answer to it.

    Raises:
        NotImplementedError: it is a request of another custom resource.
    """
    if request["ResourceType"] != RESOURCE_TYPE:
        raise NotImplementedError(f"{request['ResourceType']}: only CDK's function that empties buckets is played")
    answer = {
        "Status": "SUCCESS",
        "PhysicalResourceId": request.get("PhysicalResourceId", request["RequestId"]),
        **{key: request[key] for key in ("StackId", "RequestId", "LogicalResourceId")},
    }
    if request["RequestType"] == "Delete":
        s3 = gateway.client("s3", session, request["StackId"].split(":")[3])
        try:
            _empty(s3, request["ResourceProperties"]["BucketName"])
        except ClientError as error:
            return answer | {"Status": "FAILED", "Reason": str(error)}
    return answer


def _empty(s3: Any, bucket: str) -> None:
    if CONSENT not in s3.get_bucket_tagging(Bucket=bucket)["TagSet"]:
        return
    listed = s3.list_object_versions(Bucket=bucket)
    for version in (*listed.get("Versions", ()), *listed.get("DeleteMarkers", ())):
        s3.delete_object(Bucket=bucket, Key=version["Key"], VersionId=version["VersionId"])
