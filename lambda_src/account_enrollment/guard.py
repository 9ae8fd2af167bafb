"""The deletion guard: how many accounts may be taken away in a day, whatever asks for it.

What was taken away stands in the list of the StackSet's operations, so there is no counter to keep, to lose or to lock.
The operations that take an account away have the ids `remove-1`, `remove-2` and so on. CloudFormation takes each only
once, and the guard gives out none that is too far from the last one of the day before: so however many workers decide
at the same time, on the same list or on an old one, no more is taken away than one of them could.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from .operations import removal_id, removal_number

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from aws.stack_sets import Operation

WINDOW_SECONDS: Final = 24 * 3600
_EVERYTHING: Final = 100


@dataclass(frozen=True, slots=True)
class Leave:
    """What the guard lets through.

    Attributes:
        operation_ids: The operations that may begin now, in this order, and none after one that is refused.
        removed: How many accounts were taken away in the window.
        most: How many may be in all, those included; None without a limit.
    """

    operation_ids: tuple[str, ...]
    removed: int
    most: int | None


@dataclass(frozen=True, slots=True)
class DeletionGuard:
    """Lets a share of the accounts be taken away in any 24 hours, and one account always.

    Attributes:
        percentage: The share, 0 to 100, of the enrolled accounts; 100 lets everything through.
    """

    percentage: int

    def leave(
        self, wanted: int, operations: Collection[Operation], *, enrolled: Callable[[], int], now: float
    ) -> Leave:
        """Say which removals may begin.

        Args:
            wanted: How many accounts are to be taken away.
            operations: Those of the StackSet, past ones included.
            enrolled: Counts the accounts with instances; only asked where it matters.
            now: Unix seconds.
        """
        began_at = {
            number: operation.began_at
            for operation in operations
            if (number := removal_number(operation.id)) is not None
        }
        last = max(began_at, default=0)
        # Whatever has a number after that is of the window, even where the list lags behind and leaves it out.
        last_before = max((number for number, at in began_at.items() if now - at >= WINDOW_SECONDS), default=0)
        removed = last - last_before
        most = self._most(removed + wanted, enrolled)
        granted = wanted if most is None else min(wanted, max(0, most - removed))
        return Leave(tuple(removal_id(last + 1 + step) for step in range(granted)), removed, most)

    def _most(self, wanted_in_all: int, enrolled: Callable[[], int]) -> int | None:
        if self.percentage == _EVERYTHING:
            return None
        return 1 if wanted_in_all <= 1 else max(1, enrolled() * self.percentage // 100)
