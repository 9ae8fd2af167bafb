"""The status of all accounts, from the bucket that it is in, with the AWS credentials and region of the environment."""

from __future__ import annotations

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from ._status_report import StatusError
from .alertlogic_hub import STATUS_BUCKET_OUTPUT, STATUS_KEY


def fetch(bucket: str | None, *, stack: str) -> bytes | None:
    """Read the status; None if there is none yet.

    Args:
        bucket: The bucket; None if the stack is to be asked.
        stack: The stack whose output names the bucket.

    Raises:
        StatusError: It cannot be read.
    """
    try:
        return boto3.client("s3").get_object(Bucket=bucket or _bucket_of(stack), Key=STATUS_KEY)["Body"].read()
    except ClientError as error:
        if error.response.get("Error", {}).get("Code") == "NoSuchKey":
            return None
        raise StatusError(str(error)) from error
    except BotoCoreError as error:
        raise StatusError(str(error)) from error


def _bucket_of(stack: str) -> str:
    [described] = boto3.client("cloudformation").describe_stacks(StackName=stack)["Stacks"]
    for output in described.get("Outputs", ()):
        if output.get("OutputKey") == STATUS_BUCKET_OUTPUT:
            return output.get("OutputValue", "")
    raise StatusError(f"stack {stack} has no output {STATUS_BUCKET_OUTPUT}")
