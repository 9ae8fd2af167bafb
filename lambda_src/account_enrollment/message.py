"""What a message of the queue says: an event of AWS's, or a piece of a sweep of our own.

The queue's policy lets only our own rules and our own role send.
"""

from __future__ import annotations

from aws.json_text import decoded, object_of
from aws.queue import reading

from . import event, sweep

Content = event.Event | sweep.Piece


def parse(body: str, *, management_account_id: str) -> Content:
    """Read a message.

    Args:
        body: Its text.
        management_account_id: Only its events are heard.

    Raises:
        Refused: It is nothing that belongs into the queue.
    """
    with reading("about accounts"):
        document = object_of(decoded(body))
        if sweep.SWEEP_KEY in document:
            return sweep.read(document)
        return event.read(document, management_account_id=management_account_id)
