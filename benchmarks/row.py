"""One measured number."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """A number, what it may be at most, and what was seen besides."""

    what: str
    value: float
    limit: float
    note: str = ""

    @property
    def ok(self) -> bool:
        """Whether the number keeps its limit."""
        return self.value <= self.limit
