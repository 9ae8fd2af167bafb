"""What a message of the queue says: an event of AWS's, or a piece of a sweep of our own.

The queue's policy lets only our own rules and our own role send.
"""

from __future__ import annotations

from aws.json_text import decoded
from aws.queue import Refused

from . import event, sweep

Content = event.Event | sweep.Piece


def parse(body: str, *, management_account_id: str, stack_arn: str) -> Content:
    """Read a message.

    Args:
        body: Its text.
        management_account_id: Only its events are heard.
        stack_arn: The stack whose deployments call for a sweep.

    Raises:
        Refused: It is nothing that belongs into the queue.
    """
    try:
        document = decoded(body)
        if sweep.SWEEP_KEY in document:
            return sweep.read(document)
        return event.read(document, management_account_id=management_account_id, stack_arn=stack_arn)
    except ValueError:
        raise Refused("the message is not JSON") from None
    except KeyError as error:
        raise Refused(f"the message lacks {error}, or it is unknown") from None
    except (AttributeError, TypeError):
        raise Refused("the message is neither an event about accounts nor a piece of a sweep") from None
