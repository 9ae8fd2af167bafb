"""The StackSet, as far as it takes to empty it, and the stack that it belongs to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from botocore.exceptions import ClientError

from aws.clients import error_code
from aws.organizations import AwsAccountId
from aws.stack_sets import PAGE_SIZE, UNDER_WAY, passing, preferences

from .emptying import Instance, Operation

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_cloudformation import CloudFormationClient

    from .emptying import Deletion

_GONE: Final = "StackSetNotFoundException"
_TAKEN: Final = "OperationIdAlreadyExistsException"


class CloudFormationStackSet:
    """A self-managed StackSet of the account that this runs in; one that is gone has no instances and operations."""

    def __init__(self, cloudformation: CloudFormationClient, *, name: str, max_concurrent_percentage: int) -> None:
        self.name: Final = name
        self._cloudformation = cloudformation
        self._preferences = preferences(max_concurrent_percentage)

    def operations(self) -> tuple[Operation, ...]:
        """List the operations, those that have ended included."""
        paginator = self._cloudformation.get_paginator("list_stack_set_operations")
        try:
            return tuple(
                Operation(id=summary.get("OperationId", ""), is_under_way=summary.get("Status") in UNDER_WAY)
                for page in paginator.paginate(StackSetName=self.name, PaginationConfig={"PageSize": PAGE_SIZE})
                for summary in page.get("Summaries", ())
            )
        except ClientError as error:
            if error_code(error) == _GONE:
                return ()
            raise

    def instances(self) -> Iterator[Instance]:
        """List the instances, each page when it is asked for."""
        paginator = self._cloudformation.get_paginator("list_stack_instances")
        pages = paginator.paginate(StackSetName=self.name, PaginationConfig={"PageSize": PAGE_SIZE})
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
        with passing():
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
                if error_code(error) == _TAKEN:
                    return False
                raise
        return True

    def stack_status(self, stack_arn: str) -> str:
        """Return the status of the stack that the StackSet belongs to, for instance `DELETE_IN_PROGRESS`."""
        [stack] = self._cloudformation.describe_stacks(StackName=stack_arn)["Stacks"]
        return stack["StackStatus"]
