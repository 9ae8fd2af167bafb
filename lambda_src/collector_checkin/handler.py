"""Beat of the schedule -> vital signs -> check-in; request of CloudFormation -> deregistration -> answer."""

from __future__ import annotations

import os
import time
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Final

import requests
from aws_lambda_powertools.logging import Logger
from botocore.exceptions import BotoCoreError, ClientError

from alertlogic_api import AlertLogic, AlertLogicError
from aws.clients import client
from aws.custom_resource import echoed, send
from aws.measures import emit
from aws.metrics import UnreadableMetricError
from aws.parameter import Parameter
from aws.queue import NotYet, Refused
from aws.secret import access_key

from .health import check_in_of
from .registration import DeregisteredError, Registration
from .request import is_function_name, parse
from .settings import Settings
from .vital_signs import VitalSigns

if TYPE_CHECKING:
    from collections.abc import Generator
    from contextlib import AbstractContextManager

    from aws_lambda_powertools.utilities.typing import LambdaContext

    from .request import Request

# Kept back from Alert Logic for the parameter, and for the answer to CloudFormation.
RESERVED_SECONDS: Final = 60
CHECK_IN_METRIC: Final = "CheckIn"

# What may go wrong without anybody's mistake, and does not the next time.
_FORESEEN: Final = (AlertLogicError, BotoCoreError, ClientError, DeregisteredError, UnreadableMetricError)

logger = Logger(service="collector_checkin")


class ForeignEventError(Exception):
    """Somebody else invoked the function."""


@dataclass(frozen=True, slots=True)
class Wiring:
    """What lasts as long as the container."""

    alert_logic: AlertLogic
    registration: Registration
    vital_signs: VitalSigns
    http: requests.Session

    def within(self, context: LambdaContext) -> AbstractContextManager[None]:
        """Bound the calls to Alert Logic by the time that the invocation has left."""
        return self.alert_logic.within(lambda: context.get_remaining_time_in_millis() / 1000 - RESERVED_SECONDS)


@cache
def wire() -> Wiring:
    """Read the environment and make the clients, once."""
    settings = Settings.from_environment(os.environ)
    secrets_manager = client("secretsmanager")
    alert_logic = AlertLogic(
        settings.alert_logic,
        access_key=lambda: access_key(secrets_manager, settings.alert_logic.secret_arn, service=logger.service),
        log=logger,
    )
    return Wiring(
        alert_logic=alert_logic,
        registration=Registration(
            settings.collector,
            alert_logic=alert_logic,
            memory=Parameter(client("ssm"), name=settings.parameter_name),
        ),
        vital_signs=VitalSigns(
            client("cloudwatch"),
            client("sqs"),
            function_name=settings.collector.function_name,
            queue_name=settings.queue_name,
            dead_letter_queue_url=settings.dead_letter_queue_url,
        ),
        http=requests.Session(),
    )


@logger.inject_lambda_context(clear_state=True, log_event=False)
def lambda_handler(event: Any, context: LambdaContext) -> None:  # noqa: ANN401 - whoever may invoke it may send anything
    """Handle a beat of the schedule, or a request of CloudFormation.

    Raises:
        ForeignEventError: It is neither.
        NotYet, Refused: CloudFormation cannot be answered; Lambda tries it again.
    """
    match event:
        case {"RequestType": _}:
            _answer(event, context)
        case {"source": "aws.events", "detail-type": "Scheduled Event"}:
            logger.set_correlation_id(event.get("id"))
            _check_in(context)
        case _:
            raise ForeignEventError("the event is neither a beat of the schedule nor a request of CloudFormation")


def _check_in(context: LambdaContext) -> None:
    wiring = wire()
    try:
        with wiring.within(context):
            registered = wiring.registration.ensure()
            vitals = wiring.vital_signs.read(now=time.time())
            check_in = check_in_of(vitals)
            reported = wiring.registration.report(registered, check_in, at=vitals.at)
    except _FORESEEN as error:
        # The next beat is near, and an alarm tells when several are missed.
        logger.error("not checked in", reason=str(error))  # noqa: TRY400 - its reason is all that there is to say
        return
    problem = check_in.problem
    reason: dict[str, Any] = {"reason": problem.text} if problem else {}
    logger.info(
        "checked in",
        collector_id=reported.registered.collector_id,
        is_new=reported.registered.is_new,
        status="error" if problem else "ok",
        queue_age=vitals.queue_age,
        dead_letters=vitals.dead_letters,
        errors=vitals.errors,
        last_delivery=vitals.last_delivery and vitals.last_delivery.at,
        **reason,
    )
    if reported.stream_refusal:
        logger.warning("the status of the stream was not taken", reason=str(reported.stream_refusal))
    emit(logger.service, {CHECK_IN_METRIC: 1})


def _answer(event: dict[str, Any], context: LambdaContext) -> None:
    try:
        request = parse(event)
        logger.set_correlation_id(request.id)
        outcome = _carry_out(request, context)
        send(request.response_url, outcome | echoed(request), wire().http)
        logger.info("answered", request_type=request.type, **outcome)
    except (NotYet, Refused) as error:
        logger.error("not answered", reason=str(error))  # noqa: TRY400 - its reason is all that there is to say
        raise


def _carry_out(request: Request, context: LambdaContext) -> dict[str, Any]:
    if request.type == "Delete":
        # Nothing at Alert Logic is worth a stack that cannot be deleted.
        with _logging_failure("not deregistered"):
            if is_function_name(request.physical_resource_id):
                with wire().within(context):
                    wire().registration.deregister(request.physical_resource_id)
        return {"Status": "SUCCESS", "PhysicalResourceId": request.physical_resource_id}
    if request.function_name is None:
        reason = "the property FunctionName is not the name of a Lambda function"
        return {"Status": "FAILED", "Reason": reason, "PhysicalResourceId": request.physical_resource_id}
    if request.type == "Update":
        # What is remembered may be another function's collector.
        with _logging_failure("not forgotten"):
            wire().registration.forget()
    return {"Status": "SUCCESS", "PhysicalResourceId": request.function_name}


@contextmanager
def _logging_failure(message: str) -> Generator[None]:
    try:
        yield
    except _FORESEEN as error:
        logger.error(message, reason=str(error))  # noqa: TRY400 - its reason is all that there is to say
    except Exception:
        logger.exception(message)
