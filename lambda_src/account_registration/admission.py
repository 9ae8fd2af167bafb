"""Who may ask for what, and when: anyone in the organization can reach the topic, so nothing is taken on trust."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from aws.custom_resource import RequestRefusedError
from aws.queue import NotYet
from aws.reader import NotReadableError, RoleNotAssumableError

from .order import Deregistration, Offboarding
from .properties import deregistration_of, registration_of

if TYPE_CHECKING:
    from typing import Protocol

    from aws.organizations import AwsAccountId
    from aws.stacks import Stack

    from .order import Order, Registration
    from .request import Request

    class Stacks(Protocol):
        """Sees stacks in other accounts, as `aws.stacks.StackReader` does."""

        def stack(self, *, account_id: AwsAccountId, region: str, stack_id: str) -> Stack | None:
            """Describe a stack."""
            ...


# A new role can be assumed only once IAM knows it everywhere.
IAM_LAG_SECONDS: Final = 600

# In which states of the stack CloudFormation sends which request; an update deletes in its clean-up only.
# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/view-stack-events.html
_STATES: Final = {
    "Create": frozenset({"CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS"}),
    "Update": frozenset({"UPDATE_IN_PROGRESS", "UPDATE_ROLLBACK_IN_PROGRESS"}),
    "Delete": frozenset(
        {
            "DELETE_IN_PROGRESS",
            "ROLLBACK_IN_PROGRESS",
            "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS",
            "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS",
        }
    ),
}

_FAILED_TO_LEAVE: Final = frozenset({"DELETE_FAILED", "ROLLBACK_FAILED"})


@dataclass(frozen=True, slots=True)
class Admitted:
    """A request that is to be carried out; `stack_changed_at` tells later whether it was overtaken."""

    order: Order
    stack_changed_at: str


@dataclass(frozen=True, slots=True)
class Skipped:
    """A request for which there is nothing to do; `status` says so to whoever asked, in a word or two."""

    why: str
    status: str = "nothing to do"


@dataclass(frozen=True, slots=True)
class Stale:
    """A request that was answered before, or that nobody made: no answer is waited for."""

    why: str


Verdict = Admitted | Skipped | Stale


def admit(request: Request, *, stacks: Stacks, offboarding: Offboarding, age_seconds: float) -> Verdict:
    """Check who asks, and read what for.

    Args:
        request: The request.
        stacks: Sees the stack that asks.
        offboarding: What a Delete does.
        age_seconds: How long ago the request was sent.

    Raises:
        RequestRefusedError: Whoever asks may not.
        NotYet: It cannot be checked yet.
    """
    if request.is_foreign_delete:
        return Skipped("it was never registered by this stack")
    order = deregistration_of(request, offboarding) if request.type == "Delete" else registration_of(request)
    verdict: Verdict
    if not request.is_continued:
        verdict = _admit_asking(request, order, stacks, age_seconds)
    elif isinstance(order, Deregistration):
        verdict = _admit_continued_delete(request, order, stacks, age_seconds)
    else:
        verdict = _admit_continued(request, order, stacks)
    is_kept = isinstance(order, Deregistration) and offboarding is Offboarding.RETAIN
    return Skipped("deployments are retained", "retained") if is_kept and isinstance(verdict, Admitted) else verdict


def _admit_asking(request: Request, order: Order, stacks: Stacks, age_seconds: float) -> Admitted | Stale:
    try:
        stack = _stack(request, stacks)
    except NotReadableError as error:
        if age_seconds < IAM_LAG_SECONDS:
            raise NotYet(str(error)) from error
        raise RequestRefusedError(str(error)) from error
    if stack is None:
        raise RequestRefusedError("there is no such stack")
    if not stack.status.endswith("_IN_PROGRESS"):
        return Stale(f"the stack is {stack.status}, so CloudFormation waits for no answer")
    if stack.status not in _STATES[request.type]:
        raise RequestRefusedError(f"the stack is {stack.status}, so CloudFormation asks for no {request.type}")
    return Admitted(order, stack.changed_at)


def _admit_continued(request: Request, order: Registration, stacks: Stacks) -> Admitted | Skipped:
    try:
        stack = _stack(request, stacks)
    except NotReadableError as error:
        return Skipped(str(error))
    if stack is None or stack.status.startswith(("DELETE_", "ROLLBACK_")):
        return Skipped("its stack is gone, or about to go")
    was_overtaken = stack.changed_at != request.stack_changed_at
    return Admitted(replace(order, only_if_missing=was_overtaken), stack.changed_at)


def _admit_continued_delete(
    request: Request, order: Deregistration, stacks: Stacks, age_seconds: float
) -> Admitted | Skipped:
    try:
        stack = _stack(request, stacks)
    except RoleNotAssumableError:
        # The reader role goes with the stack, and there is one again as soon as another stack registers the account.
        return Admitted(order, stack_changed_at="")
    except NotReadableError:
        stack = None
    is_leaving = stack and (stack.status.endswith("_IN_PROGRESS") or stack.status in _FAILED_TO_LEAVE)
    if is_leaving or age_seconds < IAM_LAG_SECONDS:
        raise NotYet("the stack, or the reader role, is still there")
    return Skipped("the account is registered by a stack that stays")


def _stack(request: Request, stacks: Stacks) -> Stack | None:
    stack_id = request.stack_id
    return stacks.stack(account_id=stack_id.account_id, region=stack_id.region, stack_id=stack_id.arn)
