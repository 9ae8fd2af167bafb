"""A landing zone that the vendor's templates protect so far is moved over: docs/moving-over.md, step by step."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.rehearsal.scenes_scope import DEV, HOME, PROD, WEST
from tests.rehearsal.scenes_sweep import BEFORE_MASTER, MASTER, SECURITY, SETTLING_MINUTES, sweep

if TYPE_CHECKING:
    from tests.rehearsal.story import Story
    from tests.rehearsal.templates import Json

# What follows the customer id in the names of the vendor's credentials.
LINKED_ROLE, LOGS_ROLE = "linked-role", "sqs-role"
OURS = "alertlogic-constructs/"
KEPT = ("id", "name", "platform", "mode", "discover", "scan", "created")


class VendorsEstate:
    """What the vendor's templates made, in AWS and at Alert Logic.

    Attributes:
        accounts: The accounts that they protect.
    """

    def __init__(self, story: Story) -> None:
        self._story = story
        self.accounts: list[str] = []
        self._deployments: dict[str, Json] = {}
        self._credentials: dict[str, Json] = {}

    def protect(self, account: str, *regions: str) -> None:
        """Make what the vendor's `register` function does of an account: two credentials, and then the deployment."""
        rehearsal, alert_logic = self._story.rehearsal, self._story.rehearsal.alert_logic
        zone = rehearsal.zone
        made = {
            purpose: alert_logic.add_credential(
                name=f"{zone.customer_id}-{name}", role_arn=f"arn:aws:iam::{owner}:role/{role}"
            )
            for purpose, name, owner, role in (
                ("discover", LINKED_ROLE, account, "StackSet-AlertLogic-CT-ALRoleFromCFT-1A2B3C"),
                ("x-account-monitor", LOGS_ROLE, zone.log_archive, "StackSet-AlertLogic-CT-Central-IAM-Role-4D5E6F"),
            )
        }
        # The user of its API key is the one that ours has, as where somebody uses the same key for both.
        [policy] = [one["id"] for one in alert_logic.policies if one["name"] == "Professional"]
        deployment = alert_logic.add_deployment(
            account_id=account,
            name=account,
            mode="manual",
            enabled=True,
            discover=True,
            scan=True,
            credentials=[{"id": id_, "purpose": purpose} for purpose, id_ in made.items()],
            scope={
                "include": [
                    {"type": "region", "key": f"/aws/{region}", "policy": {"id": policy}} for region in regions
                ],
                "exclude": [{"type": "host", "key": f"/aws/{HOME}/host/i-0fedcba9876543210"}],
            },
        )
        self.accounts.append(account)
        self._deployments[account] = dict(alert_logic.deployments[deployment])
        self._credentials |= {id_: dict(alert_logic.credentials[id_]) for id_ in made.values()}

    def is_all_there(self, *, enabled: bool) -> None:
        """Check that every deployment and credential of the vendor's is there, and what of it is not ours unchanged."""
        story, alert_logic = self._story, self._story.rehearsal.alert_logic
        kept = {id_: alert_logic.credentials.get(id_) for id_ in self._credentials}
        story.equal("all of the vendor's credentials are there, as they were", kept, self._credentials)
        lost = [
            f"{account}: {what}"
            for account, before in self._deployments.items()
            for what in _lost(before, alert_logic.deployments.get(before["id"]), enabled=enabled)
        ]
        story.check("so are its deployments, with all that was in them", holds=not lost, found=lost)

    def is_adopted(self) -> None:
        """Check that each deployment is used by us now, and is still the only one of its account."""
        story, alert_logic = self._story, self._story.rehearsal.alert_logic
        story.equal(
            "no account has a second deployment",
            sorted(it["platform"]["id"] for it in alert_logic.deployments.values() if _of(it, self.accounts)),
            sorted(self.accounts),
        )
        names = {
            account: [_name(story, link["id"]) for link in story.rehearsal.deployments(account)[0]["credentials"]]
            for account in self.accounts
        }
        expected = {account: [f"{OURS}{account}/adopted", f"{OURS}central-logs"] for account in self.accounts}
        story.equal("each links the role that our stack made there, and the one for all logs", names, expected)
        ours = [
            it["name"] for it in alert_logic.credentials.values() if it["name"].startswith("alertlogic-constructs/")
        ]
        story.equal("of which there is one each", len(ours), len(set(ours)))


