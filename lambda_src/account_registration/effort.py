"""What one loop does about one account: it applies what was decided, and remembers of it what the next round needs."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from alertlogic_api import AlertLogicError, ConflictError, RejectedError
from aws.queue import NotYet
from aws.reader import NotReadableError, RoleNotAssumableError
from protection.ownership import deployment_of

from .document import amended, amended_scope, disabled, new_document
from .inventory import Made
from .registration import (
    AmendDeployment,
    CreateCredential,
    CreateDeployment,
    DeleteCredential,
    DeleteDeployment,
    DisableDeployment,
    decide,
    withdraw,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from typing import Protocol

    from alertlogic_api import AlertLogic
    from aws.organizations import AwsAccountId
    from aws.vpcs import Vpc
    from protection.scope import Amendment

    from .inventory import Inventory
    from .order import Order, Registration
    from .registration import Change, State

    class Vpcs(Protocol):
        """Sees VPCs in other accounts, as `aws.vpcs.VpcReader` does."""

        def vpcs(
            self, *, account_id: AwsAccountId, regions: Collection[str]
        ) -> Mapping[str, Collection[Vpc] | NotReadableError]:
            """List an account's VPCs, by region."""
            ...

    class Names(Protocol):
        """Knows the names of other accounts, as `aws.accounts.AccountReader` does."""

        def name(self, account_id: AwsAccountId) -> str | None:
            """Return an account's name."""
            ...


@dataclass(frozen=True, slots=True)
class Settled:
    """An account is as ordered.

    Attributes:
        deployment_id: Alert Logic's deployment; None where none is left.
        added: The keys that were added to its scope.
        removed: The keys that were removed from it.
        retained: The keys in it that are no longer wanted, but not ours to remove.
    """

    deployment_id: str | None
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    retained: tuple[str, ...] = ()


Outcome = Settled | Exception


