"""The settings of a running landing zone change, and every account stays protected all the while.

The mode changes in `scenes_enrollment`, from tags to whole regions in `scenes_scope_users`.
"""

from __future__ import annotations

import contextlib
import copy
import dataclasses
import json
from typing import TYPE_CHECKING, Any

from tests.rehearsal.alertlogic import ACCESS_KEY_ID
from tests.rehearsal.organization import Zone
from tests.rehearsal.scenes_scope import DEV, WEST, in_scope
from tests.rehearsal.scenes_sweep import (
    MASTER,
    SECURITY,
    SETTLING_MINUTES,
    disable_deployment,
    members,
    protected,
    sweep,
)
from tests.rehearsal.synthesis import VARIANTS

if TYPE_CHECKING:
    from collections.abc import Collection, Generator

    from tests.rehearsal.story import Story

# What Alert Logic is told may be a gap, and so may what happens to the roles that it assumes.
_CHANGES = ("POST", "PUT", "DELETE")
NEW_KEY = {"access_key_id": "fedcba9876543210", "secret_key": "rotated-secret-key-2b6e11"}


@contextlib.contextmanager
def protected_throughout(story: Story, accounts: Collection[str]) -> Generator[None]:
    """Look after each change at Alert Logic whether accounts are protected, and count the gaps.

    What was in their scopes, and is still wanted, must never leave them.
    """
    rehearsal, alert_logic = story.rehearsal, story.rehearsal.alert_logic
    kept = {account: set(rehearsal.included(account)) & story.wanted(account) for account in accounts}
    gaps: set[str] = set()
    looked = 0

    def look() -> None:
        nonlocal looked
        looked += 1
        gaps.update(account for account in accounts if not is_protected(story, account, kept[account]))

    began = len(rehearsal.calls)
    with contextlib.ExitStack() as stack:
        for method in _CHANGES:
            stack.enter_context(alert_logic.after_each(method, "/(deployments|credentials)", look))
        yield
    look()
    story.equal(f"no account lacks protection, in {looked} looks", sorted(gaps), [])
    roles = {deployed["secrets"]["arn"] for account in accounts for deployed in rehearsal.credentials(account)}
    lost = [str(call) for call in rehearsal.calls[began:] if call.action == "iam:DeleteRole" and call.resource in roles]
    story.equal("no role that Alert Logic assumes is deleted", lost, [])


def is_protected(story: Story, account: str, keys: Collection[str]) -> bool:
    """Whether an enabled deployment with a credential has these keys in its scope."""
    alert_logic = story.rehearsal.alert_logic
    return any(
        deployment["enabled"]
        and set(keys) <= {entry["key"] for entry in deployment["scope"]["include"]}
        and any(link["id"] in alert_logic.credentials for link in deployment["credentials"])
        for deployment in alert_logic.deployments_of(account)
    )


def deploy_with(story: Story, label: str, **environment: str) -> None:
    """Deploy a function's stack as it is, but for what settings become in the function's environment."""
    rehearsal = story.rehearsal
    stack = next(one for one in rehearsal.stacks.all if one.account == rehearsal.functions.labeled(label).account)
    body: Any = copy.deepcopy(stack.body)
    [function] = [
        resource["Properties"]
        for resource in body["Resources"].values()
        if str(resource.get("Properties", {}).get("Handler", "")).startswith(f"{label}.")
    ]
    unknown = environment.keys() - function["Environment"]["Variables"].keys()
    if unknown:
        raise KeyError(f"{label} is not told {sorted(unknown)}")
    function["Environment"]["Variables"] |= environment
    rehearsal.stacks.update(stack, body, {})
    rehearsal.settle(within_minutes=SETTLING_MINUTES)
    story.equal("the stack", stack.status, "UPDATE_COMPLETE")


def region_added(story: Story) -> None:
    rehearsal, zone = story.rehearsal, story.rehearsal.zone
    accounts = protected(story)
    regions = tuple(VARIANTS["grown"]["governed_regions"])
    [added] = set(regions) - set(zone.governed_regions)
    with story.step(f"Control Tower governs {added}, too, and the stacks are deployed anew"):
        with protected_throughout(story, accounts):
            rehearsal.deploy(SECURITY, MASTER, variant="grown")
            rehearsal.settle(within_minutes=SETTLING_MINUTES)
        rehearsal.zone = dataclasses.replace(zone, governed_regions=regions)
        there = {instance.region for account in accounts for instance in rehearsal.stack_instances(account)}
        story.equal("there are stacks", there, set(regions))
        story.registered(*accounts)
    with story.step(f"A VPC in {added} gets the tag"):
        vpc = rehearsal.vpcs.create(members(story)[0], added, alertlogic="true")
        rehearsal.settle(within_minutes=1)
        in_scope(story, "it is in scope", vpc.account, vpc)


def tags_and_policy_changed(story: Story) -> None:
    rehearsal, zone = story.rehearsal, story.rehearsal.zone
    accounts = protected(story)
    variant = VARIANTS["retagged"]
    with story.step("The stacks are deployed anew with other tags, another policy and a region less"):
        account = members(story)[1]
        before, after = (rehearsal.vpcs.create(account, WEST, **tags) for tags in ({"Env": "Prod"}, {"Tier": "Web"}))
        rehearsal.settle(within_minutes=1)
        story.check("what has an old tag is in scope", holds=before.key in rehearsal.included(account))
        story.vpc_tags = variant["vpc_tags"]
        policy = variant["policy"].capitalize()
        regions = Zone.of_settings().governed_regions
        rehearsal.zone = dataclasses.replace(zone, policy=policy, vpc_tags=story.vpc_tags, governed_regions=regions)
        with protected_throughout(story, accounts):
            rehearsal.deploy(SECURITY, MASTER, variant="retagged")
            rehearsal.settle(within_minutes=SETTLING_MINUTES)
        story.registered(*accounts)
        included = rehearsal.included(account)
        story.check("what has a new tag is in scope", holds=after.key in included, found=included)
        story.check("what had an old one is not", holds=before.key not in included, found=included)


def hub_deployed(story: Story) -> None:
    """No event of the management account comes with it, and none of an account."""
    account = members(story)[0]
    with story.step("Somebody disables a deployment at Alert Logic, and the security stack is deployed anew"):
        disable_deployment(story, account)
        deploy_with(story, "account_registration", OFFBOARDING="DISABLE")
        story.registered(account)


def key_rotated(story: Story) -> None:
    rehearsal, alert_logic = story.rehearsal, story.rehearsal.alert_logic
    accounts = protected(story)
    with story.step("The operator puts a new API key into the secret, and revokes the old one"):
        with protected_throughout(story, accounts):
            alert_logic.set_access_key(NEW_KEY["access_key_id"], NEW_KEY["secret_key"])
            rehearsal.put_secret_value(json.dumps(NEW_KEY))
            alert_logic.revoke_access_key(ACCESS_KEY_ID)
            vpc = rehearsal.vpcs.create(members(story)[2], WEST, alertlogic="true")
            fresh = rehearsal.vend_account("after-rotation", DEV)
            rehearsal.settle(within_minutes=SETTLING_MINUTES)
        story.registered(fresh)
        in_scope(story, "a VPC that got the tag meanwhile is in scope", vpc.account, vpc)
        sweep(story)
        story.registered(*accounts, fresh)
