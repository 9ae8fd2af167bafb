"""What calls cost: each takes time, has a size, and can be throttled."""

from __future__ import annotations

import json
import random
from collections import Counter
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final, TypeVar

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from .growth_clock import Simulation

    Operation = Callable[..., dict[str, Any]]

CALL_SECONDS: Final = 0.2
# What a small function gets through while it parses.
BYTES_PER_SECOND: Final = 10e6
ERROR_BYTES: Final = 300
# As `aws.clients` configures botocore, https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html
_ATTEMPTS: Final = 3
_LONGEST_BACK_OFF_SECONDS: Final = 20

# Calls per second, and how many at once:
# https://docs.aws.amazon.com/organizations/latest/userguide/orgs_reference_limits.html
RATES: Final[Mapping[tuple[str, str], tuple[float, float]]] = {
    ("organizations", "list_roots"): (1, 2),
    ("organizations", "list_parents"): (5, 8),
    ("organizations", "list_accounts_for_parent"): (5, 8),
    ("organizations", "list_organizational_units_for_parent"): (5, 8),
    ("organizations", "describe_account"): (20, 30),
    # AWS publishes no figures for these: they are assumed, low rather than high.
    ("cloudformation", "list_stack_instances"): (10, 20),
    ("cloudformation", "list_stack_set_operations"): (10, 20),
    ("cloudformation", "create_stack_instances"): (10, 20),
    ("cloudformation", "update_stack_instances"): (10, 20),
}
# How pages are asked for and continued, where it is not as usual.
_TOKENS: Final = {"dynamodb": ("ExclusiveStartKey", "LastEvaluatedKey")}

_T = TypeVar("_T")


@dataclass(frozen=True)
class Traffic:
    """What went to APIs and came from there, by API and operation."""

    calls: Counter[tuple[str, str]] = field(default_factory=Counter[tuple[str, str]])
    bytes: Counter[tuple[str, str]] = field(default_factory=Counter[tuple[str, str]])
    throttled: Counter[tuple[str, str]] = field(default_factory=Counter[tuple[str, str]])

    def since(self, earlier: Traffic) -> Traffic:
        """Return what came after that."""
        return Traffic(self.calls - earlier.calls, self.bytes - earlier.bytes, self.throttled - earlier.throttled)

    def copy(self) -> Traffic:
        """Return it as it is now."""
        return Traffic(self.calls.copy(), self.bytes.copy(), self.throttled.copy())


class Network:
    """The way to all APIs."""

    def __init__(self, simulation: Simulation) -> None:
        self.traffic: Final = Traffic()
        self._simulation = simulation
        self._buckets = {key: _Bucket(*rate, simulation.now) for key, rate in RATES.items()}

    def client(self, service: str, operations: object, *, region: str = "") -> Any:  # noqa: ANN401 - as boto3
        """Return what a function takes for boto3's client.

        Args:
            service: Its name in the traffic.
            operations: Has a method for each operation, with its name and its arguments.
            region: The client's region.
        """
        return _Client(self, service, operations, SimpleNamespace(region_name=region))

    def call_aws(self, service: str, operation: str, act: Operation, request: Mapping[str, Any]) -> dict[str, Any]:
        """Make a call as botocore makes it: what is throttled is tried again."""
        sent = size(request)
        bucket = self._buckets.get((service, operation))
        for attempt in range(_ATTEMPTS):
            if bucket is None or bucket.take(self._simulation.now):
                return self.exchange(service, operation, sent, lambda: _sized(act(**request)))
            self.traffic.throttled[service, operation] += 1
            self._pass(service, operation, sent + ERROR_BYTES)
            if attempt + 1 < _ATTEMPTS:
                self._simulation.pause(min(_LONGEST_BACK_OFF_SECONDS, random.random() * 2**attempt))  # noqa: S311 - no secret
        raise failure("TooManyRequestsException" if service == "organizations" else "Throttling", operation)

    def exchange(self, api: str, operation: str, sent: int, act: Callable[[], tuple[_T, int]]) -> _T:
        """Let something happen at an API, and the answer arrive later.

        Args:
            api: Where.
            operation: What is called.
            sent: The bytes of the request.
            act: Does it; returns the answer and its bytes.
        """
        try:
            answer, received = act()
        except ClientError:
            self._pass(api, operation, sent + ERROR_BYTES)
            raise
        self._pass(api, operation, sent + received)
        return answer

    def _pass(self, api: str, operation: str, transferred: int) -> None:
        self.traffic.calls[api, operation] += 1
        self.traffic.bytes[api, operation] += transferred
        self._simulation.pause(CALL_SECONDS + transferred / BYTES_PER_SECOND)


class _Client:
    def __init__(self, network: Network, service: str, operations: object, meta: SimpleNamespace) -> None:
        self._network = network
        self._service = service
        self._operations = operations
        self.meta = meta

    def __getattr__(self, operation: str) -> Operation:
        act: Operation = getattr(self._operations, operation)
        return lambda **request: self._network.call_aws(self._service, operation, act, request)

    def get_paginator(self, operation: str) -> SimpleNamespace:
        asked, answered = _TOKENS.get(self._service, ("NextToken", "NextToken"))

        def paginate(*, PaginationConfig: Mapping[str, int] | None = None, **request: Any) -> Iterator[dict[str, Any]]:  # noqa: ANN401, N803 - as botocore
            if PaginationConfig:
                request["MaxResults"] = PaginationConfig["PageSize"]
            page = getattr(self, operation)(**request)
            yield page
            while answered in page:
                page = getattr(self, operation)(**request, **{asked: page[answered]})
                yield page

        return SimpleNamespace(paginate=paginate)


class _Bucket:
    """What lets so many calls a second through, and so many at once after a rest."""

    def __init__(self, rate: float, burst: float, now: float) -> None:
        self._rate, self._burst = rate, burst
        self._left, self._at = burst, now

    def take(self, now: float) -> bool:
        self._left = min(self._burst, self._left + (now - self._at) * self._rate)
        self._at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True


def failure(code: str, operation: str = "Call") -> ClientError:
    """Return an error as botocore raises it."""
    return ClientError({"Error": {"Code": code, "Message": code}}, operation)


def size(document: object) -> int:
    """Estimate the bytes of a request or an answer."""
    return len(json.dumps(document, default=_text))


def _sized(answer: dict[str, Any]) -> tuple[dict[str, Any], int]:
    return answer, size(answer)


def _text(value: object) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
