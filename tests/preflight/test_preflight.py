"""`python -m alertlogic_constructs.preflight` in the rehearsal cloud, with each thing broken once."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

import pytest
from aws_cdk import App, Stack
from botocore.exceptions import ClientError

import app as sample
from alertlogic_api import RolePolicy, RoleVerdict
from alertlogic_constructs._preflight.alert_logic import check_alert_logic, opinion, trusted
from alertlogic_constructs._preflight.bootstrap import bootstrap, check_bootstrap, environments
from alertlogic_constructs._preflight.cloud import Cloud, session_policy
from alertlogic_constructs._preflight.control_tower import check_control_tower, enabled_regions, execution_role
from alertlogic_constructs._preflight.findings import Level
from alertlogic_constructs._preflight.guardduty import check_guardduty
from alertlogic_constructs._preflight.organization import check_organization
from alertlogic_constructs._preflight.trail import check_trail, key_policy
from alertlogic_constructs._role_policy import packaged_pin
from alertlogic_constructs._tools import UNUSABLE
from alertlogic_constructs.policies import main as policies
from alertlogic_constructs.preflight import BAD, main
from alertlogic_constructs.settings import read_settings
from tests.preflight.conftest import set_environment, write_settings
from tests.rehearsal.alertlogic import ACCESS_KEY_ID, SECRET_KEY
from tests.rehearsal.alertlogic_services import POLICIES
from tests.rehearsal.authority import ALLOW_ALL
from tests.rehearsal.gateway import AwsError
from tests.rehearsal.moto_state import backend
from tests.rehearsal.organization import EXECUTION_ROLE
from tests.rehearsal.principals import Operator
from tests.rehearsal.synthesis import ROOT, TRAIL_KEY_ARN, settings

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from alertlogic_constructs._preflight.findings import Finding
    from tests.rehearsal import Rehearsal
    from tests.rehearsal.calls import ApiCall

MANAGEMENT, AUDIT, LOG_ARCHIVE, SECURITY = "111111111111", "222222222222", "333333333333", "444444444444"
HOME, OTHER = "us-east-1", "us-west-2"
CLOSED, LONELY, STRANGER = "700000000001", "700000000002", "999999999999"
PIN = packaged_pin("ci_manual")
AUDIT_ROLE = f"arn:aws:iam::{AUDIT}:role/AlertLogic"
KEY = {"trail": {"key_arn": TRAIL_KEY_ARN}}

Area = Literal["organization", "control tower", "trail", "GuardDuty", "bootstrap", "Alert Logic"]


# Breaks something in a landing zone for a while.
class Act(Protocol):
    def __call__(self, rehearsal: Rehearsal, /) -> AbstractContextManager[None]: ...


@pytest.fixture(scope="module")
def cloud(zone: Rehearsal) -> Iterator[Cloud]:
    """The accounts as the command sees them, for all tests: each session costs a call and a second."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        set_environment(zone, monkeypatch)
        zone.alert_logic.role_policies["ci_manual"] = PIN
        yield Cloud(read_settings(settings()).landing_zone, role_name=EXECUTION_ROLE)


def look(area: Area, cloud: Cloud, changes: dict[str, Any] | None = None, **options: Any) -> dict[str, Finding]:
    """Everything that is found in an area, by the checks' names."""
    given = read_settings(settings() | (changes or {}))
    findings: Iterator[Finding]
    match area:
        case "organization":
            findings = check_organization(given, cloud)
        case "control tower":
            findings = check_control_tower(given, cloud)
        case "trail":
            findings = check_trail(given, cloud)
        case "GuardDuty":
            findings = check_guardduty(given, cloud)
        case "bootstrap":
            findings = check_bootstrap(given, cloud, qualifier="hnb659fds")
        case "Alert Logic":
            pinned = options.pop("pinned", PIN)
            options = {"stack": "AlertLogic-Security", "key_text": None, **options}
            findings = check_alert_logic(given, cloud, pinned=pinned, **options)
    return {finding.check: finding for finding in findings}


def bad(findings: dict[str, Finding]) -> dict[str, Level]:
    return {check: finding.level for check, finding in findings.items() if finding.is_bad}


# How things break


@contextlib.contextmanager
def nothing(_: Rehearsal) -> Generator[None]:
    yield


def replaced(find: Callable[[Rehearsal], Any], key: str, change: Callable[[Any], Any]) -> Act:
    """An entry of a mapping that `find` finds is changed for a while; `change` gets what it was, or None."""

    @contextlib.contextmanager
    def act(rehearsal: Rehearsal) -> Generator[None]:
        held = find(rehearsal)
        with pytest.MonkeyPatch.context() as monkeypatch:
            monkeypatch.setitem(held, key, change(held.get(key)))
            yield

    return act


def attribute(find: Callable[[Rehearsal], Any], name: str, value: Any) -> Act:
    """An attribute of an object that `find` finds has another value for a while."""

    @contextlib.contextmanager
    def act(rehearsal: Rehearsal) -> Generator[None]:
        with pytest.MonkeyPatch.context() as monkeypatch:
            monkeypatch.setattr(find(rehearsal), name, value)
            yield

    return act


def landing_zone(**changes: Any) -> Act:
    return replaced(lambda rehearsal: rehearsal.control_tower.landing_zones, HOME, lambda before: before | changes)


def manifest(**changes: Any) -> Act:
    return replaced(
        lambda rehearsal: rehearsal.control_tower.landing_zones[HOME], "manifest", lambda before: before | changes
    )


