"""Whatever arrives, nothing but the declared exceptions ends it, no message is lost, and no secret shows.

Each parser gets 10,000 inputs: real events and messages of our own, with anything in them put in the place of anything
else, what other functions get, and plain nonsense. What comes from a queue goes through a batch as well, up to where
the function would act. Functions as a whole, with AWS and Alert Logic behind them, get fewer.
"""

from __future__ import annotations

import contextlib
import copy
import io
import json
import re
import traceback
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

from aws_lambda_powertools.logging import Logger
from botocore.exceptions import ClientError
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from account_enrollment import message as enrollment
from account_registration import errand
from account_registration import message as registration
from account_registration.order import Offboarding
from account_registration.properties import deregistration_of, registration_of
from account_registration.request import Request
from alertlogic_api import AccessKey, SecretError
from aws.custom_resource import RequestRefusedError
from aws.organizations import AwsAccountId
from aws.queue import Batch, Queue, Refused
from collector_checkin import request as collector
from guardduty_findings import finding
from stackset_emptier import request as emptier
from tests.rehearsal import Rehearsal
from tests.rehearsal.principals import account_of
from trail_subscription import request as trail
from trail_subscription.subscription import UnusablePropertyError, Wanted, token_in
from vpc_scope import event as scope

from .row import Row

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

INPUTS: Final = 10_000
BATCH: Final = 10
# What must show nowhere but in the message itself.
SECRET: Final = "5ec2e7-of-the-fuzz"  # noqa: S105 - made up

_MANAGEMENT: Final = "111111111111"
_STACK: Final = f"arn:aws:cloudformation:us-east-1:{_MANAGEMENT}:stack/AlertLogic-Master/6f0c8b40-f205-11f0-8d55"
_EVENTS: Final = Path(__file__).parents[1] / "tests" / "events"
_BUCKET: Final = "https://cloudformation-custom-resource-response-useast1.s3.amazonaws.com"
_URL: Final = f"{_BUCKET}/key?X-Amz-Signature={SECRET}"

# In the place of anything. What JSON's writer would not write is put in afterwards.
_DEEP, _LARGE, _NAN = "@deep@", "@large@", "@nan@"
_RAW: Final = {
    f'"{_DEEP}"': "[" * 3000 + "]" * 3000,
    f'"{_LARGE}"': "9" * 5000,
    f'"{_NAN}"': "NaN",
}
_HOSTILE: Final[tuple[Any, ...]] = (
    None,
    True,
    0,
    -1,
    1e308,
    "",
    " ",
    "\x00",
    "\n{}",
    "\u202e",
    "😀",
    "\ud83d",
    "é" * 1000,
    "A" * 50_000,
    _DEEP,
    _LARGE,
    _NAN,
    [],
    {},
    [[]],
    [None],
    {"": ""},
    [{"accountId": 1}],
    "999999999999",
    "99999999999",
    "arn:aws:iam::999999999999:role/AWSControlTowerExecution",
    "arn:aws:cloudformation:us-east-1:999999999999:stack/x/y",
    "arn:aws:cloudformation:us-east-1:555555555555:stack/x/y\n",
    "arn:aws:sns:us-east-1:222222222222:*",
    "vpc-",
    "vpc-0abc",
    "eu-west-1",
    "o-x",
    "r-root",
    "__class__",
    "%s %(x)s {0}",
    "<script>",
    "2026-02-30T25:61:61Z",
    "Create",
    "Delete",
)
# In the place of a pre-signed URL: others that hold the same secret.
_URLS: Final = (
    _URL,
    f"{_URL}\n",
    f"{_URL}\ud83d",
    f"http{_URL.removeprefix('https')}",
    f"https://example.com/?X-Amz-Signature={SECRET}",
    f"{_BUCKET}.example.com/?X-Amz-Signature={SECRET}",
    f"{_BUCKET}@example.com/?X-Amz-Signature={SECRET}",
    f"{_BUCKET}:8443/?X-Amz-Signature={SECRET}",
    f"https://[{SECRET}",
    SECRET,
    [_URL],
    {"url": _URL},
)


