"""Tells the story: prints what happens where, and counts what is as it should be."""

from __future__ import annotations

import sys
import traceback
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from tests.rehearsal.authority import JudgedCall
    from tests.rehearsal.rehearsal import Rehearsal
    from tests.rehearsal.templates import Json


# An action, and the end of the ARN of what it is refused on.
Denial = tuple[str, str]

MINUTE = 60
# Each step begins at a full five minutes, so that a race decided otherwise does not shift all that follows.
STEP_MINUTES = 5


@dataclass
class Story:
    """The rehearsal as it is told, step by step."""

    rehearsal: Rehearsal
    passed: int = 0
    failures: list[str] = field(default_factory=list[str])
    # How the sample app has accounts deployed.
    mode: str = "manual"
    # The tags on VPCs that put them into scope; whole regions are if there are none.
    vpc_tags: dict[str, str] = field(init=False)
    # Who may do what that nobody did.
    unused: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    _step: str = ""

    def __post_init__(self) -> None:
        self.vpc_tags = self.rehearsal.zone.vpc_tags

    def tell(self, text: str, account: str = "") -> None:
        where = f"[{account} {self.rehearsal.organization.names[account]}] " if account else ""
        sys.stdout.write(f"    {where}{text}\n")

    def check(self, what: str, *, holds: bool, found: object = "") -> None:
        if holds:
            self.passed += 1
            sys.stdout.write(f"    ok    {what}\n")
            return
        self.failures.append(f"{self._step}: {what}: {found}")
        sys.stdout.write(f"    FAIL  {what}: {found}\n")

    def equal(self, what: str, found: object, expected: object) -> None:
        self.check(what, holds=found == expected, found=f"{found!r} instead of {expected!r}")

    @contextmanager
    def step(
        self,
        title: str,
        *,
        denials: frozenset[Denial] = frozenset(),
        dead_letters: dict[str, int] | None = None,
        errors: dict[str, str] | None = None,
    ) -> Generator[None]:
        """One step; at its end nothing else may have been denied, set aside or gone wrong than is named here.

        Args:
            title: What happens.
            denials: What the judge is to refuse, each as an action and the end of a resource's ARN.
            dead_letters: How many messages each function is to set aside.
            errors: An error that each function is to log, once or more.
        """
        rehearsal = self.rehearsal
        rehearsal.advance(minutes=(-rehearsal.clock.now / MINUTE) % STEP_MINUTES)
        self._step = title
        sys.stdout.write(f"\n{rehearsal.clock.iso()}  {title}\n")
        denied_before = len(rehearsal.authority.denials())
        errors_before = Counter(self._errors())
        lines_before = {label: len(rehearsal.log_lines(label)) for label in self._labels()}
        yield
        rehearsal.leaks.look()
        self._check_denials(rehearsal.authority.denials()[denied_before:], denials)
        refusals = {label: (dead_letters or {}).get(label, 0) for label in self._labels()}
        announced = errors or {}
        found = list((Counter(self._errors()) - errors_before).elements())
        new = {label: rehearsal.log_lines(label)[lines_before.get(label, 0) :] for label in self._labels()}
        for label, lines in new.items():
            unexpected = unannounced(lines, refusals=refusals[label], error=announced.get(label))
            found += [f"{label} logs {line}" for line in unexpected]
        self.check("no function or endpoint breaks", holds=not found, found=found)
        for label, message in announced.items():
            is_met = message in [line.get("message") for line in new.get(label, ())]
            self.check(f"{label} logs {message!r}", holds=is_met, found="it does not")
        for label, expected in refusals.items():
            self._check_dead_letters(label, expected)

    def _check_denials(self, denied: list[JudgedCall], expected: frozenset[Denial]) -> None:
        def is_of(call: JudgedCall, denial: Denial) -> bool:
            return call.action == denial[0] and call.resource.endswith(denial[1])

        unexpected = [str(call) for call in denied if not any(is_of(call, denial) for denial in expected)]
        self.check("the judge refuses what it should, and nothing else", holds=not unexpected, found=unexpected)
        for denial in sorted(expected):
            is_met = any(is_of(call, denial) for call in denied)
            self.check(f"the judge refuses {' on ...'.join(denial)}", holds=is_met, found="it allowed it")

    def _check_dead_letters(self, label: str, expected: int) -> None:
        letters = self.rehearsal.dead_letters(label)
        if letters or expected:
            reasons = [attributes.get("reason", "none given") for _, attributes in letters]
            self.check(f"{expected} dead letters of {label}", holds=len(letters) == expected, found=reasons)
            for reason in reasons:
                self.tell(f"dead letter of {label}: {reason}")
            self.rehearsal.clear_dead_letters(label)

    def _labels(self) -> list[str]:
        return [function.label for function in self.rehearsal.functions.all.values()]

    @contextmanager
    def surviving(self, scene: str) -> Generator[None]:
        """A scene that breaks off is a failure; the story goes on."""
        try:
            yield
        except Exception:  # noqa: BLE001 - whatever it is
            self.check(f"{scene} plays to its end", holds=False, found=traceback.format_exc())

    def _errors(self) -> list[str]:
        rehearsal = self.rehearsal
        return [
            *rehearsal.gateway.faults,
            *rehearsal.custom_resources.faults,
            *(f"refused host {host}" for host in rehearsal.proxy.refused),
            *(error for function in rehearsal.functions.all.values() for error in function.errors),
            *map(str, rehearsal.alert_logic.contract_violations),
        ]

    def registered(self, *accounts: str) -> None:
        """Check that accounts stand registered, once, completely, and in a way that Alert Logic can use."""
        for account in accounts:
            found = self._registration_faults(account)
            self.check(
                f"{account} {self.rehearsal.organization.names[account]} is registered", holds=not found, found=found
            )

    def unregistered(self, *accounts: str) -> None:
        for account in accounts:
            found = [*self.rehearsal.deployments(account), *self.rehearsal.credentials(account)]
            self.check(f"{account}: Alert Logic holds nothing of it", holds=not found, found=found)

    def _registration_faults(self, account: str) -> list[str]:
        rehearsal = self.rehearsal
        deployments, credentials = rehearsal.deployments(account), rehearsal.credentials(account)
        if (len(deployments), len(credentials)) != (1, 1):
            return [f"{len(deployments)} deployments, {len(credentials)} credentials"]
        [deployment], [credential] = deployments, credentials
        role = credential["secrets"]["arn"]
        customer = rehearsal.zone.customer_id
        facts: dict[str, bool] = {
            "links its credential, and the one for the logs of all": self._links(deployment)
            == {
                ("discover", credential["id"]),
                *(("x-account-monitor", id_) for id_ in rehearsal.central_credentials()),
            },
            "one credential for the logs of all": len(rehearsal.central_credentials()) == 1,
            "each linked once": len(deployment["credentials"]) == len(self._links(deployment)),
            "enabled": deployment["enabled"],
            "mode": deployment["mode"] == self.mode,
            "name": deployment["name"] == rehearsal.organization.names[account],
            "is Control Tower's": deployment.get("is_control_tower") is True,
            "Control Tower": deployment.get("control_tower") == self._control_tower(),
            "what is in scope, and its policy": self._is_scope_right(account, deployment),
            "Alert Logic can assume the role": rehearsal.alert_logic_may_assume(role, customer),
            "nobody can with another external id": not rehearsal.alert_logic_may_assume(role, "87654321"),
            **self._stack_facts(account),
        }
        return [fact for fact, holds in facts.items() if not holds]

    @staticmethod
    def _links(deployment: Json) -> set[tuple[str, str]]:
        return {(link["purpose"], link["id"]) for link in deployment["credentials"]}

    def _control_tower(self) -> Json:
        """What the deployment of a member account says of its landing zone."""
        zone = self.rehearsal.zone
        organization = {"org_id": zone.organization_id, "residency": zone.home_region}
        return {"org": {**organization, "master_account": zone.management}, "is_master_account": False}

    def _is_scope_right(self, account: str, deployment: Json) -> bool:
        """Whether what is to be in scope is, and nothing else, except in somebody else's deployment."""
        zone = self.rehearsal.zone
        [policy] = [one["id"] for one in self.rehearsal.alert_logic.policies if one["name"] == zone.policy]
        wanted = dict.fromkeys(self.wanted(account), policy)
        found = _policies(deployment)
        if deployment["created"]["by"] != self.rehearsal.alert_logic.user_id:
            return wanted.keys() <= found.keys()
        return found == wanted and len(deployment["scope"]["include"]) == len(found)

    def wanted(self, account: str) -> set[str]:
        """The keys of what is to be in an account's scope."""
        regions = self.rehearsal.zone.governed_regions
        if not self.vpc_tags:
            return {f"/aws/{region}" for region in regions}
        return {
            vpc.key
            for region in regions
            for vpc, tags in self.rehearsal.vpcs.of(account, region).items()
            if tags.items() & self.vpc_tags.items()
        }

    def _stack_facts(self, account: str) -> dict[str, bool]:
        instances, stacks = self.rehearsal.stack_instances(account), self.rehearsal.member_stacks(account)
        regions = self.rehearsal.functions.labeled("account_enrollment").environment["REGIONS"].split(",")
        return {
            "instances are current": {(i.status, i.detailed) for i in instances} == {("CURRENT", "SUCCEEDED")},
            "stacks are complete": all(s.status in {"CREATE_COMPLETE", "UPDATE_COMPLETE"} for s in stacks),
            "a stack in each region that needs one": {*regions} <= {stack.region for stack in stacks},
            "no other stack": len(stacks) == len(instances),
        }

    def table(self) -> None:
        """Print which account holds what."""
        rehearsal = self.rehearsal
        findings = Counter(event["detail"]["accountId"] for event in rehearsal.alert_logic.findings)
        rows = [("account", "name", "stacks", "registration", "deployment", "mode", "in scope", "findings")]
        for account, name in sorted(rehearsal.organization.names.items()):
            stacks = Counter(stack.status for stack in rehearsal.member_stacks(account))
            deployments = rehearsal.deployments(account)
            first = deployments[0] if deployments else None
            state = "-" if first is None else "enabled" if first["enabled"] else "disabled"
            mode = first["mode"] if first else "-"
            entries = str(len(_policies(first))) if first else "-"
            registration = rehearsal.registration_status(account) or "-"
            stacks_told = ", ".join(f"{number} {status}" for status, number in stacks.items()) or "-"
            found = str(findings[account] or "-")
            rows.append((account, name, stacks_told, registration, state, mode, entries, found))
        widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
        sys.stdout.write("\n")
        for row in rows:
            cells = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
            sys.stdout.write(f"{cells.rstrip()}\n")


def _policies(deployment: Json) -> dict[str, str | None]:
    """The id of the policy by which a deployment protects each entry of its scope."""
    return {entry["key"]: entry.get("policy", {}).get("id") for entry in deployment["scope"].get("include", [])}


def unannounced(lines: Sequence[Json], *, refusals: int, error: str | None = None) -> list[Json]:
    """The lines of a function's log that tell of an error, but for what was to be.

    Args:
        lines: The log.
        refusals: How many messages were to be set aside.
        error: An error that was to be, however often.
    """
    errors = [line for line in lines if line.get("level") in {"ERROR", "CRITICAL"} or "text" in line]
    errors = [line for line in errors if error is None or line.get("message") != error]
    refused = [line for line in errors if line.get("message") == "message refused"]
    return [line for line in errors if line not in refused] + refused[refusals:]
