"""Message -> which accounts to look at -> what they lack or have too much of -> operations on the StackSet."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.logging import Logger

from aws.clients import client
from aws.events import EventBus
from aws.organizations import Organization
from aws.queue import Batch, NotYet, Queue
from aws.stack_sets import StackSet

from .convergence import Census, Convergence, Occasion
from .event import AccountsTouched, Irrelevant, SweepDue, UnitTouched
from .hub import Hub
from .message import parse
from .settings import Settings
from .sweep import Departures, Holders, InstanceWalk, Sweep, UnitPage, UnitWalk

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from aws_lambda_powertools.utilities.typing import LambdaContext
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_organizations import OrganizationsClient

    from aws.organizations import Account, AwsAccountId

    from .message import Content

logger = Logger(service="account_enrollment")


@dataclass(frozen=True, slots=True)
class Wiring:
    """What lasts as long as the container."""

    settings: Settings
    queue: Queue
    organizations: OrganizationsClient
    cloudformation: CloudFormationClient
    hub: Hub
    census: Census


@cache
def wire() -> Wiring:
    """Read the environment and make the clients, once."""
    settings = Settings.from_environment(os.environ)
    return Wiring(
        settings=settings,
        queue=Queue(client("sqs"), url=settings.queue_url, dead_letter_url=settings.dead_letter_queue_url),
        organizations=client("organizations"),
        cloudformation=client("cloudformation"),
        hub=Hub(_bus(settings.hub_bus_arn)),
        census=Census(),
    )


@logger.inject_lambda_context(clear_state=True, log_event=False)
def lambda_handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Handle a batch of messages from the enrollment queue."""
    wiring = wire()
    settings = wiring.settings
    batch = Batch(event, wiring.queue, logger=logger)
    work = Work.of_batch(wiring)
    for message in batch.messages:
        with batch.handling(message):
            content = parse(message.body, management_account_id=settings.scope.management_account_id)
            work.do(content, attempt=message.received)
    return batch.response()


@dataclass(frozen=True, slots=True)
class Work:
    """The organization and the StackSet as one batch sees them, and what is done there."""

    organization: Organization
    stack_set: StackSet
    sweep: Sweep
    convergence: Convergence

    @classmethod
    def of_batch(cls, wiring: Wiring) -> Work:
        """Begin with nothing read."""
        settings = wiring.settings
        organization = Organization(wiring.organizations)
        stack_set = StackSet(
            wiring.cloudformation,
            name=settings.stack_set_name,
            max_concurrent_percentage=settings.max_concurrent_percentage,
        )
        return cls(
            organization=organization,
            stack_set=stack_set,
            sweep=Sweep(organization=organization, stack_set=stack_set, queue=wiring.queue),
            convergence=Convergence(
                scope=settings.scope,
                guard=settings.guard,
                census=wiring.census,
                stack_set=stack_set,
                hub=wiring.hub,
                logger=logger,
            ),
        )

    def do(self, content: Content, *, attempt: int) -> None:
        """Do what a message asks for.

        Args:
            content: What it says.
            attempt: How often it was delivered, this time included.

        Raises:
            NotYet: The message must come back.
        """
        logger.set_correlation_id(content.id)
        match content:
            case AccountsTouched(event_id, account_ids):
                accounts = {it: self.organization.account(it) for it in account_ids}
                nothing = self._look_at(accounts, Occasion(event_id, attempt, is_sweep=False))
                for account_id, why in nothing.items():
                    logger.info("nothing to do", account_id=account_id, reason=why)
            case UnitPage(sweep_id, unit_id, ancestors, token):
                page = self.organization.page_of_accounts(unit_id, ancestors=ancestors, token=token)
                accounts = {it.id: it for it in page.accounts} if page else {}
                self._look_at(accounts, Occasion(sweep_id, attempt, is_sweep=True))
            case Holders(sweep_id, account_ids):
                self._look_at_strangers(account_ids, Occasion(sweep_id, attempt, is_sweep=True))
            case Departures(sweep_id, operation_ids):
                removed = {it for operation_id in operation_ids for it in self.stack_set.accounts_of(operation_id)}
                self._look_at_strangers(sorted(removed), Occasion(sweep_id, attempt, is_sweep=True))
            case UnitWalk() | InstanceWalk():
                logger.info("walked on", messages=self.sweep.walk(content))
            case UnitTouched(event_id, unit_id):
                is_there = self.sweep.begin_in(unit_id, event_id)
                logger.info("sweep begun" if is_there else "there is no such unit", unit_id=unit_id)
            case SweepDue(event_id):
                self.sweep.begin(event_id)
                logger.info("sweep begun")
            case Irrelevant(_, why):
                logger.info("nothing to do", reason=why)
            case _:
                logger.warning(
                    "Control Tower failed",
                    event_name=content.name,
                    account_id=content.account_id,
                    reason=content.message,
                )

    def _look_at_strangers(self, account_ids: Iterable[AwsAccountId], occasion: Occasion) -> None:
        # A walk through the units comes by all others.
        self._look_at({it: None for it in account_ids if not self.organization.has(it)}, occasion)

    def _look_at(
        self, accounts: Mapping[AwsAccountId, Account | None], occasion: Occasion
    ) -> Mapping[AwsAccountId, str]:
        outcome = self.convergence.converge(accounts, occasion)
        if occasion.is_sweep:
            logger.info("looked at accounts", accounts=len(accounts), nothing_to_do=len(outcome.nothing))
        if outcome.waits:
            raise NotYet(outcome.waits[0])
        return outcome.nothing


def _bus(arn: str | None) -> EventBus | None:
    # The endpoint must be that of the bus's region.
    return EventBus(client("events", region_name=arn.split(":")[3]), arn=arn) if arn else None
