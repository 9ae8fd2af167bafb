"""The life of an installation on a landing zone that is there already, in virtual time.

It is deployed, and its first sweep onboards every account. A quiet sweep later finds nothing to do. Then every account
has an event about one of its VPCs, within an hour. All functions are the real ones; AWS and Alert Logic are modeled.
"""

from __future__ import annotations

import contextlib
import io
import json
import logging
import random
import uuid
from collections import Counter
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from http import HTTPStatus
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final
from unittest import mock

import account_enrollment.handler
import account_registration.handler
import alertlogic_api.client
import aws.reader
import vpc_scope.handler

from .growth_alertlogic import CUSTOMER, AlertLogic, Transport
from .growth_aws import (
    HOME_REGION,
    MANAGEMENT,
    READER_ROLE,
    REGIONS,
    SECURITY,
    VPC_TAGS,
    Member,
    Object,
    Organization,
    SecurityTokens,
    StackSet,
)
from .growth_clock import Simulation
from .growth_lambda import Function
from .growth_network import Network, Traffic
from .growth_table import Table

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Generator, Mapping, Sequence

BEGINS_AT: Final = 1_800_000_000.0
SWEEP_SECONDS: Final = 6 * 3600.0
STATUS_SECONDS: Final = 900.0
MAX_CONCURRENT_PERCENTAGE: Final = 25
# How long an event, or a message through SNS, is on its way.
DELIVERY_SECONDS: Final = 0.5
# Within which every account has an event about a VPC.
EVENTS_SECONDS: Final = 3600.0

_STACK: Final = f"arn:aws:cloudformation:{HOME_REGION}:{MANAGEMENT}:stack/alertlogic-master/{uuid.UUID(int=1)}"
_CENTRAL_LOGS_ROLE: Final = "arn:aws:iam::333333333333:role/alertlogic-central-logs"
_SECRET: Final = json.dumps({"access_key_id": "0123456789abcdef", "secret_key": "benchmark"})


@dataclass(frozen=True)
class Phase:
    """What one part of the story took.

    Attributes:
        traffic: With all APIs.
        invocations: How long each invocation took, by function.
        seconds: Until all was as wanted.
        waits: How often messages had to come back, by function.
        longest_wait: How many seconds a message waited at most to be delivered for the first time, by function.
    """

    traffic: Traffic
    invocations: Mapping[str, list[float]]
    seconds: float
    waits: Mapping[str, int]
    longest_wait: Mapping[str, float]


@dataclass(frozen=True)
class Story:
    """An installation for so many accounts, from its deployment on."""

    accounts: int
    deployment: Phase
    quiet_sweep: Phase
    vpc_events: Phase

    @property
    def phases(self) -> Mapping[str, Phase]:
        """What it consists of, by a name for people."""
        return {"deployment": self.deployment, "quiet sweep": self.quiet_sweep, "VPC events": self.vpc_events}

    @property
    def calls(self) -> int:
        """All calls to all APIs."""
        return sum(it.traffic.calls.total() for it in self.phases.values())

    @property
    def bytes(self) -> int:
        """All bytes to and from all APIs."""
        return sum(it.traffic.bytes.total() for it in self.phases.values())

    def longest(self, function: str) -> float:
        """Return the seconds of the longest invocation of a function."""
        return max(max(it.invocations[function], default=0) for it in self.phases.values())


def tell(number: int) -> Story:
    """Simulate the story for so many accounts.

    Raises:
        RuntimeError: It does not end well.
    """
    random.seed(number)
    world = World(number)
    with world.deployed():
        deployment = world.live(world.deploy)
        world.require_protected()
        world.rest()
        quiet_sweep = world.live(world.sweep)
        world.require_protected()
        world.require_seen()
        world.rest()
        vpc_events = world.live(world.touch_vpcs)
        world.require_protected()
    return Story(number, deployment, quiet_sweep, vpc_events)


