"""What the synthesized policies allow to our roles and on our resources, held against what the rehearsal used."""

from __future__ import annotations

import json
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from tests.rehearsal.authority import identity_policies
from tests.rehearsal.principals import RoleSession, Service
from tests.rehearsal.templates import is_list, is_object

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.rehearsal.authority import JudgedCall
    from tests.rehearsal.principals import Principal
    from tests.rehearsal.rehearsal import Rehearsal

UNUSED = Path(__file__).with_name("unused_permissions.json")


Listed = dict[str, dict[str, str]]


def listed_permissions() -> Listed:
    """What is known to be unused, with the reason for each."""
    listed: Listed = json.loads(UNUSED.read_text(encoding="utf-8"))
    return listed


def problems(listed: Listed, unused: dict[str, list[str]]) -> list[str]:
    """What is wrong with the list: entries that it lacks, that no longer hold, or that give no reason."""
    found = [
        f"{label}: {permission} is allowed, but nothing used it, or it has a wildcard: narrow it, or give the reason "
        f"in {UNUSED.name}"
        for label, permissions in unused.items()
        for permission in permissions
        if permission not in listed.get(label, {})
    ]
    found += [
        f"{label}: {permission} in {UNUSED.name} is stale: it is used, or not allowed any more"
        for label, permissions in listed.items()
        for permission in permissions
        if permission not in unused.get(label, [])
    ]
    found += [
        f"{label}: {permission} in {UNUSED.name} has no reason"
        for label, permissions in listed.items()
        for permission, reason in permissions.items()
        if not reason
    ]
    return found


@dataclass(frozen=True)
class Grants:
    """What is allowed at one time.

    Attributes:
        names: The logical id of every resource in the stacks of the sample, by its ARN.
        roles: Who has which role, and each action and resource that this allows.
        policies: Each action and principal that the policy on a resource admits, by the resource's ARN.
    """

    names: dict[str, str]
    roles: dict[str, tuple[str, list[tuple[str, str]]]]
    policies: dict[str, list[tuple[str, str]]]

    @classmethod
    def of(cls, rehearsal: Rehearsal) -> Self:
        names = _logical_names(rehearsal)
        return cls(
            names=names,
            roles={label: (role_arn, _granted(role_arn)) for label, role_arn in _roles(rehearsal).items()},
            policies={arn: _admitted(rehearsal.authority.resource_policy(arn)) for arn in names},
        )

    def unused(self, calls: Sequence[JudgedCall]) -> dict[str, list[str]]:
        """Each permission that no call used, by who has it: of our roles, and of the policies on our resources.

        An action with a wildcard always counts as unused, since what else it allows was not.
        """
        allowed = [call for call in calls if call.allowed]
        unused: dict[str, list[str]] = {}
        for label, (role_arn, granted) in self.roles.items():
            own = [c for c in allowed if isinstance(c.principal, RoleSession) and c.principal.role_arn == role_arn]
            unused[label] = [
                f"{action} on {_readable(resource, self.names)}"
                for action, resource in granted
                if not any(covers(action, resource, call) for call in own)
            ]
        for arn, admitted in self.policies.items():
            permissions = [
                f"{action} by {_readable(principal, self.names)}"
                for action, principal in admitted
                if not any(covers(action, arn, call) and _is(principal, call.principal) for call in allowed)
            ]
            if permissions:
                unused[f"policy on {self.names[arn]}"] = permissions
        return unused


def unused_in_both(first: dict[str, list[str]], second: dict[str, list[str]]) -> dict[str, list[str]]:
    """The permissions that neither of two landing zones used, with the same stacks in both."""
    return {label: [one for one in unused if one in second.get(label, ())] for label, unused in first.items()}


def _roles(rehearsal: Rehearsal) -> dict[str, str]:
    """Our functions' roles and those that stand between accounts; an account's role for Alert Logic is the vendor's."""
    roles = {function.label: function.role_arn for function in rehearsal.functions.all.values()}
    roles["administration of the StackSet"] = rehearsal.stack_set.administration_role
    reader = rehearsal.functions.labeled("account_registration").environment["READER_ROLE_NAME"]
    account = rehearsal.zone.audit
    roles["reader in the audit account"] = f"arn:aws:iam::{account}:role/{reader}"
    subscription = rehearsal.functions.labeled("trail_subscription")
    roles["reader of the queue of notices"] = subscription.environment["TRAIL_READER_ROLE_ARN"]
    roles["Alert Logic for the logs of all accounts"] = rehearsal.central_logs_role
    for region in rehearsal.zone.governed_regions:
        roles[f"delivery from {region} in the audit account"] = rehearsal.delivery_role(account, region)
    return roles


def _granted(role_arn: str) -> list[tuple[str, str]]:
    return [
        (action, resource)
        for policy in identity_policies(RoleSession(role_arn, "any")).values()
        for statement in _listed(policy["Statement"])
        if statement["Effect"] == "Allow"
        for action in _listed(statement["Action"])
        for resource in _listed(statement["Resource"])
    ]


def _listed(value: Any) -> list[Any]:
    return value if is_list(value) else [value]


def covers(action: str, resource: str, call: JudgedCall) -> bool:
    """Whether a call used a permission, and there is nothing else that the permission's action allows."""
    return call.action.lower() == action.lower() and fnmatchcase(call.resource, resource)


def _admitted(policy: dict[str, Any] | None) -> list[tuple[str, str]]:
    """Each action and principal that a policy on a resource allows."""
    return [
        (action, principal)
        for statement in (policy or {"Statement": []})["Statement"]
        if statement["Effect"] == "Allow"
        for action in _listed(statement["Action"])
        for principal in _principals(statement["Principal"])
    ]


def _principals(principal: Any) -> list[str]:
    if not is_object(principal):
        return [principal]
    return [one for named in principal.values() for one in _listed(named)]


def _is(named: str, principal: Principal) -> bool:
    """Whether a statement's principal means somebody: a service, everybody, or all of an account."""
    if isinstance(principal, Service):
        return principal.name == named
    return named in {"*", principal.account, f"arn:aws:iam::{principal.account}:root"}


def _logical_names(rehearsal: Rehearsal) -> dict[str, str]:
    """The logical id of every resource in the stacks of the sample, by its ARN."""
    made = [
        made for stack in rehearsal.stacks.all if not stack.name.startswith("StackSet-") for made in stack.made.values()
    ]
    arns = ((one.attributes.get("Arn", one.physical_id), one.logical_id) for one in made)
    return {arn: name for arn, name in arns if arn.startswith("arn:")}


def _readable(resource: str, names: dict[str, str]) -> str:
    """A resource by its logical id, which does not change from deployment to deployment."""
    return names.get(resource, "its own stack" if ":stack/" in resource else resource)