@dataclass(frozen=True)
class Parser:
    """What reads an input, and how it may say that it does not take it.

    Attributes:
        name: The function that it belongs to, and what it reads.
        read: The whole way from the text to what is acted on.
        declared: What it may raise.
        originals: Real inputs.
        is_queued: Whether the inputs come in batches from a queue.
    """

    name: str
    read: Callable[[str], object]
    declared: tuple[type[Exception], ...]
    originals: tuple[Any, ...]
    is_queued: bool = True


@dataclass
class Tally:
    """What came of some inputs."""

    refused: int = 0
    faults: list[str] = field(default_factory=list[str])


def _register(body: str) -> object:
    content = registration.parse(body, management_account_id=_MANAGEMENT)
    if isinstance(content, Request):
        read = deregistration_of(content, Offboarding.DISABLE) if content.type == "Delete" else registration_of(content)
        return content, read, content.continuation(stack_changed_at="2026-01-15T12:00:00Z")
    return content


def _empty(body: str) -> object:
    request = emptier.parse_message(body)
    return request, request.is_to_empty("alertlogic-member-account"), request.failed("any")


def _empty_at_once(body: str) -> object:
    request = emptier.parse(json.loads(body))
    return request, request.is_to_empty("alertlogic-member-account"), request.failed("any")


def _subscribe(body: str) -> object:
    request = trail.parse(json.loads(body))
    return request, Wanted.from_properties(request.properties)


def _custom_resource(kind: str, **properties: object) -> dict[str, Any]:
    return {
        "RequestType": "Update",
        "ResponseURL": _URL,
        "StackId": _STACK,
        "RequestId": "3d5c9f0e-8a0b-4a51-9d6e-6f1d2c3b4a59",
        "LogicalResourceId": "Resource",
        "PhysicalResourceId": "alertlogic-member-account",
        "ResourceType": f"Custom::{kind}",
        "ResourceProperties": properties,
        "OldResourceProperties": properties,
    }


def _events(*names: str) -> tuple[Any, ...]:
    return tuple(json.loads((_EVENTS / f"{name}.json").read_text("utf-8")) for name in names)


def _notification(event: dict[str, Any]) -> dict[str, Any]:
    """Return a notice of SNS with what it wraps not as text yet, so that that can be altered, too."""
    message: dict[str, Any] = json.loads(event["Message"])
    return event | {"Message": message | {"ResponseURL": _URL}}


_REGISTRATIONS: Final = tuple(
    _notification(one) for one in _events("registration-create", "registration-update", "registration-delete")
)
_EMPTYING: Final = _custom_resource("StackSetInstances", StackSetName="alertlogic-member-account")
_TRAIL_TOPIC: Final = "arn:aws:sns:us-east-1:222222222222:aws-controltower-AllConfigNotifications"
_CONFIRMATION: Final = {"Type": "SubscriptionConfirmation", "TopicArn": _TRAIL_TOPIC, "Token": SECRET}
_MESSAGES_OF_SWEEPS: Final = (
    {"Sweep": "unit", "Unit": "ou-abcd-12345678", "Ancestors": ["r-abcd"], "Token": None, "Id": "sweep"},
    {"Sweep": "page", "Unit": "r-abcd", "Ancestors": [], "Token": "next", "Id": "sweep"},
    {"Sweep": "instances", "Token": None, "Id": "sweep"},
    {"Sweep": "accounts", "Accounts": ["555555555555"], "Id": "sweep"},
)
_ERRANDS: Final = (
    json.loads(errand.Deregister(AwsAccountId("555555555555"), "sweep").body),
    {errand.Reconcile.type: {"StackId": _STACK, "Rank": "2026", "Sweep": "sweep"}},
    {
        "Continue": "Create",
        "StackChangedAt": "2026-01-15T12:00:00Z",
        **{key: value for key, value in _REGISTRATIONS[0]["Message"].items() if key != "ResponseURL"},
    },
)

