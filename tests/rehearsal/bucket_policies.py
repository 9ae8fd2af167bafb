"""S3's bucket policies. The judge alone reads them: moto would heed them, too, but none of their conditions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.rehearsal.resources import Client, Made, ResourceType

if TYPE_CHECKING:
    from tests.rehearsal.authority import Authority


class BucketPolicies:
    """The policies on all buckets."""

    def __init__(self, authority: Authority) -> None:
        self._policies = authority.bucket_policies

    def resource_types(self) -> dict[str, ResourceType]:
        return {"AWS::S3::BucketPolicy": ResourceType(self._put, self._remove, updatable=True)}

    def _put(self, made: Made, _client: Client) -> None:
        made.physical_id = made.properties["Bucket"]
        self._policies[made.physical_id] = made.properties["PolicyDocument"]

    def _remove(self, made: Made, _client: Client) -> None:
        del self._policies[made.physical_id]
