"""The StackSet, as far as it takes to empty it, and the stack that it belongs to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from botocore.exceptions import ClientError

from aws.clients import error_code
from aws.organizations import AwsAccountId
from aws.queue import NotYet

from .emptying import Instance, Operation

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_cloudformation.type_defs import StackSetOperationPreferencesTypeDef

    from .emptying import Deletion

_GONE: Final = "StackSetNotFoundException"
_TAKEN: Final = "OperationIdAlreadyExistsException"
# Each passes once an operation has ended.
_PASSING: Final = frozenset({"LimitExceededException", "OperationInProgressException", "StaleRequestException", _GONE})
_UNDER_WAY: Final = frozenset({"QUEUED", "RUNNING", "STOPPING"})
_LARGEST_PAGE: Final = 100


class CloudFormationStackSet:
    """A self-managed StackSet of the account that this runs in; one that is gone has no instances and operations."""

    def __init__(self, cloudformation: CloudFormationClient, *, name: str, max_concurrent_percentage: int) -> None:
        self.name: Final = name
        self._cloudformation = cloudformation
        self._preferences: StackSetOperationPreferencesTypeDef = {
            "RegionConcurrencyType": "PARALLEL",
            # One bad account must not stop the operation for all others.
            "FailureTolerancePercentage": 100,
            "MaxConcurrentPercentage": max_concurrent_percentage,
            "ConcurrencyMode": "SOFT_FAILURE_TOLERANCE",
        }

    def operations(self) -> tuple[Operation, ...]:
        """List the operations, those that have ended included."""
        paginator = self._cloudformation.get_paginator("list_stack_set_operations")
        try:
            return tuple(
                Operation(id=summary.get("OperationId", ""), is_under_way=summary.get("Status") in _UNDER_WAY)
                for page in paginator.paginate(StackSetName=self.name)
                for summary in page.get("Summaries", ())
            )
        except ClientError as error:
            if error_code(error) == _GONE:
                return ()
            raise

    def instances(self) -> Iterator[Instance]:
        """List the instances, each page when it is asked for."""
        paginator = self._cloudformation.get_paginator("list_stack_instances")
        pages = paginator.paginate(StackSetName=self.name, PaginationConfig={"PageSize": _LARGEST_PAGE})
        try:
            for page in pages:
                for summary in page.get("Summaries", ()):
                    yield Instance(
                        account_id=AwsAccountId(summary.get("Account", "")),
                        region=summary.get("Region", ""),
                        detailed_status=summary.get("StackInstanceStatus", {}).get("DetailedStatus", ""),
                        last_operation_id=summary.get("LastOperationId", ""),
                        reason=summary.get("StatusReason", ""),
                    )
        except ClientError as error:
            if error_code(error) != _GONE:
                raise

    def begin(self, deletion: Deletion) -> bool:
        """Begin an operation.

        Returns:
            Whether it is ours: another delivery may have taken its id.

        Raises:
            NotYet: The StackSet is busy.
        """
        try:
            self._cloudformation.delete_stack_instances(
                StackSetName=self.name,
                Accounts=deletion.accounts,
                Regions=deletion.regions,
                OperationPreferences=self._preferences,
                RetainStacks=deletion.lets_go,
                OperationId=deletion.id,
            )
        except ClientError as error:
            code = error_code(error)
            if code == _TAKEN:
                return False
            if code in _PASSING:
                raise NotYet(f"the StackSet: {code}") from error
            raise
        return True

    def stack_status(self, stack_arn: str) -> str:
        """Return the status of the stack that the StackSet belongs to, for instance `DELETE_IN_PROGRESS`."""
        [stack] = self._cloudformation.describe_stacks(StackName=stack_arn)["Stacks"]
        return stack["StackStatus"]
