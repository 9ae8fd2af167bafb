"""Chaos: things happen at random in a landing zone while much goes wrong; then a sweep puts all of it right."""

from __future__ import annotations

import random
import re
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.rehearsal.chaos_faults import Chaos
from tests.rehearsal.rehearsal import Rehearsal
from tests.rehearsal.scenes_change import deploy_with
from tests.rehearsal.scenes_departures import STANDING
from tests.rehearsal.scenes_scope import DEV, EUROPE, HOME, PROD, WEST
from tests.rehearsal.scenes_sweep import (
    BEFORE_MASTER,
    ENROLLMENT,
    MASTER,
    SANDBOX,
    delete_deployment,
    disable_deployment,
)
from tests.rehearsal.story import Story

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.rehearsal.vpcs import Vpc

OPERATIONS = 200
FIRST_ACCOUNTS, MOST_ACCOUNTS = 4, 14
UNITS = (PROD, DEV, f"{PROD}/Shops", SANDBOX, "Elsewhere")
INCLUDED, EXCLUDED = "Workloads", SANDBOX
REGIONS = (HOME, WEST, EUROPE)
TAGS = ({"alertlogic": "true"}, {"Env": "Prod"}, {"Env": "Test"}, {"CostCenter": "4711"})
# Between two operations: mostly the next comes before all has happened that comes of the one before.
MINUTES_BETWEEN = (0, 0, 0, 1, 1, 5, 15)
# A message that waited for the faults to end comes back within this time, and what it leads to takes some more.
SETTLING_MINUTES = 360


@dataclass
class Landscape:
    """What may happen to a landing zone, each by chance.

    Attributes:
        gone: The accounts that are closed or not in the organization any more.
        unreachable: The accounts in which Control Tower's role is broken.
    """

    story: Story
    dice: random.Random
    gone: list[str] = field(default_factory=list[str])
    unreachable: set[str] = field(default_factory=set[str])
    _made: int = 0

    @property
    def accounts(self) -> list[str]:
        """The accounts that operations choose from."""
        zone, names = self.story.rehearsal.zone, self.story.rehearsal.organization.names
        own = {zone.management, zone.audit, zone.log_archive, zone.security}
        return sorted(names.keys() - own - {*self.gone})

    def operations(self) -> dict[Callable[[], object], int]:
        """Each with its weight."""
        return {
            self.vend: 16,
            self.come: 8,
            self.move: 24,
            self.move_silently: 8,
            self.close: 4,
            self.remove: 4,
            self.hint: 16,
            self.make_vpc: 16,
            self.tag: 24,
            self.untag: 20,
            self.delete_vpc: 10,
            self.delete_deployment: 12,
            self.disable_deployment: 8,
            self.break_role: 6,
            self.mend_role: 8,
            self.take_instances: 6,
            self.lose_instances: 4,
            self.sweep: 6,
        }

    def vend(self) -> None:
        if len(self.accounts) < MOST_ACCOUNTS:
            self.story.rehearsal.vend_account(self._name(), self.dice.choice(UNITS))

    def come(self) -> None:
        if len(self.accounts) < MOST_ACCOUNTS:
            account = self.story.rehearsal.create_account(self._name(), self.dice.choice(UNITS))
            self.story.rehearsal.organizations_event("AccountJoinedOrganization", account)

    def move(self) -> None:
        self.story.rehearsal.move_account(self._account(), self.dice.choice(UNITS))

    def move_silently(self) -> None:
        self.story.rehearsal.move_account(self._account(), self.dice.choice(UNITS), tell=False)

    def close(self) -> None:
        account = self._account()
        self.story.rehearsal.close_account(account, tell=True)
        self.gone.append(account)

    def remove(self) -> None:
        account = self._account()
        self.story.rehearsal.remove_account(account)
        self.gone.append(account)

    def hint(self) -> None:
        """Something tells of an account, or of a unit, to which nothing happened."""
        rehearsal, account, unit = self.story.rehearsal, self._account(), self.dice.choice(UNITS)
        hints: tuple[Callable[[], object], ...] = (
            lambda: rehearsal.update_managed_account(account, rehearsal.organization.unit_of(account)),
            lambda: rehearsal.baseline_event("EnableBaseline", account),
            lambda: rehearsal.unit_event("RegisterOrganizationalUnit", unit),
            lambda: rehearsal.drift_event(account),
        )
        self.dice.choice(hints)()

    def make_vpc(self) -> None:
        self.story.rehearsal.vpcs.create(self._account(), self.dice.choice(REGIONS), **self.dice.choice(TAGS))

    def tag(self) -> None:
        vpc = self._vpc()
        if vpc:
            self.story.rehearsal.vpcs.tag(vpc, **self.dice.choice(TAGS))

    def untag(self) -> None:
        vpc = self._vpc()
        if vpc:
            self.story.rehearsal.vpcs.untag(vpc, self.dice.choice(("alertlogic", "Env")))

    def delete_vpc(self) -> None:
        vpc = self._vpc()
        if vpc:
            self.story.rehearsal.vpcs.delete(vpc)

    def delete_deployment(self) -> None:
        delete_deployment(self.story, self._account())

    def disable_deployment(self) -> None:
        disable_deployment(self.story, self._account())

    def break_role(self) -> None:
        account = self._account()
        self.story.rehearsal.set_execution_role(account, trusts=account)
        self.unreachable.add(account)

    def mend_role(self) -> None:
        """The operator mends Control Tower's roles, and deletes the stacks that were let go of for want of them.

        With a stack that is left behind there is no place for another: roles have names.
        """
        rehearsal = self.story.rehearsal
        for account in sorted(self.unreachable):
            rehearsal.set_execution_role(account, trusts=rehearsal.zone.management)
            kept = [stack.id for stack in rehearsal.member_stacks(account)]
            for stack in rehearsal.stacks.all:
                if stack.account == account and stack.id not in kept and stack.status in STANDING:
                    rehearsal.stacks.delete(stack)
        self.unreachable.clear()

    def take_instances(self) -> None:
        account = self._account()
        if self.story.rehearsal.stack_instances(account):
            self.story.rehearsal.delete_instances(account)

    def lose_instances(self) -> None:
        """CloudFormation cannot work on an account's stacks any more, where it does not do so right now."""
        account = self._account()
        if not any(stack.in_progress for stack in self.story.rehearsal.member_stacks(account)):
            self.story.rehearsal.lose_instances(account)

    def sweep(self) -> None:
        self.story.rehearsal.sweep(within_minutes=0)

    def _name(self) -> str:
        self._made += 1
        return f"chaos-{self._made}"

    def _account(self) -> str:
        return self.dice.choice(self.accounts)

    def _vpc(self) -> Vpc | None:
        vpcs = [*self.story.rehearsal.vpcs.of(self._account(), self.dice.choice(REGIONS))]
        return self.dice.choice(vpcs) if vpcs else None


