"""One look at the StackSet, and one step towards its being empty."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aws.queue import NotYet

from .emptying import Begin, GiveUp, Wait, decide

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from typing import Protocol

    from aws_lambda_powertools.logging import Logger

    from .emptying import Deletion, Instance, Operation

    class StackSet(Protocol):
        """What is asked of the StackSet."""

        def operations(self) -> Collection[Operation]:
            """List the operations."""
            ...

        def instances(self) -> Iterable[Instance]:
            """List the instances."""
            ...

        def begin(self, deletion: Deletion) -> bool:
            """Begin an operation, unless it was begun already."""
            ...


class GivenUpError(Exception):
    """There is no time left, and something is."""


def step(stack_set: StackSet, *, is_over: bool, logger: Logger) -> None:
    """Begin what is needed until nothing is left.

    Args:
        stack_set: The StackSet.
        is_over: Whether there is no time left, so that nothing more is begun.
        logger: Gets a line for each operation that is begun.

    Raises:
        NotYet: Something is left; it is worked on.
        GivenUpError: Something is left, and there is no time left.
    """
    # In this order: an operation that begins in between shows in its instances, one that ends is waited for.
    operations = stack_set.operations()
    match decide(operations, stack_set.instances(), is_over=is_over):
        case Wait(why):
            raise NotYet(why)
        case GiveUp(why):
            raise GivenUpError(why)
        case Begin(deletions):
            begun = sum(_begin(stack_set, deletion, logger) for deletion in deletions)
            raise NotYet(f"operations begun: {begun} of {len(deletions)}")


def _begin(stack_set: StackSet, deletion: Deletion, logger: Logger) -> bool:
    is_begun = stack_set.begin(deletion)
    if is_begun:
        details: dict[str, Any] = {
            "operation_id": deletion.id,
            "accounts": deletion.accounts,
            "regions": deletion.regions,
        }
        if deletion.lets_go:
            logger.warning("stacks are left behind", **details, reasons=deletion.reasons)
        else:
            logger.info("operation begun", **details)
    return is_begun
