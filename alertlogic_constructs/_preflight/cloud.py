"""Ways into the accounts of the landing zone that allow nothing but reading."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError

from alertlogic_constructs._naming import CONTROL_TOWER_EXECUTION
from alertlogic_constructs._tools import CommandError

if TYPE_CHECKING:
    from alertlogic_constructs.landing_zone import LandingZone

_CONFIG = Config(connect_timeout=5, read_timeout=20, retries={"mode": "standard", "total_max_attempts": 3})
_SESSION_NAME = "alertlogic-preflight"
_READS = {
    "Effect": "Allow",
    "Action": [
        "account:ListRegions",
        "cloudformation:DescribeStacks",
        "guardduty:DescribeOrganizationConfiguration",
        "guardduty:GetDetector",
        "guardduty:ListDetectors",
        "kms:DescribeKey",
        "kms:GetKeyPolicy",
        "s3:GetBucketLocation",
        "sns:GetTopicAttributes",
    ],
    "Resource": "*",
}
_ROLE = {"Effect": "Allow", "Action": "iam:GetRole", "Resource": f"arn:aws:iam::*:role/{CONTROL_TOWER_EXECUTION}"}
_BOOTSTRAP = {
    "Effect": "Allow",
    "Action": "ssm:GetParameter",
    "Resource": "arn:aws:ssm:*:*:parameter/cdk-bootstrap/*",
}
_SECRET: list[dict[str, Any]] = [
    {"Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": "*"},
    {
        "Effect": "Allow",
        "Action": "kms:Decrypt",
        "Resource": "*",
        "Condition": {"StringLike": {"kms:ViaService": "secretsmanager.*.amazonaws.com"}},
    },
]


def session_policy(*, reads_secret: bool) -> dict[str, Any]:
    """Return all that a session in another account is allowed, whatever its role may do."""
    return {"Version": "2012-10-17", "Statement": [_READS, _ROLE, _BOOTSTRAP, *(_SECRET if reads_secret else ())]}


class Cloud:
    """The accounts of a landing zone, seen from the management account.

    Args:
        landing_zone: The landing zone.
        role_name: The role to assume in every account but the management account.

    Raises:
        CommandError: The environment, or the file that it names, cannot be read, or names an unknown profile.
    """

    def __init__(self, landing_zone: LandingZone, *, role_name: str) -> None:
        self._zone = landing_zone
        self._role_name = role_name
        try:
            self._sessions = {landing_zone.management_account: boto3.session.Session()}
        except BotoCoreError as error:
            raise CommandError(str(error)) from error

    def client(self, service: str, account: str, region: str | None = None) -> Any:  # noqa: ANN401 - a class for each
        """Make a client for a service, in the home region if none is named.

        Raises:
            ClientError: The role in the account cannot be assumed.
        """
        if account not in self._sessions:
            self._sessions[account] = self._assumed(account)
        return self._client(self._sessions[account], service, region or self._zone.home_region)

    def _assumed(self, account: str) -> boto3.session.Session:
        sts = self._client(self._sessions[self._zone.management_account], "sts", self._zone.home_region)
        policy = session_policy(reads_secret=account == self._zone.security_account)
        credentials = sts.assume_role(
            RoleArn=f"arn:aws:iam::{account}:role/{self._role_name}",
            RoleSessionName=_SESSION_NAME,
            Policy=json.dumps(policy, separators=(",", ":")),
        )["Credentials"]
        return boto3.session.Session(
            aws_access_key_id=credentials["AccessKeyId"],
            aws_secret_access_key=credentials["SecretAccessKey"],
            aws_session_token=credentials["SessionToken"],
        )

    @staticmethod
    def _client(session: boto3.session.Session, service: str, region: str) -> Any:  # noqa: ANN401 - as above
        return session.client(service, region_name=region, config=_CONFIG)  # type: ignore[call-overload]
