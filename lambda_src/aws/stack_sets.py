"""The StackSet whose instances are in the accounts that are enrolled."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from botocore.exceptions import ClientError

from .clients import error_code
from .queue import NotYet

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence
    from typing import TypedDict

    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_cloudformation.type_defs import ParameterTypeDef, StackSetOperationPreferencesTypeDef

    from .organizations import AwsAccountId

    class _Request(TypedDict):
        StackSetName: str
        Accounts: Sequence[str]
        Regions: Sequence[str]
        OperationPreferences: StackSetOperationPreferencesTypeDef
        OperationId: str


# Each passes once an operation has ended, a duplicate of this request is seen through, or a stack is deployed.
_PASSING: Final = frozenset(
    {
        "LimitExceededException",
        "OperationIdAlreadyExistsException",
        "OperationInProgressException",
        "StackInstanceNotFoundException",
        "StackSetNotFoundException",
        "StaleRequestException",
    }
)
_UNDER_WAY: Final = frozenset({"QUEUED", "RUNNING", "STOPPING"})


@dataclass(frozen=True, slots=True, order=True)
class StackInstance:
    """A stack instance; the statuses are CloudFormation's, https://docs.aws.amazon.com/AWSCloudFormation."""

    account_id: AwsAccountId
    region: str
    status: str
    detailed_status: str
    last_operation_id: str


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation on the StackSet, of today or of long ago."""

    id: str
    is_under_way: bool


class StackSet:
    """A self-managed StackSet of the account that this runs in, as one batch sees it: operations are listed once.

    Every method raises `NotYet` where the StackSet is busy or not there (yet).
    """

    def __init__(self, cloudformation: CloudFormationClient, *, name: str, max_concurrent_percentage: int) -> None:
        self._cloudformation = cloudformation
        self._name = name
        self._operations: tuple[Operation, ...] | None = None
        self._preferences: StackSetOperationPreferencesTypeDef = {
            "RegionConcurrencyType": "PARALLEL",
            # One bad account must not stop the operation for all others.
            "FailureTolerancePercentage": 100,
            "MaxConcurrentPercentage": max_concurrent_percentage,
            "ConcurrencyMode": "SOFT_FAILURE_TOLERANCE",
        }

    def instances(self, account_id: AwsAccountId) -> tuple[StackInstance, ...]:
        """List the instances of an account."""
        with _passing():
            pages = self._cloudformation.get_paginator("list_stack_instances").paginate(
                StackSetName=self._name, StackInstanceAccount=account_id
            )
            instances = [
                StackInstance(
                    account_id=account_id,
                    region=summary.get("Region", ""),
                    status=summary.get("Status", ""),
                    detailed_status=summary.get("StackInstanceStatus", {}).get("DetailedStatus", ""),
                    last_operation_id=summary.get("LastOperationId", ""),
                )
                for page in pages
                for summary in page.get("Summaries", ())
                if summary.get("Account") == account_id
            ]
        return tuple(sorted(instances))

    def operations(self) -> tuple[Operation, ...]:
        """List the operations, those that have ended and those begun here included."""
        if self._operations is None:
            paginator = self._cloudformation.get_paginator("list_stack_set_operations")
            with _passing():
                self._operations = tuple(
                    Operation(id=summary.get("OperationId", ""), is_under_way=summary.get("Status") in _UNDER_WAY)
                    for page in paginator.paginate(StackSetName=self._name)
                    for summary in page.get("Summaries", ())
                )
        return self._operations

    def create(
        self, account_id: AwsAccountId, regions: Sequence[str], *, parameters: dict[str, str], operation_id: str
    ) -> None:
        """Begin to make instances."""
        with self._beginning(operation_id):
            self._cloudformation.create_stack_instances(
                **self._request(account_id, regions, operation_id), ParameterOverrides=_overrides(parameters)
            )

    def update(
        self, account_id: AwsAccountId, regions: Sequence[str], *, parameters: dict[str, str], operation_id: str
    ) -> None:
        """Begin to bring instances up to date."""
        with self._beginning(operation_id):
            self._cloudformation.update_stack_instances(
                **self._request(account_id, regions, operation_id), ParameterOverrides=_overrides(parameters)
            )

    def release(self, account_id: AwsAccountId, regions: Sequence[str], *, operation_id: str) -> None:
        """Begin to let go of instances; what is deployed in the account stays there."""
        with self._beginning(operation_id):
            self._cloudformation.delete_stack_instances(
                **self._request(account_id, regions, operation_id), RetainStacks=True
            )

    def _request(self, account_id: AwsAccountId, regions: Sequence[str], operation_id: str) -> _Request:
        return {
            "StackSetName": self._name,
            "Accounts": [account_id],
            "Regions": regions,
            "OperationPreferences": self._preferences,
            "OperationId": operation_id,
        }

    @contextmanager
    def _beginning(self, operation_id: str) -> Generator[None]:
        with _passing():
            yield
        self._operations = (*self.operations(), Operation(operation_id, is_under_way=True))


def _overrides(parameters: dict[str, str]) -> list[ParameterTypeDef]:
    return [{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()]


@contextmanager
def _passing() -> Generator[None]:
    try:
        yield
    except ClientError as error:
        code = error_code(error)
        if code in _PASSING:
            raise NotYet(f"the StackSet: {code}") from error
        raise
