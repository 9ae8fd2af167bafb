from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from aws.clients import client
from aws.s3_object import S3Object

BUCKET = "alertlogic-security-status-0a1b2c"


@pytest.fixture
def status(aws: None) -> S3Object:  # noqa: ARG001 - AWS must be there
    client("s3").create_bucket(Bucket=BUCKET)
    return S3Object(client("s3"), bucket=BUCKET, key="status.json")


def test_reads_what_was_written_last(status: S3Object) -> None:
    assert status.read() is None

    status.write(b"{}")
    status.write(b"[]")

    assert status.read() == b"[]"
    assert client("s3").head_object(Bucket=BUCKET, Key="status.json")["ContentType"] == "application/json"


def test_leaves_other_errors_to_the_queue(status: S3Object) -> None:
    client("s3").delete_bucket(Bucket=BUCKET)

    with pytest.raises(ClientError, match="NoSuchBucket"):
        status.read()
    with pytest.raises(ClientError, match="NoSuchBucket"):
        status.write(b"{}")
