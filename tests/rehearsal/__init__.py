"""The landing zone on a laptop: `python -m tests.rehearsal` plays the story, `Rehearsal` is its library."""

from __future__ import annotations

from tests.rehearsal.rehearsal import Rehearsal

__all__ = ["Rehearsal"]
