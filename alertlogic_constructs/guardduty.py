"""What a user says about GuardDuty: which accounts forward findings."""

from __future__ import annotations

from dataclasses import dataclass

from ._validation import Checks


@dataclass(frozen=True, kw_only=True)
class GuardDutyCoverage:
    """Which accounts forward findings, so that each finding has one forwarder.

    Alert Logic's guidance names three styles. *Cost savings*: one administrator, and one deployment at Alert Logic, its
    own (`ProtectedAccount`). *Detailed*: one administrator, and a deployment per account (`ControlTowerIntegration`).
    *Detailed without administrator*: every account forwards its own findings, and has a deployment.

    Make one with `administrator` or `every_account`.

    Attributes:
        administrator_account: The GuardDuty administrator account; None where every account forwards its own findings.
    """

    administrator_account: str | None

    @staticmethod
    def administrator(account: str) -> GuardDutyCoverage:
        """Forward from the GuardDuty administrator account, which has the findings of all of its members.

        A member's own copy of a finding stays where it is.

        See https://docs.aws.amazon.com/guardduty/latest/ug/guardduty_organizations.html

        Args:
            account: The administrator, the same in each governed region (12 digits).

        Raises:
            ValueError: for a malformed account.
        """
        checks = Checks("GuardDutyCoverage.administrator")
        checks.account("account", account)
        checks.raise_problems()
        return GuardDutyCoverage(administrator_account=account)

    @staticmethod
    def every_account() -> GuardDutyCoverage:
        """Forward from every account what GuardDuty found in it; of what an administrator sees, its own only."""
        return GuardDutyCoverage(administrator_account=None)

    def forwards(self, account: str) -> bool:
        """Whether an account forwards findings."""
        return self.administrator_account in {None, account}
