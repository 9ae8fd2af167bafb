"""The landing zone: an organization with Control Tower's accounts, roles and events."""

from __future__ import annotations

import json
import re
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from unittest import mock

from moto.organizations import utils

from tests.rehearsal.authority import ALLOW_ALL
from tests.rehearsal.gateway import AwsError
from tests.rehearsal.moto_state import backend
from tests.rehearsal.principals import Operator
from tests.rehearsal.synthesis import ROOT, settings

if TYPE_CHECKING:
    from tests.rehearsal.calls import ApiCall
    from tests.rehearsal.clock import VirtualClock
    from tests.rehearsal.gateway import Gateway, Handler
    from tests.rehearsal.templates import Json

EVENTS = ROOT / "tests" / "events"
EXECUTION_ROLE = "AWSControlTowerExecution"
ROOT_ID = "r-reh1"


@dataclass(frozen=True)
class Zone:
    """The settings with which the sample is synthesized, as far as the rehearsal needs them."""

    organization_id: str
    management: str
    audit: str
    log_archive: str
    security: str
    home_region: str
    governed_regions: tuple[str, ...]
    customer_id: str
    policy: str
    vpc_tags: dict[str, str]
    guardduty_administrator: str
    excluded_account: str

    @classmethod
    def of_settings(cls) -> Zone:
        context = settings()
        [excluded_account] = context["excluded_accounts"]
        return cls(
            organization_id=context["organization_id"],
            management=context["management_account"],
            audit=context["audit_account"],
            log_archive=context["log_archive_account"],
            security=context["security_account"],
            home_region=context["home_region"],
            governed_regions=tuple(context["governed_regions"]),
            customer_id=context["customer_id"],
            policy=context["policy"].capitalize(),
            vpc_tags=context["vpc_tags"],
            guardduty_administrator=context["guardduty"]["administrator"],
            excluded_account=excluded_account,
        )


