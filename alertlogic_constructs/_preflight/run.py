"""All checks, one area after the other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .alert_logic import check_alert_logic
from .bootstrap import check_bootstrap
from .cloud import Cloud
from .control_tower import check_control_tower
from .findings import Level
from .guardduty import check_guardduty
from .organization import check_credentials, check_organization
from .trail import check_trail

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from alertlogic_constructs.settings import Settings

    from .findings import Finding


def run(
    settings: Settings,
    *,
    role_name: str,
    stack: str,
    qualifier: str,
    key_text: str | None,
    pinned: Mapping[str, Any],
) -> Iterator[Finding]:
    """Check everything; with the credentials of another account than the management account, nothing but those.

    Args:
        settings: The settings.
        role_name: As for `Cloud`.
        stack: As for `check_alert_logic`.
        qualifier: As for `check_bootstrap`.
        key_text: As for `check_alert_logic`.
        pinned: As for `check_alert_logic`.

    Raises:
        CommandError: As for `Cloud`.
        ValueError: A variable of the environment is malformed.
    """
    cloud = Cloud(settings.landing_zone, role_name=role_name)
    credentials = check_credentials(settings, cloud)
    yield credentials
    if credentials.level is not Level.OK:
        return
    yield from check_organization(settings, cloud)
    yield from check_control_tower(settings, cloud)
    yield from check_trail(settings, cloud)
    yield from check_guardduty(settings, cloud)
    yield from check_bootstrap(settings, cloud, qualifier=qualifier)
    yield from check_alert_logic(settings, cloud, stack=stack, key_text=key_text, pinned=pinned)
