"""Tells the story: prints what happens where, and counts what is as it should be."""

from __future__ import annotations

import sys
import traceback
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Generator

    from tests.rehearsal.rehearsal import Rehearsal
    from tests.rehearsal.templates import Json


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
    _step: str = ""

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
        self, title: str, *, denials: frozenset[str] = frozenset(), dead_letters: dict[str, int] | None = None
    ) -> Generator[None]:
        """One step; at its end nothing else may have been denied, set aside or gone wrong than is named here.

        Args:
            title: What happens.
            denials: The actions that the judge is to refuse, such as `sns:Publish`.
            dead_letters: How many messages each function is to set aside.
        """
        rehearsal = self.rehearsal
        rehearsal.advance(minutes=(-rehearsal.clock.now / MINUTE) % STEP_MINUTES)
        self._step = title
        sys.stdout.write(f"\n{rehearsal.clock.iso()}  {title}\n")
        denied_before = len(rehearsal.authority.denials())
        errors_before = len(self._errors())
        yield
        denied = rehearsal.authority.denials()[denied_before:]
        unexpected = [str(call) for call in denied if call.action not in denials]
        self.check("the judge refuses what it should, and nothing else", holds=not unexpected, found=unexpected)
        missing = denials - {call.action for call in denied}
        if denials:
            self.check(f"the judge refuses {', '.join(sorted(denials))}", holds=not missing, found="it allowed it")
        errors = self._errors()[errors_before:]
        self.check("no function or endpoint breaks", holds=not errors, found=errors)
        for function in rehearsal.functions.all.values():
            letters = rehearsal.dead_letters(function.label)
            expected = (dead_letters or {}).get(function.label, 0)
            if letters or expected:
                reasons = [attributes.get("reason", "none given") for _, attributes in letters]
                self.check(
                    f"{expected} dead letters of {function.label}", holds=len(letters) == expected, found=reasons
                )
                for reason in reasons:
                    self.tell(f"dead letter of {function.label}: {reason}")
                rehearsal.clear_dead_letters(function.label)

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
            "links the credential": [link["id"] for link in deployment["credentials"]] == [credential["id"]],
            "purpose discover": [link["purpose"] for link in deployment["credentials"]] == ["discover"],
            "enabled": deployment["enabled"],
            "mode": deployment["mode"] == self.mode,
            "name": deployment["name"] == rehearsal.organization.names[account],
            "Control Tower": bool(deployment["is_control_tower"]),
            "scope": _regions(deployment) == sorted(rehearsal.zone.governed_regions),
            "Alert Logic can assume the role": rehearsal.alert_logic_may_assume(role, customer),
            "nobody can with another external id": not rehearsal.alert_logic_may_assume(role, "87654321"),
            **self._stack_facts(account),
        }
        return [fact for fact, holds in facts.items() if not holds]

    def _stack_facts(self, account: str) -> dict[str, bool]:
        instances = self.rehearsal.stack_instances(account)
        stacks = [instance.stack for instance in instances if instance.stack is not None]
        return {
            "instances are current": {(i.status, i.detailed) for i in instances} == {("CURRENT", "SUCCEEDED")},
            "stacks are complete": all(s.status in {"CREATE_COMPLETE", "UPDATE_COMPLETE"} for s in stacks),
            "one stack": len(stacks) == 1,
        }

    def table(self) -> None:
        """Print which account holds what."""
        rehearsal = self.rehearsal
        rows = [("account", "name", "stack", "registration", "deployment", "mode", "regions")]
        for account, name in sorted(rehearsal.organization.names.items()):
            stacks = [i.stack.status for i in rehearsal.stack_instances(account) if i.stack is not None]
            deployments = rehearsal.deployments(account)
            first = deployments[0] if deployments else None
            state = "-" if first is None else "enabled" if first["enabled"] else "disabled"
            mode = first["mode"] if first else "-"
            regions = str(len(_regions(first))) if first else "-"
            status = rehearsal.registration_status(account) or "-"
            rows.append((account, name, ", ".join(stacks) or "-", status, state, mode, regions))
        widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
        sys.stdout.write("\n")
        for row in rows:
            cells = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
            sys.stdout.write(f"{cells.rstrip()}\n")


def _regions(deployment: Json) -> list[str]:
    """The regions that a deployment protects."""
    entries: list[dict[str, Any]] = deployment["scope"].get("include", [])
    return sorted(entry["key"].rsplit("/", 1)[1] for entry in entries if entry["type"] == "region")
