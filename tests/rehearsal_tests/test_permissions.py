from __future__ import annotations

import pytest

from tests.rehearsal.authority import JudgedCall
from tests.rehearsal.permissions import covers, problems, unused_in_both
from tests.rehearsal.principals import RoleSession


def test_a_known_unused_permission_is_fine() -> None:
    assert problems({"function": {"sqs:Send on Queue": "a reason"}}, {"function": ["sqs:Send on Queue"]}) == []


def test_an_unlisted_permission_is_a_problem() -> None:
    [problem] = problems({}, {"function": ["sqs:Send on Queue"]})

    assert "nothing used it" in problem


def test_a_stale_entry_is_a_problem() -> None:
    [problem] = problems({"function": {"sqs:Send on Queue": "a reason"}}, {"function": []})

    assert "stale" in problem


def test_an_entry_without_a_reason_is_a_problem() -> None:
    [problem] = problems({"function": {"sqs:Send on Queue": ""}}, {"function": ["sqs:Send on Queue"]})

    assert "no reason" in problem


def test_what_one_of_two_used_is_used() -> None:
    first = {"function": ["a", "b"], "another": ["c"]}

    assert unused_in_both(first, {"function": ["b", "d"]}) == {"function": ["b"], "another": []}


@pytest.mark.parametrize(
    ("action", "resource", "covered"),
    [
        ("SQS:SendMessage", "arn:aws:sqs:us-east-1:444444444444:queue", True),
        ("sqs:SendMessage", "arn:aws:sqs:*", True),
        ("sqs:SendMessage", "arn:aws:sqs:us-east-1:444444444444:other", False),
        ("sqs:*", "arn:aws:sqs:us-east-1:444444444444:queue", False),
        ("sqs:SendMessage*", "arn:aws:sqs:us-east-1:444444444444:queue", False),
    ],
)
def test_a_call_covers_what_it_used(action: str, resource: str, *, covered: bool) -> None:
    role = RoleSession("arn:aws:iam::444444444444:role/role", "session")
    call = JudgedCall(role, "sqs:SendMessage", "arn:aws:sqs:us-east-1:444444444444:queue", allowed=True, reasons="")

    assert covers(action, resource, call) == covered