def play(seed: int) -> Story:
    """Let much happen and much go wrong, then sweep once."""
    started = time.perf_counter()
    with Rehearsal() as rehearsal:
        story = Story(rehearsal)
        landscape = Landscape(story, random.Random(seed))  # noqa: S311 - no secret
        sys.stdout.write(f"\nChaos with the seed {seed}\n")
        rehearsal.deploy(*BEFORE_MASTER)
        rehearsal.put_secret_value()
        rehearsal.deploy(MASTER)
        # Accounts leave all the time, and what is looked at is not the guard.
        deploy_with(story, ENROLLMENT, DELETION_GUARD_PERCENTAGE="100")
        for _ in range(FIRST_ACCOUNTS):
            landscape.vend()
        rehearsal.settle(within_minutes=30)
        chaos = Chaos(rehearsal, seed)
        operations = landscape.operations()
        with chaos:
            for operation in landscape.dice.choices([*operations], [*operations.values()], k=OPERATIONS):
                operation()
                rehearsal.settle(within_minutes=landscape.dice.choice(MINUTES_BETWEEN))
        landscape.mend_role()
        rehearsal.settle()
        rehearsal.advance(minutes=1)
        rehearsal.sweep(within_minutes=SETTLING_MINUTES)
        for kind in ("events", "AWS calls", "Alert Logic calls"):
            story.tell(f"{chaos.counts[kind]} {kind}, {chaos.share(kind):.0%} of them hit")
        _check(story, landscape)
        story.tell(f"{time.perf_counter() - started:.0f} s")
    return story


def _check(story: Story, landscape: Landscape) -> None:
    """Compare what is there with what is wanted, exactly."""
    rehearsal, zone = story.rehearsal, story.rehearsal.zone
    always = {zone.audit, zone.log_archive, zone.security}
    wanted = always | {
        account for account in landscape.accounts if _is_included(rehearsal.organization.unit_of(account))
    }
    others = ({*landscape.accounts, *landscape.gone} - wanted) | {zone.management}
    wrong = {account: faults for account in sorted(wanted) if (faults := story._registration_faults(account))}
    story.equal(f"each of {len(wanted)} accounts that should be protected is, exactly", wrong, {})
    there = {account for account in others if rehearsal.stack_instances(account)}
    story.equal(f"none of {len(others)} others has a stack instance", there, set())
    enabled = {one["platform"]["id"] for one in rehearsal.alert_logic.deployments.values() if one["enabled"]}
    story.equal("nor protection", enabled - wanted, set())
    story.equal("nothing waits", {name: depth for name, depth in rehearsal.queue_depths().items() if depth}, {})
    for function in rehearsal.functions.all.values():
        letters = rehearsal.dead_letters(function.label)
        reasons = Counter(re.sub(r"[0-9]{12}|[0-9a-f-]{36}", "...", it.get("reason", "?")) for _, it in letters)
        for reason, number in reasons.items():
            story.tell(f"{number} dead letters of {function.label}: {reason}")
    broken = [*rehearsal.gateway.faults, *rehearsal.custom_resources.faults, *rehearsal.alert_logic.contract_violations]
    story.equal("no call was malformed", broken, [])


def _is_included(unit: str) -> bool:
    return f"{unit}/".startswith(f"{INCLUDED}/") and not f"{unit}/".startswith(f"{EXCLUDED}/")
