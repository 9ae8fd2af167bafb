"""The CDK's bootstrap of every environment that the sample deploys to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from alertlogic_constructs.organizations_event_spoke import ORGANIZATIONS_REGION

from .findings import code_of, judged, ok, wrong

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_ssm import SSMClient

    from alertlogic_constructs.settings import Settings

    from .cloud import Cloud
    from .findings import Finding, Verdict

# As the rule CheckBootstrapVersion of every synthesized template says.
OLDEST_VERSION = 6


def check_bootstrap(settings: Settings, cloud: Cloud, *, qualifier: str) -> Iterator[Finding]:
    """Check the environments.

    Args:
        settings: The settings.
        cloud: The accounts.
        qualifier: What tells the bootstrap's resources from those of another.
    """
    for account, region in environments(settings):
        yield _check_environment(cloud, account, region, qualifier)


def environments(settings: Settings) -> tuple[tuple[str, str], ...]:
    """Return the account and region of each stack of the sample, each once."""
    zone = settings.landing_zone
    home = zone.home_region
    management = zone.management_account
    named = [(zone.security_account, home), (management, home), (management, ORGANIZATIONS_REGION)]
    if settings.trail:
        named += [(zone.log_archive_account, home), (settings.trail.topic_account, home)]
    if settings.guardduty and settings.guardduty.coverage.forwards(management):
        named += [(management, region) for region in zone.governed_regions]
    return tuple(dict.fromkeys(named))


def bootstrap(account: str, region: str, version: str | None) -> Verdict:
    """Decide whether an environment is bootstrapped; the version is None where it is not."""
    todo = f"cdk bootstrap aws://{account}/{region}, with --trust as step 2 of 'Deploy it' in README.md says"
    if version is None:
        return wrong("it is not bootstrapped", todo)
    if not version.isdecimal() or int(version) < OLDEST_VERSION:
        return wrong(f"its version is {version}, and {OLDEST_VERSION} is needed", todo)
    return ok(f"version {version}")


def _check_environment(cloud: Cloud, account: str, region: str, qualifier: str) -> Finding:
    return judged(
        f"bootstrap of {account}/{region}",
        lambda: _version(cloud.client("ssm", account, region), qualifier),
        lambda version: bootstrap(account, region, version),
    )


def _version(ssm: SSMClient, qualifier: str) -> str | None:
    try:
        return ssm.get_parameter(Name=f"/cdk-bootstrap/{qualifier}/version")["Parameter"].get("Value", "")
    except ClientError as error:
        if code_of(error) == "ParameterNotFound":
            return None
        raise
