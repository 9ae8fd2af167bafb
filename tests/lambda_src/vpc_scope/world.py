"""Alert Logic and the VPCs, as one worker sees them: each call is announced before it has its effect."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from alertlogic_api import ConflictError, Credential, Deployment, Policy, RejectedError
from aws.organizations import AwsAccountId
from aws.reader import NotReadableError, RoleNotAssumableError
from aws.vpcs import Vpc
from protection.ownership import credential_name
from protection.scope import VpcTag
from vpc_scope.convergence import Convergence, Rule

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from vpc_scope.convergence import Outcome

ACCOUNT, OTHER = AwsAccountId("555555555555"), AwsAccountId("666666666666")
EAST, WEST = "us-east-1", "us-west-2"
POLICY_ID = "policy-professional"
RULE = Rule(tags=(VpcTag("alertlogic", "true"),), policy_name="Professional", prune=False)


def entry(vpc_id: str, region: str = EAST, policy_id: str = POLICY_ID) -> dict[str, Any]:
    return {"type": "vpc", "key": f"/aws/{region}/vpc/{vpc_id}", "policy": {"id": policy_id}}


@dataclass
class World:
    """What there is.

    Attributes:
        vpcs: Tags by VPC, by account and region.
        documents: Alert Logic's deployments by id.
        denied: Accounts, or accounts and regions, that cannot be read.
        forgets: Keys of entries that Alert Logic leaves out of what is written.
        now: The time, in seconds.
    """

    vpcs: dict[tuple[str, str], dict[str, dict[str, str]]] = field(default_factory=dict[Any, Any])
    documents: dict[str, dict[str, Any]] = field(default_factory=dict[str, Any])
    credentials: list[Credential] = field(default_factory=list[Credential])
    policies: list[Policy] = field(default_factory=lambda: [Policy(POLICY_ID, "Professional"), Policy("p2", "Other")])
    denied: set[str | tuple[str, str]] = field(default_factory=set[Any])
    forgets: set[str] = field(default_factory=set[str])
    now: float = 0

    def register(self, account_id: AwsAccountId, *include: dict[str, Any], is_adopted: bool = False) -> dict[str, Any]:
        """Make a deployment with its credential, and return its document, which may be changed."""
        name, credential_id = credential_name(account_id, is_adopted=is_adopted), f"c-{account_id}"
        self.credentials.append(Credential(credential_id, name, f"arn:aws:iam::{account_id}:role/r", 1, "us"))
        document: dict[str, Any] = {
            "id": f"d-{account_id}",
            "name": "made by a user",
            "platform": {"type": "aws", "id": account_id},
            "created": {"at": 1, "by": "us"},
            "version": 1,
            "credentials": [{"id": credential_id, "purpose": "discover"}],
            "scope": {"include": list(include), "exclude": [{"type": "subnet", "key": "/aws/us-east-1/subnet/s"}]},
        }
        self.documents[document["id"]] = document
        return document

    def put_vpc(self, vpc_id: str, region: str = EAST, account_id: AwsAccountId = ACCOUNT, **tags: str) -> None:
        self.vpcs.setdefault((account_id, region), {})[vpc_id] = tags

    def included(self, account_id: str = ACCOUNT) -> list[dict[str, Any]]:
        return self.documents[f"d-{account_id}"]["scope"]["include"]


class Eyes:
    """A worker's way into the world.

    Args:
        world: What there is.
        before: Told the name of each call before it has its effect; may raise in its place.
        rule: What belongs into scope.
    """

    def __init__(self, world: World, before: Callable[[str], None] | None = None, rule: Rule = RULE) -> None:
        self.world = world
        self.calls: list[str] = []
        self.slept: list[float] = []
        self.before = before or (lambda _: None)
        self.convergence = Convergence(
            deployments=_Deployments(self),
            credentials=_Credentials(self),
            policies=_Policies(self),
            vpcs=_Vpcs(self),
            rule=rule,
            clock=lambda: world.now,
            sleep=self.slept.append,
            jitter=lambda _, longest: longest,
        )

    def converge(self, touched: Mapping[AwsAccountId, Collection[str]]) -> dict[AwsAccountId, Outcome]:
        return self.convergence.converge(touched)

    def announce(self, call: str) -> World:
        self.calls.append(call)
        self.before(call)
        return self.world


@dataclass
class _Deployments:
    eyes: Eyes

    def list(self) -> list[Deployment]:
        documents = self.eyes.announce("list deployments").documents
        # The scope is not documented for lists, so nobody may count on it.
        return [
            Deployment.from_document({**copy.deepcopy(document), "scope": {}, "version": 0})
            for document in documents.values()
        ]

    def get(self, deployment_id: str) -> Deployment:
        return self._answer(self.eyes.announce("get"), deployment_id)

    def update(self, deployment_id: str, document: Mapping[str, Any]) -> Deployment:
        world = self.eyes.announce("update")
        stored = self._answer(world, deployment_id).document
        if document["version"] != stored["version"]:
            raise ConflictError("the version has changed")
        known = {policy.id for policy in world.policies}
        if any("policy" in it and it["policy"]["id"] not in known for it in document["scope"]["include"]):
            raise RejectedError(400, "the account is not entitled to the policy")
        written: dict[str, Any] = copy.deepcopy({**stored, **document, "version": stored["version"] + 1})
        written["scope"]["include"] = [it for it in written["scope"]["include"] if it["key"] not in world.forgets]
        world.documents[deployment_id] = written
        return self._answer(world, deployment_id)

    @staticmethod
    def _answer(world: World, deployment_id: str) -> Deployment:
        if deployment_id not in world.documents:
            raise RejectedError(404, "deployment_not_found")
        return Deployment.from_document(copy.deepcopy(world.documents[deployment_id]))


@dataclass
class _Credentials:
    eyes: Eyes

    def list(self) -> list[Credential]:
        return list(self.eyes.announce("list credentials").credentials)


@dataclass
class _Policies:
    eyes: Eyes

    def list(self) -> list[Policy]:
        return list(self.eyes.announce("list policies").policies)


@dataclass
class _Vpcs:
    eyes: Eyes

    def vpcs(
        self, *, account_id: AwsAccountId, regions: Collection[str]
    ) -> dict[str, tuple[Vpc, ...] | NotReadableError]:
        if account_id in self.eyes.world.denied:
            raise RoleNotAssumableError(f"no role in {account_id}")
        return {region: self._in(account_id, region) for region in regions}

    def _in(self, account_id: AwsAccountId, region: str) -> tuple[Vpc, ...] | NotReadableError:
        world = self.eyes.announce(f"vpcs {region}")
        if (account_id, region) in world.denied:
            return NotReadableError(f"no view of {region}")
        return tuple(Vpc(vpc_id, dict(tags)) for vpc_id, tags in world.vpcs.get((account_id, region), {}).items())
