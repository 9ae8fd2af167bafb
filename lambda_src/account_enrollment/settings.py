"""What the function is told by its environment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from aws.environment import ACCOUNT_ID, NAME, PERCENTAGE, QUEUE_URL, REGION, UNIT_ID, Environment, Kind

from .enrollment import EnrollmentScope
from .guard import DeletionGuard

if TYPE_CHECKING:
    from collections.abc import Mapping

_ALL: Final = "ALL"
_BUS_ARN: Final = Kind(
    rf"arn:[a-z-]+:events:{REGION.pattern}:{ACCOUNT_ID.pattern}:event-bus/[A-Za-z0-9._/-]+", "the ARN of an event bus"
)
_SHARE: Final = Kind(f"0|{PERCENTAGE.pattern}", "a whole number from 0 to 100")


@dataclass(frozen=True, slots=True)
class Settings:
    """The environment of the function, read once.

    Attributes:
        stack_set_name: The StackSet.
        max_concurrent_percentage: In how many of its accounts an operation works at once.
        queue_url: Where the messages come from, and where those of a sweep go.
        dead_letter_queue_url: Where those go that nothing can be done with.
        hub_bus_arn: The security account's event bus; None where nobody is to be told.
        guard: How many accounts may go.
        scope: Which accounts get instances.
    """

    stack_set_name: str
    max_concurrent_percentage: int
    queue_url: str
    dead_letter_queue_url: str
    hub_bus_arn: str | None
    guard: DeletionGuard
    scope: EnrollmentScope

    @classmethod
    def from_environment(cls, variables: Mapping[str, str]) -> Settings:
        """Read the environment.

        Raises:
            ValueError: A variable is missing or malformed; the message names it.
        """
        environment = Environment(variables)
        included = Kind(f"{_ALL}|{UNIT_ID.pattern}", f"{_ALL}, or {UNIT_ID.words}")
        included_units = frozenset(environment.some("INCLUDED_UNITS", included))
        if _ALL in included_units and len(included_units) > 1:
            raise ValueError(f"INCLUDED_UNITS holds {_ALL} beside units; it must be either {_ALL} or a list of units")
        return cls(
            stack_set_name=environment.one("STACK_SET_NAME", NAME),
            max_concurrent_percentage=int(environment.one("MAX_CONCURRENT_PERCENTAGE", PERCENTAGE)),
            queue_url=environment.one("QUEUE_URL", QUEUE_URL),
            dead_letter_queue_url=environment.one("DEAD_LETTER_QUEUE_URL", QUEUE_URL),
            hub_bus_arn=environment.one("HUB_BUS_ARN", _BUS_ARN.or_nothing) or None,
            guard=DeletionGuard(int(environment.one("DELETION_GUARD_PERCENTAGE", _SHARE))),
            scope=EnrollmentScope(
                management_account_id=environment.one("MANAGEMENT_ACCOUNT_ID", ACCOUNT_ID),
                always_enrolled=frozenset(environment.any("ALWAYS_ENROLLED", ACCOUNT_ID)),
                included_units=None if _ALL in included_units else included_units,
                excluded_units=frozenset(environment.any("EXCLUDED_UNITS", UNIT_ID)),
                excluded_accounts=frozenset(environment.any("EXCLUDED_ACCOUNTS", ACCOUNT_ID)),
                regions=frozenset(environment.some("REGIONS", REGION)),
                administrator_id=environment.one("GUARDDUTY_ADMINISTRATOR", ACCOUNT_ID.or_nothing) or None,
                administrator_regions=frozenset(environment.any("ADMINISTRATOR_REGIONS", REGION)),
            ),
        )
