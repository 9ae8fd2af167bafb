"""One object of a bucket."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from .clients import error_code

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


class S3Object:
    """An object that holds JSON.

    Args:
        s3: A client of the bucket's region.
        bucket: The bucket.
        key: The object's name in it.
    """

    def __init__(self, s3: S3Client, *, bucket: str, key: str) -> None:
        self._s3 = s3
        self._bucket = bucket
        self._key = key

    def read(self) -> bytes | None:
        """Return what it holds; None if there is no such object."""
        try:
            return self._s3.get_object(Bucket=self._bucket, Key=self._key)["Body"].read()
        except ClientError as error:
            if error_code(error) == "NoSuchKey":
                return None
            raise

    def write(self, content: bytes) -> None:
        """Replace what it holds."""
        self._s3.put_object(Bucket=self._bucket, Key=self._key, Body=content, ContentType="application/json")
