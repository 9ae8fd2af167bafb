"""What the function is told by its environment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from alertlogic_api import AlertLogicSettings
from aws.environment import NAME, QUEUE_URL, Environment, Kind

from .order import Offboarding

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Settings:
    """The environment of the function, read once."""

    alert_logic: AlertLogicSettings
    reader_role_name: str
    offboarding: Offboarding
    central_logs_role_arn: str
    queue_url: str
    dead_letter_queue_url: str

    @classmethod
    def from_environment(cls, variables: Mapping[str, str]) -> Settings:
        """Read the environment.

        Raises:
            ValueError: A variable is missing or malformed; the message names it.
        """
        environment = Environment(variables)
        offboarding = Kind("|".join(Offboarding), f"one of {', '.join(Offboarding)}")
        role_arn_if_any = Kind(r"(arn:aws:iam::[0-9]{12}:role/[!-~]+)?", "the ARN of an IAM role, or empty")
        return cls(
            alert_logic=AlertLogicSettings.from_environment(variables),
            reader_role_name=environment.one("READER_ROLE_NAME", NAME),
            offboarding=Offboarding(environment.one("OFFBOARDING", offboarding)),
            central_logs_role_arn=environment.one("CENTRAL_LOGS_ROLE_ARN", role_arn_if_any),
            queue_url=environment.one("QUEUE_URL", QUEUE_URL),
            dead_letter_queue_url=environment.one("DEAD_LETTER_QUEUE_URL", QUEUE_URL),
        )
