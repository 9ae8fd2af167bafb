from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from tests.rehearsal import Rehearsal
from tests.rehearsal.principals import Operator, RoleSession
from tests.rehearsal.synthesis import CONTEXT_KEY, ROOT, settings

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

ROLE = "Preflight"
DOCS = ROOT / "docs" / "preflight.md"


@pytest.fixture(scope="session")
def documented_policy() -> dict[str, Any]:
    """What docs/preflight.md says that the credentials need."""
    [policy] = re.findall(r"```json\n(.*?)```", DOCS.read_text("utf-8"), flags=re.DOTALL)
    document: dict[str, Any] = json.loads(policy)
    return document


@pytest.fixture(scope="module")
def zone(documented_policy: dict[str, Any]) -> Generator[Rehearsal]:
    """A landing zone in which all is well, the security stack deployed and one account registered."""
    with Rehearsal() as started:
        found(started, documented_policy)
        started.deploy("AlertLogic-Security")
        started.put_secret_value()
        yield started
        assert started.gateway.faults == []
        assert started.alert_logic.contract_violations == []


@pytest.fixture
def environment(zone: Rehearsal, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment of whoever runs a command in the management account."""
    set_environment(zone, monkeypatch)


def set_environment(zone: Rehearsal, monkeypatch: pytest.MonkeyPatch, *, account: str | None = None) -> None:
    """Have the environment hold credentials: of the management account, or of an operator of another."""
    role = RoleSession(f"arn:aws:iam::{zone.zone.management}:role/{ROLE}", "engineer")
    given = zone.gateway.credentials(role if account is None else Operator(account))
    for name, value in {
        "AWS_ACCESS_KEY_ID": given["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": given["SecretAccessKey"],
        "AWS_SESSION_TOKEN": given["SessionToken"],
        "AWS_ENDPOINT_URL": zone.gateway.url,
        "AWS_DEFAULT_REGION": "eu-central-1",
        "ALERTLOGIC_GLOBAL_ENDPOINT": zone.alert_logic.url,
    }.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def cdk_json(tmp_path: Path) -> Path:
    """A `cdk.json` with the rehearsal's settings."""
    return write_settings(tmp_path, {})


def write_settings(folder: Path, changes: dict[str, Any]) -> Path:
    file = folder / "cdk.json"
    file.write_text(json.dumps({"context": {CONTEXT_KEY: settings() | changes}}), "utf-8")
    return file


def found(rehearsal: Rehearsal, policy: dict[str, Any]) -> None:
    """Make all well that is not so from the start."""
    zone, organization = rehearsal.zone, rehearsal.organization
    for unit in ("Workloads", "Workloads/Sandbox"):
        organization.unit(unit)
    organization.create_account("Excluded", unit="Workloads", account=zone.excluded_account)
    for name, account in (("Closed", "700000000001"), ("Lonely", "700000000002")):
        organization.create_account(name, unit="Workloads", account=account)
    rehearsal.close_account("700000000001")
    iam = rehearsal.client("iam", zone.management)
    iam.create_role(RoleName=ROLE, AssumeRolePolicyDocument="{}")
    iam.put_role_policy(RoleName=ROLE, PolicyName="Preflight", PolicyDocument=json.dumps(policy))
    for account in (zone.management, zone.security, zone.log_archive, zone.audit):
        rehearsal.client("ssm", account).put_parameter(
            Name="/cdk-bootstrap/hnb659fds/version", Value="28", Type="String"
        )
    for region in zone.governed_regions:
        gateway = rehearsal.gateway
        gateway.client("guardduty", Operator(zone.management), region).enable_organization_admin_account(
            AdminAccountId=zone.guardduty_administrator
        )
        gateway.client("guardduty", Operator(zone.guardduty_administrator), region).create_detector(Enable=True)
    rehearsal.alert_logic.add_credential(
        name=f"alertlogic-constructs/{zone.audit}", role_arn=f"arn:aws:iam::{zone.audit}:role/AlertLogic"
    )