def trails(*changes: dict[str, Any]) -> Act:
    """The trails are these: the one that there is, each time with changes."""

    @contextlib.contextmanager
    def act(rehearsal: Rehearsal) -> Generator[None]:
        before = rehearsal.control_tower.trails
        kept = [{**before[0], **change} for change in changes]
        rehearsal.control_tower.trails = [{k: v for k, v in trail.items() if v is not None} for trail in kept]
        try:
            yield
        finally:
            rehearsal.control_tower.trails = before

    return act


def trail_status(**changes: Any) -> Act:
    arn = f"arn:aws:cloudtrail:{HOME}:{MANAGEMENT}:trail/aws-controltower-BaselineCloudTrail"
    return replaced(lambda rehearsal: rehearsal.control_tower.trail_statuses, arn, lambda before: before | changes)


def key(*, log_archive: bool = True, spec: dict[str, Any] | None = None, state: str = "Enabled") -> Act:
    """The trail has a key, whose policy may admit the log archive account."""

    @contextlib.contextmanager
    def act(rehearsal: Rehearsal) -> Generator[None]:
        with rehearsal.central_logs.encrypting(), trails({"KmsKeyId": TRAIL_KEY_ARN})(rehearsal):
            if log_archive:
                rehearsal.central_logs.allow_on_key(
                    {
                        "Effect": "Allow",
                        "Principal": {"AWS": f"arn:aws:iam::{LOG_ARCHIVE}:root"},
                        "Action": "kms:Decrypt",
                        "Resource": "*",
                    }
                )
            held = backend("kms", MANAGEMENT, HOME).keys
            made = held[TRAIL_KEY_ARN.rsplit("/", 1)[1]]
            made.key_state = state
            made.key_manager = (spec or {}).get("KeyManager", "CUSTOMER")
            try:
                yield
            finally:
                del held[made.id]

    return act


def organization_configuration(**changes: Any) -> Act:
    right = {"AutoEnableOrganizationMembers": "ALL", "MemberAccountLimitReached": False}
    return attribute(lambda rehearsal: rehearsal.control_tower, "organization_configuration", {**right, **changes})


def detectors(*, enabled: bool | None) -> Act:
    """The administrator's detector in a region is off, or there is none."""

    @contextlib.contextmanager
    def act(rehearsal: Rehearsal) -> Generator[None]:
        held = backend("guardduty", SECURITY, OTHER)
        before = dict(held.detectors)
        if enabled is None:
            held.detectors.clear()
        else:
            [detector_id] = held.detectors
            client = rehearsal.gateway.client("guardduty", Operator(SECURITY), OTHER)
            client.update_detector(DetectorId=detector_id, Enable=enabled)
        try:
            yield
        finally:
            held.detectors.update(before)
            if enabled is not None:
                client.update_detector(DetectorId=detector_id, Enable=True)

    return act


def parameter(account: str, value: str | None) -> Act:
    """The version of an account's bootstrap is another, or missing."""

    @contextlib.contextmanager
    def act(rehearsal: Rehearsal) -> Generator[None]:
        ssm, name = rehearsal.client("ssm", account), "/cdk-bootstrap/hnb659fds/version"
        if value is None:
            ssm.delete_parameter(Name=name)
        else:
            ssm.put_parameter(Name=name, Value=value, Type="String", Overwrite=True)
        try:
            yield
        finally:
            ssm.put_parameter(Name=name, Value="28", Type="String", Overwrite=True)

    return act


def secret(text: str) -> Act:
    @contextlib.contextmanager
    def act(rehearsal: Rehearsal) -> Generator[None]:
        rehearsal.put_secret_value(text)
        try:
            yield
        finally:
            rehearsal.put_secret_value()

    return act


@contextlib.contextmanager
def empty_secret(rehearsal: Rehearsal) -> Generator[None]:
    held = backend("secretsmanager", SECURITY, HOME).secrets.get(rehearsal.secret)
    versions, held.versions = held.versions, {}
    try:
        yield
    finally:
        held.versions = versions


def access_key(refusal: Any) -> Act:
    @contextlib.contextmanager
    def act(rehearsal: Rehearsal) -> Generator[None]:
        rehearsal.alert_logic.set_access_key(ACCESS_KEY_ID, SECRET_KEY, refusal=refusal)
        try:
            yield
        finally:
            rehearsal.alert_logic.set_access_key(ACCESS_KEY_ID, SECRET_KEY)

    return act


def failing(status: int, path: str, **options: Any) -> Act:
    @contextlib.contextmanager
    def act(rehearsal: Rehearsal) -> Generator[None]:
        rehearsal.alert_logic.fail(status, path=path, **options)
        try:
            yield
        finally:
            rehearsal.alert_logic.recover()

    return act


def of_role(name: Literal["role_policies", "role_verdicts"], role: str, value: Any) -> Act:
    return replaced(lambda rehearsal: getattr(rehearsal.alert_logic, name), role, lambda _: value)


def statement(*actions: str) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": list(actions), "Resource": "*"}


@dataclass(frozen=True)
class Broken:
    """Something that is broken, in the cloud or in the settings, and what is to be found then."""

    area: Area
    check: str
    words: str
    todo: str
    act: Act = nothing
    settings: dict[str, Any] = field(default_factory=dict)
    level: Level = Level.WRONG


def moto_organization(rehearsal: Rehearsal) -> Any:
    return backend("organizations", rehearsal.zone.management, "aws").org


