"""What a stack asks for, as the properties of its custom resource say it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, cast

from aws.custom_resource import RequestRefusedError
from aws.environment import REGION
from aws.organizations import AwsAccountId
from protection.scope import tags_of

from .order import ControlTower, Deregistration, Registration, Scope

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Protocol

    from aws.custom_resource import StackId
    from protection.scope import VpcTag

    from .order import Offboarding

    class Asking(Protocol):
        """A stack that asks, as in a `Request`."""

        @property
        def stack_id(self) -> StackId:
            """The stack."""
            ...

        @property
        def properties(self) -> Mapping[str, Any]:
            """The custom resource's properties."""
            ...

        @property
        def old_properties(self) -> Mapping[str, Any]:
            """What an update replaces."""
            ...


_ROLE_ARN: Final = re.compile(r"arn:aws:iam::(?P<account>[0-9]{12}):role/[!-~]+")
_MODES: Final = ("automatic", "manual")


def registration_of(asking: Asking) -> Registration:
    """Read what a stack asks for, in a Create, in an Update or as long as it stands.

    Raises:
        RequestRefusedError: A property is missing or malformed, or speaks for another account.
    """
    properties = asking.properties
    account_id = _agreed_account(asking)
    mode = _property(properties, "Mode")
    if mode not in _MODES:
        raise RequestRefusedError(f"Mode is {mode!r}; it must be one of {', '.join(_MODES)}")
    return Registration(
        account_id=account_id,
        role_arn=_property(properties, "RoleArn"),
        name=_property(properties, "AccountName"),
        mode=mode,
        policy_name=_property(properties, "Policy"),
        scope=_scope(asking),
        control_tower=ControlTower(
            organization_id=_property(properties, "OrganizationId"),
            home_region=_property(properties, "HomeRegion"),
            management_account_id=AwsAccountId(_property(properties, "ManagementAccountId")),
        )
        if _property(properties, "OrganizationId")
        else None,
        central_logs=_flag(properties, "CentralLogs"),
        only_if_missing=False,
    )


def _scope(asking: Asking) -> Scope:
    properties, old = asking.properties, asking.old_properties
    regions, tag_regions = _whole_regions(properties), _tag_regions(properties)
    return Scope(
        regions=regions,
        tags=_tags(properties),
        tag_regions=tag_regions,
        former_regions=tuple(name for name in _formerly(_whole_regions, old) if name not in regions),
        former_tag_regions=tuple(name for name in _formerly(_tag_regions, old) if name not in tag_regions),
        prune=_flag(properties, "Prune"),
    )


def _whole_regions(properties: Mapping[str, Any]) -> tuple[str, ...]:
    return _regions(properties, "ScopeRegions")


def _tag_regions(properties: Mapping[str, Any]) -> tuple[str, ...]:
    governed_regions, tags = _regions(properties, "GovernedRegions"), _tags(properties)
    if tags and not governed_regions:
        raise RequestRefusedError("GovernedRegions is empty, so VpcTags would put nothing into scope")
    return governed_regions if tags else ()


def _formerly(
    read: Callable[[Mapping[str, Any]], tuple[str, ...]], old_properties: Mapping[str, Any]
) -> tuple[str, ...]:
    try:
        return read(old_properties)
    except RequestRefusedError:
        # They were refused, or are older than the property, so they never had this effect. And whoever corrects a
        # property must not be refused for what it was.
        return ()


def deregistration_of(asking: Asking, offboarding: Offboarding) -> Deregistration:
    """Read what a Delete asks for: little, since the stack may be older than today's properties.

    Raises:
        RequestRefusedError: It speaks for another account.
    """
    return Deregistration(
        account_id=_agreed_account(asking),
        role_arn=_property(asking.properties, "RoleArn"),
        offboarding=offboarding,
    )


def _agreed_account(asking: Asking) -> AwsAccountId:
    account_id = asking.stack_id.account_id
    role = _ROLE_ARN.fullmatch(_property(asking.properties, "RoleArn"))
    if role is None:
        raise RequestRefusedError("RoleArn is not the ARN of a role")
    claimed = {_property(asking.properties, "AccountId"), role["account"]}
    if claimed != {account_id}:
        raise RequestRefusedError(f"a stack in account {account_id} may not speak for {', '.join(sorted(claimed))}")
    return account_id


def _regions(properties: Mapping[str, Any], name: str) -> tuple[str, ...]:
    regions = properties.get(name)
    if not isinstance(regions, list) or not all(_is_region(region) for region in cast("list[object]", regions)):
        raise RequestRefusedError(f"{name} is not a list of regions")
    return tuple(dict.fromkeys(cast("list[str]", regions)))


def _tags(properties: Mapping[str, Any]) -> tuple[VpcTag, ...]:
    try:
        return tags_of(properties.get("VpcTags"))
    except ValueError as error:
        raise RequestRefusedError(f"VpcTags {error}") from error


def _flag(properties: Mapping[str, Any], name: str) -> bool:
    value = _property(properties, name)
    if value not in {"true", "false"}:
        raise RequestRefusedError(f"{name} is {value!r}; it must be true or false")
    return value == "true"


def _is_region(value: object) -> bool:
    return isinstance(value, str) and re.fullmatch(REGION.pattern, value) is not None


def _property(properties: Mapping[str, Any], name: str) -> str:
    value = properties.get(name)
    if not isinstance(value, str):
        raise RequestRefusedError(f"the property {name} is missing")
    return value
