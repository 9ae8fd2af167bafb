"""What the function is told by its environment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from alertlogic_api import AlertLogicSettings, Collector
from aws.environment import ACCOUNT_ID, QUEUE_URL, REGION, Environment, Kind

if TYPE_CHECKING:
    from collections.abc import Mapping

FUNCTION_NAME: Final = Kind(r"[A-Za-z0-9_-]{1,64}", "the name of a Lambda function")
_FUNCTION_ARN: Final = Kind(
    f"arn:aws:lambda:{REGION.pattern}:{ACCOUNT_ID.pattern}:function:{FUNCTION_NAME.pattern}",
    "the ARN of a Lambda function",
)
_STACK_NAME: Final = Kind(r"[A-Za-z][A-Za-z0-9-]*", "the name of a CloudFormation stack")
_VERSION: Final = Kind(r"[0-9][!-~]*", "a version such as 1.2.3")
_PARAMETER_NAME: Final = Kind(r"[A-Za-z0-9_./-]+", "the name of an SSM parameter")
_QUEUE_NAME: Final = Kind(r"[A-Za-z0-9_-]{1,80}", "the name of an SQS queue")


@dataclass(frozen=True, slots=True)
class Settings:
    """The environment of the function, read once.

    Attributes:
        alert_logic: Where Alert Logic is.
        collector: The function that sends the findings, as Alert Logic knows it.
        parameter_name: The SSM parameter that keeps Alert Logic's id of it.
        queue_name: The queue where findings wait for it.
        dead_letter_queue_url: Where those go that nothing can be done with.
    """

    alert_logic: AlertLogicSettings
    collector: Collector
    parameter_name: str
    queue_name: str
    dead_letter_queue_url: str

    @classmethod
    def from_environment(cls, variables: Mapping[str, str]) -> Settings:
        """Read the environment.

        Raises:
            ValueError: A variable is missing or malformed; the message names it.
        """
        environment = Environment(variables)
        arn = environment.one("COLLECTOR_FUNCTION_ARN", _FUNCTION_ARN)
        region, account_id, _, function_name = arn.split(":")[3:]
        return cls(
            alert_logic=AlertLogicSettings.from_environment(variables),
            collector=Collector(
                account_id=account_id,
                region=region,
                function_name=function_name,
                stack_name=environment.one("COLLECTOR_STACK_NAME", _STACK_NAME),
                version=environment.one("COLLECTOR_VERSION", _VERSION),
            ),
            parameter_name=environment.one("COLLECTOR_PARAMETER", _PARAMETER_NAME),
            queue_name=environment.one("QUEUE_NAME", _QUEUE_NAME),
            dead_letter_queue_url=environment.one("DEAD_LETTER_QUEUE_URL", QUEUE_URL),
        )
