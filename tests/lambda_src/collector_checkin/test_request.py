from __future__ import annotations

from typing import Any

import pytest

from collector_checkin.request import NO_COLLECTOR, is_function_name, parse
from tests.lambda_src.collector_checkin.custom_resources import FUNCTION_NAME, event


def test_reads_a_create() -> None:
    request = parse(event())

    assert (request.type, request.stack_id.region, request.logical_resource_id) == ("Create", "us-east-1", "Resource")
    assert (request.function_name, request.physical_resource_id) == (FUNCTION_NAME, NO_COLLECTOR)


@pytest.mark.parametrize("request_type", ["Update", "Delete"])
def test_reads_whose_collector_there_is(request_type: Any) -> None:
    request = parse(event(request_type, function_name="new"))

    assert (request.type, request.function_name, request.physical_resource_id) == (request_type, "new", FUNCTION_NAME)


@pytest.mark.parametrize("name", [None, 5, ["x"], "", "a/b", "..", "x" * 65])
def test_leaves_a_wrong_name_to_be_answered(name: object) -> None:
    assert parse(event(function_name=name)).function_name is None


def test_no_function_has_the_name_of_no_collector() -> None:
    assert not is_function_name(NO_COLLECTOR)
