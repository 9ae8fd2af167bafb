"""The management side's words through the handler, from the event to Alert Logic, the table and the status."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
import time_machine

from account_registration import handler
from account_registration.admission import IAM_LAG_SECONDS
from account_registration.case import PATIENCE_SECONDS
from account_registration.status import KEPT_FOR, STATUS_KEY, instant
from aws.accounts_table import AccountsTable
from aws.clients import client
from aws.index import Entry, Index, Kind
from aws.organizations import AwsAccountId
from tests.lambda_src.account_registration.accounts_events import instance, message, told
from tests.lambda_src.account_registration.cloudformation_requests import MEMBER
from tests.lambda_src.account_registration.test_settings import ENVIRONMENT
from tests.lambda_src.accounts_tables import TABLE_NAME
from tests.lambda_src.deliveries import raw_event
from tests.lambda_src.wire import answer_with_error
from tests.rehearsal.alertlogic import SECRET_KEY

if TYPE_CHECKING:
    from tests.lambda_src.account_registration.hub import Hub

OTHER = "666666666666"
BUCKET = ENVIRONMENT["STATUS_BUCKET"]
SCHEDULED = json.dumps(raw_event("scheduled-event"))
EXCLUDED = "it is in an excluded organizational unit"


def said(*accounts: dict[str, Any], at: datetime) -> str:
    return message(*accounts, time=instant(at), event_id=f"{at.timestamp():.0f}")


def wanted(hub: Hub, account_id: str = MEMBER, *, hours: float = 0) -> str:
    """Return an event that speaks of an account with a stack that stands, so many hours from now."""
    stack_id = hub.stack("CREATE_COMPLETE", account_id)
    return said(told(account_id, instance(stack_id=stack_id)), at=datetime.now(UTC) + timedelta(hours=hours))


def unwanted(hub: Hub, account_id: str = MEMBER, *, has_instance: bool = False, hours: float = 0.001) -> str:
    instances = [instance(stack_id=hub.stack_ids[account_id])] if has_instance else []
    account = told(account_id, *instances, wanted=False, reason=EXCLUDED)
    return said(account, at=datetime.now(UTC) + timedelta(hours=hours))


def errands(hub: Hub) -> list[str]:
    return [*hub.queued("Reconcile"), *hub.queued("Deregister")]


def heard(hub: Hub, event: str) -> None:
    """Deliver an event, and then what the function sent itself."""
    before = len(hub.sent)
    assert hub.deliver(event) == []
    for first in range(before, len(hub.sent), 10):
        assert hub.deliver(*hub.sent[first : first + 10]) == []


def status(hub: Hub) -> dict[str, dict[str, Any]]:
    """Have the status written, and return its accounts by id."""
    assert hub.deliver(SCHEDULED) == []
    written = json.loads(client("s3").get_object(Bucket=BUCKET, Key=STATUS_KEY)["Body"].read())
    return {account.pop("id"): account for account in written["accounts"]}


def enabled(hub: Hub, account_id: str = MEMBER) -> list[bool]:
    return [deployment["enabled"] for deployment in hub.fake.deployments_of(account_id)]


def _die(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


RIGHT = {
    "name": "LifeCycle1",
    "wanted": True,
    "enrolled": True,
    "registered": True,
    "scope_right": True,
    "since": None,
    "why": None,
}


class TestWantedAccount:
    def test_is_registered_by_what_its_stack_stands_for_and_nobody_is_answered(self, hub: Hub) -> None:
        heard(hub, wanted(hub))

        [deployment] = hub.fake.deployments_of(MEMBER)
        assert (deployment["name"], deployment["mode"], deployment["enabled"]) == ("LifeCycle1", "automatic", True)
        assert hub.bucket.paths == []
        assert status(hub) == {MEMBER: RIGHT}
        lines = {line["message"]: line for line in hub.lines()}
        assert (lines["told"]["accounts"], lines["told"]["errands"]) == (1, 1)
        assert (lines["registered"]["request_type"], lines["registered"]["account_id"]) == ("Reconcile", MEMBER)
        assert lines["registered"]["correlation_id"] == lines["told"]["sweep"]

    @pytest.mark.parametrize("harm", ["deleted", "disabled", "changed"])
    def test_is_put_right_after_somebody_interfered_at_alert_logic(self, hub: Hub, harm: str) -> None:
        hub.deliver(hub.message())
        [deployment] = hub.fake.deployments_of(MEMBER)
        match harm:
            case "deleted":
                hub.fake.deployments.clear()
                hub.fake.credentials.clear()
            case "disabled":
                hub.fake.deployments[deployment["id"]]["enabled"] = False
            case _:
                hub.fake.deployments[deployment["id"]]["mode"] = "manual"

        heard(hub, wanted(hub))

        [deployment] = hub.fake.deployments_of(MEMBER)
        assert (deployment["mode"], deployment["enabled"]) == ("automatic", True)

    def test_is_given_the_vpc_tags_that_no_event_told_of(self, hub: Hub) -> None:
        tagged = {"ScopeRegions": [], "VpcTags": [{"Key": "alertlogic", "Value": "true"}]}
        hub.deliver(hub.message(properties=tagged))
        key = hub.vpc("us-west-2", alertlogic="true")
        hub.stack("CREATE_COMPLETE", output=tagged)

        heard(hub, wanted(hub))

        assert hub.included() == [key]

    def test_is_left_to_its_own_request_while_its_stack_is_in_progress(self, hub: Hub) -> None:
        event = wanted(hub)
        hub.stack("UPDATE_IN_PROGRESS")

        heard(hub, event)

        assert hub.fake.requests == []
        assert hub.lines()[-1]["message"] == "nothing to do"

    @pytest.mark.parametrize(
        "instances",
        [
            [],
            [instance(status="OUTDATED", detailed_status="FAILED")],
            [instance("us-west-2", stack_id=None)],
        ],
    )
    def test_is_only_noted_while_its_instance_at_home_is_not_current(
        self, hub: Hub, instances: list[dict[str, Any]]
    ) -> None:
        heard(hub, message(told(MEMBER, *instances)))

        assert errands(hub) == []
        assert (status(hub)[MEMBER]["registered"], hub.fake.requests) == (False, [])

    def test_is_one_of_twenty(self, hub: Hub) -> None:
        accounts = [f"{number:012}" for number in range(600000000000, 600000000020)]
        stacks = {account_id: hub.stack("CREATE_COMPLETE", account_id) for account_id in accounts}

        heard(hub, message(*(told(it, instance(stack_id=stack)) for it, stack in stacks.items())))

        assert [enabled(hub, account_id) for account_id in accounts] == [[True]] * 20
        assert sorted(status(hub)) == accounts

    @pytest.mark.parametrize("in_order", [True, False])
    def test_is_reconciled_once_however_many_words_wait(self, hub: Hub, *, in_order: bool) -> None:
        events = [wanted(hub), wanted(hub, hours=6)]
        for event in events if in_order else reversed(events):
            assert hub.deliver(event) == []

        assert hub.deliver(*errands(hub)) == []

        registered = [line for line in hub.lines() if line["message"] == "registered"]
        assert len(registered) == 1


class TestWaiting:
    def test_lasts_until_alert_logic_answers_and_the_account_stands_as_it_stood(self, hub: Hub) -> None:
        heard(hub, wanted(hub))
        before = status(hub)
        hub.fake.fail(503)
        hub.deliver(wanted(hub, hours=6))
        [*_, errand] = errands(hub)

        assert len(hub.deliver(errand, age=10 * PATIENCE_SECONDS, received=200)) == 1

        assert status(hub) == before
        hub.fake.recover()
        assert hub.deliver(errand, age=11 * PATIENCE_SECONDS, received=201) == []

    def test_for_what_must_be_listed_first_says_so_and_the_account_stands_as_it_stood(self, hub: Hub) -> None:
        heard(hub, wanted(hub))
        before = status(hub)
        hub.deliver(wanted(hub, hours=6))
        [*_, errand] = errands(hub)
        Index(client("dynamodb"), table_name=TABLE_NAME).add(Entry(MEMBER, Kind.DOUBT, "no answer"))

        assert len(hub.deliver(errand)) == 1

        assert status(hub) == before
        known = AccountsTable(client("dynamodb"), name=TABLE_NAME).account(AwsAccountId(MEMBER))
        assert known
        assert (known.scope_right, known.why) == (
            True,
            "Alert Logic is to be listed first: it gave no answer when something was to be made",
        )

    def test_for_the_secret_says_so(self, hub: Hub) -> None:
        client("secretsmanager").put_secret_value(SecretId="alertlogic", SecretString=" ")
        hub.deliver(wanted(hub))

        assert len(hub.deliver(*errands(hub))) == 1

        assert "secret" in status(hub)[MEMBER]["why"]

    def test_for_vpcs_that_cannot_be_read_is_a_scope_that_is_not_right(
        self, hub: Hub, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        hub.stack("CREATE_COMPLETE", output={"ScopeRegions": [], "VpcTags": [{"Key": "alertlogic", "Value": "true"}]})
        heard(hub, wanted(hub))
        hub.deliver(wanted(hub, hours=6))
        [*_, errand] = errands(hub)
        with monkeypatch.context() as denied:
            answer_with_error(denied, "ec2", "DescribeVpcs", "UnauthorizedOperation", status=403)
            assert len(hub.deliver(errand)) == 1

        account = status(hub)[MEMBER]
        assert (account["registered"], account["scope_right"]) == (True, False)
        assert "cannot be read" in account["why"]
        assert hub.deliver(errand) == []
        assert status(hub) == {MEMBER: RIGHT}

    def test_for_the_reader_role_ends(self, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
        hub.deliver(wanted(hub))
        [errand] = errands(hub)
        answer_with_error(monkeypatch, "sts", "AssumeRole", "AccessDenied", status=403)

        assert len(hub.deliver(errand)) == 1
        assert hub.deliver(errand, age=IAM_LAG_SECONDS + 60) == []

        [(aside, reason)] = hub.deliveries.dead_letters()
        assert (aside, reason) == (errand, status(hub)[MEMBER]["why"])
        assert "cannot be assumed" in reason
        assert status(hub)[MEMBER]["since"]


class TestDeployment:
    def test_has_every_account_looked_at_that_is_registered_for_an_instance(self, hub: Hub) -> None:
        heard(hub, wanted(hub))
        heard(hub, wanted(hub, OTHER))
        heard(hub, unwanted(hub, OTHER))
        hub.deliver(said(told("777777777777"), at=datetime.now(UTC)))
        [deployment] = hub.fake.deployments_of(MEMBER)
        hub.fake.deployments[deployment["id"]]["mode"] = "manual"

        heard(hub, json.dumps(raw_event("stack-status-change")))

        assert hub.fake.deployments_of(MEMBER)[0]["mode"] == "automatic"
        [line] = [line for line in hub.lines() if line["message"] == "sweep begun"]
        assert line["errands"] == 1


class TestRefused:
    def test_by_alert_logic_is_set_aside_and_shows(self, hub: Hub) -> None:
        hub.fake.policies = []

        heard(hub, wanted(hub))

        [(_, reason)] = hub.deliveries.dead_letters()
        assert "'Professional'" in reason
        account = status(hub)[MEMBER]
        assert (account["registered"], account["scope_right"], account["why"]) == (False, False, reason)

    def test_for_its_stack_is_set_aside_and_shows(self, hub: Hub) -> None:
        event = wanted(hub)
        hub.stack("UPDATE_ROLLBACK_FAILED")

        heard(hub, event)

        assert "UPDATE_ROLLBACK_FAILED" in status(hub)[MEMBER]["why"]
        assert len(hub.deliveries.dead_letters()) == 1

    def test_since_another_account_speaks(self, hub: Hub) -> None:
        hub.deliver(hub.message())
        forged = json.dumps(json.loads(unwanted(hub)) | {"account": OTHER})

        assert hub.deliver(forged) == []

        assert errands(hub) == []
        assert enabled(hub) == [True]
        [(aside, reason)] = hub.deliveries.dead_letters()
        assert aside == forged
        assert OTHER in reason

    @pytest.mark.parametrize("change", [{"detail": {}}, {"time": "now"}, {"detail-type": "Account"}, {"source": "a"}])
    def test_since_it_is_malformed_and_nothing_of_it_is_noted(self, hub: Hub, change: dict[str, Any]) -> None:
        malformed = json.dumps(json.loads(wanted(hub)) | change)

        assert hub.deliver(malformed) == []

        assert [body for body, _ in hub.deliveries.dead_letters()] == [malformed]
        assert status(hub) == {}

    def test_of_a_forged_request_is_not_noted(self, hub: Hub) -> None:
        heard(hub, wanted(hub))
        before = status(hub)

        # The stack is complete, and the request speaks for it in another state, or with other properties.
        hub.deliver(hub.message("Delete"), hub.message(properties={"RoleArn": "arn:aws:iam::666666666666:role/r"}))

        assert status(hub) == before


class TestUnwantedAccount:
    @pytest.fixture(autouse=True)
    def registered(self, hub: Hub) -> None:
        heard(hub, wanted(hub))

    @pytest.mark.parametrize("has_instance", [True, False])
    def test_is_deregistered_on_the_word_of_the_management_side_alone(
        self, hub: Hub, monkeypatch: pytest.MonkeyPatch, *, has_instance: bool
    ) -> None:
        answer_with_error(monkeypatch, "sts", "AssumeRole", "AccessDenied", status=403)

        heard(hub, unwanted(hub, has_instance=has_instance))

        assert enabled(hub) == [False]
        lines = [line for line in hub.lines() if line["message"] == "deregistered"]
        assert [(line["request_type"], line["account_id"]) for line in lines] == [("Deregister", MEMBER)]

    def test_stays_in_the_status_until_nothing_of_it_is_left(self, hub: Hub) -> None:
        hub.fake.fail(503)
        hub.deliver(unwanted(hub, has_instance=True))
        account = status(hub)[MEMBER]
        assert (account["wanted"], account["registered"]) == (False, True)
        assert account["why"] == f"{EXCLUDED}, and has stack instances in us-east-1"

        hub.deliver(unwanted(hub, hours=1))
        assert status(hub)[MEMBER]["why"] == f"{EXCLUDED}, and still registered"

        hub.fake.recover()
        assert hub.deliver(hub.queued("Deregister")[0]) == []
        assert status(hub) == {}

    def test_is_deregistered_with_the_status_when_its_registration_came_after_the_word(self, hub: Hub) -> None:
        heard(hub, unwanted(hub))
        hub.stack("UPDATE_IN_PROGRESS")
        hub.deliver(hub.message("Update"))
        assert enabled(hub) == [True]
        before = len(hub.sent)

        assert status(hub)[MEMBER]["why"] == f"{EXCLUDED}, and still registered"

        [errand] = hub.sent[before:]
        assert hub.deliver(errand) == []
        assert enabled(hub) == [False]
        assert status(hub) == {}

    def test_is_not_deregistered_with_every_status_while_that_waits(self, hub: Hub) -> None:
        hub.fake.fail(503)
        hub.deliver(unwanted(hub))
        [errand] = hub.queued("Deregister")
        assert len(hub.deliver(errand)) == 1

        status(hub)

        assert hub.queued("Deregister") == [errand]

    def test_is_deregistered_although_nobody_lived_to_note_that_it_was_registered(
        self, hub: Hub, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        hub.deliver(wanted(hub, OTHER))
        hub.stack("CREATE_IN_PROGRESS", OTHER)
        with monkeypatch.context() as dying:
            dying.setattr(handler.wire().reporter, "report", _die)
            with pytest.raises(KeyboardInterrupt):
                hub.deliver(hub.message(account_id=OTHER))
        assert enabled(hub, OTHER) == [True]

        heard(hub, unwanted(hub, OTHER))

        assert enabled(hub, OTHER) == [False]

    def test_is_not_deregistered_once_it_is_wanted_again(self, hub: Hub) -> None:
        hub.deliver(unwanted(hub))
        hub.deliver(wanted(hub, hours=1))

        assert hub.deliver(*hub.queued("Deregister")) == []

        assert enabled(hub) == [True]
        assert status(hub) == {MEMBER: RIGHT}

    def test_is_deregistered_once_although_its_word_comes_late_and_twice(self, hub: Hub) -> None:
        early, late = unwanted(hub), unwanted(hub, has_instance=True, hours=1)
        hub.deliver(late)
        hub.deliver(early, early)

        assert hub.deliver(*hub.queued("Deregister")) == []

        assert enabled(hub) == [False]
        assert status(hub)[MEMBER]["registered"] is False

    def test_is_not_brought_back_by_a_late_word(self, hub: Hub) -> None:
        late = wanted(hub, hours=-1)
        heard(hub, unwanted(hub))

        heard(hub, late)

        assert enabled(hub) == [False]
        assert status(hub) == {}

    def test_keeps_a_registration_of_its_own(self, hub: Hub) -> None:
        hub.stack("CREATE_IN_PROGRESS", OTHER, name="Payments")
        hub.deliver(hub.message(account_id=OTHER))

        heard(hub, unwanted(hub, OTHER))

        assert errands(hub) == hub.queued("Reconcile")
        assert enabled(hub, OTHER) == [True]
        assert OTHER not in status(hub)

    def test_keeps_its_deployment_where_deployments_are_retained(
        self, hub: Hub, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("OFFBOARDING", "RETAIN")
        handler.wire.cache_clear()

        heard(hub, unwanted(hub))

        assert enabled(hub) == [True]
        assert hub.queued("Deregister") == []
        assert status(hub) == {}

    def test_whose_deregistration_alert_logic_rejects_is_set_aside_and_shows(self, hub: Hub) -> None:
        hub.fake.fail(403, method="PUT", body={"message": "not allowed"})

        heard(hub, unwanted(hub))

        assert len(hub.deliveries.dead_letters()) == 1
        assert "not allowed" in status(hub)[MEMBER]["why"]

    def test_is_noted_as_deregistered_when_its_stack_is_deleted(self, hub: Hub) -> None:
        hub.stack("DELETE_IN_PROGRESS")
        hub.deliver(hub.message("Delete"))

        hub.deliver(unwanted(hub))

        assert hub.queued("Deregister") == []
        assert status(hub) == {}


class TestRequest:
    def test_is_noted_and_shows_with_the_next_word(self, hub: Hub) -> None:
        hub.deliver(hub.message())
        assert status(hub) == {}

        hub.deliver(wanted(hub))

        assert status(hub) == {MEMBER: RIGHT}

    def test_that_alert_logic_rejects_shows(self, hub: Hub) -> None:
        hub.fake.policies = []
        hub.deliver(hub.message())

        hub.deliver(wanted(hub))

        assert "'Professional'" in status(hub)[MEMBER]["why"]

    def test_that_must_be_answered_first_says_nothing_of_the_account(self, hub: Hub) -> None:
        hub.deliver(hub.message(), age=PATIENCE_SECONDS + 1)
        hub.deliver(wanted(hub))

        assert status(hub)[MEMBER]["why"] == "it is not registered yet"

    def test_is_answered_although_it_cannot_be_noted(self, hub: Hub) -> None:
        client("dynamodb").delete_table(TableName=TABLE_NAME)
        hub.fake.policies = []
        created = hub.message()

        assert len(hub.deliver(created)) == 1


class TestStatus:
    def versions(self) -> int:
        return len(client("s3").list_object_versions(Bucket=BUCKET).get("Versions", []))

    @pytest.fixture(autouse=True)
    def versioned(self, hub: Hub) -> None:  # noqa: ARG002 - it makes the bucket
        client("s3").put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})

    def test_is_written_only_when_it_has_changed(self, hub: Hub) -> None:
        hub.deliver(message(told(MEMBER)))
        first = status(hub)
        with time_machine.travel(datetime.now(UTC) + timedelta(minutes=15)):
            assert status(hub) == first
        assert self.versions() == 1

        heard(hub, wanted(hub))

        assert status(hub) != first
        assert self.versions() == 2
        assert [line["written"] for line in hub.lines() if line["message"] == "status"] == [True, False, True]

    def test_counts_how_many_accounts_stand_how(self, hub: Hub, capsys: pytest.CaptureFixture[str]) -> None:
        heard(hub, wanted(hub))
        hub.deliver(message(told(OTHER)))
        capsys.readouterr()

        status(hub)

        [metric] = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        figures = ("AccountsWanted", "AccountsEnrolled", "AccountsRegistered", "AccountsNotAsWanted")
        assert [metric[name] for name in figures] == [[2.0], [1.0], [1.0], [1.0]]
        assert metric["service"] == "account_registration"

    def test_is_written_although_nothing_is_known(self, hub: Hub) -> None:
        assert status(hub) == {}
        assert self.versions() == 1

    @pytest.mark.parametrize("content", [b"", b"no JSON", b"[]", b'{"accounts": [5]}', b'{"accounts": [{"id": "5"}]}'])
    def test_is_written_anew_where_it_cannot_be_read(self, hub: Hub, content: bytes) -> None:
        client("s3").put_object(Bucket=BUCKET, Key=STATUS_KEY, Body=content)
        heard(hub, wanted(hub))

        assert status(hub) == {MEMBER: RIGHT}

        assert [line["level"] for line in hub.lines() if "anew" in line["message"]] == ["WARNING"]

    def test_forgets_who_left_long_ago(self, hub: Hub) -> None:
        now = datetime.now(UTC)
        ages = {MEMBER: KEPT_FOR + timedelta(minutes=1), OTHER: KEPT_FOR - timedelta(minutes=1)}
        for account_id, age in ages.items():
            hub.deliver(said(told(account_id, wanted=False), at=now - age))
        hub.deliver(said(told("777777777777"), at=now - timedelta(days=99)))

        assert list(status(hub)) == ["777777777777"]

        assert sorted(it.word.account_id for it in handler.wire().table.accounts()) == [OTHER, "777777777777"]

    def test_is_refused_where_there_is_no_bucket(self, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("STATUS_BUCKET", "")
        handler.wire.cache_clear()

        assert hub.deliver(SCHEDULED) == []

        [(_, reason)] = hub.deliveries.dead_letters()
        assert "bucket" in reason


def test_nothing_secret_is_noted_shown_or_written(hub: Hub) -> None:
    hub.deliver(hub.message())
    heard(hub, wanted(hub))
    hub.fake.set_access_key("0123456789abcdef", "another")
    handler.wire.cache_clear()
    hub.deliver(wanted(hub, hours=1))
    hub.deliver(*errands(hub))
    account = status(hub)

    items = client("dynamodb").scan(TableName=TABLE_NAME)["Items"]
    shown = json.dumps(items) + hub.log.getvalue() + json.dumps(account) + json.dumps(errands(hub))
    for secret in (SECRET_KEY, "X-Amz-Signature", *hub.fake.tokens):
        assert secret not in shown
