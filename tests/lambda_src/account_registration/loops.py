"""Loops against the fake Alert Logic, and what they come to."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

from account_registration.convergence import Convergence
from account_registration.effort import Settled
from alertlogic_api import AccessKey, AlertLogic, AlertLogicSettings
from aws import clients
from aws.index import Index
from aws.organizations import AwsAccountId
from protection.ownership import credential_name
from tests.lambda_src.account_registration.fake_names import FakeNames
from tests.lambda_src.account_registration.fake_vpcs import FakeVpcs
from tests.lambda_src.account_registration.registrations import CENTRAL_ROLE, REGISTRATION
from tests.lambda_src.accounts_tables import TABLE_NAME
from tests.rehearsal.alertlogic import ACCESS_KEY_ID, SECRET_KEY

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mypy_boto3_dynamodb import DynamoDBClient

    from account_registration.effort import Outcome
    from account_registration.order import Order, Registration
    from tests.rehearsal.alertlogic import FakeAlertLogic, LoggedRequest


def client(fake: FakeAlertLogic, access_key: Callable[[], AccessKey] | None = None) -> AlertLogic:
    settings = AlertLogicSettings.from_environment(
        {
            "ALERTLOGIC_CUSTOMER_ID": fake.customer_id,
            "ALERTLOGIC_SECRET_ARN": "arn:aws:secretsmanager:us-east-1:444444444444:secret:alertlogic-AbCdEf",
            "ALERTLOGIC_GLOBAL_ENDPOINT": fake.url,
        }
    )
    access_key = access_key or (lambda: AccessKey(ACCESS_KEY_ID, SECRET_KEY))
    return AlertLogic(settings, access_key=access_key, sleep=lambda _: None)


class Clock:
    """The time, which a test can put forward."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead


@cache
def dynamodb() -> DynamoDBClient:
    """Return one client for all tests: it takes long to make."""
    return clients.client("dynamodb")


def index_of(clock: Callable[[], float] = time.time) -> Index:
    return Index(dynamodb(), table_name=TABLE_NAME, clock=clock)


def empty_table() -> None:
    for item in dynamodb().scan(TableName=TABLE_NAME)["Items"]:
        dynamodb().delete_item(TableName=TABLE_NAME, Key={name: item[name] for name in ("account_id", "item")})


def loop_of(
    alert_logic: AlertLogic,
    vpcs: FakeVpcs | None = None,
    names: FakeNames | None = None,
    *,
    index: Index | None = None,
    clock: Callable[[], float] = time.time,
) -> Convergence:
    return Convergence(
        alert_logic,
        vpcs or FakeVpcs(),
        names or FakeNames(),
        index or index_of(clock),
        central_logs_role_arn=CENTRAL_ROLE,
        clock=clock,
    )


def steps_of(alert_logic: AlertLogic, index: Index) -> list[tuple[object, tuple[str, ...]]]:
    """Return all calls that a loop makes: the names of the methods of each object."""
    return [
        (alert_logic.credentials, ("list", "get", "create", "delete")),
        (alert_logic.deployments, ("list", "get", "create", "update", "delete")),
        (index, ("entries", "all_entries", "add", "add_missing", "replace", "remove", "write")),
        (index, ("listed", "begin_listing", "end_listing", "give_up_listing")),
    ]


def accounts(number: int) -> list[Registration]:
    return [
        replace(REGISTRATION, account_id=AwsAccountId(f"{first:012}"), role_arn=f"arn:aws:iam::{first:012}:role/r")
        for first in range(600000000000, 600000000000 + number)
    ]


def one(outcomes: dict[AwsAccountId, Outcome]) -> Outcome:
    [outcome] = outcomes.values()
    return outcome


def assert_registered_once(
    fake: FakeAlertLogic, registration: Registration = REGISTRATION, *, is_adopted: bool = False
) -> str:
    [deployment] = fake.deployments_of(registration.account_id)
    [credential] = [it for it in fake.credentials.values() if it["secrets"]["arn"] == registration.role_arn]
    assert credential["name"] == credential_name(registration.account_id, is_adopted=is_adopted)
    assert deployment["credentials"] == [{"id": credential["id"], "purpose": "discover"}]
    assert deployment["enabled"]
    return deployment["id"]


def assert_indexed(fake: FakeAlertLogic) -> None:
    """Nothing that Alert Logic holds is missing in the index, and what it does not hold is not in it."""
    assert {it.id for it in index_of().all_entries()} == fake.credentials.keys() | fake.deployments.keys()


def calls(requests: Sequence[LoggedRequest]) -> list[str]:
    return [f"{request.method} {request.path.split('/')[4]}" for request in requests]


def at_once(fake: FakeAlertLogic, *orders: Order, vpcs: FakeVpcs | None = None) -> list[Outcome]:
    """Let loops of their own work on the orders at the same time, each with connections of its own."""
    loops = [(loop_of(client(fake), vpcs), order) for order in orders]
    for loop, _ in loops:
        loop.converge([])
    start = threading.Barrier(len(loops))
    somebody_returned = threading.Condition()

    def work(loop: Convergence, order: Order) -> Outcome:
        start.wait()
        deadline = time.monotonic() + 20
        while True:  # as the queue delivers again what has to wait
            outcome = one(loop.converge([order]))
            with somebody_returned:
                somebody_returned.notify_all()
                if isinstance(outcome, Settled) or time.monotonic() > deadline:
                    return outcome
                somebody_returned.wait(timeout=0.1)

    with ThreadPoolExecutor(len(loops)) as pool:
        return [it.result() for it in [pool.submit(work, loop, order) for loop, order in loops]]
