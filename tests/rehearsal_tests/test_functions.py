"""A function's process has what Lambda has, and nothing else."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.rehearsal.functions import Function, FunctionError, FunctionProcess, link_libraries

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from pathlib import Path

NOW = 1_800_000_000.0
ENVIRONMENT = {
    "AWS_LAMBDA_FUNCTION_NAME": "function",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128",
    "AWS_LAMBDA_LOG_GROUP_NAME": "group",
    "AWS_LAMBDA_LOG_STREAM_NAME": "stream",
}


@pytest.fixture
def invoke(tmp_path: Path) -> Generator[Callable[..., Any]]:
    """Run the body of a handler in a process of its own."""
    link_libraries(tmp_path)
    code = tmp_path / "code"
    code.mkdir()
    started: list[FunctionProcess] = []
    function = Function(
        name="function",
        arn="arn:aws:lambda:us-east-1:444444444444:function:function",
        account="444444444444",
        region="us-east-1",
        role_arn="arn:aws:iam::444444444444:role/role",
        handler="package.handler.lambda_handler",
        timeout=60,
        memory=128,
        log_group="group",
        environment={},
        code=code,
    )

    def run(body: str, *, timeout: int = 60) -> Any:
        function.timeout = timeout
        (code / "package").mkdir()
        lines = "\n".join(f"    {line}" for line in body.splitlines())
        (code / "package/handler.py").write_text(f"def lambda_handler(event, context):\n{lines}\n")
        started.append(FunctionProcess(function, ENVIRONMENT, tmp_path, tmp_path / "log"))
        return started[0].invoke({"in": 1}, request_id="request", now=NOW, patience=0.1)

    yield run
    for process in started:
        process.close()


def test_it_gets_the_event_and_the_context(invoke: Callable[..., Any]) -> None:
    found = invoke("return [event, context.aws_request_id, context.function_name, context.memory_limit_in_mb]")

    assert found == [{"in": 1}, "request", "function", 128]


def test_it_has_the_runtimes_libraries(invoke: Callable[..., Any]) -> None:
    assert invoke("import boto3, botocore, urllib3, dateutil, jmespath\nreturn 'all there'") == "all there"


@pytest.mark.parametrize("library", ["requests", "moto", "aws_cdk", "tests", "aws_lambda_powertools"])
def test_it_has_no_other_library(invoke: Callable[..., Any], library: str) -> None:
    with pytest.raises(FunctionError, match=f"No module named '{library}'"):
        invoke(f"import {library}")


def test_it_has_only_the_given_environment(invoke: Callable[..., Any]) -> None:
    # LC_CTYPE is what the interpreter sets itself.
    found = invoke("import os\nreturn sorted(name for name in os.environ if name != 'LC_CTYPE')")

    assert found == sorted(ENVIRONMENT)


def test_it_lives_in_the_rehearsals_time(invoke: Callable[..., Any]) -> None:
    started = time.perf_counter()
    found = invoke(
        "import time\nfrom datetime import datetime, UTC\ntime.sleep(60)\n"
        "return [time.time(), datetime.now(UTC).timestamp(), context.get_remaining_time_in_millis()]"
    )

    assert found == [NOW + 60, NOW + 60, 0]
    assert time.perf_counter() - started < 30


def test_what_it_prints_is_its_log(invoke: Callable[..., Any], tmp_path: Path) -> None:
    invoke("print('printed')")

    assert (tmp_path / "log").read_text() == "printed\n"


def test_an_exception_fails_the_invocation(invoke: Callable[..., Any]) -> None:
    with pytest.raises(FunctionError, match="ValueError: because"):
        invoke("raise ValueError('because')")


def test_a_function_that_takes_too_long_is_stopped(invoke: Callable[..., Any]) -> None:
    with pytest.raises(FunctionError, match="timed out after 1 seconds"):
        invoke("import threading\nthreading.Event().wait()", timeout=1)


def test_a_process_that_dies_fails_the_invocation(invoke: Callable[..., Any]) -> None:
    with pytest.raises(FunctionError, match="its process died"):
        invoke("import os\nos._exit(1)")


def test_it_waits_in_vain_in_its_own_time(invoke: Callable[..., Any]) -> None:
    started = time.perf_counter()
    body = """import socket, time
ours, theirs = socket.socketpair()
ours.settimeout(20)
theirs.send(b"answer")
answer = ours.makefile("rb").read(6)
try:
    ours.makefile("rb").read(1)
except TimeoutError:
    return [answer.decode(), time.time(), ours.gettimeout()]"""

    assert invoke(body) == ["answer", NOW + 20, 20]
    assert time.perf_counter() - started < 10
