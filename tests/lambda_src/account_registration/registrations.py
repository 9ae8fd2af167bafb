"""A registration of one account, and Alert Logic's side of it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from account_registration.central_logs import CentralLink
from account_registration.document import amended, amended_scope, new_document
from account_registration.order import ControlTower, Registration, Scope
from aws.organizations import AwsAccountId
from aws.vpcs import Vpc
from protection.ownership import credential_name
from protection.scope import VpcTag

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

ACCOUNT, OTHER = AwsAccountId("555555555555"), AwsAccountId("666666666666")
ROLE, OLD_ROLE = f"arn:aws:iam::{ACCOUNT}:role/new", f"arn:aws:iam::{ACCOUNT}:role/old"
CENTRAL_ROLE = "arn:aws:iam::333333333333:role/alertlogic-central-logs"
NOT_LINKED = CentralLink()
MADE, ADOPTED = (credential_name(ACCOUNT, is_adopted=is_adopted) for is_adopted in (False, True))
POLICY_IDS = {"Professional": "policy-professional", "Essentials": "policy-essentials"}
WHOLE = Scope(
    regions=("us-east-1", "us-west-2"),
    tags=(),
    tag_regions=(),
    former_regions=(),
    former_tag_regions=(),
    prune=False,
)
TAGGED = Scope(
    regions=(),
    tags=(VpcTag("alertlogic", "true"),),
    tag_regions=("us-east-1", "us-west-2"),
    former_regions=(),
    former_tag_regions=(),
    prune=False,
)
REGISTRATION = Registration(
    account_id=ACCOUNT,
    role_arn=ROLE,
    name="shop",
    mode="automatic",
    policy_name="Professional",
    scope=WHOLE,
    control_tower=ControlTower("o-exampleorg1", "us-east-1", AwsAccountId("111111111111")),
    central_logs=False,
    only_if_missing=False,
)
WITH_LOGS = replace(REGISTRATION, central_logs=True)


def vpc(vpc_id: str, **tags: str) -> Vpc:
    return Vpc(vpc_id, tags)


def vpc_key(vpc_id: str, region: str = "us-east-1") -> str:
    return f"/aws/{region}/vpc/{vpc_id}"


def entry(key: str, policy_id: str = POLICY_IDS["Professional"]) -> dict[str, Any]:
    """An entry of a scope; its key tells its type."""
    return {"type": "vpc" if "/vpc/" in key else "region", "key": key, "policy": {"id": policy_id}}


def links_of(purpose: str, *credential_ids: str) -> list[dict[str, str]]:
    return [{"id": credential_id, "purpose": purpose} for credential_id in credential_ids]


def applied_to(
    document: Mapping[str, Any],
    order: Registration,
    credential_id: str,
    *,
    vpcs: Mapping[str, Collection[Vpc]] | None = None,
    is_ours: bool = True,
    central_link: CentralLink = NOT_LINKED,
) -> dict[str, Any]:
    """Return a deployment as an order wants it."""
    scope = amended_scope(document, order, vpcs=vpcs or {}, policy_ids=POLICY_IDS, is_ours=is_ours)
    return amended(document, order, credential_id=credential_id, central_link=central_link, include=scope.include)


def made_for(
    order: Registration,
    credential_id: str,
    *,
    vpcs: Mapping[str, Collection[Vpc]] | None = None,
    central_link: CentralLink = NOT_LINKED,
) -> dict[str, Any]:
    """Return the deployment of an account that had none."""
    return applied_to(new_document(order), order, credential_id, vpcs=vpcs, central_link=central_link)
