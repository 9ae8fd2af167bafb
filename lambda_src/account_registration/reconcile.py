"""What the management side's word leads to: an errand, and what that orders once the account is looked at."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from aws.custom_resource import RequestRefusedError, StackId
from aws.json_text import decoded, object_of
from aws.queue import NotYet
from aws.reader import NotReadableError

from .admission import IAM_LAG_SECONDS, Admitted, Skipped
from .errand import Deregister, Reconcile
from .order import Deregistration, Offboarding
from .properties import registration_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aws.accounts_table import KnownAccount
    from aws.stacks import Stack

    from .accounts_event import Told
    from .admission import Stacks
    from .errand import Errand

# The output of the member template that holds the custom resource's properties, as JSON.
REGISTRATION_OUTPUT: Final = "Registration"

_COMPLETE: Final = frozenset({"CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE"})


@dataclass(frozen=True, slots=True)
class _Standing:
    """What a stack asks for as long as it stands."""

    stack_id: StackId
    properties: Mapping[str, Any]
    old_properties: Mapping[str, Any] = field(default_factory=dict[str, Any])


def lingers(known: KnownAccount, offboarding: Offboarding) -> bool:
    """Whether a registration is left that was a stack instance's, and that is not to be kept."""
    return known.instance_stack_id is not None and offboarding is not Offboarding.RETAIN


def is_forgotten(known: KnownAccount, offboarding: Offboarding) -> bool:
    """Whether a registration lingers that no message seeks to end."""
    return not known.word.wanted and lingers(known, offboarding) and not known.is_leaving


def errand_of(
    told: Told, known: KnownAccount | None, *, sweep: str, home_region: str, offboarding: Offboarding
) -> Errand | None:
    """Return what is to be done about an account of an event, if anything.

    Args:
        told: What the event says of it.
        sweep: What made the management side look.
        known: What is known of it now that this is noted.
        home_region: Where the stack is that registers it.
        offboarding: What becomes of the deployment of an account that leaves.
    """
    word = told.word
    if known is None or known.word.wanted != word.wanted:
        return None
    if not word.wanted:
        # The deletion guard has let it go: until then, the management side says that it is wanted.
        return Deregister(word.account_id, sweep) if lingers(known, offboarding) else None
    stack_id = told.stack_ids.get(home_region)
    return Reconcile(stack_id, word.rank, sweep) if stack_id and known.word.rank == word.rank else None


def errand_on(known: KnownAccount, *, sweep: str) -> Errand | None:
    """Return what is to be done to look at an account again, of which nothing new is said."""
    if not known.word.wanted or known.instance_stack_id is None:
        return None
    return Reconcile(StackId.parse(known.instance_stack_id), known.word.rank, sweep)


def admit_errand(
    errand: Errand,
    known: KnownAccount | None,
    *,
    stacks: Stacks,
    offboarding: Offboarding,
    age_seconds: float,
) -> Admitted | Skipped:
    """Look at the account, and read what is ordered.

    Args:
        errand: What is to be done.
        known: What is known of the account by now.
        stacks: Sees its stack.
        offboarding: What a deregistration does.
        age_seconds: How long ago the message was sent.

    Raises:
        RequestRefusedError: The account is not as its stack instance says.
        NotYet: It cannot be looked at yet.
    """
    if isinstance(errand, Reconcile):
        # So that of all that wait while Alert Logic cannot be reached, one goes on.
        if known is None or known.word.rank != errand.rank:
            return Skipped("the management side has said something later")
        return _admit_standing(errand.stack_id, stacks, age_seconds)
    if known is None or known.word.wanted:
        return Skipped("it is wanted again")
    if not lingers(known, offboarding):
        return Skipped("no registration of a stack instance is left")
    order = Deregistration(errand.account_id, role_arn=None, offboarding=offboarding)
    return Admitted(order, stack_changed_at="")


def _admit_standing(stack_id: StackId, stacks: Stacks, age_seconds: float) -> Admitted | Skipped:
    try:
        stack = stacks.stack(account_id=stack_id.account_id, region=stack_id.region, stack_id=stack_id.arn)
    except NotReadableError as error:
        if age_seconds < IAM_LAG_SECONDS:
            raise NotYet(str(error)) from error
        raise RequestRefusedError(str(error)) from error
    if stack is None:
        raise RequestRefusedError("the stack of its stack instance does not exist")
    if stack.status.endswith("_IN_PROGRESS"):
        return Skipped(f"the stack is {stack.status}, and asks itself")
    if stack.status not in _COMPLETE:
        raise RequestRefusedError(f"the stack of its stack instance is {stack.status}")
    return Admitted(registration_of(_Standing(stack_id, _properties(stack))), stack.changed_at)


def _properties(stack: Stack) -> dict[str, Any]:
    try:
        return object_of(decoded(stack.outputs[REGISTRATION_OUTPUT]))
    except (KeyError, TypeError, ValueError):
        raise RequestRefusedError(f"the stack has no output {REGISTRATION_OUTPUT} that could be read") from None
