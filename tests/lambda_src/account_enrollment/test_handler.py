"""Raw messages through the handler: an organization and a hub as moto plays them, a StackSet whose operations last."""

from __future__ import annotations

import io
import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from moto.core.models import DEFAULT_ACCOUNT_ID

from account_enrollment import handler
from aws.clients import client
from tests.lambda_src.account_enrollment.fake_cloudformation import FakeCloudFormation
from tests.lambda_src.account_enrollment.test_settings import ENVIRONMENT
from tests.lambda_src.deliveries import Context, Deliveries, raw_event

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_organizations import OrganizationsClient

EAST, WEST = "us-east-1", "us-west-2"


@dataclass
class LandingZone:
    organizations: OrganizationsClient
    cloudformation: FakeCloudFormation
    deliveries: Deliveries
    hub_url: str
    account_id: str
    log: io.StringIO

    def event(self, name: str = "create-managed-account-succeeded") -> str:
        event = raw_event(name)
        event = json.loads(_in(json.dumps(event).replace("555555555555", self.account_id))) | {"id": event["id"]}
        return json.dumps(event)

    def deliver(self, *bodies: str, received: int = 1) -> list[dict[str, str]]:
        """Deliver these messages, and whatever else is in the queue; return those that go back to it."""
        batch = self.deliveries.batch(*bodies, received=received)
        failures: list[dict[str, str]] = handler.lambda_handler(batch, Context())["batchItemFailures"]  # type: ignore[arg-type]
        for record in batch["Records"]:
            self.deliveries.sqs.delete_message(QueueUrl=self.deliveries.url, ReceiptHandle=record["receiptHandle"])
        return failures

    def sweep(self, name: str = "scheduled-event") -> list[dict[str, str]]:
        """Deliver an event that begins a sweep, and what comes of it."""
        failures = self.deliver(self.event(name))
        while self._has_messages():
            failures += self.deliver()
        return failures

    def account(self, name: str, *, parent: str | None = None) -> str:
        status = self.organizations.create_account(AccountName=name, Email=f"{name}@example.com")["CreateAccountStatus"]
        if parent:
            self.organizations.move_account(
                AccountId=status["AccountId"], SourceParentId=self.root, DestinationParentId=parent
            )
        return status["AccountId"]

    @property
    def root(self) -> str:
        return self.organizations.list_roots()["Roots"][0]["Id"]

    def unit(self, name: str) -> str:
        unit = self.organizations.create_organizational_unit(ParentId=self.root, Name=name)["OrganizationalUnit"]
        return unit["Id"]

    def told(self) -> dict[str, dict[str, Any]]:
        """Return what the hub's bus was told by now, by account."""
        accounts: dict[str, dict[str, Any]] = {}
        while messages := self.deliveries.sqs.receive_message(QueueUrl=self.hub_url, MaxNumberOfMessages=10).get(
            "Messages"
        ):
            for message in messages:
                self.deliveries.sqs.delete_message(QueueUrl=self.hub_url, ReceiptHandle=message["ReceiptHandle"])
                event = json.loads(message["Body"])
                assert (event["source"], event["detail-type"]) == ("alertlogic.accounts", "Accounts")
                accounts |= {it["Id"]: it | {"Sweep": event["detail"]["Sweep"]} for it in event["detail"]["Accounts"]}
        return accounts

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log.getvalue().splitlines()]

    def _has_messages(self) -> bool:
        asked = self.deliveries.sqs.get_queue_attributes(
            QueueUrl=self.deliveries.url, AttributeNames=["ApproximateNumberOfMessages"]
        )
        return asked["Attributes"]["ApproximateNumberOfMessages"] != "0"


