"""Lambda: each function runs from its built asset, in a process of its own, with its own role."""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import select
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import threading
import uuid
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from tests.rehearsal.principals import Operator, RoleSession, Service
from tests.rehearsal.resources import Client, Made, ResourceType

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from tests.rehearsal.authority import Authority
    from tests.rehearsal.clock import VirtualClock
    from tests.rehearsal.gateway import Gateway
    from tests.rehearsal.principals import Principal
    from tests.rehearsal.templates import Json

PROGRAM = Path(__file__).with_name("function_process.py")
# What Lambda's Python runtime brings along: boto3 and what boto3 needs.
RUNTIME_LIBRARIES = ("boto3", "botocore", "s3transfer", "jmespath", "dateutil", "six.py", "urllib3")
TIME_LIBRARIES = ("time_machine", "_time_machine" + sysconfig.get_config_var("EXT_SUFFIX"))


class FunctionError(Exception):
    """An invocation ended in an exception, ran out of time or lost its process."""


@dataclass
class Function:
    """One deployed function."""

    name: str
    arn: str
    account: str
    region: str
    role_arn: str
    handler: str
    timeout: int
    memory: int
    log_group: str
    environment: dict[str, str]
    code: Path
    # Whether Lambda lets it lead to its own invocation, and that to the next, without end.
    may_loop: bool = False
    idle: list[FunctionProcess] = field(default_factory=list["FunctionProcess"])
    errors: list[str] = field(default_factory=list[str])
    # When it was invoked, and whether that failed.
    invocations: list[tuple[float, bool]] = field(default_factory=list[tuple[float, bool]])

    @property
    def label(self) -> str:
        """The name by which people know it: the package that its handler lives in."""
        return self.handler.split(".", 1)[0]

    @property
    def session(self) -> RoleSession:
        return RoleSession(self.role_arn, self.name)

    def close(self) -> None:
        """End the idle processes."""
        while self.idle:
            self.idle.pop().close()