class Organization:
    """AWS Organizations and Control Tower's Account Factory."""

    def __init__(self, zone: Zone, clock: VirtualClock) -> None:
        self.names: dict[str, str] = {}
        self.units: dict[str, str] = {"": ROOT_ID}
        self._zone = zone
        self._clock = clock
        self._vended = 0
        self._events = 0
        self._gateway: Gateway | None = None

    def found(self, gateway: Gateway) -> None:
        """Create the organization with the accounts of a landing zone."""
        self._gateway = gateway
        zone = self._zone
        with (
            mock.patch.object(utils, "make_random_org_id", return_value=zone.organization_id),
            mock.patch.object(utils, "make_random_root_id", return_value=ROOT_ID),
            # moto gives the management account's role to a made-up account first.
            mock.patch.object(utils, "make_random_account_id", return_value=zone.management),
        ):
            self._api().create_organization(FeatureSet="ALL")
        self.names[zone.management] = "master"
        for name, account in (("Audit", zone.audit), ("Log Archive", zone.log_archive), ("Security", zone.security)):
            self.create_account(name, unit="Security", account=account)

    def create_account(self, name: str, *, unit: str, account: str | None = None) -> str:
        """Create an account with Control Tower's role in a unit, given by its path, such as `Workloads/Prod`."""
        if account is None:
            self._vended += 1
            account = f"{500000000000 + self._vended:012d}"
        with mock.patch.object(utils, "make_random_account_id", return_value=account):
            self._api().create_account(AccountName=name, Email=f"aws+{account}@example.com", RoleName=EXECUTION_ROLE)
        self._gateway_of().client("iam", Operator(account), self._zone.home_region).put_role_policy(
            RoleName=EXECUTION_ROLE, PolicyName="AdministratorAccess", PolicyDocument=json.dumps(ALLOW_ALL)
        )
        self._api().move_account(AccountId=account, SourceParentId=ROOT_ID, DestinationParentId=self.unit(unit))
        self.names[account] = name
        return account

    def unit(self, path: str) -> str:
        """The id of a unit, which tells its path; created with its parents if need be."""
        if path not in self.units:
            above, _, name = path.rpartition("/")
            parent = self.unit(above)
            letters = re.sub(r"[^a-z0-9]", "", path.lower())
            with mock.patch.object(utils, "make_random_ou_id", return_value=f"ou-{ROOT_ID[2:]}-{letters:0<8}"):
                created = self._api().create_organizational_unit(ParentId=parent, Name=name)
            self.units[path] = created["OrganizationalUnit"]["Id"]
        return self.units[path]

    def move(self, account: str, unit: str) -> tuple[str, str]:
        """Move an account into a unit; return the ids of where it was and is."""
        source = self._parent(account)
        destination = self.unit(unit)
        self._api().move_account(AccountId=account, SourceParentId=source, DestinationParentId=destination)
        return source, destination

    def unit_of(self, account: str) -> str:
        """The path of the unit that an account is in; empty for the root."""
        parent = self._parent(account)
        return next(path for path, id_ in self.units.items() if id_ == parent)

    def remove(self, account: str) -> None:
        """Take an account out of the organization."""
        self._api().remove_account_from_organization(AccountId=account)
        del self.names[account]

    def is_member(self, account: str) -> bool:
        return account in self.names

    def is_suspended(self, account: str) -> bool:
        return any(known.id == account and known.state == "SUSPENDED" for known in self._accounts())

    def arn(self, entity: str) -> str:
        """The ARN of an account, a unit or the root."""
        kind = {"o": "ou", "r": "root"}.get(entity[0], "account")
        return f"arn:aws:organizations::{self._zone.management}:{kind}/{self._zone.organization_id}/{entity}"

    def lifecycle_event(self, name: str, account: str, *, unit: str, state: str, message: str) -> Json:
        """Control Tower's event about an account, made from one of those in `tests/events`."""
        zone, now = self._zone, self._clock.iso()
        words = re.findall("[A-Z][a-z]*", name)
        file = EVENTS / f"{'-'.join([*words, state]).lower()}.json"
        event: Json = json.loads(file.read_text(encoding="utf-8"))
        detail = event["detail"]
        [status] = detail["serviceEventDetails"].values()
        self._events += 1
        event_id = str(uuid.uuid5(uuid.NAMESPACE_URL, f"event/{self._events}"))
        event |= {"id": event_id, "account": zone.management, "time": now, "region": zone.home_region}
        detail |= {
            "eventTime": now,
            "awsRegion": zone.home_region,
            "eventID": event_id,
            "recipientAccountId": zone.management,
        }
        detail["userIdentity"]["accountId"] = zone.management
        status |= {
            "organizationalUnit": {
                "organizationalUnitName": unit.rsplit("/", 1)[-1],
                "organizationalUnitId": self.unit(unit),
            },
            "account": {"accountName": self.names.get(account, ""), "accountId": account},
            "message": message,
            "requestedTimestamp": now.replace("Z", "+0000"),
            "completedTimestamp": now.replace("Z", "+0000"),
        }
        return event

    def _parent(self, account: str) -> str:
        [parent] = self._api().list_parents(ChildId=account)["Parents"]
        parent_id: str = parent["Id"]
        return parent_id

    def account_handlers(self) -> dict[str, Handler]:
        """The service in which an account tells of itself; moto knows only its contacts."""
        return {"GetAccountInformation": self._account_information}

    def _account_information(self, call: ApiCall) -> dict[str, Any]:
        """See https://docs.aws.amazon.com/accounts/latest/reference/API_GetAccountInformation.html."""
        if call.account not in self.names:
            raise AwsError("ResourceNotFoundException", "The account is not in the organization.")
        return {"AccountId": call.account, "AccountName": self.names[call.account]}

    def _accounts(self) -> list[Any]:
        accounts: list[Any] = backend("organizations", self._zone.management, "aws").accounts
        return accounts

    def _api(self) -> Any:
        return self._gateway_of().client("organizations", Operator(self._zone.management), self._zone.home_region)

    def _gateway_of(self) -> Gateway:
        if self._gateway is None:
            raise RuntimeError("the organization is not founded yet")
        return self._gateway
