"""Events of the management side, as the raw event holds them or changed."""

from __future__ import annotations

import json
from typing import Any

from tests.lambda_src.account_registration.cloudformation_requests import MEMBER
from tests.lambda_src.deliveries import raw_event

MANAGEMENT = "111111111111"
MEMBER_STACK = raw_event("accounts")["detail"]["Accounts"][0]["Instances"][0]["StackId"]


def instance(
    region: str = "us-east-1",
    status: str = "CURRENT",
    detailed_status: str = "SUCCEEDED",
    *,
    stack_id: str | None = MEMBER_STACK,
) -> dict[str, Any]:
    return {"Region": region, "Status": status, "DetailedStatus": detailed_status, "StackId": stack_id}


def told(
    account_id: str = MEMBER,
    *instances: dict[str, Any],
    name: str = "LifeCycle1",
    wanted: bool = True,
    reason: str | None = None,
) -> dict[str, Any]:
    return {"Id": account_id, "Name": name, "Wanted": wanted, "Reason": reason, "Instances": list(instances)}


def accounts_event(
    *accounts: dict[str, Any], event_id: str | None = None, time: str | None = None, sweep: str | None = None
) -> dict[str, Any]:
    event = raw_event("accounts")
    event["detail"]["Accounts"] = list(accounts) or event["detail"]["Accounts"]
    event["detail"]["Sweep"] = sweep or event["detail"]["Sweep"]
    return event | {"id": event_id or event["id"], "time": time or event["time"]}


def message(
    *accounts: dict[str, Any], event_id: str | None = None, time: str | None = None, sweep: str | None = None
) -> str:
    return json.dumps(accounts_event(*accounts, event_id=event_id, time=time, sweep=sweep))
