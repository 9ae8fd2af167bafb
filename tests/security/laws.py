"""Puts questions about a world to the judge."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.rehearsal.authority import ALLOW_ALL, Authority, Context
from tests.rehearsal.judge import Question, the_judge
from tests.rehearsal.principals import RoleSession, Service, account_of
from tests.security.accounts import LOG_ARCHIVE, MANAGEMENT, MEMBERS, ORGANIZATION, SECURITY

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.rehearsal.principals import Principal
    from tests.rehearsal.templates import Json
    from tests.security.world import World

EXECUTION_ROLE = "AWSControlTowerExecution"


def _admitting(*accounts: str) -> Json:
    principal = {"AWS": [f"arn:aws:iam::{account}:root" for account in accounts]}
    return {
        "Version": "2012-10-17",
        "Statement": [
            # Of a key or a role, each of which takes its own actions out of these.
            {"Effect": "Allow", "Principal": principal, "Action": ["kms:*", "sts:AssumeRole"], "Resource": "*"}
        ],
    }


@dataclass(frozen=True)
class Caller:
    """Somebody, with whatever the request says of them.

    Attributes:
        principal: Who it is.
        context: What is not to be as AWS would say it of this principal.
        identity: What the principal is allowed by its own account; everything, if None.
    """

    principal: Principal
    context: Context = field(default_factory=Context)
    identity: dict[str, Json] | None = None


@dataclass(frozen=True)
class Target:
    """A resource, and whose it is; `*` stands for what has no ARN."""

    arn: str
    account: str


@dataclass(frozen=True)
class Ask:
    """Whether somebody may do something; the context is what the request says beside."""

    caller: Caller
    action: str
    target: Target
    context: Context = field(default_factory=Context)


class Laws:
    """All policies of a world, and those of others that it relies on."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._judge = the_judge()
        self._authority = Authority(self._judge, ORGANIZATION, MEMBERS.__contains__, lambda: 0)

    def allow(self, asks: Sequence[Ask]) -> list[bool]:
        """Which of these may be."""
        return [verdict.allowed for verdict in self._judge.judge_all([self._question(ask) for ask in asks])]

    def _question(self, ask: Ask) -> Question:
        caller, target = ask.caller, ask.target
        identity = {"everything": ALLOW_ALL} if caller.identity is None else caller.identity
        return Question(
            principal=caller.principal.arn,
            action=ask.action,
            resource=target.arn,
            resource_account=target.account or getattr(caller.principal, "account", ""),
            context=self._authority.context_of(caller.principal, target.account) | ask.context | caller.context,
            identity_policies={} if isinstance(caller.principal, Service) else identity,
            resource_policy=self._policy_on(target.arn),
        )

    def _policy_on(self, arn: str) -> Json | None:
        resource = self.world.at(arn)
        if resource is not None:
            return resource.policy
        if arn.endswith(f":role/{EXECUTION_ROLE}"):
            # Control Tower makes it so.
            return _admitting(MANAGEMENT)
        if ":key/" in arn and account_of(arn) == MANAGEMENT:
            # The trail is encrypted with it, so whoever lets Alert Logic read the logs must be admitted.
            return _admitting(LOG_ARCHIVE, SECURITY)
        return None


def session(role_arn: str, identity: dict[str, Json] | None = None) -> Caller:
    """A role of an account of the organization."""
    return Caller(RoleSession(role_arn, "session"), identity=identity)
