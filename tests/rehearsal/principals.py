"""Who asks: sessions of roles, AWS services, and accounts that are not ours."""

from __future__ import annotations

from dataclasses import dataclass


def account_of(arn: str) -> str:
    return arn.split(":")[4]


def region_of(arn: str) -> str:
    return arn.split(":")[3]


@dataclass(frozen=True)
class RoleSession:
    """Temporary credentials of a role.

    `session_policy` is the JSON of the policy that whoever assumed the role handed in: nothing else is allowed.
    """

    role_arn: str
    session_name: str
    session_policy: str | None = None

    @property
    def account(self) -> str:
        return account_of(self.role_arn)

    @property
    def role_name(self) -> str:
        return self.role_arn.rsplit("/", 1)[1]

    @property
    def arn(self) -> str:
        return f"arn:aws:sts::{self.account}:assumed-role/{self.role_name}/{self.session_name}"


@dataclass(frozen=True)
class Service:
    """An AWS service that acts for a resource: a rule, a topic, a stack set.

    Lambda names no resource when it assumes the role of a function.
    """

    name: str
    source_arn: str | None

    @property
    def arn(self) -> str:
        return self.name


@dataclass(frozen=True)
class ForeignRole:
    """A role in an account outside the organization, all-powerful at home."""

    arn: str

    @property
    def account(self) -> str:
        return account_of(self.arn)


Principal = RoleSession | Service | ForeignRole


@dataclass(frozen=True)
class Operator:
    """The human, or AWS itself, at work in an account. Not judged."""

    account: str
