from __future__ import annotations

from tests.rehearsal.permissions import problems


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
