"""Metrics as CloudWatch reads them from the log."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.metrics import MetricUnit

from aws.measures import NAMESPACE, emit

if TYPE_CHECKING:
    import pytest


def emitted(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_emits_metrics_of_a_function_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    emit("bench", {"Sent": 3, "Lost": 0})

    [line] = emitted(capsys)
    [directive] = line["_aws"]["CloudWatchMetrics"]
    assert (directive["Namespace"], directive["Dimensions"]) == (NAMESPACE, [["service"]])
    assert {it["Name"]: it["Unit"] for it in directive["Metrics"]} == {"Sent": "Count", "Lost": "Count"}
    assert (line["service"], line["Sent"], line["Lost"]) == ("bench", [3.0], [0.0])


def test_keeps_apart_what_is_emitted_one_after_the_other(capsys: pytest.CaptureFixture[str]) -> None:
    emit("bench", {"Age": 0.5}, MetricUnit.Seconds)
    emit("other", {"Sent": 1})

    first, second = emitted(capsys)
    assert (first["service"], first["Age"], "Sent" in first) == ("bench", [0.5], False)
    assert first["_aws"]["CloudWatchMetrics"][0]["Metrics"] == [{"Name": "Age", "Unit": "Seconds"}]
    assert (second["service"], "Age" in second) == ("other", False)
