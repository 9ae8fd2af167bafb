"""Asks an IAM evaluator, which runs in a Node process, whether policies allow a request."""

from __future__ import annotations

import json
import shutil
import subprocess
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PROGRAM = Path(__file__).with_name("judge.mjs")
# Of the keys that have a variable part, the evaluator drops those where it does not follow a slash. What this one is
# called does not matter, as long as policies and requests call it the same.
ENCRYPTION_CONTEXT = ('"kms:EncryptionContext:', '"aws:RequestTag/kms:EncryptionContext:')


class JudgeError(Exception):
    """The evaluator refuses the question itself: an unknown action, or a malformed policy."""


@dataclass(frozen=True)
class Verdict:
    """Whether the policies allow the request, and if not, which kind of policy stands in its way."""

    allowed: bool
    reasons: str


class IamJudge:
    """A process that evaluates one question per line; it keeps nothing between two questions, so none is put twice."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._verdicts: dict[str, Verdict] = {}
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Start the process.

        Raises:
            JudgeError: there is no Node.
        """
        node = shutil.which("node")
        if node is None:
            raise JudgeError("no node on PATH; the rehearsal takes it from the virtual environment (make rehearse)")
        self._process = subprocess.Popen(
            [node, str(PROGRAM)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8"
        )

    def judge(
        self,
        *,
        principal: str,
        action: str,
        resource: str,
        resource_account: str,
        context: dict[str, str | list[str]],
        identity_policies: dict[str, Any],
        resource_policy: dict[str, Any] | None,
    ) -> Verdict:
        """Judge one request.

        Raises:
            JudgeError: the evaluator knows no such action, or a policy is malformed.
        """
        question: dict[str, Any] = {
            "request": {
                "principal": principal,
                "action": action,
                "resource": {"resource": resource, "accountId": resource_account},
                "contextVariables": context,
            },
            "identityPolicies": [{"name": name, "policy": policy} for name, policy in identity_policies.items()],
            "serviceControlPolicies": [],
            "resourceControlPolicies": [],
        }
        if resource_policy is not None:
            question["resourcePolicy"] = resource_policy
        line = json.dumps(question).replace(*ENCRYPTION_CONTEXT)
        if line not in self._verdicts:
            answer = self._ask(line)
            if "error" in answer:
                raise JudgeError(f"{action} on {resource}: {answer['error']}")
            allowed = answer["verdict"] == "Allowed"
            self._verdicts[line] = Verdict(allowed=allowed, reasons=json.dumps(answer["reasons"]))
        return self._verdicts[line]

    def _ask(self, line: str) -> dict[str, Any]:
        process = self._process
        if process is None or process.stdin is None or process.stdout is None:
            raise JudgeError("the evaluator does not run")
        stdin, stdout = process.stdin, process.stdout
        with self._lock:
            stdin.write(line + "\n")
            stdin.flush()
            line = stdout.readline()
        if not line:
            raise JudgeError("the evaluator died")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def close(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            # Its input ends, and so does it.
            process.communicate(timeout=10)
