"""Raw events through the handler, against an organization and a StackSet as moto plays them."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from moto.cloudformation.models import StackInstance

from account_enrollment import handler
from aws.clients import client
from tests.lambda_src.account_enrollment.test_settings import ENVIRONMENT
from tests.lambda_src.deliveries import Context, Deliveries, raw_event
from tests.lambda_src.wire import answer_with_error, calls_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_cloudformation import CloudFormationClient

STACK_SET = ENVIRONMENT["STACK_SET_NAME"]
TEMPLATE = json.dumps(
    {
        "Parameters": {"AccountName": {"Type": "String", "Default": ""}},
        "Resources": {"Topic": {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": "topic"}}},
    }
)


@dataclass
class LandingZone:
    cloudformation: CloudFormationClient
    deliveries: Deliveries
    account_id: str
    log: io.StringIO

    def event(self, name: str = "create-managed-account-succeeded", *, event_id: str | None = None) -> str:
        event = raw_event(name)
        [status] = event["detail"]["serviceEventDetails"].values()
        status["account"]["accountId"] = self.account_id
        return json.dumps(event | ({"id": event_id} if event_id else {}))

    def deliver(self, *bodies: str, received: int = 1) -> list[dict[str, str]]:
        batch = self.deliveries.batch(*bodies, received=received)
        return handler.lambda_handler(batch, Context())["batchItemFailures"]  # type: ignore[arg-type]

    def instances(self) -> list[tuple[str, str]]:
        summaries = self.cloudformation.list_stack_instances(StackSetName=STACK_SET)["Summaries"]
        return sorted((it.get("Account", ""), it.get("Region", "")) for it in summaries)

    def operations(self) -> list[str]:
        summaries = self.cloudformation.list_stack_set_operations(StackSetName=STACK_SET)["Summaries"]
        return [it.get("OperationId", "") for it in summaries]

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log.getvalue().splitlines()]


@pytest.fixture
def landing_zone(deliveries: Deliveries, monkeypatch: pytest.MonkeyPatch) -> Iterator[LandingZone]:
    queues = {"QUEUE_URL": deliveries.url, "DEAD_LETTER_QUEUE_URL": deliveries.dead_letter_url}
    for name, value in (ENVIRONMENT | queues).items():
        monkeypatch.setenv(name, value)
    organizations = client("organizations")
    organizations.create_organization(FeatureSet="ALL")
    status = organizations.create_account(AccountName="shop", Email="shop@example.com")["CreateAccountStatus"]
    cloudformation = client("cloudformation")
    cloudformation.create_stack_set(StackSetName=STACK_SET, TemplateBody=TEMPLATE)
    handler.wire.cache_clear()
    log = io.StringIO()
    monkeypatch.setattr(handler.logger.registered_handler, "stream", log)
    yield LandingZone(cloudformation, deliveries, status.get("AccountId", ""), log)
    handler.wire.cache_clear()


@pytest.mark.parametrize("name", ["create-managed-account-succeeded", "update-managed-account-succeeded"])
def test_gives_a_new_account_its_instances_in_one_operation(
    landing_zone: LandingZone, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    calls = calls_of(monkeypatch, "cloudformation", "CreateStackInstances")

    assert landing_zone.deliver(landing_zone.event(name)) == []

    account = landing_zone.account_id
    assert landing_zone.instances() == [(account, "us-east-1"), (account, "us-west-2")]
    [call] = calls
    [line] = landing_zone.lines()
    assert (line["message"], line["account_id"]) == ("operation begun", account)
    assert [line["operation_id"]] == call["OperationId"]
    assert line["correlation_id"] == raw_event(name)["id"]
    assert line["service"] == "account_enrollment"


def test_passes_the_name_of_the_account_on(landing_zone: LandingZone, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = calls_of(monkeypatch, "cloudformation", "CreateStackInstances")

    landing_zone.deliver(landing_zone.event())

    [call] = calls
    assert call["ParameterOverrides.member.1.ParameterKey"] == ["AccountName"]
    assert call["ParameterOverrides.member.1.ParameterValue"] == ["shop"]


def test_begins_one_operation_for_the_same_event_twice(landing_zone: LandingZone) -> None:
    assert landing_zone.deliver(landing_zone.event(), landing_zone.event()) == []
    assert landing_zone.deliver(landing_zone.event()) == []

    assert len(landing_zone.operations()) == 1
    assert [line["message"] for line in landing_zone.lines()] == ["operation begun", "nothing to do", "nothing to do"]


def test_reads_what_accounts_share_once_for_a_batch(landing_zone: LandingZone, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = calls_of(monkeypatch, "cloudformation", "ListStackSetOperations")

    landing_zone.deliver(*[landing_zone.event(event_id=f"event-{number}") for number in range(5)])

    assert len(calls) == 1


def test_logs_what_control_tower_says_of_a_failure_and_ends_there(landing_zone: LandingZone) -> None:
    assert landing_zone.deliver(landing_zone.event("create-managed-account-failed")) == []

    assert landing_zone.instances() == []
    [line] = landing_zone.lines()
    assert (line["level"], line["reason"]) == ("WARNING", "AWS Control Tower failed to create a managed account.")


def test_does_nothing_for_an_account_that_is_not_in_the_organization(landing_zone: LandingZone) -> None:
    landing_zone.account_id = "999999999999"

    assert landing_zone.deliver(landing_zone.event()) == []
    [line] = landing_zone.lines()
    assert (line["message"], line["reason"]) == ("nothing to do", "it is not in the organization")


def test_does_nothing_for_a_closed_account(landing_zone: LandingZone) -> None:
    client("organizations").close_account(AccountId=landing_zone.account_id)

    assert landing_zone.deliver(landing_zone.event()) == []
    assert landing_zone.instances() == []


def test_tries_again_later_while_the_stack_set_is_busy(
    landing_zone: LandingZone, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as busy:
        answer_with_error(busy, "cloudformation", "CreateStackInstances", "OperationInProgressException", status=409)
        assert len(landing_zone.deliver(landing_zone.event(), received=300)) == 1
    assert landing_zone.deliveries.dead_letters() == []

    assert landing_zone.deliver(landing_zone.event()) == []
    assert len(landing_zone.instances()) == 2


def test_updates_a_failed_instance(landing_zone: LandingZone, monkeypatch: pytest.MonkeyPatch) -> None:
    landing_zone.deliver(landing_zone.event())
    set_status(monkeypatch, "us-west-2", "OUTDATED", "FAILED")
    calls = calls_of(monkeypatch, "cloudformation", "UpdateStackInstances")

    assert landing_zone.deliver(landing_zone.event(event_id="another")) == []

    [call] = calls
    assert call["Regions.member.1"] == ["us-west-2"]
    assert "Regions.member.2" not in call


def test_lets_go_of_an_inoperable_instance_and_makes_it_anew_on_the_next_delivery(
    landing_zone: LandingZone, monkeypatch: pytest.MonkeyPatch
) -> None:
    landing_zone.deliver(landing_zone.event())
    set_status(monkeypatch, "us-west-2", "INOPERABLE", "INOPERABLE")
    deletions = calls_of(monkeypatch, "cloudformation", "DeleteStackInstances")

    assert len(landing_zone.deliver(landing_zone.event(event_id="another"))) == 1
    [deletion] = deletions
    assert deletion["RetainStacks"] == ["true"]
    assert len(landing_zone.instances()) == 1

    assert landing_zone.deliver(landing_zone.event(event_id="another")) == []
    assert len(landing_zone.instances()) == 2


def test_sets_aside_what_is_no_lifecycle_event_and_handles_the_others(landing_zone: LandingZone) -> None:
    assert landing_zone.deliver("no JSON", landing_zone.event(), "{}") == []

    assert len(landing_zone.instances()) == 2
    assert sorted(landing_zone.deliveries.dead_letters()) == [
        ("no JSON", "the message is not JSON"),
        ("{}", "the message is not a lifecycle event of an account: 'detail' is missing or unknown"),
    ]


def set_status(monkeypatch: pytest.MonkeyPatch, region: str, status: str, detailed_status: str) -> None:
    """Give the present instance of a region a status, which moto by itself always has at its best."""
    described = StackInstance.to_dict
    changed: set[int] = set()

    def describe(self: StackInstance) -> dict[str, Any]:
        # Only the first that is seen: one that is made anew is a good one.
        if self.region_name == region and changed.union({id(self)}) == {id(self)}:
            changed.add(id(self))
            status_of_instance = {"DetailedStatus": detailed_status}
            return {**described(self), "Status": status, "StackInstanceStatus": status_of_instance}
        return described(self)

    monkeypatch.setattr(StackInstance, "to_dict", describe)
