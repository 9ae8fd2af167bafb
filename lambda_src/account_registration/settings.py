"""What the function is told by its environment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from alertlogic_api import AlertLogicSettings
from aws.environment import ACCOUNT_ID, NAME, QUEUE_URL, Environment, Kind

from .order import Offboarding

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Settings:
    """The environment of the function, read once.

    Attributes:
        alert_logic: The customer and the secret.
        reader_role_name: The hub's role in every account.
        offboarding: What becomes of the deployment of an account that leaves.
        central_logs_role_arn: The role with which Alert Logic reads the central logs; empty if there is none.
        management_account_id: The account that may speak for all others; empty if there is none.
        table_name: Where the accounts are noted.
        status_bucket: Where the status is written; empty if it is not.
        queue_url: The function's queue.
        dead_letter_queue_url: What can never be done goes there.
    """

    alert_logic: AlertLogicSettings
    reader_role_name: str
    offboarding: Offboarding
    central_logs_role_arn: str
    management_account_id: str
    table_name: str
    status_bucket: str
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
        role_arn = Kind(r"arn:aws:iam::[0-9]{12}:role/[!-~]+", "the ARN of an IAM role")
        bucket = Kind(r"[a-z0-9][a-z0-9.-]{2,62}", "the name of an S3 bucket")
        return cls(
            alert_logic=AlertLogicSettings.from_environment(variables),
            reader_role_name=environment.one("READER_ROLE_NAME", NAME),
            offboarding=Offboarding(environment.one("OFFBOARDING", offboarding)),
            central_logs_role_arn=environment.one("CENTRAL_LOGS_ROLE_ARN", role_arn.or_nothing),
            management_account_id=environment.one("MANAGEMENT_ACCOUNT_ID", ACCOUNT_ID.or_nothing),
            table_name=environment.one("TABLE_NAME", Kind(r"[A-Za-z0-9_.-]{3,255}", "the name of a DynamoDB table")),
            status_bucket=environment.one("STATUS_BUCKET", bucket.or_nothing),
            queue_url=environment.one("QUEUE_URL", QUEUE_URL),
            dead_letter_queue_url=environment.one("DEAD_LETTER_QUEUE_URL", QUEUE_URL),
        )
