"""The access key for Alert Logic, what the customer is entitled to, and what Alert Logic thinks of its roles."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from alertlogic_api import AccessKey, AlertLogic, AlertLogicSettings, SecretError
from alertlogic_constructs._role_policy import Difference
from alertlogic_constructs.alert_logic import FILL_OUTPUT
from alertlogic_constructs.alertlogic_role import role_type_of
from aws.organizations import AwsAccountId
from protection.ownership import is_our_credential

from .findings import Level, code_of, could_not_look, found, judged, look, ok, skipped, wrong
from .organization import accounts

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_secretsmanager import SecretsManagerClient

    from alertlogic_api import Credential, Policy, RolePolicy, RoleVerdict
    from alertlogic_constructs.settings import Settings

    from .cloud import Cloud
    from .findings import Finding, Verdict

_SHAPE = '{"access_key_id": "...", "secret_key": "..."}'
_MOST_NAMED = 5


@dataclass(frozen=True, slots=True)
class Secret:
    """What there is of the secret.

    Attributes:
        fill: The command that fills it; empty where there is no stack yet.
        text: Its value; None if it has none.
    """

    fill: str
    text: str | None


def check_alert_logic(
    settings: Settings, cloud: Cloud, *, stack: str, key_text: str | None, pinned: Mapping[str, Any]
) -> Iterator[Finding]:
    """Check everything for which the access key is needed.

    Args:
        settings: The settings.
        cloud: The accounts.
        stack: The stack in the security account that holds the secret.
        key_text: The access key as the secret is to hold it; None to read it from the secret.
        pinned: The policy that the roles have.
    """
    security = settings.landing_zone.security_account

    def read() -> Secret | None:
        if key_text is not None:
            return Secret("", key_text)
        return secret_of(cloud.client("cloudformation", security), cloud.client("secretsmanager", security), stack)

    secret = look("access key", read, lambda seen: secret_value(seen, stack))
    yield secret.finding
    if secret.finding.level is not Level.OK or secret.seen is None or secret.seen.text is None:
        return
    key = AccessKey.from_secret_string(secret.seen.text)
    yield from _check_customer(settings, connection(settings, key), pinned)


def connection(settings: Settings, key: AccessKey) -> AlertLogic:
    """Return the way to Alert Logic, which `ALERTLOGIC_GLOBAL_ENDPOINT` and `ALERTLOGIC_RESIDENCY` may change.

    Raises:
        ValueError: One of these is malformed.
    """
    given = {
        "ALERTLOGIC_CUSTOMER_ID": settings.alert_logic.customer_id,
        # Read already; the functions' settings ask for one.
        "ALERTLOGIC_SECRET_ARN": "arn:none",
    }
    return AlertLogic(AlertLogicSettings.from_environment({**os.environ, **given}), access_key=lambda: key)


def secret_of(cloudformation: CloudFormationClient, secrets: SecretsManagerClient, stack: str) -> Secret | None:
    """Read the secret that a stack holds; None if there is no such stack, or it holds none."""
    try:
        [described] = cloudformation.describe_stacks(StackName=stack)["Stacks"]
    except ClientError as error:
        if code_of(error) == "ValidationError":
            return None
        raise
    outputs = {output.get("OutputKey"): output.get("OutputValue", "") for output in described.get("Outputs", ())}
    fill = outputs.get(FILL_OUTPUT, "")
    arn = re.search(r"--secret-id (arn:\S+)", fill)
    if arn is None:
        return None
    try:
        return Secret(fill, secrets.get_secret_value(SecretId=arn[1]).get("SecretString", ""))
    except ClientError as error:
        if code_of(error) == "ResourceNotFoundException":
            return Secret(fill, None)
        raise


def secret_value(secret: Secret | None, stack: str) -> Verdict:
    """Decide whether there is a well-formed access key."""
    if secret is None:
        return skipped(
            f"there is no stack {stack} with a secret yet; --key-file FILE checks a key that is in no secret"
        )
    fill = f"fill it: {secret.fill}" if secret.fill else f"write {_SHAPE} into the file"
    if secret.text is None:
        return wrong("the secret has no value yet", fill)
    try:
        AccessKey.from_secret_string(secret.text)
    except SecretError as error:
        return wrong(str(error), fill)
    return ok("it is well-formed")


def entitlement(wanted: str, policies: Sequence[Policy]) -> Verdict:
    """Decide whether the customer is entitled to the policy of the settings."""
    names = sorted({policy.name for policy in policies})
    if wanted in names:
        return ok(f"the customer is entitled to {wanted}")
    return wrong(
        f"the customer is entitled to {', '.join(names) or 'nothing'}, and policy is {wanted}",
        "choose another policy, or ask Alert Logic for it",
    )


def trusted(settings: Settings, role: RolePolicy) -> Verdict:
    """Decide whether the roles trust whom Alert Logic wants to be trusted."""
    center = settings.alert_logic.data_center
    if role.aws_account_id != center.value:
        return wrong(
            f"it assumes roles from account {role.aws_account_id}, and data_center is {center.name} ({center.value})",
            "choose the data_center of that account",
        )
    if role.external_id != settings.alert_logic.customer_id:
        return wrong(
            f"its External ID is {role.external_id}, and customer_id is {settings.alert_logic.customer_id}",
            f"set customer_id to {role.external_id}, if that is you",
        )
    return ok(f"it assumes roles from account {role.aws_account_id}, with the customer id as External ID")


def role_policy(pinned: Mapping[str, Any], role: RolePolicy) -> Verdict:
    """Decide whether the pinned policy grants all that Alert Logic asks for."""
    try:
        lacking = Difference.between(pinned, role.policy_document).lacking
    except ValueError as error:
        return could_not_look(f"what it answers cannot be read: {error}", "look again; if it stays so, report it")
    if not lacking:
        return ok(f"the pinned policy grants all of {role.role_type} of {role.version}")
    more = f" and {len(lacking) - _MOST_NAMED} more" if len(lacking) > _MOST_NAMED else ""
    return wrong(
        f"of {role.role_type} of {role.version} the pinned policy lacks {'; '.join(map(str, lacking[:_MOST_NAMED]))}"
        + more,
        "refresh the pin: make policies, and pass it as policy_document=",
    )


def opinion(verdict: RoleVerdict) -> Verdict:
    """Decide on what Alert Logic thinks of a role that an account has."""
    if verdict.status == "latest":
        return ok(f"version {verdict.version}" if verdict.version else "it is the latest")
    return wrong(
        f"Alert Logic calls it {verdict.status}: {verdict.message}",
        "refresh the pin: make policies, and pass it as policy_document=",
    )


def registered_roles(settings: Settings, credentials: Sequence[Credential]) -> dict[str, str]:
    """Return the ARN of the role of each account that the settings name and that is registered, by the account."""
    return {
        account: credential.role_arn
        for account in accounts(settings)
        for credential in credentials
        if credential.role_arn is not None and is_our_credential(credential, AwsAccountId(account))
    }


def _check_customer(settings: Settings, alert_logic: AlertLogic, pinned: Mapping[str, Any]) -> Iterator[Finding]:
    customer = judged(
        "key's validity", alert_logic.account.get, lambda one: ok(f"it is valid, for {one.name} ({one.id})")
    )
    yield customer
    if customer.level is not Level.OK:
        return
    yield judged(
        "entitlement", alert_logic.policies.list, lambda policies: entitlement(settings.policy.value, policies)
    )
    role_type = role_type_of(settings.mode, settings.policy)
    role = look("Alert Logic's account", lambda: alert_logic.roles.get(role_type), lambda seen: trusted(settings, seen))
    yield role.finding
    if role.seen is not None:
        yield found(f"role policy {role_type}", role_policy(pinned, role.seen))
    yield from _check_roles(settings, alert_logic, role_type)


def _check_roles(settings: Settings, alert_logic: AlertLogic, role_type: str) -> Iterator[Finding]:
    roles = look(
        "registered roles",
        lambda: registered_roles(settings, alert_logic.credentials.list()),
        lambda seen: ok(f"of {', '.join(seen)}") if seen else skipped("no account of the settings is registered yet"),
    )
    yield roles.finding
    for account, arn in (roles.seen or {}).items():
        yield _check_role(settings, alert_logic, role_type, account, arn)


def _check_role(settings: Settings, alert_logic: AlertLogic, role_type: str, account: str, arn: str) -> Finding:
    return judged(
        f"role in {account}",
        lambda: alert_logic.roles.validate(role_type, role_arn=arn, external_id=settings.alert_logic.customer_id),
        opinion,
    )
