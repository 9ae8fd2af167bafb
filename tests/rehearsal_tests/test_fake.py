"""What the fake Alert Logic offers for races beyond its API."""

from __future__ import annotations

import requests

from tests.rehearsal.alertlogic import ACCESS_KEY_ID, SECRET_KEY, FakeAlertLogic

ACCOUNT = "222222222222"
SUBNET = {"type": "subnet", "key": "/aws/us-east-1/subnet/subnet-0123456789abcdef0"}
REGION = {"type": "region", "key": "/aws/us-east-1"}


def test_something_happens_after_a_request_is_served_and_before_it_is_answered() -> None:
    happened: list[str] = []
    with FakeAlertLogic() as fake, requests.Session() as session:
        with (
            fake.after_each("POST", "authenticate", lambda: happened.append(fake.requests[-1].method)),
            fake.after_each("GET", "authenticate", lambda: happened.append("another method")),
        ):
            answer = session.post(f"{fake.url}/aims/v1/authenticate", auth=(ACCESS_KEY_ID, SECRET_KEY), timeout=5)
        session.post(f"{fake.url}/aims/v1/authenticate", timeout=5)

    assert answer.status_code == 200
    assert happened == ["POST"]


def test_what_somebody_adds_to_a_scope_is_a_new_version() -> None:
    fake = FakeAlertLogic()
    fake.add_deployment(account_id=ACCOUNT, scope={"include": [], "exclude": []})
    fake.add_to_scope(ACCOUNT, include=[REGION], exclude=[SUBNET], by="somebody")

    [deployment] = fake.deployments_of(ACCOUNT)
    assert deployment["scope"] == {"include": [REGION], "exclude": [SUBNET]}
    assert (deployment["version"], deployment["modified"]["by"]) == (2, "somebody")
