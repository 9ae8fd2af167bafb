"""Read, decide and write, until the scope of each account is as its VPCs want it.

Any number of workers do this at once, each for another event, and Alert Logic takes a write only with the version that
was read. The VPCs are listed after the deployment was read, so a list that is older than somebody else's write is not
written over it. What changes after the list has an event of its own, which the queue holds back for a while: whoever
gets it finds the write that the list led to, and corrects it. Only a write that took longer than that is followed by
another look, for that worker may have read the deployment before the write, found it right, and gone. Whoever does not
hear what became of a write looks again when the message comes back.
"""

from __future__ import annotations

import random
import time
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from alertlogic_api import ConflictError, RejectedError
from aws.organizations import AwsAccountId
from aws.queue import Refused
from aws.reader import NotReadableError, RoleNotAssumableError
from protection.ownership import age, discover_credentials, is_made_by_us
from protection.scope import amend, claim_vpcs

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from typing import Any, Protocol

    from alertlogic_api import Credential, Deployment, Policy
    from aws.vpcs import Vpc
    from protection.scope import Amendment, Entry, VpcTag

    class Deployments(Protocol):
        """Alert Logic's deployments, as `alertlogic_api` reads and writes them."""

        def list(self) -> Sequence[Deployment]:
            """List all."""
            ...

        def get(self, deployment_id: str) -> Deployment:
            """Read one."""
            ...

        def update(self, deployment_id: str, document: Mapping[str, Any]) -> Deployment:
            """Replace one."""
            ...

    class Credentials(Protocol):
        """Alert Logic's credentials."""

        def list(self) -> Sequence[Credential]:
            """List all."""
            ...

    class Policies(Protocol):
        """Alert Logic's policies."""

        def list(self) -> Sequence[Policy]:
            """List all."""
            ...

    class Vpcs(Protocol):
        """Sees VPCs, as `aws.vpcs.VpcReader` does."""

        def vpcs(
            self, *, account_id: AwsAccountId, regions: Collection[str]
        ) -> Mapping[str, Collection[Vpc] | NotReadableError]:
            """List an account's VPCs, by region."""
            ...


# The queue hands over no event that is younger than this.
EVENT_DELAY_SECONDS: Final = 10
ATTEMPTS: Final = 20
SHORTEST_PAUSE_SECONDS: Final = 0.1
LONGEST_PAUSE_SECONDS: Final = 2.0


@dataclass(frozen=True, slots=True)
class Rule:
    """Which VPCs belong into scope, and how.

    Attributes:
        tags: Any one of them puts a VPC into scope.
        policy_name: The policy of their entries, such as `Professional`.
        prune: Change and remove entries even in a deployment that we did not make.
    """

    tags: tuple[VpcTag, ...]
    policy_name: str
    prune: bool


@dataclass(frozen=True, slots=True)
class Converged:
    """An account's scope is right, where its VPCs could be read.

    Attributes:
        deployment_id: Alert Logic's deployment.
        added: The keys that were added.
        removed: The keys that were removed.
        retained: The keys that nobody wants, but that are not ours to remove.
        not_kept: The keys that were written, and missing or there again in the answer to that.
        unreadable: Why regions could not be read; their entries are as they were.
    """

    deployment_id: str
    added: tuple[str, ...]
    removed: tuple[str, ...]
    retained: tuple[str, ...]
    not_kept: tuple[str, ...]
    unreadable: Mapping[str, NotReadableError]


@dataclass(frozen=True, slots=True)
class Absent:
    """An account is not registered, not yet or no more."""

    why: str


Outcome = Converged | Absent | Exception