def moving_over(story: Story) -> VendorsEstate:
    rehearsal, zone = story.rehearsal, story.rehearsal.zone
    estate = VendorsEstate(story)
    with story.step("The vendor's templates protect a landing zone"):
        shop = rehearsal.create_account("shop", PROD)
        nested = rehearsal.create_account("nested", "Workloads/Prod/Shops/Europe")
        rehearsal.create_account("forgotten", DEV)
        for account in (zone.audit, zone.log_archive, zone.security, shop):
            estate.protect(account, HOME, WEST)
        estate.protect(nested, HOME)
        logs = rehearsal.client("sqs", zone.log_archive)
        name = f"outcomesbucket-{zone.customer_id}"
        queue = logs.create_queue(QueueName=name)["QueueUrl"]
        story.tell("one account was never registered, since its event was lost")
    with story.step("Steps 2 to 4: the old queue is deleted, and the stacks are deployed"):
        logs.delete_queue(QueueUrl=queue)
        rehearsal.deploy(*BEFORE_MASTER)
        rehearsal.put_secret_value()
        rehearsal.deploy(MASTER)
        rehearsal.settle(within_minutes=SETTLING_MINUTES)
        estate.is_adopted()
        estate.is_all_there(enabled=True)
        protected = {it["platform"]["id"] for it in rehearsal.alert_logic.deployments.values() if it["enabled"]}
        story.check("the account that was forgotten is protected, too", holds=len(protected) == 6, found=protected)
        wanted = {it: set(story.wanted(it)) - set(rehearsal.included(it)) for it in estate.accounts}
        story.equal("what the tags put into scope is in it", {it: w for it, w in wanted.items() if w}, {})
    return estate


def vendors_stacks_go(story: Story, estate: VendorsEstate) -> None:
    rehearsal, alert_logic = story.rehearsal, story.rehearsal.alert_logic
    with story.step(
        "Steps 7 to 9: the vendor's stacks are deleted, of which Alert Logic hears nothing, and a sweep looks at all"
    ):
        before = {id_: dict(it) for id_, it in alert_logic.deployments.items()}
        sweep(story)
        story.equal("there is nothing left to change", alert_logic.deployments, before)
        estate.is_adopted()
        linked = {link["id"] for it in alert_logic.deployments.values() for link in it["credentials"]}
        unlinked = {_suffix(it["name"]) for id_, it in alert_logic.credentials.items() if id_ not in linked}
        story.equal("nothing links the vendor's credentials any more", unlinked, {LINKED_ROLE, LOGS_ROLE})
    with story.step("An account vended from now on is ours"):
        vended = rehearsal.vend_account("vended", DEV)
        rehearsal.settle(within_minutes=10)
        story.registered(vended)


def nothing_of_the_vendors_goes(story: Story, estate: VendorsEstate) -> None:
    rehearsal, alert_logic = story.rehearsal, story.rehearsal.alert_logic
    with story.step("The stacks are told to delete deployments of accounts that leave, and are destroyed"):
        rehearsal.deploy(SECURITY, variant="automatic")
        rehearsal.destroy_all()
        estate.is_all_there(enabled=False)
        left = {it["platform"]["id"] for it in alert_logic.deployments.values()}
        story.equal("of the deployments, the vendor's are left, disabled", left, set(estate.accounts))


def _lost(before: Json, now: Json | None, *, enabled: bool) -> list[str]:
    """What of a deployment is not as it was, but for what an adoption changes."""
    if now is None:
        return ["it is gone"]
    changed = [name for name in KEPT if before[name] != now[name]]
    scope: Any = now["scope"]
    lost = [entry["key"] for entry in before["scope"]["include"] if entry not in scope["include"]]
    lost += [] if scope["exclude"] == before["scope"]["exclude"] else ["exclusions"]
    return [*changed, *lost, *([] if now["enabled"] == enabled else ["enabled"])]


def _of(deployment: Json, accounts: list[str]) -> bool:
    return deployment["platform"]["id"] in accounts


def _name(story: Story, credential_id: str) -> str:
    name: str = story.rehearsal.alert_logic.credentials[credential_id]["name"]
    return name


def _suffix(name: str) -> str:
    return name.partition("-")[2]
