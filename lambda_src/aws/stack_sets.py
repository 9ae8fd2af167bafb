"""The StackSet whose instances are in the accounts that are enrolled."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from botocore.exceptions import ClientError

from .clients import error_code
from .organizations import AwsAccountId
from .queue import NotYet

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Sequence
    from typing import TypedDict

    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_cloudformation.type_defs import (
        ListStackInstancesInputTypeDef,
        StackInstanceSummaryTypeDef,
        StackSetOperationPreferencesTypeDef,
    )

    class _Request(TypedDict):
        StackSetName: str
        Accounts: Sequence[str]
        Regions: Sequence[str]
        OperationPreferences: StackSetOperationPreferencesTypeDef
        OperationId: str


# The most that CloudFormation lists at a time.
PAGE_SIZE: Final = 100

# Each passes once an operation has ended, a duplicate of this request is seen through, or a stack is deployed.
_LATER: Final = frozenset(
    {
        "LimitExceededException",
        "OperationIdAlreadyExistsException",
        "OperationInProgressException",
        "StackInstanceNotFoundException",
        "StackSetNotFoundException",
        "StaleRequestException",
    }
)
# Statuses of an operation that has not ended.
UNDER_WAY: Final = frozenset({"QUEUED", "RUNNING", "STOPPING"})


@dataclass(frozen=True, slots=True, order=True)
class StackInstance:
    """A stack instance; the statuses are CloudFormation's.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_StackInstanceSummary.html

    Attributes:
        account_id: The account that it is in.
        region: The region that it is in.
        status: `CURRENT`, `OUTDATED` or `INOPERABLE`.
        detailed_status: `PENDING`, `RUNNING`, `SUCCEEDED`, `FAILED`, ...
        last_operation_id: The operation that last worked on it.
        stack_id: Its stack; empty until there is one.
    """

    account_id: AwsAccountId
    region: str
    status: str
    detailed_status: str
    last_operation_id: str
    stack_id: str = ""


@dataclass(frozen=True, slots=True)
class InstancePage:
    """Some of the instances of all accounts.

    Attributes:
        instances: These.
        next_token: What the next page begins with; None at the end.
    """

    instances: tuple[StackInstance, ...]
    next_token: str | None


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation on the StackSet, of today or of long ago.

    Attributes:
        id: What it was begun with.
        is_under_way: Whether it waits or works.
        action: `CREATE`, `UPDATE` or `DELETE`.
        began_at: When, Unix seconds.
    """

    id: str
    is_under_way: bool
    action: str
    began_at: float


