from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from aws.queue import Refused
from guardduty_findings.finding import Identity, parse
from tests.lambda_src.deliveries import raw_event
from tests.rehearsal.event_text import event_text
from tests.rehearsal.findings import FAMILIES, finding

if TYPE_CHECKING:
    from collections.abc import Callable


def event() -> dict[str, Any]:
    return raw_event("guardduty-finding")


def test_tells_which_finding_it_is_who_reports_it_and_when() -> None:
    parsed = parse(json.dumps(event()))

    assert parsed.identity == Identity(
        account_id="555555555555",
        finding_id="2ec1b7d0a4f34c6b8d5e9f0a1b2c3d4e",
        updated_at="2026-01-15T12:00:00.000Z",
    )
    assert parsed.event_id == event()["id"]
    assert parsed.reported_by == "444444444444"
    assert parsed.reported_at == datetime(2026, 1, 15, 12, 0, 5, tzinfo=UTC).timestamp()


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("sample", [True, False])
def test_takes_every_family_and_keeps_its_text(family: str, *, sample: bool) -> None:
    made = finding(family, number=7, account="555555555555", region="eu-west-1", sample=sample)
    text = event_text(made)

    parsed = parse(text)

    assert parsed.identity.finding_id == made["detail"]["id"]
    assert parsed.text == text.encode()


def test_keeps_the_text_to_the_last_letter() -> None:
    text = json.dumps(event(), indent=3).replace(
        '"severity": 2.5', '"severity": 2.50, "big": 12345678901234567890.10, "small": 1E-7, "text": "\\u00e9 é \\/ 漢"'
    )

    assert parse(text).text == text.encode()


def test_does_not_show_a_finding_in_a_log() -> None:
    assert "SSHBruteForce" not in repr(parse(json.dumps(event())))


@pytest.mark.parametrize("given", [None, 7, "yesterday", "", {}])
def test_takes_a_finding_without_a_time(given: object) -> None:
    assert parse(json.dumps(event() | {"time": given})).reported_at is None


def test_takes_a_time_of_another_or_no_zone() -> None:
    noon = datetime(2026, 1, 15, 12, tzinfo=UTC).timestamp()

    assert parse(json.dumps(event() | {"time": "2026-01-15T13:00:00+01:00"})).reported_at == noon
    assert parse(json.dumps(event() | {"time": "2026-01-15T12:00:00"})).reported_at == noon


@pytest.mark.parametrize("left_out", ["arn", "region", "service", "title", "description"])
def test_takes_a_finding_that_lacks_what_tells_nothing_new(left_out: str) -> None:
    made = event()
    del made["detail"][left_out]

    assert parse(json.dumps(made)).identity.account_id == "555555555555"


@pytest.mark.parametrize("arn_region", ["us-west-2", "us-east-1"])
def test_takes_a_finding_of_a_global_service_that_names_another_region(arn_region: str) -> None:
    made = event()
    made["detail"] |= {"region": "us-east-1", "arn": made["detail"]["arn"].replace("us-west-2", arn_region)}

    assert parse(json.dumps(made)).identity.account_id == "555555555555"


@pytest.mark.parametrize("partition", ["aws", "aws-cn", "aws-us-gov"])
def test_does_not_ask_of_which_account_and_partition_the_arn_is(partition: str) -> None:
    """Whose detector found it is not documented to be always the account that it is about."""
    made = event()
    made["detail"]["arn"] = f"arn:{partition}:guardduty:us-west-2:666666666666:detector/a/finding/b"

    assert parse(json.dumps(made)).identity.account_id == "555555555555"


@pytest.mark.parametrize(
    "body",
    [
        "",
        "{",
        "no JSON",
        json.dumps(event())[:-1],
        json.dumps(event()) + "}",
        json.dumps(event() | {"x": float("nan")}),
        json.dumps(event() | {"x": float("inf")}),
        json.dumps(event() | {"x": -float("inf")}),
        "[" * 100_000,
        f"[{'9' * 5000}]",
        '"\ud800"',
        "\ufeff{}",
    ],
    ids=range(12),
)
def test_refuses_what_is_no_json(body: str) -> None:
    with pytest.raises(Refused, match=r"the message is not JSON$"):
        parse(body)


@pytest.mark.parametrize("body", ["null", "1", "[]", '"text"', "true"])
def test_refuses_what_is_no_object(body: str) -> None:
    with pytest.raises(Refused, match="the message is not a GuardDuty finding"):
        parse(body)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda event: event.clear(), "is not a GuardDuty finding"),
        (lambda event: event.update(source="aws.tag"), "is not a GuardDuty finding"),
        (lambda event: event.update(source=["aws.guardduty"]), "is not a GuardDuty finding"),
        (lambda event: event.update({"detail-type": "GuardDuty Malware Protection Object Scan Result"}), "is not a Gu"),
        (lambda event: event.pop("id"), "the event has no 'id'"),
        (lambda event: event.update(id=7), "the event has no 'id'"),
        (lambda event: event.update(account=None), "the event has no 'account'"),
        (lambda event: event.pop("region"), "the event has no 'region'"),
        (lambda event: event.pop("detail"), "5b7e3a90-0c61-4e0d-9a2f-6f1f7a3c1d24 has no detail"),
        (lambda event: event.update(detail=[]), "has no detail"),
        (lambda event: event["detail"].pop("id"), "the detail of event 5b7e3a90.* has no 'id'"),
        (lambda event: event["detail"].update(id=""), "has no 'id'"),
        (lambda event: event["detail"].update(accountId=555555555555), "has no 'accountId'"),
        (lambda event: event["detail"].update(updatedAt={}), "has no 'updatedAt'"),
        (lambda event: event["detail"].update(arn=None), "has an ARN that is not GuardDuty's in us-west-2"),
        (lambda event: event["detail"].update(arn=""), "has an ARN that is not"),
        (lambda event: event["detail"].update(arn=event["detail"]["arn"].replace("guardduty", "ec2", 1)), "an ARN"),
        (lambda event: event["detail"].update(arn=event["detail"]["arn"].replace("us-west-2", "us-west-1")), "an ARN"),
        (lambda event: event.update(region="us-east-1") or event["detail"].pop("region"), "an ARN .* in us-east-1"),
    ],
)
def test_refuses_what_is_no_finding_or_contradicts_itself(
    change: Callable[[dict[str, Any]], object], reason: str
) -> None:
    made = event()
    change(made)

    with pytest.raises(Refused, match=reason):
        parse(json.dumps(made))