PARSERS: Final = (
    Parser(
        "account_enrollment",
        lambda body: enrollment.parse(body, management_account_id=_MANAGEMENT),
        (Refused,),
        (
            *_events(
                *sorted(file.stem for file in _EVENTS.glob("*account*.json")),
                "enable-baseline-account",
                "disable-baseline-unit",
                "drift-account-moved",
                "register-organizational-unit",
                "scheduled-event",
                "stack-status-change",
                "update-landing-zone",
            ),
            *_MESSAGES_OF_SWEEPS,
        ),
    ),
    Parser(
        "account_registration",
        _register,
        (Refused, RequestRefusedError),
        (*_REGISTRATIONS, *_events("accounts", "scheduled-event"), *_ERRANDS),
    ),
    Parser(
        "vpc_scope",
        scope.parse,
        (Refused,),
        _events("tag-change-vpc-added", "tag-change-vpc-removed", "create-vpc", "delete-vpc"),
    ),
    Parser("guardduty_findings", finding.parse, (Refused,), _events("guardduty-finding")),
    Parser("stackset_emptier, queue", _empty, (Refused, RequestRefusedError), (_EMPTYING,)),
    Parser(
        "stackset_emptier, invoked",
        _empty_at_once,
        (Refused, RequestRefusedError),
        (_EMPTYING,),
        is_queued=False,
    ),
    Parser(
        "trail_subscription, invoked",
        _subscribe,
        (Refused, UnusablePropertyError),
        (
            _custom_resource(
                "AlertLogicTrailSubscription",
                TopicArn=_TRAIL_TOPIC,
                QueueArn="arn:aws:sqs:us-east-1:333333333333:outcomesbucket-12345678",
                FilterPolicy='{"messageType": [{"exists": false}]}',
            ),
        ),
        is_queued=False,
    ),
    Parser(
        "trail_subscription, notices",
        # The token is what is looked for, so what is found is not shown.
        lambda body: token_in(body, topic_arn=_TRAIL_TOPIC) is None,
        (),
        (_CONFIRMATION,),
        is_queued=False,
    ),
    Parser(
        "collector_checkin, invoked",
        lambda body: collector.parse(json.loads(body)),
        (Refused,),
        (_custom_resource("GuardDutyCollector", FunctionName="findings"),),
        is_queued=False,
    ),
    Parser(
        "the secret",
        AccessKey.from_secret_string,
        (SecretError,),
        ({"access_key_id": SECRET, "secret_key": SECRET},),
        is_queued=False,
    ),
)
_EVERYTHING: Final = tuple(original for parser in PARSERS[:-1] for original in parser.originals)


def inputs(parser: Parser) -> st.SearchStrategy[str]:
    """Inputs for a parser, most of them close to real ones."""
    json_like = st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
        max_leaves=8,
    )
    alteration = st.tuples(st.integers(0, 2**32), st.sampled_from(_OPERATIONS), st.integers(0, 255))
    near = st.builds(_altered, st.sampled_from(parser.originals), st.lists(alteration, max_size=3))
    # Lambda parses an event before the function gets it, so it is JSON.
    nonsense = json_like.map(json.dumps) if not parser.is_queued else json_like.map(json.dumps) | st.text(max_size=50)
    foreign = st.sampled_from(_EVERYTHING).map(_written)
    # One of the first is drawn as often as one of the others.
    return st.one_of(near, near, near, near, near, near, foreign, nonsense)


_OPERATIONS: Final = ("replace", "replace", "replace", "remove", "wrap", "add")


def _altered(original: object, alterations: Sequence[tuple[int, str, int]]) -> str:
    document = json.loads(json.dumps(original))
    for where, operation, what in alterations:
        places = list(_places(document))
        if not places:
            break
        container, key = places[where % len(places)]
        _alter(container, key, operation, what)
    return _written(document)


def _alter(container: Any, key: Any, operation: str, what: int) -> None:  # noqa: ANN401 - any part of a document
    # A secret is not moved to where it would be shown with good reason.
    is_secret = SECRET in json.dumps(container[key])
    is_text = isinstance(container[key], str)
    choices = _URLS if is_secret and is_text else _HOSTILE
    hostile = copy.deepcopy(choices[what % len(choices)])
    match operation:
        case "remove":
            del container[key]
        case "add" if isinstance(container, dict):
            container[f"{key}{what}"] = copy.deepcopy(_HOSTILE[what % len(_HOSTILE)])
        case "wrap" if not is_secret:
            container[key] = [container[key]]
        case _ if is_text or not is_secret:
            container[key] = hostile
        case _:
            pass