BROKEN = {
    "another organization": Broken(
        "organization",
        "organization",
        "it is o-exampleorg1, and organization_id is o-otherorg123",
        "set organization_id to o-exampleorg1",
        settings={"organization_id": "o-otherorg123", "trail": None},
    ),
    "another management account": Broken(
        "organization",
        "organization",
        f"its management account is {STRANGER}",
        f"set management_account to {STRANGER}",
        attribute(moto_organization, "master_account_id", STRANGER),
    ),
    "an organization for bills": Broken(
        "organization",
        "organization",
        "consolidated billing only",
        "enable all features",
        attribute(moto_organization, "feature_set", "CONSOLIDATED_BILLING"),
    ),
    "a closed account": Broken(
        "organization",
        "account: security",
        f"{CLOSED} is SUSPENDED",
        "name another account",
        settings={"security_account": CLOSED},
    ),
    "an account of somebody else": Broken(
        "organization",
        "account: log archive",
        f"{STRANGER} is not in the organization",
        "correct its id",
        settings={"log_archive_account": STRANGER},
    ),
    "an excluded account that is gone": Broken(
        "organization",
        "account: excluded",
        f"{STRANGER} is not in the organization",
        "correct its id",
        settings={"excluded_accounts": [STRANGER]},
    ),
    "a unit that is gone": Broken(
        "organization",
        "unit ou-reh1-gone00000",
        "it is not in the organization",
        "list-organizational-units-for-parent",
        settings={"excluded_units": ["ou-reh1-gone00000"]},
    ),
    "another root": Broken(
        "organization",
        "unit r-zzzz",
        "it is not in the organization",
        "correct its id",
        settings={"included_units": ["r-zzzz"]},
    ),
    "no landing zone": Broken(
        "control tower",
        "landing zone",
        "none is to be seen in us-east-1",
        "set up AWS Control Tower, or correct home_region",
        attribute(lambda rehearsal: rehearsal.control_tower, "landing_zones", {}),
    ),
    "another home region": Broken(
        "control tower",
        "landing zone",
        "its home is eu-west-1",
        "correct home_region",
        landing_zone(arn=f"arn:aws:controltower:eu-west-1:{MANAGEMENT}:landingzone/1A2B3C4D5E6F7G8H"),
    ),
    "a landing zone in the making": Broken(
        "control tower", "landing zone", "is being set up", "wait", landing_zone(status="PROCESSING")
    ),
    "a landing zone that failed": Broken(
        "control tower", "landing zone", "version 3.3 is FAILED", "repair it", landing_zone(status="FAILED")
    ),
    "a landing zone that drifted": Broken(
        "control tower",
        "landing zone",
        "version 3.3 has drifted",
        "reset it",
        landing_zone(driftStatus={"status": "DRIFTED"}),
    ),
    "another log archive account": Broken(
        "control tower",
        "shared accounts",
        f"log_archive_account is {LOG_ARCHIVE}, and Control Tower's is {STRANGER}",
        f"set log_archive_account to {STRANGER}",
        manifest(centralizedLogging={"accountId": STRANGER, "enabled": True}),
    ),
    "another audit account": Broken(
        "control tower",
        "shared accounts",
        f"audit_account is {AUDIT}",
        f"set audit_account to {STRANGER}",
        manifest(securityRoles={"accountId": STRANGER}),
    ),
    "a governed region that is not named": Broken(
        "control tower",
        "governed regions",
        "Control Tower also governs eu-west-1",
        "add to governed_regions",
        settings={"governed_regions": [HOME, OTHER]},
    ),
    "a named region that is not governed": Broken(
        "control tower",
        "governed regions",
        "Control Tower does not govern us-east-2",
        "take it out of governed_regions",
        settings={"governed_regions": [HOME, OTHER, "eu-west-1", "us-east-2"]},
    ),
    "an opt-in region that is off": Broken(
        "control tower",
        f"regions of {AUDIT}",
        "us-west-2 is not enabled",
        "update the account in Control Tower",
        replaced(lambda rehearsal: rehearsal.control_tower.disabled_regions, AUDIT, lambda _: {OTHER}),
    ),
    "no trail": Broken(
        "trail", "trail", "none writes to aws-controltower-logs-", "set bucket_name, topic_arn and key_arn", trails()
    ),
    "a trail with another bucket": Broken(
        "trail",
        "trail",
        "(aws-controltower-BaselineCloudTrail to aws-controltower-cloudtrail-logs-abc-def)",
        "as 'aws cloudtrail describe-trails' shows them",
        trails({"S3BucketName": "aws-controltower-cloudtrail-logs-abc-def"}),
    ),
    "a trail without a topic": Broken("trail", "trail", "tells no topic", "give it one", trails({"SnsTopicARN": None})),
    "a trail with another topic": Broken(
        "trail",
        "trail",
        "tells arn:aws:sns:us-east-1:222222222222:other",
        "topic_arn to arn:aws:sns:us-east-1:222222222222:other",
        trails({"SnsTopicARN": f"arn:aws:sns:{HOME}:{AUDIT}:other"}),
    ),
    "a trail with a key that is not named": Broken(
        "trail",
        "trail",
        "and the settings name none",
        f"set key_arn of trail to {TRAIL_KEY_ARN}",
        trails({"KmsKeyId": TRAIL_KEY_ARN}),
    ),
    "a trail that is off": Broken(
        "trail", "trail's state", "it is switched off", "start-logging", trail_status(IsLogging=False)
    ),
    "a trail that cannot write": Broken(
        "trail",
        "trail's state",
        "it cannot write to its bucket: AccessDenied",
        "mend the policy",
        trail_status(LatestDeliveryError="AccessDenied"),
    ),
    "a trail that cannot tell": Broken(
        "trail",
        "trail's state",
        "it cannot tell its topic: AuthorizationError",
        "mend the policy",
        trail_status(LatestNotificationError="AuthorizationError"),
    ),
    "no bucket": Broken(
        "trail",
        "trail's bucket",
        "there is no bucket gone-logs",
        "correct bucket_name",
        trails({"S3BucketName": "gone-logs"}),
        {
            "trail": {
                "bucket_name": "gone-logs",
                "topic_arn": f"arn:aws:sns:{HOME}:{AUDIT}:aws-controltower-AllConfigNotifications",
            }
        },
    ),
    "no topic": Broken(
        "trail",
        "trail's topic",
        f"there is no topic arn:aws:sns:{HOME}:{AUDIT}:gone",
        "correct topic_arn",
        trails({"SnsTopicARN": f"arn:aws:sns:{HOME}:{AUDIT}:gone"}),
        {
            "trail": {
                "bucket_name": f"aws-controltower-logs-{LOG_ARCHIVE}-{HOME}",
                "topic_arn": f"arn:aws:sns:{HOME}:{AUDIT}:gone",
            }
        },
    ),
    "a key that AWS manages": Broken(
        "trail",
        "trail's key",
        "AWS manages it",
        "encrypt the trail with another key",
        key(spec={"KeyManager": "AWS"}),
        KEY,
    ),
    "no key": Broken(
        "trail",
        "trail's key",
        f"there is no key {TRAIL_KEY_ARN}",
        "correct key_arn",
        trails({"KmsKeyId": TRAIL_KEY_ARN}),
        KEY,
    ),
    "a disabled key": Broken("trail", "trail's key", "it is Disabled", "enable it", key(state="Disabled"), KEY),
    "a key that the log archive account may not use": Broken(
        "trail",
        "trail's key policy",
        f"does not let the log archive account {LOG_ARCHIVE} decrypt",
        "KeyPolicyStatement",
        key(log_archive=False),
        KEY,
    ),
    "no GuardDuty administrator": Broken(
        "GuardDuty",
        f"GuardDuty administrator in {OTHER}",
        f"it is nobody, and administrator is {SECURITY}",
        f"enable-organization-admin-account --admin-account-id {SECURITY} --region {OTHER}",
        attribute(lambda _: backend("guardduty", MANAGEMENT, OTHER), "admin_account_ids", []),
    ),
    "another GuardDuty administrator": Broken(
        "GuardDuty",
        f"GuardDuty administrator in {HOME}",
        f"it is {AUDIT}",
        "correct administrator of guardduty",
        attribute(lambda _: backend("guardduty", MANAGEMENT, HOME), "admin_account_ids", [AUDIT]),
    ),
    "members that do not join by themselves": Broken(
        "GuardDuty",
        f"GuardDuty detector in {HOME}",
        "accounts do not become members by themselves",
        "Auto-enable",
        organization_configuration(AutoEnableOrganizationMembers="NONE"),
    ),
    "too many members": Broken(
        "GuardDuty",
        f"GuardDuty detector in {HOME}",
        "as many members as it can have",
        "raise the limit",
        organization_configuration(MemberAccountLimitReached=True),
    ),
    "no detector": Broken(
        "GuardDuty",
        f"GuardDuty detector in {OTHER}",
        "has no detector",
        "enable GuardDuty there",
        detectors(enabled=None),
    ),
    "a detector that is off": Broken(
        "GuardDuty", f"GuardDuty detector in {OTHER}", "detector is DISABLED", "enable it", detectors(enabled=False)
    ),
    "an old bootstrap": Broken(
        "bootstrap",
        f"bootstrap of {SECURITY}/{HOME}",
        "its version is 5, and 6 is needed",
        f"cdk bootstrap aws://{SECURITY}/{HOME}",
        parameter(SECURITY, "5"),
    ),
    "no bootstrap": Broken(
        "bootstrap",
        f"bootstrap of {LOG_ARCHIVE}/{HOME}",
        "it is not bootstrapped",
        f"cdk bootstrap aws://{LOG_ARCHIVE}/{HOME}",
        parameter(LOG_ARCHIVE, None),
    ),
    "an empty secret": Broken(
        "Alert Logic", "access key", "has no value yet", "fill it: aws secretsmanager put-secret-value", empty_secret
    ),
    "a malformed secret": Broken(
        "Alert Logic", "access key", "the secret is not JSON", "fill it: aws secretsmanager", secret("swordfish")
    ),
    "a key that is gone": Broken(
        "Alert Logic",
        "key's validity",
        "bad access key",
        "make an access key",
        secret(json.dumps({"access_key_id": "other", "secret_key": "other"})),
    ),
    "a key of a user with MFA": Broken(
        "Alert Logic",
        "key's validity",
        "belongs to a user with MFA",
        "for a user without MFA",
        access_key("mfa_code_required"),
    ),
    "a key of another customer": Broken(
        "Alert Logic",
        "key's validity",
        "Alert Logic answered 404",
        "correct customer_id",
        settings={"customer_id": "87654321"},
    ),
    "an Alert Logic that is down": Broken(
        "Alert Logic", "key's validity", "503", "look again", failing(503, "authenticate"), level=Level.COULD_NOT_LOOK
    ),
    "a policy that was not bought": Broken(
        "Alert Logic",
        "entitlement",
        "is entitled to Essentials, Professional, and policy is Enterprise",
        "ask Alert Logic for it",
        attribute(lambda rehearsal: rehearsal.alert_logic, "policies", list(POLICIES[:2])),
        {"policy": "ENTERPRISE"},
    ),
    "another data center": Broken(
        "Alert Logic",
        "Alert Logic's account",
        "it assumes roles from account 733251395267, and data_center is EU",
        "choose the data_center of that account",
        settings={"data_center": "EU"},
    ),
    "a pin that is out of date": Broken(
        "Alert Logic",
        "role policy ci_manual",
        "lacks Allow athena:getworkgroup on *; Allow athena:listdatacatalogs on *",
        "make policies",
        of_role(
            "role_policies",
            "ci_manual",
            {"Statement": [*PIN["Statement"], statement("athena:GetWorkGroup", "athena:ListDataCatalogs")]},
        ),
    ),
    "a policy that nobody can read": Broken(
        "Alert Logic",
        "role policy ci_manual",
        "this is no IAM policy",
        "look again",
        of_role("role_policies", "ci_manual", {}),
        level=Level.COULD_NOT_LOOK,
    ),
    "a role that is out of date": Broken(
        "Alert Logic",
        f"role in {AUDIT}",
        "Alert Logic calls it outdated: permissions are missing",
        "make policies",
        of_role("role_verdicts", AUDIT_ROLE, (200, "outdated", "permissions are missing")),
    ),
    "a role that cannot be assumed": Broken(
        "Alert Logic",
        f"role in {AUDIT}",
        "Alert Logic answered 400: themis: unable to assume",
        "give the key's user the right to it",
        of_role("role_verdicts", AUDIT_ROLE, (400, "error", "unable to assume the role")),
    ),
    "a themis that is down": Broken(
        "Alert Logic",
        "Alert Logic's account",
        "themis answered 500",
        "look again",
        failing(500, "/roles/aws/"),
        level=Level.COULD_NOT_LOOK,
    ),
}

