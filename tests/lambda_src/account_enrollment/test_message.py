from __future__ import annotations

import json

import pytest

from account_enrollment.message import parse
from aws.queue import Refused

EVENT = {"id": "event", "account": "111111111111", "source": "aws.controltower"}


@pytest.mark.parametrize(
    "body",
    [
        "",
        "{",
        "[" * 5000,
        "null",
        "[]",
        "7",
        '"text"',
        "{}",
        '{"Sweep": "unit"}',
        '{"Sweep": []}',
        '["Sweep"]',
        json.dumps({**EVENT, "detail-type": "Drift Detected", "detail": None}),
        json.dumps({**EVENT, "detail-type": "Drift Detected", "detail": []}),
        json.dumps({**EVENT, "detail-type": "AWS Service Event via CloudTrail", "detail": {"eventName": 7}}),
        json.dumps({**EVENT, "detail-type": "AWS Service Event via CloudTrail", "detail": {"eventName": []}}),
        json.dumps({**EVENT, "source": "aws.organizations", "detail-type": "any", "detail": {"eventName": []}}),
    ],
)
def test_refuses_what_is_no_message(body: str) -> None:
    with pytest.raises(Refused):
        parse(body, management_account_id="111111111111")
