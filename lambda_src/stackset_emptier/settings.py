"""What the function is told by its environment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from aws.environment import NAME, PERCENTAGE, QUEUE_URL, Environment

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Settings:
    """The environment of the function, read once.

    Attributes:
        stack_set_name: The StackSet that the function empties; it touches no other.
        max_concurrent_percentage: In how many of an operation's accounts CloudFormation works at once.
        queue_url: Where a deletion waits until it is done.
        dead_letter_queue_url: Where what cannot be done goes.
    """

    stack_set_name: str
    max_concurrent_percentage: int
    queue_url: str
    dead_letter_queue_url: str

    @classmethod
    def from_environment(cls, variables: Mapping[str, str]) -> Settings:
        """Read the environment.

        Raises:
            ValueError: A variable is missing or malformed; the message names it.
        """
        environment = Environment(variables)
        return cls(
            stack_set_name=environment.one("STACK_SET_NAME", NAME),
            max_concurrent_percentage=int(environment.one("MAX_CONCURRENT_PERCENTAGE", PERCENTAGE)),
            queue_url=environment.one("QUEUE_URL", QUEUE_URL),
            dead_letter_queue_url=environment.one("DEAD_LETTER_QUEUE_URL", QUEUE_URL),
        )
