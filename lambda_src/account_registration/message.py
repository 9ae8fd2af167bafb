"""All that arrives in the queue: who may put it there is said by the queue's policy, so its shape tells what it is.

CloudFormation's requests come wrapped by SNS, events in EventBridge's envelope, our own messages bare.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from aws.json_text import decoded, object_of, text_in
from aws.queue import Refused, reading

from . import accounts_event, request
from .accounts_event import AccountsEvent
from .errand import Errand, errand_in
from .request import Request

if TYPE_CHECKING:
    from collections.abc import Mapping

_SCHEDULED: Final = ("aws.events", "Scheduled Event")
_DEPLOYED: Final = ("aws.cloudformation", "CloudFormation Stack Status Change")


@dataclass(frozen=True, slots=True)
class StatusDue:
    """It is time to write the status; `id` is EventBridge's of the event that says so."""

    id: str


@dataclass(frozen=True, slots=True)
class SweepDue:
    """The function's own stack was deployed, so all accounts are to be looked at; `id` is the event's."""

    id: str


Content = Request | Errand | AccountsEvent | StatusDue | SweepDue


def parse(body: str, *, management_account_id: str) -> Content:
    """Read a message of the queue.

    Args:
        body: The message.
        management_account_id: The account that may speak for all others; empty if none may.

    Raises:
        Refused: It is nothing that this function handles, or comes from somebody who may not send it.
    """
    with reading("a request, an event or an errand"):
        message = object_of(decoded(body))
        if "source" in message:
            return _event(message, management_account_id)
        return errand_in(message) or request.read(message)


def _event(event: Mapping[str, Any], management_account_id: str) -> AccountsEvent | StatusDue | SweepDue:
    origin = (text_in(event, "source"), text_in(event, "detail-type"))
    if origin == accounts_event.ORIGIN:
        return accounts_event.read(event, management_account_id=management_account_id)
    if origin == _SCHEDULED:
        return StatusDue(text_in(event, "id"))
    if origin == _DEPLOYED:
        return SweepDue(text_in(event, "id"))
    raise Refused(f"event {text_in(event, 'id')} is {origin}, which is nothing that is handled here")
