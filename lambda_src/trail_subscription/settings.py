"""What the function is told by its environment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from aws.environment import ACCOUNT_ID, NAME, Environment, Kind
from aws.organizations import AwsAccountId

if TYPE_CHECKING:
    from collections.abc import Mapping

_ROLE_ARN: Final = Kind(f"arn:aws:iam::{ACCOUNT_ID.pattern}:role/{NAME.pattern}", "the ARN of an IAM role")


@dataclass(frozen=True, slots=True)
class Settings:
    """The environment of the function, read once.

    Attributes:
        reader_account_id: The account of the queue.
        reader_role_name: The role there that may take the confirmation out of the queue.
    """

    reader_account_id: AwsAccountId
    reader_role_name: str

    @classmethod
    def from_environment(cls, variables: Mapping[str, str]) -> Settings:
        """Read the environment.

        Raises:
            ValueError: A variable is missing or malformed; the message names it.
        """
        arn = Environment(variables).one("TRAIL_READER_ROLE_ARN", _ROLE_ARN)
        principal, _, role_name = arn.partition("/")
        return cls(AwsAccountId(principal.split(":")[4]), role_name)
