"""Runs one function, as Lambda's runtime would. Started as a program of its own, without the project's libraries.

Reads one JSON line per invocation from its input and writes one JSON line per result to its original output; what
the function prints goes to the log file.
"""

from __future__ import annotations

import importlib
import json
import os
import random
import socket
import sys
import time
import traceback
from typing import Any


class Clock:
    """The rehearsal's time in this process. Sleeping moves it instead of waiting."""

    def __init__(self, libraries: str) -> None:
        # The function must not find this library, so it is imported from a folder that is then forgotten.
        sys.path.append(libraries)
        self._coordinates = importlib.import_module("time_machine").travel(0, tick=False).start()
        sys.path.remove(libraries)
        self.now = 0.0
        setattr(time, "sleep", self.sleep)  # noqa: B010 - type checkers let nobody assign to a function

    def move_to(self, moment: float) -> None:
        self.now = max(self.now, moment)
        self._coordinates.move_to(self.now)

    def sleep(self, seconds: float) -> None:
        self.move_to(self.now + seconds)


class Patience:
    """For how long, in real time, a socket waits for an answer.

    Where that is shorter than the function's own timeout, its clock goes on by that timeout.
    """

    def __init__(self, clock: Clock) -> None:
        self.seconds: float | None = None
        self._clock = clock
        self._receive = socket.socket.recv_into
        setattr(socket.socket, "recv_into", lambda *arguments: self._receive_patiently(*arguments))  # noqa: B010, PLW0108 - as above; and a function becomes a method

    def _receive_patiently(self, connection: socket.socket, *arguments: Any) -> int:
        timeout = connection.gettimeout()
        if self.seconds is None or timeout is None or timeout <= self.seconds:
            return self._receive(connection, *arguments)
        connection.settimeout(self.seconds)
        try:
            return self._receive(connection, *arguments)
        except TimeoutError:
            self._clock.sleep(timeout)
            raise
        finally:
            connection.settimeout(timeout)


class Context:
    """What Lambda tells a handler about its invocation."""

    def __init__(self, invocation: dict[str, Any], clock: Clock) -> None:
        environ = os.environ
        self.function_name = environ["AWS_LAMBDA_FUNCTION_NAME"]
        self.function_version = "$LATEST"
        self.memory_limit_in_mb = int(environ["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"])
        self.invoked_function_arn: str = invocation["function_arn"]
        self.aws_request_id: str = invocation["request_id"]
        self.log_group_name = environ["AWS_LAMBDA_LOG_GROUP_NAME"]
        self.log_stream_name = environ["AWS_LAMBDA_LOG_STREAM_NAME"]
        self._clock = clock
        self._deadline = clock.now + invocation["timeout"]
        self._real_deadline = time.monotonic() + invocation["timeout"]

    def get_remaining_time_in_millis(self) -> int:
        left = min(self._deadline - self._clock.now, self._real_deadline - time.monotonic())
        return max(0, int(left * 1000))


def main() -> None:
    code, libraries, own_libraries, handler, log = sys.argv[1:6]
    results = os.fdopen(os.dup(1), "w", encoding="utf-8")
    log_file = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.dup2(log_file, 1)
    os.dup2(log_file, 2)
    clock = Clock(own_libraries)
    patience = Patience(clock)
    sys.path[:] = [code, *sys.path[1:], libraries]
    module, name = handler.rsplit(".", 1)
    function: Any = None
    for line in sys.stdin:
        invocation: dict[str, Any] = json.loads(line)
        clock.move_to(invocation["now"])
        patience.seconds = invocation["patience"]
        # The jitter of back-offs is the same in every rehearsal, whichever process it is.
        random.seed(f"{handler} {clock.now}")
        try:
            if function is None:
                function = getattr(importlib.import_module(module), name)
            answer = {"result": function(invocation["event"], Context(invocation, clock))}
        except Exception as error:  # noqa: BLE001 - whatever the function raises fails the invocation, as in Lambda
            traceback.print_exc()
            answer = {"error": f"{type(error).__name__}: {error}"}
        answer["cpu_seconds"] = time.process_time()
        sys.stdout.flush()
        sys.stderr.flush()
        results.write(json.dumps(answer) + "\n")
        results.flush()


if __name__ == "__main__":
    main()
