"""Events as EventBridge sends them."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.rehearsal.templates import Json

# The numbers of seconds since the epoch that GuardDuty gives for the creation of buckets and clusters.
_EPOCH_SECONDS = re.compile(r'(?<="createdAt":)([0-9])([0-9]{9})\.([0-9]+)(?=[,}])')


def event_text(event: Json) -> str:
    """An event's JSON: compact, with every letter as it is, and large fractions as AWS writes them, such as 1.7E9.

    That Python would write them otherwise shows who reads an event and writes it anew.
    """
    text = json.dumps(event, ensure_ascii=False, separators=(",", ":"))
    return _EPOCH_SECONDS.sub(r"\1.\2\3E9", text)