class World:
    """The landing zone, Alert Logic and the functions, for so many accounts.

    Attributes:
        functions: The functions.
    """

    def __init__(self, number: int) -> None:
        self._simulation = Simulation(BEGINS_AT)
        self._network = Network(self._simulation)
        self._accounts = [f"{200_000_000_000 + at}" for at in range(number)]
        self._organization = Organization(self._accounts)
        self._stack_set = StackSet(self._simulation, self._register)
        self._alert_logic = AlertLogic(self._simulation.clock)
        self._status = Object()
        table = self._network.client("dynamodb", Table())
        self._errors = _Errors()
        self._events = 0
        self._settled_at = 0.0
        self._enrollment = Function(
            "account_enrollment",
            account_enrollment.handler,
            MANAGEMENT,
            _enrollment_environment(),
            self._simulation,
        )
        self._registration = Function(
            "account_registration",
            account_registration.handler,
            SECURITY,
            _registration_environment(),
            self._simulation,
        )
        self._scope = Function(
            "vpc_scope",
            vpc_scope.handler,
            SECURITY,
            _scope_environment(),
            self._simulation,
            batch_size=100,
            window=10,
            delay=10,
        )
        self.functions: Final = (self._enrollment, self._registration, self._scope)
        sts, secrets_manager = (
            self._network.client("sts", SecurityTokens()),
            self._network.client("secretsmanager", self),
        )
        self._clients: Mapping[str, Mapping[str, Any]] = {
            "account_enrollment": {
                "sqs": self._network.client("sqs", self._enrollment),
                "organizations": self._network.client("organizations", self._organization),
                "cloudformation": self._network.client("cloudformation", self._stack_set, region=HOME_REGION),
                "events": self._network.client("events", self),
            },
            "account_registration": {
                "sqs": self._network.client("sqs", self._registration),
                "sts": sts,
                "dynamodb": table,
                "s3": self._network.client("s3", self._status),
                "secretsmanager": secrets_manager,
            },
            "vpc_scope": {
                "sqs": self._network.client("sqs", self._scope),
                "sts": sts,
                "dynamodb": table,
                "secretsmanager": secrets_manager,
            },
        }

    @contextmanager
    def deployed(self) -> Generator[None]:
        """Let the functions find this world in place of AWS and Alert Logic."""
        with ExitStack() as stack:
            stack.enter_context(self._simulation.showing_its_time())
            stack.enter_context(contextlib.redirect_stdout(io.StringIO()))
            for function in self.functions:
                clients = self._clients[function.name]
                stack.enter_context(
                    mock.patch.object(
                        function.handler, "client", lambda service, clients=clients, **_: clients[service]
                    )
                )
                stack.enter_context(function.deployed())
                stack.enter_context(self._errors.of(function.name))
            stack.enter_context(mock.patch.object(alertlogic_api.client, "Transport", self._transport))
            stack.enter_context(mock.patch.object(aws.reader, "client", self._client_in_member))
            stack.enter_context(
                mock.patch.object(account_registration.handler, "requests", SimpleNamespace(Session=self._session))
            )
            yield

    def live(self, begin: Callable[[], None]) -> Phase:
        """Begin something, and go on until nothing is left to do."""
        before, began_at = self._network.traffic.copy(), self._simulation.now
        counted = {it.name: len(it.seconds) for it in self.functions}
        waited = {it.name: it.waits for it in self.functions}
        for function in self.functions:
            function.longest_wait = 0
        begin()
        self._simulation.after(STATUS_SECONDS, self._tick)
        self._simulation.run()
        return Phase(
            traffic=self._network.traffic.since(before),
            invocations={it.name: it.seconds[counted[it.name] :] for it in self.functions},
            seconds=self._settled_at - began_at,
            waits={it.name: it.waits - waited[it.name] for it in self.functions},
            longest_wait={it.name: it.longest_wait for it in self.functions},
        )

    def deploy(self) -> None:
        """Say that the management account's stack was deployed."""
        detail = {"stack-id": _STACK, "status-details": {"status": "CREATE_COMPLETE"}}
        self._tell(self._enrollment, "aws.cloudformation", "CloudFormation Stack Status Change", detail)

    def sweep(self) -> None:
        """Say that a sweep is due."""
        self._tell(self._enrollment, "aws.events", "Scheduled Event", {})

    def touch_vpcs(self) -> None:
        """Let every account have an event about one of its VPCs, one after the other."""
        for number, account in enumerate(self._accounts):
            after = EVENTS_SECONDS * number / len(self._accounts)
            self._simulation.after(after, partial(self._send_vpc_event, account))

    def rest(self) -> None:
        """Let time pass until the next sweep is due."""
        elapsed = self._simulation.now - BEGINS_AT
        self._simulation.after(SWEEP_SECONDS - elapsed % SWEEP_SECONDS, lambda: None)
        self._simulation.run()
        for function in self.functions:
            function.rest()

    def require_protected(self) -> None:
        """See that every account is as wanted, and that nothing went wrong on the way.

        Raises:
            RuntimeError: So it is not.
        """
        _require("errors in the log", self._errors)
        for function in self.functions:
            _require(f"dead letters of {function.name}", function.dead_letters)
        _require(
            "accounts without current instances",
            [it for it in self._accounts if not self._stack_set.is_current(it)],
        )
        protected = Counter(it["platform"]["id"] for it in self._alert_logic.deployments.values() if _is_right(it))
        _require(
            "accounts without one right deployment",
            set(self._accounts) ^ {it for it in protected if protected[it] == 1},
        )

    def require_seen(self) -> None:
        """See that the status says so, too, and that a sweep left nothing behind that is of no use.

        Raises:
            RuntimeError: It does not, or did.
        """
        # One each, and one for the central logs.
        unused = len(self._alert_logic.credentials) - len(self._accounts) - 1
        _require("unused credentials", range(unused))
        accounts = json.loads(self._status.content or b"{}").get("accounts", [])
        seen = {it["id"] for it in accounts if it["enrolled"] and it["registered"] and it["scope_right"]}
        _require("accounts of which the status does not say that they are as wanted", set(self._accounts) ^ seen)

    def put_events(self, *, Entries: Sequence[Mapping[str, str]]) -> dict[str, Any]:  # noqa: N803 - as boto3
        """Take events to the hub's bus."""
        for entry in Entries:
            detail = json.loads(entry["Detail"])
            event = self._event(entry["Source"], entry["DetailType"], detail)
            self._simulation.after(DELIVERY_SECONDS, partial(self._registration.send, event))
        return {"FailedEntryCount": 0, "Entries": [{"EventId": "0" * 36} for _ in Entries]}

    def get_secret_value(self, **_: object) -> dict[str, Any]:
        """Tell the secret."""
        return {"SecretString": _SECRET}

    def _tick(self) -> None:
        is_settled = not self._stack_set.operations_under_way and all(it.is_idle for it in self.functions)
        if is_settled:
            self._settled_at = max(self._stack_set.current_at, *(it.done_at for it in self.functions))
        else:
            self._simulation.after(STATUS_SECONDS, self._tick)
        self._tell(self._registration, "aws.events", "Scheduled Event", {})

    def _tell(self, function: Function, source: str, detail_type: str, detail: Mapping[str, Any]) -> None:
        function.send(self._event(source, detail_type, detail))

    def _event(self, source: str, detail_type: str, detail: Mapping[str, Any]) -> str:
        self._events += 1
        return json.dumps(
            {
                "version": "0",
                "id": str(uuid.UUID(int=self._events)),
                "detail-type": detail_type,
                "source": source,
                "account": MANAGEMENT,
                "time": datetime.fromtimestamp(self._simulation.now, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
                "region": HOME_REGION,
                "resources": [],
                "detail": detail,
            }
        )

    def _send_vpc_event(self, account: str) -> None:
        event = json.loads(
            self._event(
                "aws.ec2",
                "AWS API Call via CloudTrail",
                {
                    "eventName": "CreateVpc",
                    "responseElements": {"vpc": {"vpcId": "vpc-0"}},
                    "recipientAccountId": account,
                    "awsRegion": HOME_REGION,
                },
            )
        )
        self._scope.send(json.dumps({**event, "account": account}))

    def _register(self, request: str) -> None:
        notice = {
            "Type": "Notification",
            "MessageId": str(uuid.UUID(int=1)),
            "TopicArn": f"arn:aws:sns:{HOME_REGION}:{SECURITY}:alertlogic-registration",
            "Subject": "AWS CloudFormation custom resource request",
            "Message": request,
        }
        self._simulation.after(DELIVERY_SECONDS, partial(self._registration.send, json.dumps(notice)))

    def _transport(self, **_: object) -> Transport:
        return Transport(self._network, self._alert_logic)

    def _session(self) -> SimpleNamespace:
        return SimpleNamespace(put=self._answer_cloudformation)

    def _answer_cloudformation(self, url: str, *, data: bytes, **_: object) -> SimpleNamespace:
        def take() -> tuple[SimpleNamespace, int]:
            answer = json.loads(data)
            if answer["Status"] != "SUCCESS":
                raise RuntimeError(f"CloudFormation is answered {answer}")
            self._stack_set.answer(url)
            return SimpleNamespace(status_code=HTTPStatus.OK), 0

        return self._network.exchange("s3", "answer to CloudFormation", len(url) + len(data), take)

    def _client_in_member(self, service: str, *, region_name: str, aws_access_key_id: str, **_: str) -> Any:  # noqa: ANN401 - as boto3
        member = Member(aws_access_key_id, region_name, self._stack_set)
        # Each account has its own rates.
        return self._network.client(f"{service} of members", member)


class _Errors(list[str]):
    """What functions log that should not happen."""

    @contextmanager
    def of(self, function: str) -> Generator[None]:
        logger, handler = logging.getLogger(function), _Collecting(self)
        level = logger.level
        logger.addHandler(handler)
        # Nobody reads the rest.
        logger.setLevel(logging.ERROR)
        try:
            yield
        finally:
            logger.setLevel(level)
            logger.removeHandler(handler)


class _Collecting(logging.Handler):
    def __init__(self, lines: list[str]) -> None:
        super().__init__(logging.ERROR)
        self._lines = lines

    def emit(self, record: logging.LogRecord) -> None:
        self._lines.append(f"{record.getMessage()} {record.exc_info or ''} {getattr(record, 'reason', '')}")


def _require(what: str, none: Collection[object]) -> None:
    if none:
        raise RuntimeError(f"{len(none)} {what}: {sorted(map(str, none))[:3]}")


def _is_right(deployment: Mapping[str, Any]) -> bool:
    return bool(deployment["enabled"] and len(deployment["scope"]["include"]) == len(REGIONS))


def _enrollment_environment() -> dict[str, str]:
    return {
        "STACK_SET_NAME": "alertlogic-member-account",
        "REGIONS": ",".join(REGIONS),
        "GUARDDUTY_ADMINISTRATOR": "",
        "ADMINISTRATOR_REGIONS": "",
        "HUB_BUS_ARN": f"arn:aws:events:{HOME_REGION}:{SECURITY}:event-bus/alertlogic-hub",
        "DELETION_GUARD_PERCENTAGE": "10",
        "MANAGEMENT_ACCOUNT_ID": MANAGEMENT,
        "ALWAYS_ENROLLED": SECURITY,
        "INCLUDED_UNITS": "ALL",
        "EXCLUDED_UNITS": "",
        "EXCLUDED_ACCOUNTS": "",
        "MAX_CONCURRENT_PERCENTAGE": str(MAX_CONCURRENT_PERCENTAGE),
        **_queues(MANAGEMENT),
    }


def _registration_environment() -> dict[str, str]:
    return {
        **_customer(),
        "READER_ROLE_NAME": READER_ROLE,
        "OFFBOARDING": "DISABLE",
        "CENTRAL_LOGS_ROLE_ARN": _CENTRAL_LOGS_ROLE,
        "MANAGEMENT_ACCOUNT_ID": MANAGEMENT,
        "TABLE_NAME": "accounts",
        "STATUS_BUCKET": "status",
        **_queues(SECURITY),
    }


def _scope_environment() -> dict[str, str]:
    return {
        **_customer(),
        "READER_ROLE_NAME": READER_ROLE,
        "REGIONS": ",".join(REGIONS),
        "VPC_TAGS": json.dumps(VPC_TAGS),
        "POLICY": "Professional",
        "PRUNE": "false",
        **_queues(SECURITY),
    }


def _customer() -> dict[str, str]:
    return {
        "ALERTLOGIC_CUSTOMER_ID": CUSTOMER,
        "ALERTLOGIC_SECRET_ARN": f"arn:aws:secretsmanager:{HOME_REGION}:{SECURITY}:secret:alertlogic-AbCdEf",
        "ALERTLOGIC_GLOBAL_ENDPOINT": "https://api.global-services.global.alertlogic.com",
        "ALERTLOGIC_RESIDENCY": "default",
    }


def _queues(account: str) -> dict[str, str]:
    url = f"https://sqs.{HOME_REGION}.amazonaws.com/{account}"
    return {"QUEUE_URL": f"{url}/queue", "DEAD_LETTER_QUEUE_URL": f"{url}/dead-letters"}
