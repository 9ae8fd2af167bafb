"""Control Tower's lifecycle events, https://docs.aws.amazon.com/controltower/latest/userguide/lifecycle-events.html."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from aws.queue import Refused

if TYPE_CHECKING:
    from aws.organizations import AwsAccountId

# Which of the two Control Tower sends for an existing account depends on whether it knows the account already.
_STATUS_KEYS: Final = {
    "CreateManagedAccount": "createManagedAccountStatus",
    "UpdateManagedAccount": "updateManagedAccountStatus",
}


@dataclass(frozen=True, slots=True)
class LifecycleEvent:
    """What Control Tower says about an account; only where to look, for the truth is read elsewhere.

    Attributes:
        id: EventBridge's id of the event.
        name: `CreateManagedAccount` or `UpdateManagedAccount`.
        state: Whether it worked.
        message: Control Tower's own words.
        account_id: The account; None where it failed before there was one.
    """

    id: str
    name: str
    state: Literal["SUCCEEDED", "FAILED"]
    message: str
    account_id: AwsAccountId | None


def parse(body: str, *, management_account_id: str) -> LifecycleEvent:
    """Read an event as EventBridge puts it into the queue.

    Raises:
        Refused: It is not a lifecycle event of an account, or not of this organization's Control Tower.
    """
    try:
        event: dict[str, Any] = json.loads(body)
        detail = event["detail"]
        name = detail["eventName"]
        origin = (event["source"], event["account"])
        status = detail["serviceEventDetails"][_STATUS_KEYS[name]]
        state, message = status["state"], status.get("message", "")
        account_id = status.get("account", {}).get("accountId")
        parsed = LifecycleEvent(event["id"], name, state, message, account_id)
    except ValueError:
        raise Refused("the message is not JSON") from None
    except KeyError as error:
        raise Refused(f"the message is not a lifecycle event of an account: {error} is missing or unknown") from None
    except (AttributeError, TypeError):
        raise Refused("the message is not a lifecycle event") from None
    if origin != ("aws.controltower", management_account_id):
        raise Refused(f"event {parsed.id} comes from {origin}, not from Control Tower in the management account")
    if state not in ("SUCCEEDED", "FAILED"):
        raise Refused(f"event {parsed.id} has the unknown state {state!r}")
    if state == "SUCCEEDED" and not (isinstance(account_id, str) and re.fullmatch(r"[0-9]{12}", account_id)):
        raise Refused(f"event {parsed.id} names no account")
    return parsed