class FunctionProcess:
    """One execution environment: a process that handles one invocation at a time."""

    def __init__(self, function: Function, environment: dict[str, str], libraries: Path, log: Path) -> None:
        self.cpu_seconds = 0.0
        self._function = function
        arguments = [function.code, libraries / "runtime", libraries / "time", function.handler, log]
        self._process = subprocess.Popen(
            # Isolated from the environment (-I) and without the site-packages of this interpreter (-S).
            [sys.executable, "-I", "-S", str(PROGRAM), *map(str, arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
            cwd=function.code,
        )

    def invoke(self, event: Json, *, request_id: str, now: float, patience: float | None = None) -> Any:
        """Hand over one event; `patience` is explained in `Functions.impatient`.

        Raises:
            FunctionError: the function raised, took longer than its timeout, or its process died.
        """
        stdin, stdout = _pipes(self._process)
        function = self._function
        invocation = {
            "event": event,
            "request_id": request_id,
            "now": now,
            "timeout": function.timeout,
            "function_arn": function.arn,
            "patience": patience,
        }
        stdin.write(json.dumps(invocation).encode() + b"\n")
        stdin.flush()
        ready, _, _ = select.select([stdout], [], [], function.timeout)
        if not ready:
            self._process.kill()
            raise FunctionError(f"{function.name}: task timed out after {function.timeout} seconds")
        line = stdout.readline()
        if not line:
            raise FunctionError(f"{function.name}: its process died")
        answer: Json = json.loads(line)
        self.cpu_seconds = answer["cpu_seconds"]
        if "error" in answer:
            raise FunctionError(f"{function.name}: {answer['error']}")
        return answer["result"]

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def close(self) -> None:
        """End it as Lambda does: without asking. What it had to say it has said by the end of its invocation."""
        self._process.kill()
        self._process.wait()
        for pipe in _pipes(self._process):
            with contextlib.suppress(BrokenPipeError):
                pipe.close()


def _pipes(process: subprocess.Popen[bytes]) -> tuple[IO[bytes], IO[bytes]]:
    if process.stdin is None or process.stdout is None:
        raise FunctionError("the process has no pipes")
    return process.stdin, process.stdout


def link_libraries(folder: Path) -> None:
    """Put what a function's process may import into a folder: what Lambda has, and apart from it what we need."""
    packages = Path(sysconfig.get_path("purelib"))
    for name, libraries in (("runtime", RUNTIME_LIBRARIES), ("time", TIME_LIBRARIES)):
        (folder / name).mkdir()
        for library in libraries:
            (folder / name / library).symlink_to(packages / library)


def _do_nothing(_log: Path) -> None: ...


class Functions:
    """All functions and event source mappings, and the processes in which they run."""

    def __init__(self, gateway: Gateway, authority: Authority, clock: VirtualClock, folder: Path) -> None:
        self.all: dict[str, Function] = {}
        # Who CDK's own functions are that run on another runtime, which are not run here, by their ARNs.
        self.others: dict[str, RoleSession] = {}
        # What a function's own settings are replaced with, where it has them: Alert Logic's address.
        self.overrides: dict[str, str] = {}
        # The way from a process to the rehearsal's endpoints.
        self.access: dict[str, str] = {}
        self.assets: dict[str, Path] = {}
        # Called with the log of a function that goes, before it does.
        self.before_removal: Callable[[Path], None] = _do_nothing
        self._patience: float | None = None
        self._gateway = gateway
        self._authority = authority
        self._clock = clock
        self._folder = folder
        self._count = 0
        self._lock = threading.Lock()
        link_libraries(folder)

    def resource_types(self) -> dict[str, ResourceType]:
        return {"AWS::Lambda::Function": ResourceType(self._put, self._remove, updatable=True)}

    def labeled(self, label: str) -> Function:
        return next(function for function in self.all.values() if function.label == label)

    def cpu_seconds(self, label: str) -> float:
        """CPU time that a function's idle processes have used so far, imports included."""
        return sum(process.cpu_seconds for process in self.labeled(label).idle)

    def log(self, label: str) -> str:
        path = self._log_path(self.labeled(label))
        return path.read_text(encoding="utf-8") if path.exists() else ""

    def metric_lines(self, function: Function) -> list[Json]:
        """The lines of a function's log that CloudWatch makes metrics of."""
        path = self._log_path(function)
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        return [json.loads(line) for line in lines if '"_aws"' in line]

    @contextlib.contextmanager
    def impatient(self, seconds: float) -> Generator[None]:
        """Let functions wait for an answer in vain without as long a wait of ours.

        Whoever gets no answer for so many seconds of real time has waited for as long as it wanted to in its own time.
        """
        self._patience = seconds
        try:
            yield
        finally:
            self._patience = None

    def may_invoke(self, caller: Principal | Operator, function_arn: str) -> bool:
        """Whether there is such a function, and the caller may invoke it."""
        return function_arn in self.all.keys() | self.others.keys() and (
            isinstance(caller, Operator) or self._authority.allows(caller, "lambda:InvokeFunction", function_arn)
        )

    def session_of_other(self, function_arn: str) -> RoleSession:
        """The session in which a function would run that is not run here.

        Raises:
            FunctionError: Lambda cannot assume its role.
        """
        session = self.others[function_arn]
        if not self._authority.allows(Service("lambda.amazonaws.com", None), "sts:AssumeRole", session.role_arn):
            raise FunctionError(f"{session.session_name}: its role cannot be assumed")
        return session

    def invoke(self, function: Function, event: Json) -> Any:
        """Invoke in an idle process, or in a new one if all are busy.

        Raises:
            FunctionError: the invocation failed.
        """
        with self._lock:
            self._count += 1
            request_id = str(uuid.uuid5(uuid.NAMESPACE_URL, f"{function.arn}/{self._count}"))
            process = function.idle.pop() if function.idle else None
        process = process or self._start(function)
        self._write_log(function, "logs:PutLogEvents")
        failed = True
        try:
            result = process.invoke(event, request_id=request_id, now=self._clock.now, patience=self._patience)
            failed = False
        except FunctionError as error:
            function.errors.append(str(error))
            raise
        else:
            return result
        finally:
            with self._lock:
                function.invocations.append((self._clock.now, failed))
                if process.alive:
                    function.idle.append(process)
                else:
                    process.close()

    def warm(self, label: str, processes: int) -> None:
        """Have so many idle processes that have all imported and made what lasts: with a batch of nothing."""
        function = self.labeled(label)
        while len(function.idle) < processes:
            process = self._start(function)
            process.invoke({"Records": []}, request_id="warm-up", now=self._clock.now)
            function.idle.append(process)

    def close(self) -> None:
        for function in self.all.values():
            function.close()

    def _start(self, function: Function) -> FunctionProcess:
        self._write_log(function, "logs:CreateLogStream")
        credentials = self._gateway.credentials(function.session)
        overrides = {key: value for key, value in self.overrides.items() if key in function.environment}
        environment = (
            function.environment
            | overrides
            | self.access
            | {
                "AWS_REGION": function.region,
                "AWS_DEFAULT_REGION": function.region,
                "AWS_EXECUTION_ENV": "AWS_Lambda_python3.13",
                "AWS_LAMBDA_FUNCTION_NAME": function.name,
                "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory),
                "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
                "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
                "AWS_LAMBDA_LOG_GROUP_NAME": function.log_group,
                "AWS_LAMBDA_LOG_STREAM_NAME": "rehearsal",
                "LAMBDA_TASK_ROOT": str(function.code),
                "LANG": "en_US.UTF-8",
                "TZ": ":UTC",
                "PATH": os.defpath,
                "AWS_ACCESS_KEY_ID": credentials["AccessKeyId"],
                "AWS_SECRET_ACCESS_KEY": credentials["SecretAccessKey"],
                "AWS_SESSION_TOKEN": credentials["SessionToken"],
                "AWS_ENDPOINT_URL": self._gateway.url,
            }
        )
        return FunctionProcess(function, environment, self._folder, self._log_path(function))

    def _write_log(self, function: Function, action: str) -> None:
        """Lambda writes the log with the function's role, and assumes that role to begin with."""
        group = f"arn:aws:logs:{function.region}:{function.account}:log-group:{function.log_group}"
        service = Service("lambda.amazonaws.com", source_arn=None)
        if not (
            self._authority.allows(service, "sts:AssumeRole", function.role_arn)
            and self._authority.allows(function.session, action, f"{group}:log-stream:rehearsal")
        ):
            raise FunctionError(f"{function.name}: its role cannot be assumed, or cannot write the log")

    def _log_path(self, function: Function) -> Path:
        return self._folder / f"{function.name}.log"

    def _put(self, made: Made, _client: Client) -> None:
        """Make a function, or bring it to other settings: new processes have these."""
        properties = made.properties
        name = made.name("FunctionName")
        made.physical_id = name
        made.attributes = {"Arn": made.arn("lambda", f"function:{name}")}
        if not properties["Runtime"].startswith("python"):
            self.others[made.attributes["Arn"]] = RoleSession(properties["Role"], name)
            return
        default_log_group = f"/aws/lambda/{name}"
        before = self.all.get(made.attributes["Arn"])
        if before is not None:
            before.close()
        self.all[made.attributes["Arn"]] = Function(
            name=name,
            arn=made.attributes["Arn"],
            account=made.account,
            region=made.region,
            role_arn=properties["Role"],
            handler=properties["Handler"],
            timeout=int(properties.get("Timeout", 3)),
            memory=int(properties.get("MemorySize", 128)),
            log_group=properties.get("LoggingConfig", {}).get("LogGroup", default_log_group),
            environment={key: str(value) for key, value in properties["Environment"]["Variables"].items()},
            code=_copy_of(self.assets[properties["Code"]["S3Key"]]),
            may_loop=properties.get("RecursiveLoop") == "Allow",
            errors=[] if before is None else before.errors,
            invocations=[] if before is None else before.invocations,
        )

    def _remove(self, made: Made, _client: Client) -> None:
        """End a function; its log goes with it."""
        if self.others.pop(made.attributes["Arn"], None):
            return
        function = self.all.pop(made.attributes["Arn"])
        function.close()
        self.before_removal(self._log_path(function))
        self._log_path(function).unlink(missing_ok=True)


@cache
def _copy_of(asset: Path) -> Path:
    """A copy for all that this process rehearses, so that the interpreter's byte code does not land in cdk.out."""
    folder = tempfile.mkdtemp(prefix="asset-")
    atexit.register(shutil.rmtree, folder)
    return shutil.copytree(asset, Path(folder) / asset.name)