@pytest.fixture
def landing_zone(deliveries: Deliveries, monkeypatch: pytest.MonkeyPatch) -> Iterator[LandingZone]:
    organizations: OrganizationsClient = client("organizations")
    organizations.create_organization(FeatureSet="ALL")
    variables = {
        "QUEUE_URL": deliveries.url,
        "DEAD_LETTER_QUEUE_URL": deliveries.dead_letter_url,
        "HUB_BUS_ARN": client("events").create_event_bus(Name="alertlogic-hub")["EventBusArn"],
    }
    for name, value in (ENVIRONMENT | variables).items():
        monkeypatch.setenv(name, _in(value))
    cloudformation = FakeCloudFormation(time.time)
    monkeypatch.setattr(
        handler,
        "client",
        lambda service, **options: cloudformation if service == "cloudformation" else client(service, **options),
    )
    handler.wire.cache_clear()
    log = io.StringIO()
    monkeypatch.setattr(handler.logger.registered_handler, "stream", log)
    zone = LandingZone(organizations, cloudformation, deliveries, _listen(deliveries), "", log)
    zone.account_id = zone.account("shop")
    yield zone
    handler.wire.cache_clear()


def _in(text: str) -> str:
    """Put moto's management account in the place of the made-up one."""
    return text.replace("111111111111", DEFAULT_ACCOUNT_ID)


def _listen(deliveries: Deliveries) -> str:
    """Have a queue get whatever is put on the hub's bus; return its URL."""
    url = deliveries.sqs.create_queue(QueueName="hub")["QueueUrl"]
    arn = deliveries.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    events = client("events")
    events.put_rule(Name="all", EventBusName="alertlogic-hub", EventPattern='{"source": ["alertlogic.accounts"]}')
    events.put_targets(Rule="all", EventBusName="alertlogic-hub", Targets=[{"Id": "queue", "Arn": arn}])
    return url