class StackSet:
    """A self-managed StackSet of the account that this runs in, as one batch sees it: operations are listed once.

    Every method raises `NotYet` where the StackSet is busy or not there (yet).

    Args:
        cloudformation: A client of the StackSet's region.
        name: The StackSet's name.
        max_concurrent_percentage: In how many of its accounts an operation works at once.
        clock: The time in Unix seconds.
    """

    def __init__(
        self,
        cloudformation: CloudFormationClient,
        *,
        name: str,
        max_concurrent_percentage: int,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._cloudformation = cloudformation
        self._name = name
        self._clock = clock
        self._listed: tuple[Operation, ...] | None = None
        self._begun: list[Operation] = []
        self._preferences = preferences(max_concurrent_percentage)

    def instances(self, account_id: AwsAccountId) -> tuple[StackInstance, ...]:
        """List the instances of an account."""
        with passing():
            pages = self._cloudformation.get_paginator("list_stack_instances").paginate(
                StackSetName=self._name,
                StackInstanceAccount=account_id,
                PaginationConfig={"PageSize": PAGE_SIZE},
            )
            instances = [
                _instance(summary)
                for page in pages
                for summary in page.get("Summaries", ())
                if summary.get("Account") == account_id
            ]
        return tuple(sorted(instances))

    def page_of_instances(self, token: str | None) -> InstancePage:
        """List some instances of all accounts.

        Args:
            token: The page before ended with it; None for the first page.
        """
        request: ListStackInstancesInputTypeDef = {"StackSetName": self._name, "MaxResults": PAGE_SIZE}
        if token is not None:
            request["NextToken"] = token
        with passing():
            page = self._cloudformation.list_stack_instances(**request)
        return InstancePage(tuple(_instance(it) for it in page.get("Summaries", ())), page.get("NextToken"))

    def accounts(self) -> frozenset[AwsAccountId]:
        """Return the accounts with an instance in the region that the StackSet itself is in."""
        with passing():
            pages = self._cloudformation.get_paginator("list_stack_instances").paginate(
                StackSetName=self._name,
                StackInstanceRegion=self._cloudformation.meta.region_name,
                PaginationConfig={"PageSize": PAGE_SIZE},
            )
            return frozenset(_instance(summary).account_id for page in pages for summary in page.get("Summaries", ()))

    @property
    def has_listed_operations(self) -> bool:
        """Whether `operations` needs no call."""
        return self._listed is not None

    def operations(self) -> tuple[Operation, ...]:
        """List the operations, those that have ended and those begun here included."""
        if self._listed is None:
            with passing():
                self._listed = tuple(self._list_operations())
        listed = {operation.id for operation in self._listed}
        # CloudFormation's list lags behind what it has taken.
        return (*self._listed, *(operation for operation in self._begun if operation.id not in listed))

    def accounts_of(self, operation_id: str) -> frozenset[AwsAccountId]:
        """Return the accounts that an operation works on, or has worked on."""
        with passing():
            pages = self._cloudformation.get_paginator("list_stack_set_operation_results").paginate(
                StackSetName=self._name, OperationId=operation_id, PaginationConfig={"PageSize": PAGE_SIZE}
            )
            return frozenset(
                AwsAccountId(result["Account"])
                for page in pages
                for result in page.get("Summaries", ())
                if "Account" in result
            )

    def create(self, account_ids: Sequence[AwsAccountId], regions: Sequence[str], *, operation_id: str) -> None:
        """Begin to make an instance in each of these regions of each of these accounts."""
        with self._beginning(operation_id, "CREATE"):
            self._cloudformation.create_stack_instances(**self._request(account_ids, regions, operation_id))

    def update(self, account_ids: Sequence[AwsAccountId], regions: Sequence[str], *, operation_id: str) -> None:
        """Begin to bring instances up to date."""
        with self._beginning(operation_id, "UPDATE"):
            self._cloudformation.update_stack_instances(**self._request(account_ids, regions, operation_id))

    def remove(self, account_ids: Sequence[AwsAccountId], regions: Sequence[str], *, operation_id: str) -> None:
        """Begin to delete instances and their stacks."""
        with self._beginning(operation_id, "DELETE"):
            self._cloudformation.delete_stack_instances(
                **self._request(account_ids, regions, operation_id), RetainStacks=False
            )

    def release(self, account_ids: Sequence[AwsAccountId], regions: Sequence[str], *, operation_id: str) -> None:
        """Begin to let go of instances; what is deployed in the accounts stays there."""
        with self._beginning(operation_id, "DELETE"):
            self._cloudformation.delete_stack_instances(
                **self._request(account_ids, regions, operation_id), RetainStacks=True
            )

    def _list_operations(self) -> Iterator[Operation]:
        pages = self._cloudformation.get_paginator("list_stack_set_operations").paginate(
            StackSetName=self._name, PaginationConfig={"PageSize": PAGE_SIZE}
        )
        for page in pages:
            for summary in page.get("Summaries", ()):
                yield Operation(
                    id=summary["OperationId"],
                    is_under_way=summary.get("Status") in UNDER_WAY,
                    action=summary.get("Action", ""),
                    began_at=summary["CreationTimestamp"].timestamp(),
                )

    def _request(self, account_ids: Sequence[AwsAccountId], regions: Sequence[str], operation_id: str) -> _Request:
        return {
            "StackSetName": self._name,
            "Accounts": account_ids,
            "Regions": regions,
            "OperationPreferences": self._preferences,
            "OperationId": operation_id,
        }

    @contextmanager
    def _beginning(self, operation_id: str, action: str) -> Generator[None]:
        with passing():
            try:
                yield
            except ClientError as error:
                if error_code(error) == "OperationIdAlreadyExistsException":
                    # Somebody else began it; the list is older than that.
                    self._listed = None
                raise
        self._begun.append(Operation(operation_id, is_under_way=True, action=action, began_at=self._clock()))


def _instance(summary: StackInstanceSummaryTypeDef) -> StackInstance:
    return StackInstance(
        account_id=AwsAccountId(summary["Account"]),
        region=summary["Region"],
        status=summary.get("Status", ""),
        detailed_status=summary.get("StackInstanceStatus", {}).get("DetailedStatus", ""),
        last_operation_id=summary.get("LastOperationId", ""),
        stack_id=summary.get("StackId", ""),
    )


def preferences(max_concurrent_percentage: int) -> StackSetOperationPreferencesTypeDef:
    """Return how an operation goes about its accounts.

    Args:
        max_concurrent_percentage: In how many of them it works at once.
    """
    return {
        "RegionConcurrencyType": "PARALLEL",
        # One bad account must not stop the operation for all others.
        "FailureTolerancePercentage": 100,
        "MaxConcurrentPercentage": max_concurrent_percentage,
        "ConcurrencyMode": "SOFT_FAILURE_TOLERANCE",
    }


@contextmanager
def passing() -> Generator[None]:
    """Turn what passes by itself into `NotYet`."""
    try:
        yield
    except ClientError as error:
        code = error_code(error)
        if code in _LATER:
            raise NotYet(f"the StackSet: {code}") from error
        raise
