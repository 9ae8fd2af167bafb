"""What a user says about protection: how Alert Logic works in an account, with which policy, and where."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from ._validation import Checks


class DeploymentMode(Enum):
    """How Alert Logic's appliances come into an account."""

    AUTOMATIC = "automatic"
    """Alert Logic creates subnets, security groups and appliances itself; its role may do so."""
    MANUAL = "manual"
    """The account's owner installs the appliances; Alert Logic's role reads."""


class ProtectionPolicy(Enum):
    """The protection policy of an account, by Alert Logic's own name; the customer must be entitled to it."""

    ESSENTIALS = "Essentials"
    """Vulnerability scanning and configuration checks."""
    PROFESSIONAL = "Professional"
    """Essentials, intrusion detection and log management."""
    ENTERPRISE = "Enterprise"
    """Professional, with a designated expert."""


class Offboarding(Enum):
    """What becomes of an account's Alert Logic deployment when the account's registration is deleted."""

    DISABLE = "DISABLE"
    """The deployment stays, disabled: its history remains, and enabling it again is one step."""
    DELETE = "DELETE"
    """The deployment and its credential are deleted."""
    RETAIN = "RETAIN"
    """Nothing changes at Alert Logic."""


@dataclass(frozen=True)
class ProtectionScope:
    """Which assets of an account Alert Logic protects. Make one with `regions`.

    Attributes:
        region_names: The regions that are protected whole; empty for every governed region.
    """

    region_names: tuple[str, ...]

    @staticmethod
    def regions(*names: str) -> ProtectionScope:
        """Protect whole regions, with all that is in them: these, or every governed region if none is named.

        Without a landing zone, no name means the region of the stack.

        Raises:
            ValueError: for a region that is unknown, in another partition than `aws`, or named twice.
        """
        checks = Checks("ProtectionScope.regions")
        for name in names:
            checks.region("names", name)
        checks.unique("names", names)
        checks.raise_problems()
        return ProtectionScope(names)
