"""What the function is told by its environment."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from alertlogic_api import AlertLogicSettings
from aws.environment import NAME, QUEUE_URL, REGION, Environment, Kind
from protection.scope import tags_of

from .convergence import Rule

if TYPE_CHECKING:
    from collections.abc import Mapping

    from protection.scope import VpcTag

_POLICY: Final = Kind(r".*\S.*", "the name of a policy such as Professional")
_TAGS: Final = Kind(r".*", 'a JSON list such as [{"Key": "alertlogic", "Value": "true"}], which is not empty')


@dataclass(frozen=True, slots=True)
class Settings:
    """The environment of the function, read once.

    Attributes:
        alert_logic: Where Alert Logic is.
        reader_role_name: The role that reads the VPCs of other accounts; empty where there is only the own account.
        regions: Where scope is ours to keep.
        rule: What belongs into it.
        queue_url: Where the events come from.
        dead_letter_queue_url: Where those go that nothing can be done with.
    """

    alert_logic: AlertLogicSettings
    reader_role_name: str
    regions: frozenset[str]
    rule: Rule
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
            reader_role_name=environment.one("READER_ROLE_NAME", NAME.or_nothing),
            regions=frozenset(environment.some("REGIONS", REGION)),
            rule=Rule(
                tags=_tags("VPC_TAGS", environment.one("VPC_TAGS", _TAGS)),
                policy_name=environment.one("POLICY", _POLICY),
                prune=environment.switch("PRUNE"),
            ),
            queue_url=environment.one("QUEUE_URL", QUEUE_URL),
            dead_letter_queue_url=environment.one("DEAD_LETTER_QUEUE_URL", QUEUE_URL),
        )


def _tags(name: str, text: str) -> tuple[VpcTag, ...]:
    try:
        tags = tags_of(json.loads(text))
    except ValueError:
        tags = ()
    if not tags:
        raise ValueError(f"{name} holds {text!r}; it must be {_TAGS.words}")
    return tags
