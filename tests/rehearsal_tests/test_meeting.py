from __future__ import annotations

import threading

import pytest

from tests.rehearsal.meeting import Meeting


def test_calls_wait_for_each_other() -> None:
    arrived: list[str] = []
    meeting = Meeting(2)

    def call() -> None:
        meeting.join()
        arrived.append("first")

    first = threading.Thread(target=call)
    with meeting:
        first.start()
        assert arrived == []
        meeting.join()
        first.join()

    assert arrived == ["first"]


def test_later_calls_pass() -> None:
    meeting = Meeting(1)
    passed = 0
    with meeting:
        for _ in range(2):
            meeting.join()
            passed += 1

    assert passed == 2


def test_a_call_that_waits_in_vain_goes_on_and_the_meeting_fails() -> None:
    meeting = Meeting(2, seconds=0.01)
    with pytest.raises(AssertionError, match="1 of 2 calls met"), meeting:
        meeting.join()