# Of what is there in every region, all of it is broken.
EVERYWHERE = {"members that do not join by themselves", "too many members"}


@pytest.mark.parametrize("name", BROKEN)
def test_each_thing_that_is_broken_is_found_with_what_to_do(zone: Rehearsal, cloud: Cloud, name: str) -> None:
    broken = BROKEN[name]
    with broken.act(zone):
        findings = look(broken.area, cloud, broken.settings)

    finding = findings[broken.check]
    assert (finding.level, broken.words in finding.text, broken.todo in finding.todo) == (broken.level, True, True), (
        finding
    )
    if name not in EVERYWHERE:
        assert bad(findings) == {broken.check: broken.level}


class TestWell:
    """What is right, and what is left out."""

    @pytest.mark.parametrize(
        ("area", "checks"),
        [
            ("organization", 7),
            ("control tower", 10),
            ("trail", 5),
            ("GuardDuty", 6),
            ("bootstrap", 4),
            ("Alert Logic", 7),
        ],
    )
    def test_all_is_well(self, cloud: Cloud, area: Area, checks: int) -> None:
        findings = look(area, cloud)

        assert bad(findings) == {}
        assert len(findings) == checks
        assert all(finding.text and not finding.todo for finding in findings.values())

    def test_a_key_that_the_log_archive_account_may_use_is_right(self, zone: Rehearsal, cloud: Cloud) -> None:
        with key()(zone):
            findings = look("trail", cloud, KEY)

        assert bad(findings) == {}
        assert findings["trail's key policy"].level is Level.OK

    def test_a_key_of_another_account_is_looked_at_there(self, zone: Rehearsal, cloud: Cloud) -> None:
        def admitting(account: str, action: str) -> dict[str, Any]:
            principal = {"AWS": f"arn:aws:iam::{account}:root"}
            return {"Effect": "Allow", "Principal": principal, "Action": action, "Resource": "*"}

        policy = {"Statement": [admitting(AUDIT, "kms:*"), admitting(LOG_ARCHIVE, "kms:Decrypt")]}
        arn = zone.client("kms", AUDIT).create_key(Policy=json.dumps(policy))["KeyMetadata"]["Arn"]
        with trails({"KmsKeyId": arn})(zone):
            findings = look("trail", cloud, {"trail": {"key_arn": arn}})

        assert bad(findings) == {}
        assert {findings[check].level for check in ("trail's key", "trail's key policy")} == {Level.OK}

    def test_a_landing_zone_without_shared_accounts_is_right(self, zone: Rehearsal, cloud: Cloud) -> None:
        with manifest(centralizedLogging={"enabled": False}, securityRoles={"enabled": False})(zone):
            finding = look("control tower", cloud)["shared accounts"]

        assert (finding.level, finding.text) == (
            Level.OK,
            "Control Tower names no log_archive_account and no audit_account",
        )

    def test_a_root_is_a_unit(self, cloud: Cloud) -> None:
        finding = look("organization", cloud, {"included_units": ["r-reh1"]})["unit r-reh1"]

        assert (finding.level, finding.text) == (Level.OK, "it is Root")

    def test_new_accounts_that_become_members_suffice(self, zone: Rehearsal, cloud: Cloud) -> None:
        with organization_configuration(AutoEnableOrganizationMembers="NEW")(zone):
            findings = look("GuardDuty", cloud)

        assert findings[f"GuardDuty detector in {HOME}"].text == "enabled; new accounts become members"

    @pytest.mark.parametrize(
        ("area", "changes"),
        [
            ("trail", {"trail": None}),
            ("GuardDuty", {"guardduty": None}),
            ("GuardDuty", {"guardduty": {"administrator": None}}),
        ],
    )
    def test_what_nobody_wants_is_skipped(self, cloud: Cloud, area: Area, changes: dict[str, Any]) -> None:
        [finding] = look(area, cloud, changes).values()

        assert (finding.level, finding.is_bad) == (Level.SKIPPED, False)

    def test_before_the_first_deployment_the_key_is_skipped(self, cloud: Cloud) -> None:
        [finding] = look("Alert Logic", cloud, stack="AlertLogic-Other").values()

        assert (finding.check, finding.level) == ("access key", Level.SKIPPED)
        assert "--key-file" in finding.text

    def test_a_stack_without_a_secret_is_as_none(self, zone: Rehearsal, cloud: Cloud) -> None:
        with attribute(lambda rehearsal: rehearsal.stack("AlertLogic-Security").template, "outputs", {})(zone):
            [finding] = look("Alert Logic", cloud).values()

        assert finding.level is Level.SKIPPED

    def test_a_key_in_a_file_is_checked_before_there_is_a_secret(self, zone: Rehearsal, cloud: Cloud) -> None:
        findings = look("Alert Logic", cloud, key_text=zone.alert_logic.secret_string())

        assert bad(findings) == {}
        assert findings["key's validity"].text == "it is valid, for Rehearsal (12345678)"

    def test_a_malformed_key_in_a_file_is_found(self, cloud: Cloud) -> None:
        [finding] = look("Alert Logic", cloud, key_text="").values()

        assert finding.todo == 'write {"access_key_id": "...", "secret_key": "..."} into the file'

    def test_where_nobody_is_registered_no_role_is_looked_at(self, zone: Rehearsal, cloud: Cloud) -> None:
        with attribute(lambda rehearsal: rehearsal.alert_logic, "credentials", {})(zone):
            findings = look("Alert Logic", cloud)

        assert findings["registered roles"].level is Level.SKIPPED
        assert not any(check.startswith("role in") for check in findings)

    def test_many_lacking_permissions_are_counted(self, zone: Rehearsal, cloud: Cloud) -> None:
        names = [f"athena:Get{letter}" for letter in "ABCDEFG"]
        with of_role("role_policies", "ci_manual", {"Statement": [statement(*names)]})(zone):
            finding = look("Alert Logic", cloud, pinned={"Statement": []})["role policy ci_manual"]

        assert finding.text.endswith("athena:gete on * and 2 more")


