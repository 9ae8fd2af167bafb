"""The metric of what nobody wants any more in deployments that are not ours to clear."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from aws.measures import emit

if TYPE_CHECKING:
    from collections.abc import Collection

RETAINED_METRIC: Final = "EntriesRetained"


def count_retained(keys: Collection[str], *, service: str) -> None:
    """Count the entries of a deployment that would go if it were ours, or all were to be pruned.

    Args:
        keys: Their keys; nothing is counted where there are none.
        service: The function's name in its log.
    """
    if keys:
        emit(service, {RETAINED_METRIC: len(keys)})
