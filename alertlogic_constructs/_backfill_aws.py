"""GuardDuty's open findings, the forwarder that they go to, and the way from one to the other."""

from __future__ import annotations

import json
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from ._backfill_event import MOST_BYTES, BackfillError, batches, event_of, message_of
from .guardduty_forwarder import QUEUE_OUTPUT, RULE_OUTPUT

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
    from datetime import datetime

    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_guardduty import GuardDutyClient
    from mypy_boto3_sqs import SQSClient

# The most that both calls take: https://docs.aws.amazon.com/guardduty/latest/APIReference/API_GetFindings.html
PAGE: Final = 50

# As many calls as AWS lets through, and no more.
_CONFIG: Final = Config(retries={"mode": "adaptive", "total_max_attempts": 10})
_SENDING_ATTEMPTS: Final = 6
# Of a pattern, what every event here matches by its making; the account is checked beforehand.
_CERTAIN: Final = frozenset({"source", "detail-type", "account"})
_RAW: Final = "RawFindings"


@dataclass(frozen=True, slots=True)
class Forwarder:
    """A deployed `GuardDutyForwarder`.

    Attributes:
        events: A client of EventBridge, in its account and region.
        sqs: A client of SQS there.
        queue_url: Its queue.
        pattern: The event pattern of its rule.
        sleep: Waits for so many seconds.
    """

    events: EventBridgeClient
    sqs: SQSClient
    queue_url: str
    pattern: str
    sleep: Callable[[float], None] = time.sleep

    @classmethod
    def of_stack(cls, name: str) -> Forwarder:
        """Find it with the credentials and region of the environment.

        Args:
            name: The stack that it is in.

        Raises:
            BackfillError: It is not there, or cannot be read.
        """
        with _explained(f"stack {name}"):
            session = boto3.Session()
            [stack] = session.client("cloudformation", config=_CONFIG).describe_stacks(StackName=name)["Stacks"]
            outputs = {it.get("OutputKey", ""): it.get("OutputValue", "") for it in stack.get("Outputs", ())}
            if not outputs.keys() >= {QUEUE_OUTPUT, RULE_OUTPUT}:
                raise BackfillError("it has no GuardDutyForwarder, or one that is to be deployed anew")
            events: EventBridgeClient = session.client("events", config=_CONFIG)
            # On a bus of its own a rule's name follows that of the bus.
            bus, _, rule = outputs[RULE_OUTPUT].rpartition(":rule/")[2].rpartition("/")
            pattern = events.describe_rule(Name=rule, EventBusName=bus or "default")["EventPattern"]
            return cls(events, session.client("sqs", config=_CONFIG), outputs[QUEUE_OUTPUT], pattern)

    def require(self, account: str) -> None:
        """Check that the rule takes what an account forwards.

        Raises:
            BackfillError: It takes another account's.
        """
        accounts = json.loads(self.pattern).get("account", [account])
        if account not in accounts:
            raise BackfillError(
                f"the forwarder takes findings of account {', '.join(accounts)}, the GuardDuty administrator, and the "
                f"credentials are of {account}; name a profile of the administrator with --profile"
            )

    def wants(self, message: str) -> bool:
        """Whether the rule takes an event. EventBridge itself is asked, so that nothing is judged otherwise here.

        Raises:
            BackfillError: It does not answer.
        """
        if json.loads(self.pattern).keys() <= _CERTAIN:
            return True
        with _explained("the rule"):
            return self.events.test_event_pattern(EventPattern=self.pattern, Event=message)["Result"]

    def send(self, messages: Sequence[str]) -> None:
        """Put messages into the queue.

        Raises:
            BackfillError: It does not take all of them. What it has taken it keeps.
        """
        for batch in batches(messages):
            self._send(batch)

    def _send(self, batch: Sequence[str]) -> None:
        reason = ""
        for attempt in range(_SENDING_ATTEMPTS):
            if attempt:
                self.sleep(2**attempt)
            with _explained("the queue"):
                answer = self.sqs.send_message_batch(
                    QueueUrl=self.queue_url,
                    Entries=[{"Id": str(number), "MessageBody": message} for number, message in enumerate(batch)],
                )
            failed = answer.get("Failed")
            if not failed:
                return
            reason = failed[0]["Code"]
            batch = [batch[int(entry["Id"])] for entry in failed]
        raise BackfillError(f"the queue does not take {len(batch)} findings: {reason}")