def _places(document: object) -> list[tuple[Any, Any]]:
    found: list[tuple[Any, Any]] = []
    waiting = [document]
    while waiting:
        container = waiting.pop()
        entries: list[tuple[Any, Any]] = []
        if isinstance(container, dict):
            entries = list(cast("dict[str, Any]", container).items())
        elif isinstance(container, list):
            entries = list(enumerate(container))
        found += [(container, key) for key, _ in entries]
        waiting += [value for _, value in entries]
    return found


def _written(document: Any) -> str:  # noqa: ANN401 - any document
    if isinstance(document, dict) and isinstance(document.get("Message"), dict):
        document = document | {"Message": _raw(json.dumps(document["Message"]))}
    return _raw(json.dumps(document))


def _raw(text: str) -> str:
    for marker, raw in _RAW.items():
        text = text.replace(marker, raw)
    return text


def fuzz(parser: Parser, number: int) -> Tally:
    """Let a parser read inputs, the same ones each time."""
    tally = Tally()
    texts = some_inputs(parser, number)
    for text in texts:
        fault = _fault(parser, text, tally)
        if fault:
            tally.faults.append(f"{fault} for {text[:300]!r}")
    for first in range(0, len(texts) if parser.is_queued else 0, BATCH):
        tally.faults += [f"{fault} in a batch" for fault in _batch_faults(parser, texts[first : first + BATCH])]
    return tally


