"""Finds what calls name: stacks, stack sets, secrets, topics, accounts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.rehearsal.gateway import AwsError
from tests.rehearsal.moto_state import backend, has_object
from tests.rehearsal.principals import account_of, region_of

if TYPE_CHECKING:
    from tests.rehearsal.calls import ApiCall
    from tests.rehearsal.central_logs import CentralLogs
    from tests.rehearsal.organization import Organization
    from tests.rehearsal.stack_sets import StackSet, StackSets
    from tests.rehearsal.stacks import Stacks


class CloudDirectory:
    """The directory of the rehearsal's own cloud."""

    stacks: Stacks
    stack_sets: StackSets
    central_logs: CentralLogs

    def __init__(self, organization: Organization) -> None:
        self._organization = organization

    def stack_arn(self, call: ApiCall, name: str) -> str:
        stack = self.stacks.find(call.account, call.region, name)
        if stack is not None:
            return stack.id
        return name if name.startswith("arn:") else call.arn("cloudformation", f"stack/{name}/*")

    def stack_set_arn(self, call: ApiCall, name: str) -> str:
        stack_set = self._stack_set(call, name)
        return call.arn("cloudformation", f"stackset/{name}:*") if stack_set is None else stack_set.arn

    def administration_role(self, call: ApiCall, name: str) -> str | None:
        stack_set = self._stack_set(call, name)
        return None if stack_set is None else stack_set.administration_role

    def organization_arn(self, entity: str) -> str:
        return self._organization.arn(entity)

    def secret_arn(self, call: ApiCall, secret_id: str) -> str:
        return getattr(self._secret(call, secret_id), "arn", secret_id)

    def secret_key(self, call: ApiCall, secret_id: str) -> str | None:
        """The customer's key of a secret; None for the one that Secrets Manager keeps."""
        key: str | None = getattr(self._secret(call, secret_id), "kms_key_id", None)
        return key if key and key.startswith("arn:") else None

    def topic_key(self, topic_arn: str) -> str | None:
        topics = backend("sns", account_of(topic_arn), region_of(topic_arn)).topics
        key = getattr(topics.get(topic_arn), "kms_master_key_id", None)
        return key or None

    def has_key(self, key_arn: str) -> bool:
        return key_arn.rsplit("/", 1)[1] in backend("kms", account_of(key_arn), region_of(key_arn)).keys

    def has_object(self, bucket: str, key: str) -> bool:
        return has_object(bucket, key)

    def object_key(self, bucket: str, key: str) -> tuple[str, dict[str, str]] | None:
        """The customer's key of an object, and its encryption context; None where S3 keeps the key."""
        return self.central_logs.encryption.get((bucket, key))

    @staticmethod
    def _secret(call: ApiCall, secret_id: str) -> Any:
        account, region = (
            (account_of(secret_id), region_of(secret_id))
            if secret_id.startswith("arn:")
            else (call.account, call.region)
        )
        return backend("secretsmanager", account, region).secrets.get(secret_id)

    def _stack_set(self, call: ApiCall, name: str) -> StackSet | None:
        try:
            return self.stack_sets.find(call.account, call.region, name)
        except AwsError:
            return None
