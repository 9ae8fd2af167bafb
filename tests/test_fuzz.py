"""The fuzzing of `make bench`, small; and it can fail."""

from __future__ import annotations

import json

import pytest

from aws.queue import Refused
from benchmarks.fuzz import PARSERS, SECRET, Parser, fuzz

FEW = 100


@pytest.mark.parametrize("parser", PARSERS, ids=lambda parser: parser.name)
def test_whatever_arrives_ends_as_declared(parser: Parser) -> None:
    assert fuzz(parser, FEW).faults == []


def broken(body: str) -> object:
    return json.loads(body)["id"]


def talkative(body: str) -> object:
    raise Refused(f"what is {body}?")


def silent(body: str) -> object:
    raise Refused(body[:0])


@pytest.mark.parametrize(("read", "fault"), [(broken, "KeyError"), (talkative, "the secret shows"), (silent, "kept")])
def test_a_fault_is_found(read: object, fault: str) -> None:
    parser = Parser("broken", read, (Refused,), ({"ResponseURL": f"https://example.com/?{SECRET}"},))  # type: ignore[arg-type]

    assert any(fault in found for found in fuzz(parser, FEW).faults)
