"""Puts each call and each delivery to the judge, with the policies as they stand at that moment."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from tests.rehearsal.moto_state import backend, bucket_owner
from tests.rehearsal.principals import ForeignRole, Principal, RoleSession, Service, account_of, region_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.rehearsal.judge import IamJudge

Context = dict[str, str | list[str]]
ALLOW_ALL: dict[str, Any] = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}],
}

_BUCKETS = "arn:aws:s3:::"

# The trust in a role that does not exist.
NOBODY: dict[str, Any] = {"Version": "2012-10-17", "Statement": []}


@dataclass(frozen=True)
class JudgedCall:
    """One question that was put to the judge, and its answer."""

    principal: Principal
    action: str
    resource: str
    allowed: bool
    reasons: str

    def __str__(self) -> str:
        verdict = "allowed" if self.allowed else "DENIED"
        return f"{verdict}: {self.principal.arn} {self.action} on {self.resource}"


@dataclass
class Authority:
    """Judges requests and keeps the record of all of them."""

    judge: IamJudge
    organization_id: str
    is_member: Callable[[str], bool]
    now: Callable[[], float]
    calls: list[JudgedCall] = field(default_factory=list[JudgedCall])
    # For so long after its creation a role cannot be assumed: IAM is eventually consistent.
    lag_seconds: float = 0
    # The policies on functions, which are not moto's, by the functions' ARNs.
    function_policies: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    # The policies on buckets, by the buckets' names.
    bucket_policies: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def allows(self, principal: Principal, action: str, resource: str, context: Context | None = None) -> bool:
        """Judge something that happens, and put it on record."""
        call = self.asks(principal, action, resource, context)
        if self.lag_seconds and action == "sts:AssumeRole" and self._is_new(resource):
            call = replace(call, allowed=False, reasons="the role is new")
        with self._lock:
            self.calls.append(call)
        return call.allowed

    def asks(self, principal: Principal, action: str, resource: str, context: Context | None = None) -> JudgedCall:
        """Judge what would be, off the record."""
        owner = owner_of(resource) if resource.startswith("arn:") else ""
        verdicts = [
            self.judge.judge(
                principal=principal.arn,
                action=action,
                resource=resource,
                resource_account=owner or getattr(principal, "account", ""),
                context=self.context_of(principal, owner) | (context or {}),
                identity_policies=policies,
                resource_policy=self.resource_policy(resource),
            )
            for policies in _sets_of_policies(principal)
        ]
        verdict = next((verdict for verdict in verdicts if not verdict.allowed), verdicts[0])
        return JudgedCall(principal, action, resource, verdict.allowed, verdict.reasons)

    def resource_policy(self, arn: str) -> dict[str, Any] | None:
        """The policy on a resource itself; None where it has none."""
        if arn.startswith(_BUCKETS):
            return self.bucket_policies.get(_bucket(arn))
        return self.function_policies.get(arn) or resource_policy(arn)

    def denials(self) -> list[JudgedCall]:
        with self._lock:
            return [call for call in self.calls if not call.allowed]

    def _is_new(self, role_arn: str) -> bool:
        role = _role(role_arn)
        return role is not None and self.now() - role.create_date.timestamp() < self.lag_seconds

    def context_of(self, principal: Principal, resource_account: str) -> Context:
        """What AWS itself says of a request: who asks, and whose resource it is."""
        context: Context = {"aws:SecureTransport": "true"}
        if self.is_member(resource_account):
            context |= {"aws:ResourceAccount": resource_account, "aws:ResourceOrgID": self.organization_id}
        match principal:
            case Service():
                context |= {"aws:PrincipalIsAWSService": "true", "aws:PrincipalServiceName": principal.name}
                if principal.source_arn is not None:
                    context |= self._source_context(principal.source_arn)
            case RoleSession():
                context |= _role_context(principal.role_arn)
                if self.is_member(principal.account):
                    context["aws:PrincipalOrgID"] = self.organization_id
            case ForeignRole():
                context |= _role_context(principal.arn)
        return context

    def _source_context(self, source_arn: str) -> Context:
        account = account_of(source_arn)
        organization: Context = {"aws:SourceOrgID": self.organization_id} if self.is_member(account) else {}
        return {"aws:SourceArn": source_arn, "aws:SourceAccount": account, **organization}


def _role_context(role_arn: str) -> Context:
    return {
        "aws:PrincipalIsAWSService": "false",
        "aws:PrincipalType": "AssumedRole",
        "aws:PrincipalArn": role_arn,
        "aws:PrincipalAccount": account_of(role_arn),
    }


def owner_of(arn: str) -> str:
    """The account of a resource: of a bucket, whose ARN names none, too."""
    if arn.startswith(_BUCKETS):
        return bucket_owner(_bucket(arn))
    return account_of(arn)


def _bucket(arn: str) -> str:
    """The bucket that an ARN names, or in which there is the object that it names."""
    return arn.removeprefix(_BUCKETS).split("/", 1)[0]


def identity_policies(principal: Principal) -> dict[str, Any]:
    """All policies of a role, inline and attached, by name."""
    match principal:
        case Service():
            return {}
        case ForeignRole():
            return {"allowed-at-home": ALLOW_ALL}
        case RoleSession():
            role = _role(principal.role_arn)
            if role is None:
                return {}
            attached = {name: policy.document for name, policy in role.managed_policies.items()}
            return {name: _document(policy) for name, policy in (role.policies | attached).items()}


def _sets_of_policies(principal: Principal) -> list[dict[str, Any]]:
    """Each of these sets must allow what a principal does: a session's policy only takes from what its role may."""
    session_policy = getattr(principal, "session_policy", None)
    sets = [identity_policies(principal)]
    return sets if session_policy is None else [*sets, {"session": json.loads(session_policy)}]


def resource_policy(arn: str) -> dict[str, Any] | None:
    """The policy on a resource of moto's; None where it has none."""
    if not arn.startswith("arn:"):
        return None
    service, account, region = arn.split(":")[2], account_of(arn), region_of(arn)
    name = arn.split(":", 5)[5]
    policy: Any = None
    match service:
        case "iam" if name.startswith("role/"):
            policy = getattr(_role(arn), "assume_role_policy_document", NOBODY)
        case "sqs":
            policy = getattr(backend("sqs", account, region).queues.get(name), "policy", None)
        case "sns":
            policy = getattr(backend("sns", account, region).topics.get(arn), "policy", None)
        case "kms" if name.startswith("key/"):
            policy = getattr(backend("kms", account, region).keys.get(name.removeprefix("key/")), "policy", None)
        case "events" if name.startswith("event-bus/"):
            bus = name.removeprefix("event-bus/")
            policy = getattr(backend("events", account, region).event_buses.get(bus), "policy", None)
        case "secretsmanager":
            policy = getattr(backend("secretsmanager", account, region).secrets.get(arn), "policy", None)
        case _:
            policy = None
    return _document(policy) if policy else None


def _role(arn: str) -> Any:
    roles = backend("iam", account_of(arn), "aws").roles.values()
    return next((role for role in roles if role.arn == arn), None)


def _document(policy: Any) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(policy) if isinstance(policy, str) else policy
    return document