class TestLooking:
    """What cannot be seen is said, and no more is done than looking."""

    @pytest.mark.parametrize(
        ("area", "operation", "check"),
        [
            ("organization", "DescribeOrganization", "organization"),
            ("organization", "DescribeAccount", "account: audit, the trail's topic"),
            ("organization", "DescribeOrganizationalUnit", "unit ou-reh1-workloads"),
            ("control tower", "ListLandingZones", "landing zone"),
            ("control tower", "GetLandingZone", "landing zone"),
            ("control tower", "GetRole", f"Control Tower's role in {AUDIT}"),
            ("control tower", "ListRegions", f"regions of {AUDIT}"),
            ("trail", "DescribeTrails", "trail"),
            ("trail", "GetTrailStatus", "trail's state"),
            ("trail", "GetBucketLocation", "trail's bucket"),
            ("trail", "GetTopicAttributes", "trail's topic"),
            ("trail", "DescribeKey", "trail's key"),
            ("trail", "GetKeyPolicy", "trail's key policy"),
            ("GuardDuty", "ListOrganizationAdminAccounts", f"GuardDuty administrator in {HOME}"),
            ("GuardDuty", "GetDetector", f"GuardDuty detector in {HOME}"),
            ("bootstrap", "GetParameter", f"bootstrap of {SECURITY}/{HOME}"),
            ("Alert Logic", "DescribeStacks", "access key"),
            ("Alert Logic", "GetSecretValue", "access key"),
        ],
    )
    def test_a_call_that_is_not_allowed_is_a_finding(
        self, zone: Rehearsal, cloud: Cloud, area: Area, operation: str, check: str
    ) -> None:
        def deny(call: ApiCall) -> AwsError | None:
            return AwsError("AccessDeniedException", "not today") if call.operation == operation else None

        with key()(zone), attribute(lambda rehearsal: rehearsal.gateway, "fault", deny)(zone):
            finding = look(area, cloud, KEY)[check]

        assert finding.level is Level.COULD_NOT_LOOK
        assert "not today" in finding.text
        assert "docs/preflight.md" in finding.todo

    def test_another_failure_is_a_finding_too(self, zone: Rehearsal, cloud: Cloud) -> None:
        accident = AwsError("RehearsalFault", "an accident")
        with attribute(lambda rehearsal: rehearsal.gateway, "fault", lambda _: accident)(zone):
            finding = look("organization", cloud)["organization"]

        assert (finding.level, finding.todo) == (Level.COULD_NOT_LOOK, "mend that, then look again")

    def test_an_account_that_does_not_trust_us_is_a_finding(
        self, zone: Rehearsal, monkeypatch: pytest.MonkeyPatch, cloud: Cloud
    ) -> None:
        set_environment(zone, monkeypatch)
        look("control tower", cloud)
        zone.set_execution_role(AUDIT, trusts=STRANGER)
        seen_before = look("control tower", cloud)[f"Control Tower's role in {AUDIT}"]
        landing_zone = read_settings(settings()).landing_zone
        finding = look("control tower", Cloud(landing_zone, role_name=EXECUTION_ROLE))[f"regions of {AUDIT}"]
        zone.set_execution_role(AUDIT, trusts=MANAGEMENT)

        assert (seen_before.level, seen_before.todo) == (
            Level.WRONG,
            "re-register the account in Control Tower, which restores the role",
        )
        assert finding.level is Level.COULD_NOT_LOOK
        assert "enroll the account in Control Tower if the role is missing there" in finding.todo

    def test_an_account_without_control_towers_role_is_found_with_another_role(
        self, zone: Rehearsal, monkeypatch: pytest.MonkeyPatch, documented_policy: dict[str, Any]
    ) -> None:
        set_environment(zone, monkeypatch)
        operator = zone.client("iam", MANAGEMENT)
        other = json.loads(json.dumps(documented_policy).replace(EXECUTION_ROLE, "Auditor"))
        operator.put_role_policy(RoleName="Preflight", PolicyName="Preflight", PolicyDocument=json.dumps(other))
        iam = zone.client("iam", LONELY)
        trust = iam.get_role(RoleName=EXECUTION_ROLE)["Role"]["AssumeRolePolicyDocument"]
        iam.create_role(RoleName="Auditor", AssumeRolePolicyDocument=json.dumps(trust))
        iam.put_role_policy(RoleName="Auditor", PolicyName="Look", PolicyDocument=json.dumps(ALLOW_ALL))
        iam.delete_role_policy(RoleName=EXECUTION_ROLE, PolicyName="AdministratorAccess")
        iam.delete_role(RoleName=EXECUTION_ROLE)
        cloud = Cloud(read_settings(settings()).landing_zone, role_name="Auditor")
        finding = look("control tower", cloud, {"security_account": LONELY, "guardduty": None})[
            f"Control Tower's role in {LONELY}"
        ]
        operator.put_role_policy(
            RoleName="Preflight", PolicyName="Preflight", PolicyDocument=json.dumps(documented_policy)
        )

        assert (finding.level, finding.todo) == (Level.WRONG, "enroll the account in Control Tower")

    @pytest.mark.parametrize(
        ("service", "operation", "parameters", "account"),
        [
            ("sqs", "list_queues", {}, SECURITY),
            ("iam", "delete_role", {"RoleName": "Auditor"}, AUDIT),
            (
                "secretsmanager",
                "get_secret_value",
                {"SecretId": f"arn:aws:secretsmanager:{HOME}:{AUDIT}:secret:Any"},
                AUDIT,
            ),
            ("ssm", "get_parameter", {"Name": "/other"}, AUDIT),
        ],
    )
    def test_a_session_in_another_account_may_do_nothing_else(
        self, cloud: Cloud, service: str, operation: str, parameters: dict[str, str], account: str
    ) -> None:
        with pytest.raises(ClientError, match="AccessDenied"):
            getattr(cloud.client(service, account), operation)(**parameters)

    @pytest.mark.parametrize("reads_secret", [False, True])
    def test_a_sessions_policy_is_as_short_as_it_must_be(self, *, reads_secret: bool) -> None:
        """See https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html."""
        assert len(json.dumps(session_policy(reads_secret=reads_secret))) <= 2048