@dataclass(frozen=True, slots=True)
class GuardDuty:
    """GuardDuty as one account sees it.

    Attributes:
        session: Credentials of the account.
        account: The account.
    """

    session: boto3.Session
    account: str

    @classmethod
    def of_profile(cls, name: str | None) -> GuardDuty:
        """Use the credentials of a profile; those of the environment if it is None.

        Raises:
            BackfillError: There are none.
        """
        with _explained(f"profile {name}" if name else "the credentials of the environment"):
            session = boto3.Session(profile_name=name)
            return cls(session, session.client("sts", config=_CONFIG).get_caller_identity()["Account"])

    def open_findings(self, region: str, *, since: datetime) -> Iterator[list[dict[str, Any]]]:
        """Yield the findings of a region that are not archived, as the API writes them, a page at a time.

        Args:
            region: The region.
            since: What changed last before this is left out.

        Raises:
            BackfillError: They cannot be read.
        """
        with _explained("GuardDuty"):
            guardduty: GuardDutyClient = self.session.client("guardduty", region_name=region, config=_CONFIG)
            guardduty.meta.events.register("before-parse.guardduty.GetFindings", _keep_raw)
            # An account has one in a region, if GuardDuty is on.
            detectors = guardduty.list_detectors()["DetectorIds"]
            if not detectors:
                raise BackfillError("it is not on in this region")
            for page in _pages(guardduty, detectors[0], since):
                answer: Mapping[str, Any] = guardduty.get_findings(DetectorId=detectors[0], FindingIds=page)
                yield answer[_RAW]


@dataclass(frozen=True, slots=True)
class Tally:
    """What became of a region's findings.

    Attributes:
        found: How many are open.
        sent: How many are in the queue, or would be.
        unwanted: How many the forwarder's rule leaves out.
        too_large: The ids of those that no queue takes.
    """

    found: int
    sent: int
    unwanted: int
    too_large: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Backfill:
    """Open findings on their way to a forwarder.

    Attributes:
        guardduty: Where they are.
        forwarder: Where they go.
        is_dry_run: Whether they are only counted.
    """

    guardduty: GuardDuty
    forwarder: Forwarder
    is_dry_run: bool

    def fill(self, region: str, *, since: datetime) -> Tally:
        """Put a region's findings into the queue.

        Args:
            region: The region.
            since: What changed last before this is left out.

        Raises:
            BackfillError: It cannot be done to its end. What is in the queue stays there.
        """
        found = sent = 0
        too_large: list[str] = []
        for page in self.guardduty.open_findings(region, since=since):
            found += len(page)
            wanted: list[str] = []
            for finding in page:
                message = message_of(event_of(finding, account=self.guardduty.account, region=region))
                if len(message) > MOST_BYTES:
                    too_large.append(finding["id"])
                elif self.forwarder.wants(message):
                    wanted.append(message)
            if not self.is_dry_run:
                self.forwarder.send(wanted)
            sent += len(wanted)
        return Tally(found, sent, found - sent - len(too_large), tuple(too_large))


def _pages(guardduty: GuardDutyClient, detector: str, since: datetime) -> Iterator[list[str]]:
    pages = guardduty.get_paginator("list_findings").paginate(
        DetectorId=detector,
        FindingCriteria={
            "Criterion": {
                "service.archived": {"Equals": ["false"]},
                "updatedAt": {"GreaterThanOrEqual": int(since.timestamp() * 1000)},
            }
        },
        # So that one that changes meanwhile comes again, and no other is passed over for it.
        SortCriteria={"AttributeName": "updatedAt", "OrderBy": "ASC"},
        PaginationConfig={"PageSize": PAGE},
    )
    return (page["FindingIds"] for page in pages if page["FindingIds"])


def _keep_raw(response_dict: Mapping[str, Any], customized_response_dict: dict[str, Any], **_: object) -> None:
    """Add to an answer the findings as they came: the SDK renames, converts, and drops what it does not know."""
    if response_dict["status_code"] == 200:  # noqa: PLR2004 - OK
        customized_response_dict[_RAW] = json.loads(response_dict["body"])["findings"]


@contextmanager
def _explained(what: str) -> Generator[None]:
    """Say of an error what it is about."""
    try:
        yield
    except (BackfillError, BotoCoreError, ClientError) as error:
        raise BackfillError(f"{what}: {error}") from error
