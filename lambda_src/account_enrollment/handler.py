"""Lifecycle event -> what the account lacks -> operations on the StackSet -> what became of it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.logging import Logger

from aws.clients import client
from aws.organizations import Organization
from aws.queue import Batch, NotYet, Queue
from aws.stack_sets import StackSet

from .enrollment import Create, Nothing, Release, Update, Wait, decide, operation_id
from .lifecycle_event import parse
from .settings import Settings

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_organizations import OrganizationsClient

    from aws.organizations import Account

    from .enrollment import EnrollmentScope, Operate
    from .lifecycle_event import LifecycleEvent

logger = Logger(service="account_enrollment")

# The member template's parameter for the account's name.
ACCOUNT_NAME_PARAMETER = "AccountName"


@dataclass(frozen=True, slots=True)
class Wiring:
    """What lasts as long as the container."""

    settings: Settings
    queue: Queue
    organizations: OrganizationsClient
    cloudformation: CloudFormationClient


@cache
def wire() -> Wiring:
    """Read the environment and make the clients, once."""
    settings = Settings.from_environment(os.environ)
    return Wiring(
        settings=settings,
        queue=Queue(
            client("sqs"),
            url=settings.queue_url,
            dead_letter_url=settings.dead_letter_queue_url,
        ),
        organizations=client("organizations"),
        cloudformation=client("cloudformation"),
    )


@logger.inject_lambda_context(clear_state=True)
def lambda_handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Handle a batch of events from the enrollment queue."""
    wiring = wire()
    settings = wiring.settings
    organization = Organization(wiring.organizations)
    stack_set = StackSet(
        wiring.cloudformation,
        name=settings.stack_set_name,
        max_concurrent_percentage=settings.max_concurrent_percentage,
    )
    batch = Batch(event, wiring.queue, logger=logger)
    for message in batch.messages:
        with batch.handling(message):
            lifecycle_event = parse(message.body, management_account_id=settings.scope.management_account_id)
            logger.set_correlation_id(lifecycle_event.id)
            _handle(lifecycle_event, settings.scope, organization, stack_set)
    return batch.response()


def _handle(event: LifecycleEvent, scope: EnrollmentScope, organization: Organization, stack_set: StackSet) -> None:
    if event.account_id is None or event.state == "FAILED":
        logger.warning("Control Tower failed", event_name=event.name, account_id=event.account_id, reason=event.message)
        return
    account = organization.account(event.account_id)
    if account is None:
        logger.info("nothing to do", account_id=event.account_id, reason="it is not in the organization")
        return
    # In this order: an operation that begins in between shows in its instances, one that ends is waited for.
    operations = stack_set.operations()
    instances = stack_set.instances(account.id)
    for action in decide(scope, account, instances, operations):
        match action:
            case Nothing(why):
                logger.info("nothing to do", account_id=account.id, reason=why)
            case Wait(why):
                raise NotYet(why)
            case _:
                token = operation_id(action, account.id, event_id=event.id, instances=instances, operations=operations)
                _begin(action, account, stack_set, token)


def _begin(action: Operate, account: Account, stack_set: StackSet, token: str) -> None:
    parameters = {ACCOUNT_NAME_PARAMETER: account.name}
    match action:
        case Create(regions):
            stack_set.create(account.id, regions, parameters=parameters, operation_id=token)
        case Update(regions):
            stack_set.update(account.id, regions, parameters=parameters, operation_id=token)
        case Release(regions):
            stack_set.release(account.id, regions, operation_id=token)
    logger.info("operation begun", operation_id=token, account_id=account.id, regions=action.regions)
