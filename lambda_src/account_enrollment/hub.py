"""What the security account is told: which accounts are to be protected.

An account that is to have no instances is told as unwanted only once nothing holds its departure back: its instances
are gone, or the deletion guard has let them go. Until then its protection stays, and so it is wanted, with the reason
why it would not be. So whoever listens can take the word as it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from .operations import is_removal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aws.events import EventBus
    from aws.organizations import AwsAccountId
    from aws.stack_sets import StackInstance

    from .enrollment import Decision

SOURCE: Final = "alertlogic.accounts"
DETAIL_TYPE: Final = "Accounts"
# With an instance in every region there is, twenty accounts come to some 200 KB, of less than 1 MB that a request may
# have: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-putevents.html
MOST_ACCOUNTS: Final = 20


@dataclass(frozen=True, slots=True)
class Standing:
    """What is told about one account.

    Attributes:
        account_id: The account.
        name: Its name; empty where it is not in the organization.
        is_wanted: Whether its protection is to stay.
        reason: Why it is not to have instances; None if it is to have them.
        instances: Those that it has.
    """

    account_id: AwsAccountId
    name: str
    is_wanted: bool
    reason: str | None
    instances: tuple[StackInstance, ...]

    def document(self) -> dict[str, Any]:
        """Return it as it goes into the event."""
        return {
            "Id": self.account_id,
            "Name": self.name,
            "Wanted": self.is_wanted,
            "Reason": self.reason,
            "Instances": [
                {
                    "Region": instance.region,
                    "Status": instance.status,
                    "DetailedStatus": instance.detailed_status,
                    "StackId": instance.stack_id,
                }
                for instance in self.instances
            ],
        }


def standing(decision: Decision, *, is_departing: bool) -> Standing:
    """Say what is told about an account.

    Args:
        decision: What is to be done about it.
        is_departing: Whether its departure begins now.
    """
    situation = decision.situation
    is_going = (
        is_departing
        or not situation.instances
        # Its departure began before, with the guard's leave.
        or any(is_removal(instance.last_operation_id) for instance in situation.instances)
    )
    reason = decision.why_not
    if reason is not None and not is_going:
        reason = f"{reason}, but its departure is held back"
    return Standing(
        account_id=situation.account_id,
        name=situation.account.name if situation.account else "",
        is_wanted=decision.why_not is None or not is_going,
        reason=reason,
        instances=situation.instances,
    )


class Hub:
    """Tells the security account.

    Args:
        bus: Its event bus; None where nobody is to be told.
    """

    def __init__(self, bus: EventBus | None) -> None:
        self._bus = bus

    def tell(self, sweep_id: str, standings: Sequence[Standing]) -> None:
        """Tell about these accounts.

        Raises:
            NotYet: The bus does not take it.
        """
        if self._bus is None:
            return
        for first in range(0, len(standings), MOST_ACCOUNTS):
            some = standings[first : first + MOST_ACCOUNTS]
            detail = {"Sweep": sweep_id, "Accounts": [it.document() for it in some]}
            self._bus.put(source=SOURCE, detail_type=DETAIL_TYPE, detail=detail)
