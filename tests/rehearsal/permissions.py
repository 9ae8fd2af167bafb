"""What the synthesized policies allow to our roles, held against what the rehearsal used of it."""

from __future__ import annotations

import json
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.rehearsal.authority import identity_policies
from tests.rehearsal.principals import RoleSession
from tests.rehearsal.templates import is_list

if TYPE_CHECKING:
    from tests.rehearsal.authority import JudgedCall
    from tests.rehearsal.rehearsal import Rehearsal
    from tests.rehearsal.templates import Json

UNUSED = Path(__file__).with_name("unused_permissions.json")


Listed = dict[str, dict[str, str]]


def listed_permissions() -> Listed:
    """What is known to be unused, with the reason for each."""
    listed: Listed = json.loads(UNUSED.read_text(encoding="utf-8"))
    return listed


def problems(listed: Listed, unused: dict[str, list[str]]) -> list[str]:
    """What is wrong with the list: entries that it lacks, that no longer hold, or that give no reason."""
    found = [
        f"{label}: {permission} is allowed, but nothing used it: take it away, or give the reason in {UNUSED.name}"
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


def unused_permissions(rehearsal: Rehearsal) -> dict[str, list[str]]:
    """Each action and resource that a role may use and has not used, by the role's name."""
    names = _logical_names(rehearsal)
    unused: dict[str, list[str]] = {}
    for label, role_arn in _roles(rehearsal).items():
        calls = [
            call
            for call in rehearsal.calls
            if call.allowed and isinstance(call.principal, RoleSession) and call.principal.role_arn == role_arn
        ]
        unused[label] = [
            f"{action} on {_readable(resource, names)}"
            for action, resource in _granted(role_arn)
            if not any(_covers(action, resource, call) for call in calls)
        ]
    return unused


def _roles(rehearsal: Rehearsal) -> dict[str, str]:
    """Our functions' roles and the two that stand between accounts; Alert Logic's role is for Alert Logic to use."""
    roles = {function.label: function.role_arn for function in rehearsal.functions.all.values()}
    roles["administration of the StackSet"] = rehearsal.stack_set.administration_role
    reader = rehearsal.functions.labeled("account_registration").environment["READER_ROLE_NAME"]
    account = rehearsal.zone.audit
    return roles | {"reader in the audit account": f"arn:aws:iam::{account}:role/{reader}"}


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


def _covers(action: str, resource: str, call: JudgedCall) -> bool:
    return fnmatchcase(call.action.lower(), action.lower()) and fnmatchcase(call.resource, resource)


def _logical_names(rehearsal: Rehearsal) -> dict[str, str]:
    """The logical id of every resource that the stacks made, by its ARN."""
    found: Json = {}
    for stack in rehearsal.stacks.all:
        for made in stack.made.values():
            arn = made.attributes.get("Arn", made.physical_id)
            if arn.startswith("arn:"):
                found[arn] = made.logical_id
    return found


def _readable(resource: str, names: dict[str, str]) -> str:
    """A resource by its logical id, which does not change from deployment to deployment."""
    return names.get(resource, "its own stack" if ":stack/" in resource else resource)