@pytest.mark.usefixtures("environment")
class TestCommand:
    """The command as a whole."""

    def test_all_is_well(self, cdk_json: Path, zone: Rehearsal, capsys: pytest.CaptureFixture[str]) -> None:
        zone.alert_logic.role_policies["ci_manual"] = PIN
        assert main(["--settings", str(cdk_json)]) == 0

        *lines, blank, summary = capsys.readouterr().out.splitlines()
        assert lines[0].split(maxsplit=2) == ["ok", "credentials", f"of the management account {MANAGEMENT}"]
        assert {line[: len("could not look")].strip() for line in lines} == {"ok", "skipped"}
        assert (blank, summary) == ("", f"{len(lines)} checks: {len(lines) - 1} ok, 1 skipped.")

    def test_what_is_wrong_is_said_with_what_to_do(
        self, tmp_path: Path, zone: Rehearsal, capsys: pytest.CaptureFixture[str]
    ) -> None:
        file = write_settings(tmp_path, {"governed_regions": [HOME, OTHER], "trail": None})
        pin = tmp_path / "pin.json"
        pin.write_text(json.dumps(PIN), "utf-8")
        key_file = tmp_path / "key.json"
        key_file.write_text(zone.alert_logic.secret_string(), "utf-8")
        assert main(["--settings", str(file), "--pin", str(pin), "--key-file", str(key_file)]) == BAD

        output = capsys.readouterr().out
        assert (
            "Control Tower also governs eu-west-1, where nothing would be protected -> add to governed_regions\n"
            in output
        )
        assert SECRET_KEY not in output

    def test_a_program_reads_the_same(self, cdk_json: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["--settings", str(cdk_json), "--json", "--stack", "AlertLogic-Other"]) == 0

        first, *_, last = json.loads(capsys.readouterr().out)["findings"]
        assert first == {
            "check": "credentials",
            "level": "ok",
            "text": f"of the management account {MANAGEMENT}",
            "todo": "",
        }
        assert (last["check"], last["level"]) == ("access key", "skipped")

    def test_with_another_accounts_credentials_nothing_else_is_looked_at(
        self,
        cdk_json: Path,
        zone: Rehearsal,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        set_environment(zone, monkeypatch, account=SECURITY)
        assert main(["--settings", str(cdk_json)]) == BAD

        [line, _, summary] = capsys.readouterr().out.splitlines()
        assert f"of account {SECURITY}, and not of the management account {MANAGEMENT}" in line
        assert summary == "1 checks: 1 wrong."

    def test_without_credentials_nothing_else_is_looked_at(
        self, cdk_json: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
            monkeypatch.delenv(name)
        monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(cdk_json.parent / "none"))
        assert main(["--settings", str(cdk_json)]) == BAD

        [line, _, summary] = capsys.readouterr().out.splitlines()
        assert line.startswith("could not look  credentials  Unable to locate credentials")
        assert summary == "1 checks: 1 could not look."

    def test_half_of_the_credentials_are_none(
        self, cdk_json: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
        assert main(["--settings", str(cdk_json)]) == BAD

        assert "Partial credentials found in env, missing: AWS_SECRET_ACCESS_KEY" in capsys.readouterr().out

    def test_malformed_settings_are_explained(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        file = write_settings(tmp_path, {"policy": "GOLD"})
        assert main(["--settings", str(file)]) == UNUSABLE

        assert "policy is 'GOLD'; allowed is one of" in capsys.readouterr().err

    @pytest.mark.parametrize(
        ("text", "words"),
        [
            ("{", "cannot be read"),
            ("[]", "is no JSON object with a context"),
            ("{}", "the context alertlogic:landing-zone is None"),
        ],
    )
    def test_a_file_without_settings_is_explained(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, words: str
    ) -> None:
        file = tmp_path / "cdk.json"
        file.write_text(text, "utf-8")
        assert main(["--settings", str(file)]) == UNUSABLE

        assert words in capsys.readouterr().err

    def test_a_file_that_holds_no_policy_is_explained(self, cdk_json: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["--settings", str(cdk_json), "--pin", str(cdk_json)]) == UNUSABLE

        assert "this is no IAM policy" in capsys.readouterr().err


@pytest.mark.usefixtures("environment")
class TestPolicies:
    """`python -m alertlogic_constructs.policies` with the key that is in the secret."""

    def test_the_secrets_key_is_used(
        self, zone: Rehearsal, cdk_json: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        zone.alert_logic.role_policies["ci_manual"] = PIN
        output = tmp_path / "pin.json"
        assert policies(["--settings", str(cdk_json), "--output", str(output)]) == 0

        assert capsys.readouterr().out == f"ci_manual of 2022-01-01 is what is pinned here.\n{output} is written.\n"

    def test_a_stack_that_is_not_there_is_explained(self, cdk_json: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert policies(["--settings", str(cdk_json), "--check", "--stack", "AlertLogic-Other"]) == UNUSABLE

        assert "there is no stack AlertLogic-Other with a secret in account 444444444444; use --key-file" in (
            capsys.readouterr().err
        )

    def test_an_account_that_cannot_be_entered_is_explained(
        self, cdk_json: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert policies(["--settings", str(cdk_json), "--check", "--role-name", "Other"]) == UNUSABLE

        assert "AccessDenied" in capsys.readouterr().err


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"trail": None, "guardduty": None},
        {"guardduty": {"administrator": None}},
        {"home_region": "eu-west-1", "guardduty": {"administrator": AUDIT}},
        {"home_region": "eu-west-1", "guardduty": {"administrator": None}},
    ],
)
def test_exactly_the_environments_of_the_samples_stacks_are_to_be_bootstrapped(changes: dict[str, Any]) -> None:
    given = read_settings(settings() | changes)
    app = App(context={"aws:cdk:bundling-stacks": []})
    sample.build(app, given)

    stacks = [node for node in app.node.children if isinstance(node, Stack)]
    assert set(environments(given)) == {(stack.account, stack.region) for stack in stacks}


def test_a_key_policy_admits_an_account_by_its_id_its_root_or_a_role() -> None:
    def policy(principal: Any, *, effect: str = "Allow", action: str = "kms:Decrypt") -> dict[str, Any]:
        return {"Statement": [{"Effect": effect, "Principal": principal, "Action": action, "Resource": "*"}]}

    def level(document: dict[str, Any]) -> Level:
        return key_policy(document, LOG_ARCHIVE).level

    for principal in (LOG_ARCHIVE, f"arn:aws:iam::{LOG_ARCHIVE}:role/alertlogic-central-logs", "*"):
        assert level(policy({"AWS": principal})) is Level.OK
        assert level(policy({"AWS": [principal]}, action="kms:*")) is Level.OK
    assert level(policy("*")) is Level.OK
    assert level({"Statement": policy("*")["Statement"][0]}) is Level.OK
    assert level(policy({"AWS": AUDIT})) is Level.WRONG
    assert level(policy({"AWS": LOG_ARCHIVE}, effect="Deny")) is Level.WRONG
    assert level(policy({"AWS": LOG_ARCHIVE}, action="kms:Encrypt")) is Level.WRONG
    assert level(policy({"Service": "cloudtrail.amazonaws.com"})) is Level.WRONG


def test_a_role_may_trust_the_management_account_by_its_id() -> None:
    zone = read_settings(settings()).landing_zone

    def level(*statements: dict[str, Any]) -> Level:
        return execution_role(zone, {"Statement": [*statements]}).level

    service = {"Effect": "Allow", "Principal": {"Service": "cloudformation.amazonaws.com"}}
    management = {"Effect": "Allow", "Principal": {"AWS": [MANAGEMENT, AUDIT]}}
    assert level(service, management) is Level.OK
    assert level(service, {**management, "Effect": "Deny"}) is Level.WRONG
    assert level({**management, "Principal": "*"}) is Level.OK
    assert execution_role(zone, {"Statement": management}).level is Level.OK


def test_opt_in_regions_are_named() -> None:
    zone = read_settings(settings() | {"governed_regions": [HOME, "eu-south-1"]}).landing_zone

    assert enabled_regions(zone, [HOME, "eu-south-1"]).text.endswith("the opt-in regions eu-south-1 among them")
    assert enabled_regions(zone, [HOME]).text == "eu-south-1 is not enabled"


def test_an_external_id_that_is_another_customers_is_found() -> None:
    given = read_settings(settings())
    role = RolePolicy("ci_manual", "2022-01-01", given.alert_logic.data_center.value, "87654321", {})

    assert trusted(given, role).todo == "set customer_id to 87654321, if that is you"
    assert opinion(RoleVerdict("latest", "", "")).text == "it is the latest"


def test_a_number_of_a_bootstrap_that_is_none_is_found() -> None:
    assert bootstrap(AUDIT, HOME, "six").level is Level.WRONG


def test_the_command_runs_where_nothing_but_the_package_is_on_the_path(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "alertlogic_constructs.preflight"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stdout) == (UNUSABLE, "")
    assert done.stderr.startswith("the checks cannot begin: cdk.json cannot be read ([Errno 2]")
