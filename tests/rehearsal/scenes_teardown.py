"""The status as people read it, and that the stacks leave nothing behind when they are destroyed."""

from __future__ import annotations

import contextlib
import io
import json
import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from alertlogic_constructs import status as status_command
from tests.rehearsal.moto_state import backends
from tests.rehearsal.organization import EXECUTION_ROLE
from tests.rehearsal.scenes_enrollment import NO_EXECUTION
from tests.rehearsal.scenes_scope import PROD
from tests.rehearsal.scenes_sweep import MASTER, protected, sweep

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from tests.rehearsal.story import Story
    from tests.rehearsal.templates import Json

# Among them the role that moto has in the management account.
NOT_OURS = ("aws-controltower-", EXECUTION_ROLE, "OrganizationAccountAccessRole")
ALL_WELL, UNPROTECTED = 0, status_command.UNPROTECTED


def status(story: Story) -> None:
    rehearsal, zone = story.rehearsal, story.rehearsal.zone
    with story.step("An account cannot be reached, and the status says so", denials=NO_EXECUTION):
        account = rehearsal.create_account("out-of-reach", PROD)
        rehearsal.set_execution_role(account, trusts=account)
        sweep(story)
        # What a sweep begins, the next one sees the end of.
        sweep(story)
        entries = _rendered(story, exit_code=UNPROTECTED)
        story.equal("it is not enrolled", [entries[account][it] for it in ("wanted", "enrolled")], [True, False])
        why = entries[account]["why"]
        story.check("why is told", holds="FAILED" in why, found=why)
        _is_so(story, entries)
    with story.step("It can be reached again"):
        rehearsal.set_execution_role(account, trusts=zone.management)
        sweep(story)
        sweep(story)
        story.registered(account)
        entries = _rendered(story, exit_code=ALL_WELL)
        _is_so(story, entries)
        wrong = {id_: entry["why"] for id_, entry in entries.items() if entry["why"] or entry["since"]}
        story.equal("nothing is wrong with any account", wrong, {})


def _rendered(story: Story, *, exit_code: int) -> dict[str, Json]:
    """Have the status written, and render it in all three forms; return what it says of each account."""
    written = story.rehearsal.status()
    with tempfile.TemporaryDirectory() as folder:
        file, page = Path(folder) / "status.json", Path(folder) / "status.html"
        file.write_text(json.dumps(written), encoding="utf-8")
        code, table = _shown("--file", str(file))
        story.equal("the exit code says whether all are protected", code, exit_code)
        for line in table.splitlines():
            story.tell(line)
        _, document = _shown("--file", str(file), "--json")
        _shown("--file", str(file), "--html", str(page))
        html = page.read_text(encoding="utf-8")
    entries = {entry["id"]: entry for entry in json.loads(document)["accounts"]}
    story.equal("the table has a line for each account", set(re.findall(r"^\d{12}", table, re.MULTILINE)), set(entries))
    story.equal("so has the page", set(re.findall(r"\b\d{12}\b", html)), set(entries))
    unescaped = [entry["why"] for entry in entries.values() if entry["why"] and entry["why"].split(",")[0] not in html]
    story.check("and tells why", holds=not unescaped, found=unescaped)
    story.check("and needs nothing from elsewhere", holds=not re.search(r"(src|href)=|url\(|@import", html))
    return entries


def _shown(*arguments: str) -> tuple[int, str]:
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
        code = status_command.main(arguments)
    return code, output.getvalue()


def _is_so(story: Story, entries: dict[str, Json]) -> None:
    """Compare what the status says with what is there."""
    rehearsal = story.rehearsal
    known = {account for account, entry in entries.items() if entry["wanted"]}
    story.equal("it speaks of every account that should be protected", known, set(protected(story)))
    wrong: list[str] = []
    for account, entry in entries.items():
        instances = rehearsal.stack_instances(account)
        deployment = next(iter(rehearsal.deployments(account)), None)
        there = {
            "name": rehearsal.organization.names.get(account, entry["name"]),
            "enrolled": bool(instances) and {instance.status for instance in instances} == {"CURRENT"},
            "registered": deployment is not None and deployment["enabled"],
            "scope_right": deployment is not None and set(rehearsal.included(account)) == story.wanted(account),
        }
        wrong += [f"{account}: {name} is {entry[name]}" for name in there if entry[name] != there[name]]
    story.check("what it says of each is so", holds=not wrong, found=wrong)


def teardown(story: Story) -> None:
    rehearsal, alert_logic = story.rehearsal, story.rehearsal.alert_logic
    accounts = protected(story)
    released = {
        account
        for operation in rehearsal.stack_set.operations
        if operation.action == "DELETE" and operation.retain
        for account, _ in operation.targets
    }
    with story.step("The master stack is destroyed"):
        stacks = [stack for account in accounts for stack in rehearsal.member_stacks(account)]
        begun = len(rehearsal.stack_set.operations)
        operations = rehearsal.stack_set.operations
        rehearsal.destroy(MASTER)
        story.equal("no stack set is left", rehearsal.stack_sets.all, {})
        story.equal("nor a stack of it", {stack.status for stack in stacks}, {"DELETE_COMPLETE"})
        emptied = [operation for operation in operations[begun:] if operation.action == "DELETE"]
        story.check(
            f"it was emptied in {len(emptied)} operations, each of several accounts",
            holds=0 < len(emptied) < len(accounts) and all(one.id.startswith("empty-") for one in emptied),
            found=[one.id for one in operations[begun:]],
        )
        heard = {rehearsal.registration_status(account) for account in accounts}
        story.equal("every account is deregistered", heard, {"deregistered"})
        enabled = {deployment["enabled"] for deployment in alert_logic.deployments.values()}
        story.equal("by the choice of offboarding: disabled", enabled, {False})
        kept = [account for account in accounts if len(rehearsal.deployments(account)) == 1]
        story.equal("and kept", kept, accounts)
    with story.step("All other stacks are destroyed"):
        rehearsal.destroy_all()
        standing = {stack.id for stack in rehearsal.stacks.all if stack.status != "DELETE_COMPLETE"}
        let_go = {stack_id.split(":")[4] for stack_id in standing}
        story.equal("no stack is left but in accounts that were let go of", let_go, released)
        left = sorted(f"{account}: {what}" for account, what in leftovers() if account not in let_go)
        story.equal("nor anything else", left, [])


def leftovers() -> Iterator[tuple[str, str]]:
    """Yield what is in all accounts but Control Tower's own, each with its account."""
    for service, names in _NAMES.items():
        for held in backends(service):
            for name in names(held):
                if not name.startswith(NOT_OURS):
                    yield held.account_id, f"{service}: {name}"


# What each service of moto's holds, by name.
_NAMES: dict[str, Callable[[Any], Iterable[str]]] = {
    "dynamodb": lambda held: held.tables,
    "events": lambda held: (
        name for bus in held.event_buses.values() for name in (bus.name, *bus.rules) if name != "default"
    ),
    "iam": lambda held: (role.name for role in held.roles.values()),
    # Control Tower's own key has no description.
    "kms": lambda held: (
        key.description for key in held.keys.values() if key.description and key.key_state != "PendingDeletion"
    ),
    "s3": lambda held: held.buckets,
    "secretsmanager": lambda held: (secret.name for secret in held.secrets.values()),
    "sns": lambda held: (topic.name for topic in held.topics.values()),
    "sqs": lambda held: held.queues,
    "ssm": lambda held: (name for name in held._parameters if name.startswith("/alertlogic")),
}
