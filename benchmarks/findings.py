"""What GuardDuty's findings cost: CPU and memory of the function as packaged, when warm, and requests."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from alertlogic_constructs import _lambda_asset
from tests.rehearsal.alertlogic import FakeAlertLogic
from tests.rehearsal.alertlogic_server import Answer, LoopbackServer
from tests.rehearsal.event_text import event_text
from tests.rehearsal.findings import FAMILIES, finding
from tests.rehearsal.functions import link_libraries

from .row import Row

if TYPE_CHECKING:
    from collections.abc import Sequence

FUNCTION = "guardduty_findings"
FUNCTION_ARN = f"arn:aws:lambda:us-east-1:444444444444:function:{FUNCTION}"
SIZES = (3_000, 6_000)
# As many messages as the event source mapping hands over at once, and of those so many times as make 1,000.
BATCH = 500
MEASURED_BATCHES = 2
ROUNDS = 7
MOST_TIMES_THE_FLOOR = 2.0
MOST_REQUESTS = 4
MOST_MEGABYTES = 200

_MEMBERS = 40
_REGIONS = ("us-east-1", "us-west-2", "eu-west-1", "ap-southeast-2")

# Both programs print one JSON document. The function's own output goes to a file, as Lambda takes it to its log.
# A new process inherits the peak of the one that started it, here a large one, but a fork begins with its own.
_FUNCTION = """
import json, os, resource, sys, time
sys.path[:0] = {path!r}
if os.fork():
    sys.exit(os.waitstatus_to_exitcode(os.wait()[1]))
results = os.fdopen(os.dup(1), "w")
os.dup2(os.open({log!r}, os.O_WRONLY | os.O_APPEND | os.O_CREAT), 1)

class Context:
    function_name = {function!r}
    function_version = "$LATEST"
    memory_limit_in_mb = 512
    invoked_function_arn = {function_arn!r}
    aws_request_id = "00000000-0000-4000-8000-000000000000"
    def get_remaining_time_in_millis(self):
        return 300_000

import importlib
handler = importlib.import_module({function!r} + ".handler").lambda_handler
cpu_seconds = []
for name in {batches!r}:
    with open(name) as file:
        event = json.load(file)
    begun = time.process_time()
    answer = handler(event, Context())
    cpu_seconds.append(time.process_time() - begun)
    if answer != {{"batchItemFailures": []}}:
        sys.exit("not all findings were sent")
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
json.dump({{"cpu_seconds": sum(cpu_seconds[1:]), "peak_bytes": peak}}, results)
results.flush()
os._exit(0)
"""

_FLOOR = """
import json, time, zlib
cpu_seconds = 0
for name in {batches!r}[1:]:
    with open(name) as file:
        messages = [json.loads(record["body"]) for record in json.load(file)["Records"]]
    document = {{"collected_batch": {{"source_id": {function_arn!r}, "collected_messages": messages}}}}
    begun = time.process_time()
    zlib.compress(json.dumps(document).encode())
    cpu_seconds += time.process_time() - begun
print(json.dumps({{"cpu_seconds": cpu_seconds}}))
"""


@dataclass(frozen=True)
class _Cost:
    """What 1,000 findings took, each measured in turn with its floor."""

    cpu_ms: Sequence[float]
    floor_ms: Sequence[float]
    peak_megabytes: float
    requests: float


def measure() -> list[Row]:
    """CPU, memory and requests per 1,000 findings, of each size."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _lambda_asset.build(folder / "asset")
        link_libraries(folder)
        return [row for size in SIZES for row in _rows(size, _cost(size, folder))]


def _rows(size: int, cost: _Cost) -> list[Row]:
    of_size = f"of 1,000 findings of {size // 1000} KB"
    times = statistics.median(mine / floor for mine, floor in zip(cost.cpu_ms, cost.floor_ms, strict=True))
    note = (
        f"{statistics.median(cost.cpu_ms):.0f} ms for the calls of the handler, with logs, metrics and HTTP; "
        f"floor, json.dumps and zlib.compress: {statistics.median(cost.floor_ms):.0f} ms"
    )
    return [
        Row(f"CPU {of_size}, times the floor", times, MOST_TIMES_THE_FLOOR, note),
        Row(f"requests for {of_size.removeprefix('of ')}", cost.requests, MOST_REQUESTS),
        Row(f"peak MB {of_size}", cost.peak_megabytes, MOST_MEGABYTES, f"in batches of {BATCH}"),
    ]


