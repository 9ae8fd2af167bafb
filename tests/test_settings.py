"""What `read_settings` takes, and what it says of the rest."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from alertlogic_constructs.settings import CONTEXT_KEY, FindingSettings, read_context, read_settings

CDK_JSON = Path(__file__).parents[1] / "cdk.json"
EXAMPLE: dict[str, Any] = dict(read_context(CDK_JSON)[CONTEXT_KEY])


def problems(**changes: Any) -> list[str]:
    """Every line that tells of a problem, in order."""
    with pytest.raises(ValueError, match=f"the context {CONTEXT_KEY} cannot be used:") as refusal:
        read_settings(EXAMPLE | changes)
    return str(refusal.value).splitlines()[1:]


def findings(**changes: Any) -> dict[str, Any]:
    return {"guardduty": {"administrator": "444444444444", **changes}}


def test_an_object_is_read_as_its_json_text_is() -> None:
    assert read_settings(json.dumps(EXAMPLE)) == read_settings(EXAMPLE)


@pytest.mark.parametrize("value", [None, 3, [], "[]", "3", "{"])
def test_fails_when_it_is_no_object(value: object) -> None:
    with pytest.raises(ValueError, match=r"see cdk\.json for an example"):
        read_settings(value)


def test_no_alarm_topic_is_the_same_as_none() -> None:
    without = {key: value for key, value in EXAMPLE.items() if key != "alarm_topic_name"}

    assert without != EXAMPLE
    assert read_settings(without) == read_settings(EXAMPLE)
    assert read_settings(EXAMPLE).alarm_topic_name is None


@pytest.mark.parametrize("key", sorted(EXAMPLE.keys() - {"alarm_topic_name"}))
def test_fails_when_any_other_key_is_missing(key: str) -> None:
    without = {name: value for name, value in EXAMPLE.items() if name != key}

    with pytest.raises(ValueError, match=key):
        read_settings(without)


@pytest.mark.parametrize("percentage", [0, 100])
def test_any_percentage_guards_against_deletion(percentage: int) -> None:
    assert read_settings(EXAMPLE | {"deletion_guard_percentage": percentage}).deletion_guard_percentage == percentage


@pytest.mark.parametrize("percentage", [-1, 101, 10.0, "10", True, None])
def test_fails_when_the_deletion_guard_is_no_percentage(percentage: Any) -> None:
    assert problems(deletion_guard_percentage=percentage) == [
        f"deletion_guard_percentage is {percentage!r}; allowed is a whole number from 0 to 100; correct it"
    ]


@pytest.mark.parametrize(
    "filters",
    [{}, {"minimum_severity": None}, {"minimum_severity": 4.5, "finding_types": ["*:EC2/*"], "sample_findings": False}],
)
def test_filters_are_those_of_the_forwarder(filters: dict[str, Any]) -> None:
    guardduty = read_settings(EXAMPLE | findings(**filters)).guardduty

    assert isinstance(guardduty, FindingSettings)
    assert guardduty.filters == filters


@pytest.mark.parametrize(
    ("filters", "words"),
    [
        ({"minimum_severity": 11}, "- minimum_severity is 11; allowed is a number from 1 to 10"),
        ({"minimum_severity": "4"}, "- minimum_severity is '4'"),
        ({"finding_types": "*:EC2/*"}, "- finding_types is '*:EC2/*'; allowed is a list of strings"),
        ({"finding_types": [5]}, "- finding_types is 5; "),
        ({"finding_types": ["a" * 1800]}, "- finding_types is '1 types'; allowed is as many as"),
        ({"sample_findings": "no"}, "- sample_findings is 'no'; allowed is True or False"),
    ],
)
def test_fails_when_the_forwarder_would_refuse_a_filter(filters: dict[str, Any], words: str) -> None:
    first, problem = problems(**findings(**filters))[:2]

    assert first == "guardduty cannot be used:"
    assert problem.startswith(words)


def test_everything_that_is_wrong_with_guardduty_is_said_at_once() -> None:
    assert [line.partition(";")[0] for line in problems(**findings(administrator="4444", minimum_severity=0))] == [
        "guardduty: GuardDutyCoverage.administrator cannot be used:",
        "- account is '4444'",
        "guardduty cannot be used:",
        "- minimum_severity is 0",
    ]


@pytest.mark.parametrize(
    ("changes", "first", "problem"),
    [
        (
            {"excluded_units": "ou-abcd-11111111"},
            "included_units, excluded_units, excluded_accounts: OrganizationalUnits cannot be used:",
            "- excluding is 'ou-abcd-11111111'",
        ),
        (
            {"included_units": ["unit"]},
            "included_units, excluded_units, excluded_accounts: OrganizationalUnits cannot be used:",
            "- units is 'unit'",
        ),
        (
            {"vpc_tags": []},
            "vpc_tags, prune: ProtectionScope.vpc_tags cannot be used:",
            "- tags is []",
        ),
        (
            {"vpc_tags": {}, "prune": "no"},
            "vpc_tags, prune: ProtectionScope.regions cannot be used:",
            "- prune is 'no'",
        ),
        ({"trail": {"key_arn": "k"}}, "trail: CentralTrail cannot be used:", "- key_arn is 'k'"),
        ({"trail": {"bucket_name": "logs"}}, "trail: CentralTrail cannot be used:", "- topic_arn is None"),
    ],
)
def test_a_problem_names_the_keys_that_it_is_about(changes: dict[str, Any], first: str, problem: str) -> None:
    lines = problems(**changes)

    assert lines[0] == first
    assert lines[1].startswith(f"{problem}; allowed is ")


def test_units_that_are_no_list_are_not_taken_apart() -> None:
    assert problems(included_units="ou-abcd-11111111") == [
        "included_units is 'ou-abcd-11111111'; allowed is a list of strings; [] includes every unit"
    ]


def test_an_unknown_key_is_named() -> None:
    assert problems(polciy="ENTERPRISE") == [
        "polciy is unknown; allowed are the keys that cdk.json shows; correct or delete it"
    ]
