"""A landing zone: its organization, the StackSet with its stacks, and what the reader role sees in the accounts.

The methods of each class are operations of boto3's clients, with their own names and arguments.
"""

# ruff: noqa: D102, N803 - operations and arguments are boto3's
from __future__ import annotations

import bisect
import json
import uuid
from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from .growth_network import failure

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .growth_clock import Simulation

HOME_REGION: Final = "us-east-1"
REGIONS: Final = (HOME_REGION, "us-west-2", "eu-west-1", "eu-central-1")
MANAGEMENT: Final = "111111111111"
SECURITY: Final = "444444444444"
READER_ROLE: Final = "alertlogic-hub-reader"
VPC_TAGS: Final = ({"Key": "alertlogic", "Value": "true"},)

ACCOUNTS_PER_UNIT: Final = 500
STACK_SECONDS: Final = 60.0
# Of one StackSet, under managed execution: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
MOST_OPERATIONS: Final = 10_000

_ROOT: Final = "r-root"
_ORGANIZATION: Final = "o-exampleorg1"


@dataclass
class Organization:
    """Some units under one root, each with as many accounts as fit, and the management account in the root itself."""

    accounts: Sequence[str]

    def list_roots(self) -> dict[str, Any]:
        return {"Roots": [{"Id": _ROOT, "Arn": _arn("root", _ROOT), "Name": "Root", "PolicyTypes": []}]}

    def list_organizational_units_for_parent(self, *, ParentId: str, **page: Any) -> dict[str, Any]:  # noqa: ANN401 - as boto3
        number = -(-len(self.accounts) // ACCOUNTS_PER_UNIT) if ParentId == _ROOT else 0
        units = [{"Id": _unit(it), "Arn": _arn("ou", _unit(it)), "Name": f"Unit {it}"} for it in range(number)]
        return _page("OrganizationalUnits", units, page, most=20)

    def list_accounts_for_parent(self, *, ParentId: str, **page: Any) -> dict[str, Any]:  # noqa: ANN401 - as boto3
        if ParentId == _ROOT:
            return _page("Accounts", [MANAGEMENT], page, most=20, show=_described)
        first = int(ParentId.rpartition("-")[2]) * ACCOUNTS_PER_UNIT
        accounts = self.accounts[first : first + ACCOUNTS_PER_UNIT]
        return _page("Accounts", accounts, page, most=20, show=_described)

    def describe_account(self, *, AccountId: str) -> dict[str, Any]:
        return {"Account": _described(AccountId)}


@dataclass
class Instance:
    """A stack instance."""

    status: str
    detailed_status: str
    operation_id: str
    stack_id: str = ""

    @property
    def is_current(self) -> bool:
        """Whether it is as it should be."""
        return (self.status, self.detailed_status) == ("CURRENT", "SUCCEEDED")


@dataclass
class _Operation:
    id: str
    action: str
    regions: Sequence[str]
    waiting: deque[str]
    began_at: float
    left: int
    status: str = "RUNNING"


@dataclass
class StackSet:
    """A StackSet with managed execution: operations go on side by side, each in a share of its accounts at a time.

    Attributes:
        simulation: Its time.
        register: Takes the request of the custom resource that the stack in the home region holds.
        instances: By account and region.
        current_at: When the last instance became current, Unix seconds.
    """

    simulation: Simulation
    register: Callable[[str], None]
    instances: dict[str, dict[str, Instance]] = field(default_factory=dict[str, dict[str, Instance]])
    current_at: float = 0
    _places: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    _operations: list[_Operation] = field(default_factory=list[_Operation])
    _ids: set[str] = field(default_factory=set[str])
    _began_at: dict[str, float] = field(default_factory=dict[str, float])
    _answered: dict[str, Callable[[], None]] = field(default_factory=dict[str, "Callable[[], None]"])

    @property
    def operations_under_way(self) -> int:
        """How many operations have not ended."""
        return sum(it.status == "RUNNING" for it in self._operations)

    def is_current(self, account: str) -> bool:
        """Whether an account has all instances, and all are current."""
        instances = self.instances.get(account, {})
        return set(instances) == set(REGIONS) and all(it.is_current for it in instances.values())

    def list_stack_instances(
        self,
        *,
        StackSetName: str,
        MaxResults: int,
        NextToken: str | None = None,
        StackInstanceAccount: str | None = None,
    ) -> dict[str, Any]:
        if StackInstanceAccount:
            here = sorted((StackInstanceAccount, it) for it in self.instances.get(StackInstanceAccount, ()))
            return {"Summaries": [self._summary(StackSetName, *place) for place in here]}
        first = bisect.bisect_right(self._places, tuple(NextToken.split("/"))) if NextToken else 0
        end = first + MaxResults
        more = {"NextToken": "/".join(self._places[end - 1])} if end < len(self._places) else {}
        return {"Summaries": [self._summary(StackSetName, *place) for place in self._places[first:end]], **more}

    def list_stack_set_operations(self, *, StackSetName: str, **page: Any) -> dict[str, Any]:  # noqa: ANN401, ARG002 - as boto3
        return _page("Summaries", self._operations[::-1], page, most=100, show=_summarized)

    def create_stack_instances(
        self,
        *,
        StackSetName: str,  # noqa: ARG002 - as boto3
        Accounts: Sequence[str],
        Regions: Sequence[str],
        OperationPreferences: dict[str, Any],
        OperationId: str,
    ) -> dict[str, Any]:
        if OperationId in self._ids:
            raise failure("OperationIdAlreadyExistsException")
        if self.operations_under_way >= MOST_OPERATIONS:
            raise failure("LimitExceededException")
        operation = _Operation(OperationId, "CREATE", Regions, deque(Accounts), self.simulation.now, len(Accounts))
        self._operations.append(operation)
        self._ids.add(OperationId)
        for place in ((account, region) for account in Accounts for region in Regions):
            self.instances.setdefault(place[0], {})[place[1]] = Instance("OUTDATED", "PENDING", OperationId)
            bisect.insort(self._places, place)
        for _ in range(max(1, len(Accounts) * OperationPreferences["MaxConcurrentPercentage"] // 100)):
            self._next_account(operation)
        return {"OperationId": OperationId}

    def answer(self, url: str) -> None:
        """Take the answer to a custom resource's request, after which its stack goes on."""
        self.simulation.after(STACK_SECONDS / 2, self._answered.pop(url))

    def stack_of(self, account: str) -> dict[str, Any]:
        """Describe the stack in the home region, as its account sees it."""
        instance = self.instances[account][HOME_REGION]
        properties = _properties(account)
        is_complete = instance.is_current
        outputs = [{"OutputKey": "Registration", "OutputValue": json.dumps(properties)}]
        return {
            "StackId": instance.stack_id,
            "StackName": "StackSet-alertlogic-member-account",
            "CreationTime": datetime.fromtimestamp(self._began_at[account], UTC),
            "StackStatus": "CREATE_COMPLETE" if is_complete else "CREATE_IN_PROGRESS",
            "Outputs": outputs if is_complete else [],
            "Capabilities": ["CAPABILITY_NAMED_IAM"],
            "Parameters": [],
            "Tags": [],
        }

    def _next_account(self, operation: _Operation) -> None:
        if not operation.waiting:
            return
        account = operation.waiting.popleft()
        self._began_at[account] = self.simulation.now
        under_way = set(operation.regions)

        def finish(region: str) -> None:
            instance = self.instances[account][region]
            instance.status, instance.detailed_status = "CURRENT", "SUCCEEDED"
            self.current_at = self.simulation.now
            under_way.remove(region)
            if not under_way:
                self._end_account(operation)

        for region in operation.regions:
            instance = self.instances[account][region]
            instance.detailed_status = "RUNNING"
            name = f"stack/StackSet-alertlogic-member-account-{uuid.UUID(int=int(account))}/{uuid.UUID(int=1)}"
            instance.stack_id = f"arn:aws:cloudformation:{region}:{account}:{name}"
            if region == HOME_REGION:
                self.simulation.after(STACK_SECONDS / 2, partial(self._ask, account, partial(finish, region)))
            else:
                self.simulation.after(STACK_SECONDS, partial(finish, region))

    def _end_account(self, operation: _Operation) -> None:
        operation.left -= 1
        if not operation.left:
            operation.status = "SUCCEEDED"
        self._next_account(operation)

    def _ask(self, account: str, when_answered: Callable[[], None]) -> None:
        instance = self.instances[account][HOME_REGION]
        request_id = str(uuid.UUID(int=int(account)))
        bucket = f"https://cloudformation-custom-resource-response-{HOME_REGION.replace('-', '')}.s3.amazonaws.com"
        url = f"{bucket}/{request_id}?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature={'0' * 64}"
        self._answered[url] = when_answered
        self.register(
            json.dumps(
                {
                    "RequestType": "Create",
                    "ServiceToken": f"arn:aws:sns:{HOME_REGION}:{SECURITY}:alertlogic-registration",
                    "ResponseURL": url,
                    "StackId": instance.stack_id,
                    "RequestId": request_id,
                    "LogicalResourceId": "Registration",
                    "ResourceType": "Custom::AlertLogicRegistration",
                    "ResourceProperties": _properties(account),
                }
            )
        )

    def _summary(self, stack_set_name: str, account: str, region: str) -> dict[str, Any]:
        instance = self.instances[account][region]
        return {
            "StackSetId": f"{stack_set_name}:{uuid.UUID(int=1)}",
            "Region": region,
            "Account": account,
            **({"StackId": instance.stack_id} if instance.stack_id else {}),
            "Status": instance.status,
            "StackInstanceStatus": {"DetailedStatus": instance.detailed_status},
            "OrganizationalUnitId": "",
            "DriftStatus": "NOT_CHECKED",
            "LastOperationId": instance.operation_id,
        }


class SecurityTokens:
    """STS in the security account."""

    def assume_role(self, *, RoleArn: str, **_: object) -> dict[str, Any]:
        account = RoleArn.split(":")[4]
        credentials = {"AccessKeyId": account, "SecretAccessKey": "s" * 40, "SessionToken": "t" * 600}
        return {"Credentials": credentials, "AssumedRoleUser": {"Arn": RoleArn, "AssumedRoleId": account}}


@dataclass
class Member:
    """What the reader role sees in an account and a region."""

    account: str
    region: str
    stack_set: StackSet

    def describe_stacks(self, *, StackName: str) -> dict[str, Any]:  # noqa: ARG002 - as boto3
        return {"Stacks": [self.stack_set.stack_of(self.account)]}

    def get_account_information(self) -> dict[str, Any]:
        return {"AccountId": self.account, "AccountName": _name(self.account)}

    def describe_vpcs(self, **_: object) -> dict[str, Any]:
        """Two VPCs of each account and region, one of them tagged."""
        return {"Vpcs": [self._vpc(number, tags) for number, tags in enumerate((VPC_TAGS, ()))]}

    def _vpc(self, number: int, tags: Sequence[dict[str, str]]) -> dict[str, Any]:
        return {
            "OwnerId": self.account,
            "InstanceTenancy": "default",
            "CidrBlockAssociationSet": [{"AssociationId": "vpc-cidr-assoc-0", "CidrBlock": "10.0.0.0/16"}],
            "IsDefault": False,
            "Tags": [{"Key": "Name", "Value": f"vpc-{number}"}, *tags],
            "VpcId": f"vpc-{REGIONS.index(self.region)}{number}{int(self.account):x}",
            "State": "available",
            "CidrBlock": "10.0.0.0/16",
            "DhcpOptionsId": "dopt-0",
        }


@dataclass
class Object:
    """An S3 bucket with one object, which holds `content`."""

    content: bytes | None = None

    def get_object(self, **_: object) -> dict[str, Any]:
        if self.content is None:
            raise failure("NoSuchKey")
        return {"Body": Body(self.content)}

    def put_object(self, *, Body: bytes, **_: object) -> dict[str, Any]:
        self.content = Body
        return {"ETag": "0" * 32}


@dataclass(frozen=True)
class Body:
    """What an object holds."""

    content: bytes

    def read(self) -> bytes:
        """Return it."""
        return self.content

    def __str__(self) -> str:
        return self.content.decode()


def _properties(account: str) -> dict[str, Any]:
    return {
        "AccountId": account,
        "AccountName": "",
        "RoleArn": f"arn:aws:iam::{account}:role/alertlogic-role",
        "Mode": "automatic",
        "Policy": "Professional",
        "ScopeRegions": [],
        "GovernedRegions": list(REGIONS),
        "VpcTags": list(VPC_TAGS),
        "Prune": "false",
        "CentralLogs": "true",
        "OrganizationId": _ORGANIZATION,
        "HomeRegion": HOME_REGION,
        "ManagementAccountId": MANAGEMENT,
    }


def _described(account: str) -> dict[str, Any]:
    return {
        "Id": account,
        "Arn": _arn("account", account),
        "Email": f"aws+{account}@example.com",
        "Name": _name(account),
        "Status": "ACTIVE",
        "State": "ACTIVE",
        "JoinedMethod": "CREATED",
        "JoinedTimestamp": "2026-01-15T12:10:01.000Z",
        "Paths": [f"{_ORGANIZATION}/{_ROOT}/{_unit(0)}/{account}/"],
    }


def _summarized(operation: _Operation) -> dict[str, Any]:
    return {
        "OperationId": operation.id,
        "Action": operation.action,
        "Status": operation.status,
        "CreationTimestamp": datetime.fromtimestamp(operation.began_at, UTC),
        "StatusDetails": {"FailedStackInstancesCount": 0},
        "OperationPreferences": {"RegionConcurrencyType": "PARALLEL", "ConcurrencyMode": "SOFT_FAILURE_TOLERANCE"},
    }


def _page(
    name: str, items: Sequence[Any], page: dict[str, Any], *, most: int, show: Callable[[Any], Any] = lambda it: it
) -> dict[str, Any]:
    first, size = int(page.get("NextToken", 0)), min(page.get("MaxResults", most), most)
    more = {"NextToken": str(first + size)} if first + size < len(items) else {}
    return {name: [show(it) for it in items[first : first + size]], **more}


def _unit(number: int) -> str:
    return f"ou-root-{number:08}"


def _name(account: str) -> str:
    return f"Workload {account}"


def _arn(kind: str, own_id: str) -> str:
    return f"arn:aws:organizations::{MANAGEMENT}:{kind}/{_ORGANIZATION}/{own_id}"