def _cost(size: int, folder: Path) -> _Cost:
    # The first warms the function up: it brings the token, the host and the connection.
    batches = [_write_batch(folder, size, number) for number in range(1 + MEASURED_BATCHES)]
    findings = len(batches) * BATCH
    known: dict[str, Any] = {"batches": [str(batch) for batch in batches], "function_arn": FUNCTION_ARN}
    path, log = [str(folder / "asset"), str(folder / "runtime")], str(folder / "log")
    function = _FUNCTION.format(**known, path=path, function=FUNCTION, log=log)
    measured, floors, requests = [], [], 0.0
    for _ in range(ROUNDS):
        # In turns, so that a slow moment of the machine hits both.
        floors.append(_run(_FLOOR.format(**known), {}))
        with FakeAlertLogic() as fake, _SecretsManager(fake.secret_string()) as secrets_manager:
            measured.append(_run(function, _environment(fake.url, secrets_manager.url)))
            if len(fake.findings) != findings:
                raise RuntimeError(f"{len(fake.findings)} of {findings} findings arrived")
            requests = len(fake.batches) / findings * 1000
    thousands = MEASURED_BATCHES * BATCH / 1000
    return _Cost(
        cpu_ms=[one["cpu_seconds"] * 1000 / thousands for one in measured],
        floor_ms=[one["cpu_seconds"] * 1000 / thousands for one in floors],
        peak_megabytes=max(one["peak_bytes"] for one in measured) / 1e6,
        requests=requests,
    )


def _run(program: str, environment: dict[str, str]) -> dict[str, float]:
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", program], capture_output=True, text=True, check=False, env=environment
    )
    if done.returncode:
        raise RuntimeError(done.stderr)
    measured: dict[str, float] = json.loads(done.stdout)
    return measured


def _write_batch(folder: Path, size: int, number: int) -> Path:
    """Write what Lambda hands to the function, with findings of every family of which no two are alike."""
    texts = [
        event_text(
            finding(
                FAMILIES[at % len(FAMILIES)],
                number=at,
                account=f"{500_000_000_000 + at % _MEMBERS}",
                region=_REGIONS[at % len(_REGIONS)],
                administrator="444444444444",
                size=size,
            )
        )
        for at in range(number * BATCH, (number + 1) * BATCH)
    ]
    path = folder / f"{size}-{number}.json"
    path.write_text(json.dumps({"Records": [_record(text) for text in texts]}), encoding="utf-8")
    return path


def _record(text: str) -> dict[str, Any]:
    """See https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html."""
    return {
        "messageId": str(uuid.uuid4()),
        "receiptHandle": os.urandom(200).hex(),
        "body": text,
        "attributes": {
            "ApproximateReceiveCount": "1",
            "SentTimestamp": "1800000000000",
            "SenderId": "AIDAIENQZJOLO23YVJ4VO",
            "ApproximateFirstReceiveTimestamp": "1800000000001",
        },
        "messageAttributes": {},
        "md5OfBody": os.urandom(16).hex(),
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:us-east-1:444444444444:findings",
        "awsRegion": "us-east-1",
    }


class _SecretsManager:
    """Answers every request with the secret."""

    def __init__(self, secret: str) -> None:
        self._server = LoopbackServer(0, lambda _: Answer(200, {"SecretString": secret}))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.close()


def _environment(alert_logic: str, aws: str) -> dict[str, str]:
    queue = "https://sqs.us-east-1.amazonaws.com/444444444444"
    return {
        "ALERTLOGIC_CUSTOMER_ID": "12345678",
        "ALERTLOGIC_GLOBAL_ENDPOINT": alert_logic,
        "ALERTLOGIC_SECRET_ARN": "arn:aws:secretsmanager:us-east-1:444444444444:secret:alertlogic-AbCdEf",
        "OWN_FINDINGS_ONLY": "false",
        "QUEUE_URL": f"{queue}/findings",
        "DEAD_LETTER_QUEUE_URL": f"{queue}/dead-letters",
        "POWERTOOLS_SERVICE_NAME": FUNCTION,
        "AWS_ACCESS_KEY_ID": "benchmark",
        "AWS_SECRET_ACCESS_KEY": "benchmark",
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": aws,
        "AWS_LAMBDA_FUNCTION_NAME": FUNCTION,
        "LANG": "en_US.UTF-8",
        "TZ": ":UTC",
    }
