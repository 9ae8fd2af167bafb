"""What a scene can have happen in the landing zone as a whole, and see of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.rehearsal import Rehearsal
from tests.rehearsal.calls import ApiCall
from tests.rehearsal.gateway import AwsError
from tests.rehearsal.moto_state import backend, bucket_versions
from tests.rehearsal.principals import Operator

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

UNIT = "Workloads/Dev"
ENROLLMENT = "account_enrollment"


@pytest.fixture(scope="module")
def master() -> Generator[Rehearsal]:
    """The stacks of all accounts, deployed where accounts have long been, all of which are registered."""
    with Rehearsal() as started:
        started.deploy("AlertLogic-Security")
        started.put_secret_value()
        started.create_account("shop", UNIT)
        started.deploy("AlertLogic-LogArchive", "AlertLogic-Audit", "AlertLogic-Master")
        started.settle(within_minutes=10)
        yield started


def entries(rehearsal: Rehearsal) -> dict[str, dict[str, Any]]:
    status = rehearsal.status()
    assert status is not None
    return {entry["id"]: entry for entry in status["accounts"]}


def test_the_deployment_begins_a_sweep(master: Rehearsal) -> None:
    zone = master.zone
    shop = next(account for account, name in master.organization.names.items() if name == "shop")
    for account in (zone.audit, zone.log_archive, zone.security, shop):
        assert master.registration_status(account) == "registered"
    assert not master.stack_instances(zone.management)


def test_a_sweep_finds_what_no_event_told_of(master: Rehearsal) -> None:
    account = master.create_account("silent", UNIT)
    master.settle(within_minutes=10)
    assert not master.stack_instances(account)

    master.sweep()

    assert master.registration_status(account) == "registered"
    assert [one["name"] for one in master.deployments(account)] == ["silent"]


def test_who_sends_itself_messages_is_found(master: Rehearsal) -> None:
    function = master.functions.labeled(ENROLLMENT)
    assert master.loops() == []

    function.may_loop = False

    assert master.loops() == [ENROLLMENT]
    function.may_loop = True


def test_the_status_is_written_and_its_versions_are_kept(master: Rehearsal) -> None:
    account = master.vend_account("seen", UNIT)
    master.settle(within_minutes=10)
    master.sweep()
    before = len(master.status_versions())

    entry = entries(master)[account]

    assert (entry["name"], entry["enrolled"], entry["registered"], entry["why"]) == ("seen", True, True, None)
    versions = master.status_versions()
    assert len(versions) == before + 1
    assert account in {one["id"] for one in versions[-1]["accounts"]}
    assert account in {item["account_id"]["S"] for item in master.hub_items()}


@pytest.mark.parametrize(
    "tell",
    [
        lambda rehearsal, account: rehearsal.organizations_event("MoveAccount", account, sourceParentId="r-reh1"),
        lambda rehearsal, account: rehearsal.organizations_event("CreateAccountResult", account),
        lambda rehearsal, account: rehearsal.organizations_event("AccountJoinedOrganization", account),
        lambda rehearsal, account: rehearsal.baseline_event("EnableBaseline", account),
        lambda rehearsal, _: rehearsal.baseline_event("UpdateEnabledBaseline", UNIT),
        lambda rehearsal, account: rehearsal.drift_event(account),
        lambda rehearsal, _: rehearsal.unit_event("RegisterOrganizationalUnit", UNIT),
        lambda rehearsal, _: rehearsal.landing_zone_event(),
    ],
    ids=["moved", "created", "joined", "baseline", "unit baseline", "drift", "unit registered", "landing zone"],
)
def test_an_event_leads_to_the_account(master: Rehearsal, tell: Callable[[Rehearsal, str], int]) -> None:
    account = master.create_account(f"told-{len(master.organization.names)}", UNIT)

    assert tell(master, account) == 1

    master.settle(within_minutes=10)
    assert master.registration_status(account) == "registered"


def test_a_call_to_organizations_that_failed_reaches_nobody(master: Rehearsal) -> None:
    assert master.organizations_event("CloseAccount", master.zone.audit, errorCode="AccessDeniedException") == 0


def test_what_becomes_of_an_event_can_be_chosen(master: Rehearsal, monkeypatch: pytest.MonkeyPatch) -> None:
    account = master.create_account("fated", UNIT)
    arrivals: list[tuple[float, ...]] = [(), (600.0,), (0.0, 0.0)]
    monkeypatch.setattr(master.event_bridge, "fate", lambda _: arrivals.pop(0) if arrivals else (0,))
    with master.pollers.paused(ENROLLMENT):
        assert [master.drift_event(account) for _ in range(3)] == [0, 0, 2]
        master.settle(within_minutes=9)
        assert master.queue_depths()[ENROLLMENT] == 2
        master.settle(within_minutes=10)
        assert master.queue_depths()[ENROLLMENT] == 3
    monkeypatch.undo()
    master.settle(within_minutes=20)


def test_calls_of_functions_can_be_made_to_fail(master: Rehearsal, monkeypatch: pytest.MonkeyPatch) -> None:
    account = master.create_account("faulty", UNIT)
    failed: list[str] = []

    def fail(call: ApiCall) -> AwsError | None:
        if len(failed) >= 4 or call.operation != "DescribeAccount":
            return None
        failed.append(call.operation)
        return AwsError("TooManyRequestsException", "slow down")

    monkeypatch.setattr(master.gateway, "fault", fail)
    master.drift_event(account)
    master.settle(within_minutes=30)

    assert len(failed) == 4
    assert master.registration_status(account) == "registered"


def test_an_account_moves_and_leaves(master: Rehearsal) -> None:
    account = master.vend_account("mover", UNIT)
    master.settle(within_minutes=10)
    master.move_account(account, "Workloads/Prod", tell=False)
    assert master.organization.unit_of(account) == "Workloads/Prod"
    master.move_account(account, "Elsewhere")
    master.settle(within_minutes=60)
    assert not master.stack_instances(account)
    assert [one["enabled"] for one in master.deployments(account)] == [False]

    master.remove_account(account)
    master.settle(within_minutes=10)

    assert not master.organization.is_member(account)
    with pytest.raises(AwsError, match="not in the organization"):
        _ask_for_the_name(master, account)


def _ask_for_the_name(rehearsal: Rehearsal, account: str) -> Any:
    handler = rehearsal.organization.account_handlers()["GetAccountInformation"]
    return handler(ApiCall("account", "GetAccountInformation", account, "us-east-1", {}, Operator(account)))


def test_all_stacks_go_and_leave_nothing(master: Rehearsal) -> None:
    bucket = master.status_bucket
    master.status()
    assert bucket_versions(bucket)

    master.destroy_all()

    assert {stack.status for stack in master.stacks.all} == {"DELETE_COMPLETE"}
    assert bucket_versions(bucket) == []
    assert not backend("dynamodb", master.zone.security, master.zone.home_region).tables
    assert master.functions.others == {}
    assert master.authority.bucket_policies == {}
