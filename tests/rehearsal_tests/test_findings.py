"""Findings are what GuardDuty sends, and no two are alike."""

from __future__ import annotations

import json

import pytest

from tests.rehearsal.event_text import event_text
from tests.rehearsal.findings import FAMILIES, finding

ACCOUNT, ADMINISTRATOR, REGION = "500000000001", "444444444444", "eu-west-1"


@pytest.mark.parametrize("family", FAMILIES)
def test_a_finding_is_of_its_account_and_region(family: str) -> None:
    event = finding(family, number=1, account=ACCOUNT, region=REGION, administrator=ADMINISTRATOR)
    detail = event["detail"]

    assert (event["account"], event["region"]) == (ADMINISTRATOR, REGION)
    assert (event["source"], event["detail-type"]) == ("aws.guardduty", "GuardDuty Finding")
    assert (detail["accountId"], detail["region"]) == (ACCOUNT, REGION)
    detector = f"arn:aws:guardduty:{REGION}:{ACCOUNT}:detector/{detail['service']['detectorId']}"
    assert detail["arn"] == f"{detector}/finding/{detail['id']}"
    assert 1 <= detail["severity"] <= 10
    assert "sample" not in detail["service"]["additionalInfo"]


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("size", [6_000, 200_000])
def test_a_finding_has_the_size_that_is_asked_for(family: str, size: int) -> None:
    text = event_text(finding(family, number=2, account=ACCOUNT, region=REGION, size=size))

    assert size <= len(text.encode()) < size + 600
    assert not text.isascii()


def test_no_two_findings_are_alike_but_each_is_the_same_every_time() -> None:
    texts = [
        event_text(finding(family, number=number, account=ACCOUNT, region=REGION))
        for family in FAMILIES
        for number in range(20)
    ]
    ids = {json.loads(text)["detail"]["id"] for text in texts}

    assert len(ids) == len(texts)
    assert event_text(finding(FAMILIES[0], number=0, account=ACCOUNT, region=REGION)) == texts[0]


def test_severities_are_whole_or_not() -> None:
    texts = [
        event_text(finding(family, number=n, account=ACCOUNT, region=REGION)) for family in FAMILIES for n in range(9)
    ]

    for number in ('"severity":8,', '"severity":8.0,', '"severity":4.7,'):
        assert any(number in text for text in texts)
    assert finding("ec2", number=1, account=ACCOUNT, region=REGION, severity=3.3)["detail"]["severity"] == 3.3


def test_a_sample_says_so() -> None:
    detail = finding("s3", number=1, account=ACCOUNT, region=REGION, sample=True)["detail"]

    assert detail["title"].startswith("[SAMPLE] ")
    assert detail["service"]["additionalInfo"]["sample"] is True