class Convergence:
    """Brings scopes to what VPCs want. Make one per container: it remembers the policy, and accounts' deployments.

    Args:
        deployments: Alert Logic's deployments.
        credentials: Alert Logic's credentials.
        policies: Alert Logic's policies.
        vpcs: Sees the VPCs.
        rule: Which VPCs belong into scope.
        clock: Seconds, of which only differences count.
        sleep: How to wait after a conflict.
        jitter: Picks how long, between two limits in seconds.
    """

    def __init__(
        self,
        *,
        deployments: Deployments,
        credentials: Credentials,
        policies: Policies,
        vpcs: Vpcs,
        rule: Rule,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        jitter: Callable[[float, float], float] = random.uniform,
    ) -> None:
        self._deployments = deployments
        self._credentials = credentials
        self._policies = policies
        self._vpcs = vpcs
        self._rule = rule
        self._clock = clock
        self._sleep = sleep
        self._jitter = jitter
        self._policy_id: str | None = None
        self._deployment_ids: dict[AwsAccountId, str] = {}

    def converge(
        self,
        touched: Mapping[AwsAccountId, Collection[str]],
        *,
        about: Callable[[AwsAccountId], None] = lambda _: None,
    ) -> dict[AwsAccountId, Outcome]:
        """Return what became of each account.

        Args:
            touched: The regions of each account in which something happened; the others are not looked at.
            about: Told of each account before Alert Logic is asked about it.
        """
        if not touched:
            return {}
        try:
            self._require_policy()
            self._find_deployments(touched)
        except Exception as error:  # noqa: BLE001 - an outcome like any other
            return dict.fromkeys(touched, error)
        ownership = _Ownership(self._credentials)
        outcomes: dict[AwsAccountId, Outcome] = {}
        for account_id, regions in touched.items():
            about(account_id)
            try:
                outcomes[account_id] = self._converge(_Case(account_id, tuple(sorted(regions)), ownership))
            except Exception as error:  # noqa: BLE001 - one account must not fail the others
                outcomes[account_id] = error
        return outcomes

    def _find_deployments(self, account_ids: Collection[AwsAccountId]) -> None:
        if self._deployment_ids.keys() >= set(account_ids):
            return
        # The list has no filter and grows with every account, so it is kept for all whose events come later. Of several
        # deployments of an account the earliest counts.
        for deployment in sorted(self._deployments.list(), key=age):
            if deployment.account_id:
                self._deployment_ids.setdefault(AwsAccountId(deployment.account_id), deployment.id)

    def _converge(self, case: _Case) -> Converged | Absent:
        added: tuple[str, ...] = ()
        removed: tuple[str, ...] = ()
        was_rejected = False
        for attempt in range(ATTEMPTS):
            deployment = self._read(case.account_id)
            if deployment is None:
                return Absent(f"Alert Logic has no deployment of account {case.account_id}")
            seen = self._look(case, deployment)
            if seen is None:
                return Absent(f"the reader role of account {case.account_id} is gone, and its deployment disabled")
            decision = self._decide(case, deployment, seen)
            if decision.changes_nothing:
                return decision.converged(added, removed)
            try:
                answer = self._deployments.update(deployment.id, decision.document())
            except ConflictError:
                longest = min(LONGEST_PAUSE_SECONDS, SHORTEST_PAUSE_SECONDS * 2**attempt)
                self._sleep(self._jitter(0, longest))
                continue
            except RejectedError:
                # The first time, the policy may merely have another id by now.
                self._policy_id = None
                if was_rejected:
                    raise
                was_rejected = True
                continue
            added += decision.amendment.added
            removed += decision.amendment.removed
            if self._clock() - seen.at < EVENT_DELAY_SECONDS:
                return self._decide(case, answer, seen).converged(added, removed)
        raise ConflictError(f"others kept changing the deployment of account {case.account_id} {ATTEMPTS} times")

    def _read(self, account_id: AwsAccountId) -> Deployment | None:
        for _ in range(2):
            if account_id not in self._deployment_ids:
                return None
            try:
                return self._deployments.get(self._deployment_ids[account_id])
            except RejectedError as error:
                if error.status != HTTPStatus.NOT_FOUND:
                    raise
                # There may be another one by now.
                del self._deployment_ids[account_id]
                self._find_deployments([account_id])
        return None

    def _look(self, case: _Case, deployment: Deployment) -> _Seen | None:
        at = self._clock()
        try:
            return _Seen(at, self._vpcs.vpcs(account_id=case.account_id, regions=case.regions))
        except RoleNotAssumableError:
            if deployment.document.get("enabled", True):
                raise
            return None

    def _decide(self, case: _Case, deployment: Deployment, seen: _Seen) -> _Decision:
        include = _included(deployment)
        claims = [claim_vpcs(seen.readable, self._rule.tags)]
        policy_id = self._require_policy()
        ours = amend(include, claims, policy_id=policy_id, is_ours=True)
        theirs = amend(include, claims, policy_id=policy_id, is_ours=False)
        is_ours = self._rule.prune or ours == theirs or case.ownership.covers(deployment, case.account_id)
        return _Decision(deployment, ours if is_ours else theirs, seen.unreadable)

    def _require_policy(self) -> str:
        if self._policy_id is None:
            policies = {policy.name: policy.id for policy in self._policies.list()}
            if self._rule.policy_name not in policies:
                raise Refused(
                    f"Alert Logic has no policy {self._rule.policy_name!r} for this customer, only "
                    f"{', '.join(sorted(policies)) or 'none at all'}: "
                    "choose one of these, or have the entitlement added, and redrive the message"
                )
            self._policy_id = policies[self._rule.policy_name]
        return self._policy_id


class _Ownership:
    """Which deployments are ours; asks for the credentials only if that matters, and as seldom as it can."""

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials
        self._listed: Sequence[Credential] = ()

    def covers(self, deployment: Deployment, account_id: AwsAccountId) -> bool:
        if not discover_credentials(deployment) <= {credential.id for credential in self._listed}:
            self._listed = self._credentials.list()
        return is_made_by_us(deployment, account_id, self._listed)


@dataclass(frozen=True, slots=True)
class _Case:
    account_id: AwsAccountId
    regions: tuple[str, ...]
    ownership: _Ownership


@dataclass(frozen=True, slots=True)
class _Seen:
    """The VPCs of an account's regions, none older than `at`."""

    at: float
    listed: Mapping[str, Collection[Vpc] | NotReadableError]

    @property
    def readable(self) -> dict[str, Collection[Vpc]]:
        return {region: found for region, found in self.listed.items() if not isinstance(found, NotReadableError)}

    @property
    def unreadable(self) -> dict[str, NotReadableError]:
        return {region: found for region, found in self.listed.items() if isinstance(found, NotReadableError)}


@dataclass(frozen=True, slots=True)
class _Decision:
    """What is to become of a deployment as it was read."""

    deployment: Deployment
    amendment: Amendment
    unreadable: Mapping[str, NotReadableError]

    @property
    def changes_nothing(self) -> bool:
        return self.amendment.include == _included(self.deployment)

    def document(self) -> dict[str, Any]:
        document = self.deployment.update_document()
        return {**document, "scope": {**document.get("scope", {}), "include": self.amendment.include}}

    def converged(self, added: tuple[str, ...], removed: tuple[str, ...]) -> Converged:
        return Converged(
            self.deployment.id,
            added=added,
            removed=removed,
            retained=self.amendment.retained,
            not_kept=self.amendment.added + self.amendment.removed,
            unreadable=self.unreadable,
        )


def _included(deployment: Deployment) -> list[Entry]:
    include: list[Entry] = deployment.document.get("scope", {}).get("include", [])
    return include