@dataclass(slots=True)
class Effort:
    """One account, and what was done about it so far.

    Attributes:
        order: What is ordered; from the first write on, even if it was only to be done where something was missing.
        alert_logic: Where it is to be.
        inventory: Reads, makes and deletes what Alert Logic holds.
        vpcs: Sees the VPCs that tags put into scope.
        names: Knows the accounts' names.
        policy_ids: Policies by name.
        known_ours: Deployments that were made here, or seen to be.
        credential_made_here: The credential that was made last.
        made: What was made in the latest round.
        written: The deployments as they were written, by id.
        was_rejected: Whether Alert Logic rejected the latest round.
        unreadable: Why regions could not be read when they were looked at last.
        added: The keys that were added to the scope.
        removed: The keys that were removed from it.
        retained: The keys in it that are no longer wanted, but not ours to remove.
    """

    order: Order
    alert_logic: AlertLogic
    inventory: Inventory
    vpcs: Vpcs
    names: Names
    policy_ids: Mapping[str, str]
    known_ours: set[str] = field(default_factory=set[str])
    credential_made_here: str | None = None
    made: Made = field(default_factory=Made)
    written: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    was_rejected: bool = False
    unreadable: tuple[NotReadableError, ...] = ()
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    retained: tuple[str, ...] = ()

    def advance(self, state: State) -> Outcome | None:
        """Do what is left to do; return the outcome once nothing is left, or nothing can be done."""
        self.made = Made()
        try:
            changes = decide(self.order, replace(state, known_ours={*state.known_ours, *self.known_ours}))
        except Exception as error:  # noqa: BLE001 - one account must not fail the others
            # A central credential that is gone is made anew at the next delivery, before the first round.
            return error
        try:
            with self.inventory.making() as self.made:
                has_written = [self._apply(change) for change in changes]
        except ConflictError:
            return None
        except RejectedError as error:
            # The first time, somebody may merely have taken away what this refers to, perhaps what was just made.
            if self.was_rejected:
                return self._withdraw(state) or error
            self.was_rejected = True
            self.made = Made()
            return None
        except Exception as error:  # noqa: BLE001 - one account must not fail the others
            return error
        self.was_rejected = False
        return None if any(has_written) else self._outcome(state)

    def _outcome(self, state: State) -> Outcome:
        if self.unreadable:
            return NotYet("; ".join(str(error) for error in self.unreadable))
        deployment = deployment_of(self.order.account_id, state.deployments)
        return Settled(deployment.id if deployment else None, self.added, self.removed, self.retained)

    def _apply(self, change: Change) -> bool:
        match change:
            case CreateCredential(name, role_arn):
                self.credential_made_here = self.inventory.create_credential(
                    self.order.account_id, self.made, name=name, role_arn=role_arn
                )
            case CreateDeployment():
                self._create(change)
            case AmendDeployment():
                return self._amend(change)
            case DisableDeployment(deployment_id):
                document = self._read(deployment_id)
                return self._put(deployment_id, document, disabled(document))
            case DeleteDeployment(deployment_id):
                self.inventory.delete_deployment(self.order.account_id, deployment_id)
            case DeleteCredential(credential_id):
                self.inventory.delete_credential(self.order.account_id, credential_id)
        return True

    def _create(self, change: CreateDeployment) -> None:
        order = replace(change.registration, name=self._name(change.registration))
        document, scope = self._wanted(new_document(order), change, is_ours=True)
        self.known_ours.add(self.inventory.create_deployment(order.account_id, self.made, document))
        self._look_again(change.registration)
        self.added += scope.added

    def _amend(self, change: AmendDeployment) -> bool:
        if change.is_ours:
            self.known_ours.add(change.deployment_id)
        document = self._read(change.deployment_id)
        wanted, scope = self._wanted(document, change, is_ours=change.is_ours)
        self.retained = scope.retained
        if not self._put(change.deployment_id, document, wanted):
            return False
        self._look_again(change.registration)
        self.added += scope.added
        self.removed += scope.removed
        return True

    def _look_again(self, order: Registration) -> None:
        # By what was just written it is not missing any more, but VPCs may have changed since they were listed.
        self.order = replace(order, only_if_missing=False)

    def _wanted(
        self, document: Mapping[str, Any], change: CreateDeployment | AmendDeployment, *, is_ours: bool
    ) -> tuple[dict[str, Any], Amendment]:
        order = change.registration
        # Only now, since a list that is older than the document could undo what others wrote into it meanwhile.
        vpcs = self._vpcs(order)
        scope = amended_scope(document, order, vpcs=vpcs, policy_ids=self.policy_ids, is_ours=is_ours)
        credential_id = change.credential_id or self.credential_made_here or ""
        wanted = amended(
            document, order, credential_id=credential_id, central_link=change.central_link, include=scope.include
        )
        return wanted, scope

    def _vpcs(self, order: Registration) -> dict[str, Collection[Vpc]]:
        if not order.scope.tags:
            return {}
        try:
            listed = self.vpcs.vpcs(account_id=order.account_id, regions=order.scope.tag_regions)
        except RoleNotAssumableError as error:
            raise NotYet(str(error)) from error
        self.unreadable = tuple(found for found in listed.values() if isinstance(found, NotReadableError))
        return {region: found for region, found in listed.items() if not isinstance(found, NotReadableError)}

    def _name(self, order: Registration) -> str:
        try:
            return order.name or self.names.name(order.account_id) or order.account_id
        except RoleNotAssumableError as error:
            raise NotYet(str(error)) from error

    def _read(self, deployment_id: str) -> dict[str, Any]:
        # Anew, so that what others changed since the list was read survives.
        return self.alert_logic.deployments.get(deployment_id).update_document()

    def _put(self, deployment_id: str, document: Mapping[str, Any], wanted: dict[str, Any]) -> bool:
        # What Alert Logic did not keep when it was written will not be kept the second time.
        if wanted in (document, self.written.get(deployment_id)):
            return False
        version = self.alert_logic.deployments.update(deployment_id, wanted).version
        self.written[deployment_id] = {**wanted, "version": version}
        return True

    def _withdraw(self, state: State) -> AlertLogicError | None:
        try:
            for change in withdraw(self.order, state):
                self._apply(change)
        except AlertLogicError as error:
            # Then the message waits, is rejected again, and this is tried again.
            return error
        return None