class TestOneAccount:
    @pytest.mark.parametrize(
        "name",
        [
            "create-managed-account-succeeded",
            "update-managed-account-succeeded",
            "enable-baseline-account",
            "drift-account-moved",
            "move-account",
            "create-account-result-succeeded",
            "account-departed-organization",
        ],
    )
    def test_gets_its_instances_in_one_operation(self, landing_zone: LandingZone, name: str) -> None:
        assert landing_zone.deliver(landing_zone.event(name)) == []

        account = landing_zone.account_id
        assert landing_zone.cloudformation.places() == [(account, EAST), (account, WEST)]
        [operation] = landing_zone.cloudformation.operations
        [line] = landing_zone.lines()
        assert (line["message"], line["account_ids"]) == ("operation begun", [account])
        assert line["operation_id"] == operation.id
        assert line["correlation_id"] == raw_event(name)["id"]
        assert line["service"] == "account_enrollment"

    def test_gets_one_operation_for_the_same_event_twice(self, landing_zone: LandingZone) -> None:
        assert landing_zone.deliver(landing_zone.event(), landing_zone.event()) == []
        landing_zone.cloudformation.finish()
        assert landing_zone.deliver(landing_zone.event()) == []

        assert len(landing_zone.cloudformation.operations) == 1
        messages = [line["message"] for line in landing_zone.lines()]
        assert messages == ["operation begun", "nothing to do", "nothing to do"]

    def test_is_looked_at_for_no_failure_of_control_tower(self, landing_zone: LandingZone) -> None:
        assert landing_zone.deliver(landing_zone.event("create-managed-account-failed")) == []

        assert landing_zone.cloudformation.calls == []
        [line] = landing_zone.lines()
        assert (line["level"], line["reason"]) == ("WARNING", "AWS Control Tower failed to create a managed account.")

    def test_is_looked_at_for_no_call_that_failed(self, landing_zone: LandingZone) -> None:
        assert landing_zone.deliver(landing_zone.event("create-account-result-failed")) == []

        assert landing_zone.cloudformation.calls == []
        [line] = landing_zone.lines()
        assert (line["message"], line["reason"]) == ("nothing to do", "no account was created")

    def test_needs_nothing_outside_of_the_organization(self, landing_zone: LandingZone) -> None:
        landing_zone.account_id = "999999999999"

        assert landing_zone.deliver(landing_zone.event()) == []
        [line] = landing_zone.lines()
        assert (line["message"], line["reason"]) == ("nothing to do", "it is not in the organization")

    def test_waits_while_the_stack_set_is_busy(self, landing_zone: LandingZone) -> None:
        landing_zone.cloudformation.refusals = ["OperationInProgressException"]
        assert len(landing_zone.deliver(landing_zone.event(), received=300)) == 1
        assert landing_zone.deliveries.dead_letters() == []

        assert landing_zone.deliver(landing_zone.event(), received=301) == []
        assert len(landing_zone.cloudformation.places()) == 2

    @pytest.mark.parametrize("name", ["close-account", "close-account-result", "remove-account-from-organization"])
    def test_is_let_go_of_when_it_leaves(self, landing_zone: LandingZone, name: str) -> None:
        landing_zone.cloudformation.put(landing_zone.account_id, EAST, WEST)
        if name.startswith("close"):
            landing_zone.organizations.close_account(AccountId=landing_zone.account_id)
        else:
            landing_zone.organizations.remove_account_from_organization(AccountId=landing_zone.account_id)

        assert landing_zone.deliver(landing_zone.event(name)) == []

        [operation] = landing_zone.cloudformation.operations
        assert (operation.id, operation.retain) == ("remove-1", True)
        [told] = landing_zone.told().values()
        assert (told["Id"], told["Wanted"], told["Sweep"]) == (
            landing_zone.account_id,
            False,
            raw_event(name)["id"],
        )
        assert [it["Region"] for it in told["Instances"]] == [EAST, WEST]

    def test_is_removed_when_it_moves_out_of_the_included_units_and_let_go_of_if_that_fails(
        self, landing_zone: LandingZone, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("DELETION_GUARD_PERCENTAGE", "100")
        monkeypatch.setenv("INCLUDED_UNITS", "ou-abcd-11111111")
        handler.wire.cache_clear()
        landing_zone.cloudformation.put(landing_zone.account_id, EAST, WEST)
        event = landing_zone.event("move-account")

        assert len(landing_zone.deliver(event)) == 1
        landing_zone.cloudformation.finish(failing=[landing_zone.account_id])
        assert landing_zone.deliver(event, received=2) == []
        landing_zone.cloudformation.finish()

        assert [(it.id, it.retain) for it in landing_zone.cloudformation.operations] == [
            ("remove-1", False),
            ("remove-2", True),
        ]
        assert landing_zone.cloudformation.places() == []
        assert landing_zone.told()[landing_zone.account_id]["Reason"] == "it is in no included organizational unit"


class TestSweep:
    @pytest.mark.parametrize("name", ["scheduled-event", "stack-status-change", "update-landing-zone"])
    def test_gives_every_account_its_instances(self, landing_zone: LandingZone, name: str) -> None:
        unit = landing_zone.unit("workloads")
        accounts = [landing_zone.account(f"account-{number}", parent=unit) for number in range(25)]

        assert landing_zone.sweep(name) == []

        everyone = sorted([*accounts, landing_zone.account_id])
        assert landing_zone.cloudformation.places() == [(it, region) for it in everyone for region in (EAST, WEST)]
        told = landing_zone.told()
        assert sorted(told) == everyone
        assert all(it["Wanted"] and it["Reason"] is None for it in told.values())
        looks = [line for line in landing_zone.lines() if line["message"] == "looked at accounts"]
        # The root's two, one of which is the management account, and the unit's, on two pages.
        assert {line["accounts"] for line in looks} >= {2, 5, 20}
        assert landing_zone.deliveries.dead_letters() == []

    def test_begins_nothing_where_all_is_well(self, landing_zone: LandingZone) -> None:
        landing_zone.cloudformation.put(landing_zone.account_id, EAST, WEST)

        assert landing_zone.sweep() == []

        assert landing_zone.cloudformation.operations == []

    def test_lets_go_of_accounts_that_only_the_stack_set_knows(self, landing_zone: LandingZone) -> None:
        landing_zone.cloudformation.put(landing_zone.account_id, EAST, WEST)
        landing_zone.cloudformation.put("999999999999", EAST, WEST)

        assert landing_zone.sweep() == []

        landing_zone.cloudformation.finish()
        assert landing_zone.cloudformation.places() == [
            (landing_zone.account_id, EAST),
            (landing_zone.account_id, WEST),
        ]
        told = landing_zone.told()
        assert {account_id: it["Wanted"] for account_id, it in told.items()} == {
            landing_zone.account_id: True,
            "999999999999": False,
        }

    def test_tells_again_of_an_account_that_left_lately(self, landing_zone: LandingZone) -> None:
        landing_zone.cloudformation.put("999999999999", EAST)
        landing_zone.cloudformation.put(landing_zone.account_id, EAST, WEST)
        landing_zone.sweep()
        landing_zone.cloudformation.finish()
        landing_zone.told()

        assert landing_zone.sweep() == []

        told = landing_zone.told()
        assert {account_id: it["Wanted"] for account_id, it in told.items()} == {
            landing_zone.account_id: True,
            "999999999999": False,
        }
        assert told["999999999999"]["Instances"] == []

    def test_looks_only_below_a_unit_where_an_event_names_one(self, landing_zone: LandingZone) -> None:
        unit = landing_zone.unit("workloads")
        account = landing_zone.account("below", parent=unit)
        event = landing_zone.event("register-organizational-unit").replace("ou-abcd-11111111", unit)

        assert landing_zone.deliver(event) == []
        while landing_zone.told() == {}:
            assert landing_zone.deliver() == []

        assert {it for it, _ in landing_zone.cloudformation.places()} == {account}
        [begun] = [line for line in landing_zone.lines() if line["message"] == "sweep begun"]
        assert begun["unit_id"] == unit

    def test_says_where_there_is_no_such_unit(self, landing_zone: LandingZone) -> None:
        assert landing_zone.deliver(landing_zone.event("register-organizational-unit")) == []

        [line] = landing_zone.lines()
        assert (line["message"], line["unit_id"]) == ("there is no such unit", "ou-abcd-11111111")

    def test_is_done_with_a_page_that_is_gone(self, landing_zone: LandingZone) -> None:
        page = {"Sweep": "page", "Id": "sweep", "Unit": "ou-abcd-11111111", "Ancestors": ["r-abcd"], "Token": None}

        assert landing_zone.deliver(json.dumps(page)) == []

        [line] = landing_zone.lines()
        assert (line["message"], line["accounts"]) == ("looked at accounts", 0)

    def test_a_page_that_waits_does_not_walk_on_again(self, landing_zone: LandingZone) -> None:
        landing_zone.cloudformation.refusals = ["OperationInProgressException"]

        [failure] = landing_zone.sweep()

        walks = [line for line in landing_zone.lines() if line["message"] == "walked on"]
        assert len(walks) == 2
        assert failure


def test_tells_nobody_without_a_hub(landing_zone: LandingZone, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUB_BUS_ARN", "")
    handler.wire.cache_clear()

    assert landing_zone.sweep() == []

    assert len(landing_zone.cloudformation.places()) == 2
    assert landing_zone.told() == {}


def test_sets_aside_what_it_cannot_read_and_handles_the_others(landing_zone: LandingZone) -> None:
    assert landing_zone.deliver("no JSON", landing_zone.event(), "{}") == []

    assert len(landing_zone.cloudformation.places()) == 2
    assert sorted(landing_zone.deliveries.dead_letters()) == [
        ("no JSON", "the message is not JSON"),
        ("{}", "the message is not about accounts: 'id' is missing or unknown"),
    ]
