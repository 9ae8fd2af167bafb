"""Asks an IAM evaluator, which runs in a Node process, whether policies allow a request."""

from __future__ import annotations

import atexit
import json
import shutil
import subprocess
import threading
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

PROGRAM = Path(__file__).with_name("judge.mjs")
# Of the keys that have a variable part, the evaluator drops those where it does not follow a slash. What this one is
# called does not matter, as long as policies and requests call it the same.
ENCRYPTION_CONTEXT = ('"kms:EncryptionContext:', '"aws:RequestTag/kms:EncryptionContext:')

# The evaluator must be able to write all answers before the first is read: together they are smaller than a pipe.
MOST_AT_ONCE = 25


class JudgeError(Exception):
    """The evaluator refuses the question itself: an unknown action, or a malformed policy."""


@dataclass(frozen=True)
class Question:
    """One request, and the policies that it meets.

    Attributes:
        principal: Who asks, by the ARN; a service by its name.
        action: What for, such as `sqs:SendMessage`.
        resource: On what.
        resource_account: Whose that is.
        context: The request's condition keys.
        identity_policies: What the principal has, by name.
        resource_policy: What the resource has; None if it has none.
    """

    principal: str
    action: str
    resource: str
    resource_account: str
    context: dict[str, str | list[str]]
    identity_policies: dict[str, Any]
    resource_policy: dict[str, Any] | None

    @cached_property
    def line(self) -> str:
        """The question as the evaluator reads it."""
        policies = [{"name": name, "policy": policy} for name, policy in self.identity_policies.items()]
        question: dict[str, Any] = {
            "request": {
                "principal": self.principal,
                "action": self.action,
                "resource": {"resource": self.resource, "accountId": self.resource_account},
                "contextVariables": self.context,
            },
            "identityPolicies": policies,
            "serviceControlPolicies": [],
            "resourceControlPolicies": [],
        }
        if self.resource_policy is not None:
            question["resourcePolicy"] = self.resource_policy
        return json.dumps(question).replace(*ENCRYPTION_CONTEXT)


@dataclass(frozen=True)
class Verdict:
    """Whether the policies allow the request, and if not, which kind of policy stands in its way."""

    allowed: bool
    reasons: str


class IamJudge:
    """A process that evaluates one question per line; it keeps nothing between two questions, so none is put twice."""

    def __init__(self) -> None:
        """Start the process.

        Raises:
            JudgeError: there is no Node.
        """
        node = shutil.which("node")
        if node is None:
            raise JudgeError("no node on PATH; the rehearsal takes it from the virtual environment (make rehearse)")
        self._lock = threading.Lock()
        self._verdicts: dict[str, Verdict] = {}
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
        [verdict] = self.judge_all(
            [Question(principal, action, resource, resource_account, context, identity_policies, resource_policy)]
        )
        return verdict

    def judge_all(self, questions: Sequence[Question]) -> list[Verdict]:
        """Judge many requests, which takes much less time than one by one.

        Raises:
            JudgeError: the evaluator knows no such action, or a policy is malformed.
        """
        by_line = {question.line: question for question in questions}
        new = [line for line in by_line if line not in self._verdicts]
        for first in range(0, len(new), MOST_AT_ONCE):
            some = new[first : first + MOST_AT_ONCE]
            for line, answer in zip(some, self._ask(some), strict=True):
                if "error" in answer:
                    question = by_line[line]
                    raise JudgeError(f"{question.action} on {question.resource}: {answer['error']}")
                allowed = answer["verdict"] == "Allowed"
                self._verdicts[line] = Verdict(allowed=allowed, reasons=json.dumps(answer["reasons"]))
        return [self._verdicts[question.line] for question in questions]

    def _ask(self, lines: Sequence[str]) -> list[dict[str, Any]]:
        stdin, stdout = self._process.stdin, self._process.stdout
        if stdin is None or stdout is None:
            raise JudgeError("the evaluator has no pipes")
        with self._lock:
            stdin.write("".join(f"{line}\n" for line in lines))
            stdin.flush()
            answers = [stdout.readline() for _ in lines]
        if not all(answers):
            raise JudgeError("the evaluator died")
        return [json.loads(answer) for answer in answers]

    def close(self) -> None:
        # Its input ends, and so does it.
        self._process.communicate(timeout=10)


@cache
def the_judge() -> IamJudge:
    """The one evaluator of this process: it takes longer to start than to answer a thousand questions."""
    judge = IamJudge()
    atexit.register(judge.close)
    return judge
