"""What the function is told by its environment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from aws.environment import ACCOUNT_ID, NAME, PERCENTAGE, QUEUE_URL, REGION, UNIT_ID, Environment, Kind

from .enrollment import EnrollmentScope

if TYPE_CHECKING:
    from collections.abc import Mapping

_ALL = "ALL"


@dataclass(frozen=True, slots=True)
class Settings:
    """The environment of the function, read once."""

    stack_set_name: str
    max_concurrent_percentage: int
    queue_url: str
    dead_letter_queue_url: str
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
            scope=EnrollmentScope(
                management_account_id=environment.one("MANAGEMENT_ACCOUNT_ID", ACCOUNT_ID),
                always_enrolled=frozenset(environment.any("ALWAYS_ENROLLED", ACCOUNT_ID)),
                included_units=None if _ALL in included_units else included_units,
                excluded_units=frozenset(environment.any("EXCLUDED_UNITS", UNIT_ID)),
                excluded_accounts=frozenset(environment.any("EXCLUDED_ACCOUNTS", ACCOUNT_ID)),
                regions=frozenset(environment.some("REGIONS", REGION)),
                administrator_id=next(iter(environment.any("GUARDDUTY_ADMINISTRATOR", ACCOUNT_ID)), None),
                administrator_regions=frozenset(environment.any("ADMINISTRATOR_REGIONS", REGION)),
            ),
        )
