"""What the function is told by its environment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from alertlogic_api import AlertLogicSettings
from aws.environment import QUEUE_URL, Environment

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Settings:
    """The environment of the function, read once.

    Attributes:
        alert_logic: Where Alert Logic is.
        own_findings_only: Every account forwards its own findings, so those that an account has from another are
            dropped.
        queue_url: Where the findings come from.
        dead_letter_queue_url: Where those go that nothing can be done with.
    """

    alert_logic: AlertLogicSettings
    own_findings_only: bool
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
            alert_logic=AlertLogicSettings.from_environment(variables),
            own_findings_only=environment.switch("OWN_FINDINGS_ONLY"),
            queue_url=environment.one("QUEUE_URL", QUEUE_URL),
            dead_letter_queue_url=environment.one("DEAD_LETTER_QUEUE_URL", QUEUE_URL),
        )