def some_inputs(parser: Parser, number: int) -> list[str]:
    """Draw inputs for a parser, the same ones each time."""
    texts: list[str] = []

    @seed(0)
    @settings(
        max_examples=number,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(inputs(parser))
    def draw(text: str) -> None:
        texts.append(text)

    # Hypothesis may stop before the number, or go beyond it.
    while len(texts) < number:
        draw()
    return texts[:number]


def _fault(parser: Parser, text: str, tally: Tally) -> str | None:
    """Read an input; return what is wrong with what comes of it."""
    try:
        json.loads(text) if not parser.is_queued and parser.name != "the secret" else None
    except (ValueError, RecursionError):
        # Lambda does not get that far.
        return None
    try:
        shown = repr(parser.read(text))
    except parser.declared as refusal:
        tally.refused += 1
        shown = "".join(traceback.format_exception(refusal)) + repr(refusal)
    except Exception as error:  # noqa: BLE001 - that is what is looked for
        return f"{type(error).__name__}: {error}"[:300]
    return "the secret shows" if SECRET in shown else None


_TAKEN_BY_SQS: Final = re.compile("[\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]+")


class _Sqs:
    """SQS as a batch sees it. It takes what SQS takes.

    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
    """

    def __init__(self) -> None:
        self.letters: list[tuple[str, str]] = []
        self.postponed = 0

    def send_message(self, *, QueueUrl: str, MessageBody: str, MessageAttributes: dict[str, Any]) -> None:  # noqa: N803 - as boto3 has it
        reason = MessageAttributes["reason"]["StringValue"]
        if not _TAKEN_BY_SQS.fullmatch(reason):
            raise ClientError({"Error": {"Code": "InvalidParameterValue", "Message": QueueUrl}}, "SendMessage")
        self.letters.append((MessageBody, reason))

    def change_message_visibility_batch(self, *, QueueUrl: str, Entries: list[object]) -> dict[str, Any]:  # noqa: ARG002, N803 - as above
        self.postponed += len(Entries)
        return {}


# As in Lambda: what UTF-8 cannot hold is not logged.
_LOG: Final = io.BytesIO()
_logger = Logger(service="fuzz", stream=io.TextIOWrapper(_LOG, encoding="utf-8", write_through=True))


def _batch_faults(parser: Parser, bodies: Sequence[str]) -> list[str]:
    """Handle a batch as the function does, up to where it would act; return what is wrong with what became of it."""
    sqs = _Sqs()
    _LOG.seek(0)
    _LOG.truncate()
    records = [
        {
            "messageId": str(number),
            "receiptHandle": str(number),
            "body": body,
            "attributes": {"ApproximateReceiveCount": "1", "SentTimestamp": "0"},
        }
        for number, body in enumerate(bodies)
    ]
    batch = Batch({"Records": records}, Queue(cast("Any", sqs), url="queue", dead_letter_url="letters"), logger=_logger)
    handled = 0
    for message in batch.messages:
        with batch.handling(message):
            # CloudFormation is told of these.
            with contextlib.suppress(RequestRefusedError):
                parser.read(message.body)
            handled += 1
    kept = len(batch.response()["batchItemFailures"])
    lines = _LOG.getvalue().decode().splitlines()
    faults: list[str] = []
    if kept or handled + len(sqs.letters) != len(bodies):
        faults.append(f"{handled} handled, {kept} kept and {len(sqs.letters)} set aside of {len(bodies)}")
    if len(lines) != len(sqs.letters):
        faults.append(f"{len(lines)} lines logged of {len(sqs.letters)} set aside")
    shown = "\n".join([*lines, *(reason for _, reason in sqs.letters)])
    return [*faults, *(["the secret shows"] if SECRET in shown else [])]


def measure(number: int = INPUTS) -> list[Row]:
    """Count what ends otherwise than declared, for each parser."""
    rows = []
    for parser in PARSERS:
        tally = fuzz(parser, number)
        note = f"{tally.refused} refused" + "".join(f"\n    {fault}" for fault in tally.faults[:5])
        rows.append(Row(f"faults for {number} inputs: {parser.name}", len(tally.faults), 0, note))
    return [*rows, *fuzz_functions(number * INPUTS_OF_FUNCTIONS // INPUTS)]


# A batch of them takes a function as long as anything real does.
INPUTS_OF_FUNCTIONS: Final = 300
# After that nothing is tried any more but what waits for somebody.
FUNCTION_MINUTES: Final = 180


def _is_taken_by_sqs(text: str) -> bool:
    return bool(_TAKEN_BY_SQS.fullmatch(text))


def fuzz_functions(number: int) -> list[Row]:
    """Put inputs into the queues of a rehearsal, and see what the functions, from their built asset, make of them."""
    with Rehearsal() as rehearsal:
        rehearsal.deploy()
        rehearsal.put_secret_value()
        return [_fuzz_function(rehearsal, parser, number) for parser in PARSERS if parser.is_queued]


def _fuzz_function(rehearsal: Rehearsal, parser: Parser, number: int) -> Row:
    label = parser.name.partition(",")[0]
    bodies = [text for text in some_inputs(parser, number) if _is_taken_by_sqs(text)]
    lines = len(rehearsal.log_lines(label))
    sqs = rehearsal.client("sqs", account_of(rehearsal.functions.labeled(label).arn))
    for body in bodies:
        sqs.send_message(QueueUrl=rehearsal.queue_url(label), MessageBody=body)
    rehearsal.settle(within_minutes=FUNCTION_MINUTES)
    logged = rehearsal.log_lines(label)[lines:]
    letters = rehearsal.dead_letters(label)
    faults = [f"it breaks: {error}" for error in rehearsal.functions.labeled(label).errors]
    faults += [f"it logs {line}"[:300] for line in logged if _is_unforeseen(line)]
    told = {_printable(line["reason"]) for line in logged if "reason" in line}
    reasons = [attributes.get("reason", "") for _, attributes in letters]
    faults += [f"no line tells of {reason!r}" for reason in reasons if not reason or reason not in told]
    depth = rehearsal.queue_depths()[label]
    shown = "\n".join([*(json.dumps(line) for line in logged), *(json.dumps(attributes) for _, attributes in letters)])
    faults += ["the secret shows"] if SECRET in shown else []
    note = f"{len(letters)} set aside, {depth} wait" + "".join(f"\n    {fault}" for fault in faults[:5])
    rehearsal.clear_dead_letters(label)
    return Row(f"faults for {len(bodies)} messages through the function {label}", len(faults), 0, note)


def _is_unforeseen(line: dict[str, Any]) -> bool:
    # What AWS does not take, such as a page that it does not know, is tried again before it is set aside.
    is_of_aws = line.get("exception_name") == "ClientError"
    return "text" in line or (line.get("message") == "message failed" and not is_of_aws)


def _printable(reason: str) -> str:
    return "".join(letter if letter.isprintable() else " " for letter in reason)[:1000]
