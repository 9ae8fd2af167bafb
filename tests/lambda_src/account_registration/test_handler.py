"""Raw messages through the handler: AWS as moto plays it, the fake Alert Logic and a response bucket on loopback."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Final

import pytest

from account_registration import handler
from account_registration.admission import IAM_LAG_SECONDS
from account_registration.case import PATIENCE_SECONDS
from aws.clients import client
from tests.lambda_src.account_registration.cloudformation_requests import MEMBER, REGISTRATION_ID
from tests.lambda_src.account_registration.test_settings import ENVIRONMENT
from tests.lambda_src.custom_resources import SIGNATURE
from tests.lambda_src.deliveries import Context
from tests.lambda_src.wire import answer_with_error
from tests.rehearsal.alertlogic import SECRET_KEY

if TYPE_CHECKING:
    from aws.custom_resource import RequestType
    from tests.lambda_src.account_registration.hub import Hub


class TestCreate:
    def test_registers_the_account_and_tells_cloudformation(self, hub: Hub) -> None:
        assert hub.deliver(hub.message()) == []

        [deployment] = hub.fake.deployments_of(MEMBER)
        assert deployment["name"] == "LifeCycle1"
        [answer] = hub.bucket.answers
        assert (answer["Status"], answer["PhysicalResourceId"]) == ("SUCCESS", REGISTRATION_ID)
        assert answer["Data"] == {"Status": "registered", "DeploymentId": deployment["id"]}
        assert answer["StackId"] == hub.stack_ids[MEMBER]
        [line] = hub.lines()
        assert (line["message"], line["account_id"], line["deployment_id"]) == ("registered", MEMBER, deployment["id"])
        assert line["correlation_id"] == answer["RequestId"]

    def test_gives_the_same_answer_to_a_repeated_request(self, hub: Hub) -> None:
        assert hub.deliver(hub.message(), hub.message()) == []
        assert hub.deliver(hub.message()) == []

        assert len(hub.fake.deployments_of(MEMBER)) == 1
        assert len(hub.fake.credentials) == 1
        assert len(hub.bucket.answers) == 3
        assert all(answer == hub.bucket.answers[0] for answer in hub.bucket.answers)

    def test_answers_again_until_the_bucket_takes_it(self, hub: Hub) -> None:
        hub.bucket.status = 503
        assert len(hub.deliver(hub.message())) == 1

        hub.bucket.status = 200
        assert hub.deliver(hub.message()) == []
        assert len(hub.fake.deployments_of(MEMBER)) == 1

    def test_refuses_what_alert_logic_rejects_in_the_stack_alone(self, hub: Hub) -> None:
        hub.fake.policies = []

        assert hub.deliver(hub.message()) == []

        [answer] = hub.bucket.answers
        assert (answer["Status"], answer["PhysicalResourceId"]) == ("FAILED", f"unregistered/{MEMBER}")
        assert "'Professional'" in answer["Reason"]
        assert hub.deliveries.dead_letters() == []

    def test_is_undone_without_harm_when_it_was_refused(self, hub: Hub) -> None:
        adopted = hub.fake.add_deployment(account_id=MEMBER)
        hub.stack("ROLLBACK_IN_PROGRESS")

        assert hub.deliver(hub.message("Delete", changes={"PhysicalResourceId": f"unregistered/{MEMBER}"})) == []

        assert hub.fake.deployments[adopted]["enabled"]
        [answer] = hub.bucket.answers
        assert (answer["Status"], answer["Data"]) == ("SUCCESS", {"Status": "nothing to do"})

    def test_registers_ten_accounts_of_one_batch(self, hub: Hub) -> None:
        accounts = [f"{number:012}" for number in range(600000000000, 600000000010)]
        for account_id in accounts:
            hub.stack("CREATE_IN_PROGRESS", account_id)

        assert hub.deliver(*[hub.message(account_id=account_id) for account_id in accounts]) == []

        assert [len(hub.fake.deployments_of(account_id)) for account_id in accounts] == [1] * 10
        lists = [it for it in hub.fake.requests if it.method == "GET" and it.path.endswith("/deployments")]
        assert len(lists) == 1
        assert len(hub.bucket.answers) == 10


class TestUpdateAndDelete:
    @pytest.fixture(autouse=True)
    def registered(self, hub: Hub) -> None:
        hub.deliver(hub.message())
        hub.bucket.answers.clear()
        hub.log.truncate(0)
        hub.log.seek(0)

    def test_updates(self, hub: Hub) -> None:
        hub.stack("UPDATE_IN_PROGRESS")

        assert hub.deliver(hub.message("Update", properties={"Mode": "manual"})) == []

        [deployment] = hub.fake.deployments_of(MEMBER)
        assert deployment["mode"] == "manual"
        [answer] = hub.bucket.answers
        assert answer["Data"]["Status"] == "registered"

    def test_disables_on_delete(self, hub: Hub) -> None:
        hub.stack("DELETE_IN_PROGRESS")

        assert hub.deliver(hub.message("Delete")) == []

        [deployment] = hub.fake.deployments_of(MEMBER)
        assert not deployment["enabled"]
        [answer] = hub.bucket.answers
        assert (answer["PhysicalResourceId"], answer["Data"]["Status"]) == (REGISTRATION_ID, "deregistered")

    def test_deletes_what_is_gone_already(self, hub: Hub) -> None:
        hub.fake.deployments.clear()
        hub.fake.credentials.clear()
        hub.stack("DELETE_IN_PROGRESS")

        assert hub.deliver(hub.message("Delete")) == []
        [answer] = hub.bucket.answers
        assert answer["Data"] == {"Status": "deregistered"}

    @pytest.mark.parametrize(
        ("request_type", "state"), [("Update", "UPDATE_IN_PROGRESS"), ("Delete", "DELETE_IN_PROGRESS")]
    )
    def test_succeeds_although_alert_logic_rejects_it_and_is_set_aside(
        self, hub: Hub, request_type: RequestType, state: str
    ) -> None:
        hub.stack(state)
        hub.fake.fail(403, method="PUT", body={"message": "not allowed"})

        assert hub.deliver(hub.message(request_type, properties={"Mode": "manual"})) == []

        [answer] = hub.bucket.answers
        assert (answer["Status"], answer["Data"]) == ("SUCCESS", {"Status": "refused"})
        assert answer["PhysicalResourceId"] == REGISTRATION_ID
        [(_, reason)] = hub.deliveries.dead_letters()
        assert "not allowed" in reason

    def test_handles_two_requests_of_one_account_in_one_batch_one_after_the_other(self, hub: Hub) -> None:
        hub.stack("UPDATE_IN_PROGRESS")
        first = hub.message("Update", properties={"Mode": "manual"})
        second = hub.message("Update", properties={"Mode": "automatic"})

        assert hub.deliver(first, second) == []

        assert len(hub.bucket.answers) == 2
        written = [it.body["mode"] for it in hub.fake.requests if it.method == "PUT"]
        assert written == ["manual", "automatic"]


class TestVpcTags:
    TAGGED: Final = {"ScopeRegions": [], "VpcTags": [{"Key": "alertlogic", "Value": "true"}]}

    def test_of_before_the_enrollment_are_in_the_first_document(self, hub: Hub) -> None:
        hub.vpc("us-east-1")
        wanted = [hub.vpc("us-east-1", alertlogic="true"), hub.vpc("us-west-2", alertlogic="true")]
        hub.vpc("eu-west-1", alertlogic="true")

        assert hub.deliver(hub.message(properties=self.TAGGED)) == []

        [created] = [it for it in hub.fake.requests if it.method == "POST" and it.path.endswith("/deployments")]
        assert [it["key"] for it in created.body["scope"]["include"]] == wanted
        [line] = hub.lines()
        assert (line["message"], line["added"]) == ("registered", wanted)
        assert "removed" not in line

    def test_take_the_place_of_whole_regions(self, hub: Hub) -> None:
        hub.deliver(hub.message())
        wanted = hub.vpc("us-west-2", alertlogic="true")
        hub.stack("UPDATE_IN_PROGRESS")

        assert hub.deliver(hub.message("Update", properties=self.TAGGED, old={})) == []

        assert hub.included() == [wanted]
        assert hub.lines()[-1]["removed"] == ["/aws/us-east-1", "/aws/us-west-2"]

    @pytest.mark.parametrize("prune", ["false", "true"])
    def test_leave_a_deployment_that_was_there_before_to_its_user_unless_it_is_to_be_pruned(
        self, hub: Hub, capsys: pytest.CaptureFixture[str], prune: str
    ) -> None:
        by_hand, wanted = hub.vpc("us-east-1"), hub.vpc("us-east-1", alertlogic="true")
        policy = {"id": hub.fake.policies[0]["id"]}
        hub.fake.add_deployment(
            account_id=MEMBER,
            scope={"include": [{"type": "vpc", "key": by_hand, "policy": policy}], "exclude": []},
        )

        assert hub.deliver(hub.message(properties=self.TAGGED | {"Prune": prune})) == []

        [line] = hub.lines()
        metrics = [json.loads(it) for it in capsys.readouterr().out.splitlines() if "EntriesRetained" in it]
        if prune == "true":
            assert hub.included() == [wanted]
            assert (line["removed"], metrics) == ([by_hand], [])
        else:
            assert hub.included() == [by_hand, wanted]
            assert line["retained"] == [by_hand]
            assert [(it["EntriesRetained"], it["service"]) for it in metrics] == [([1.0], "account_registration")]

    def test_that_cannot_be_read_wait_while_all_else_is_done(self, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
        wanted = hub.vpc("us-west-2", alertlogic="true")
        hub.deliver(hub.message())
        hub.stack("UPDATE_IN_PROGRESS")
        update = hub.message("Update", properties=self.TAGGED | {"Mode": "manual"}, old={})
        with monkeypatch.context() as denied:
            answer_with_error(denied, "ec2", "DescribeVpcs", "UnauthorizedOperation", status=403)

            assert len(hub.deliver(update)) == 1
            assert "us-west-2" in hub.lines()[-1]["reason"]
            assert hub.deliver(update, age=PATIENCE_SECONDS + 1) == []

        assert hub.fake.deployments_of(MEMBER)[0]["mode"] == "manual"
        assert hub.bucket.answers[-1]["Data"] == {"Status": "pending"}
        [continuation] = hub.queued()
        hub.stack("UPDATE_COMPLETE")
        assert hub.deliver(continuation) == []
        assert hub.included() == [wanted]

    @pytest.mark.parametrize("name", ["GovernedRegions", "VpcTags", "Prune"])
    def test_that_are_not_said_properly_are_refused(self, hub: Hub, name: str) -> None:
        assert hub.deliver(hub.message(properties=self.TAGGED | {name: "everything"})) == []

        [answer] = hub.bucket.answers
        assert answer["Status"] == "FAILED"
        assert name in answer["Reason"]
        assert hub.fake.requests == []


class TestCentralLogs:
    ON: Final = {"CentralLogs": "true"}

    def test_are_linked_for_all_accounts_with_one_credential(self, hub: Hub) -> None:
        accounts = [f"{number:012}" for number in range(600000000000, 600000000005)]
        for account_id in accounts:
            hub.stack("CREATE_IN_PROGRESS", account_id)

        assert hub.deliver(*[hub.message(account_id=it, properties=self.ON) for it in accounts]) == []

        role_arn = ENVIRONMENT["CENTRAL_LOGS_ROLE_ARN"]
        [shared] = [it["id"] for it in hub.fake.credentials.values() if it["secrets"]["arn"] == role_arn]
        assert [hub.monitors(account_id) for account_id in accounts] == [[shared]] * 5
        assert [it["Data"]["Status"] for it in hub.bucket.answers] == ["registered"] * 5

    @pytest.mark.parametrize("old", [None, "false"])
    def test_are_switched_on_and_off(self, hub: Hub, old: str | None) -> None:
        hub.deliver(hub.message())
        assert hub.monitors() == []
        hub.stack("UPDATE_IN_PROGRESS")

        assert hub.deliver(hub.message("Update", properties=self.ON, old={"CentralLogs": old})) == []
        assert len(hub.monitors()) == 1

        assert hub.deliver(hub.message("Update", old=self.ON)) == []
        assert hub.monitors() == []

    def test_are_refused_where_no_role_is_known_that_reads_them(
        self, hub: Hub, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("CENTRAL_LOGS_ROLE_ARN", "")
        handler.wire.cache_clear()
        hub.bucket.receive_from(handler.wire().http)

        assert hub.deliver(hub.message(properties=self.ON)) == []

        [answer] = hub.bucket.answers
        assert (answer["Status"], answer["PhysicalResourceId"]) == ("FAILED", f"unregistered/{MEMBER}")
        assert "CentralLogs" in answer["Reason"]
        assert hub.fake.credentials == {}


class TestForged:
    @pytest.mark.parametrize(
        ("state", "answers"), [("CREATE_COMPLETE", []), ("DELETE_COMPLETE", []), ("DELETE_IN_PROGRESS", ["FAILED"])]
    )
    def test_registers_nothing_for_a_stack_that_does_not_create(self, hub: Hub, state: str, answers: list[str]) -> None:
        hub.stack(state)

        assert hub.deliver(hub.message()) == []

        assert hub.fake.requests == []
        assert [answer["Status"] for answer in hub.bucket.answers] == answers
        assert [state in reason for _, reason in hub.deliveries.dead_letters()] == [True for _ in answers]

    def test_deregisters_nothing_for_a_stack_that_does_not_delete(self, hub: Hub) -> None:
        hub.deliver(hub.message())
        hub.stack("CREATE_COMPLETE")

        assert hub.deliver(hub.message("Delete")) == []

        [deployment] = hub.fake.deployments_of(MEMBER)
        assert deployment["enabled"]
        # The one to the Create.
        assert len(hub.bucket.answers) == 1
        assert hub.deliveries.dead_letters() == []

    @pytest.mark.parametrize(
        "properties",
        [{"AccountId": "666666666666"}, {"RoleArn": "arn:aws:iam::666666666666:role/AlertLogicRole"}],
    )
    def test_registers_no_other_account(self, hub: Hub, properties: dict[str, str]) -> None:
        assert hub.deliver(hub.message(properties=properties)) == []

        assert hub.fake.requests == []
        [answer] = hub.bucket.answers
        assert "may not speak for" in answer["Reason"]
        assert len(hub.deliveries.dead_letters()) == 1

    @pytest.mark.parametrize(
        "url",
        [
            "http://cloudformation-custom-resource-response-useast1.s3.amazonaws.com/key",
            "https://cloudformation-custom-resource-response-useast1.s3.amazonaws.com.evil.com/key",
            "https://cloudformation-custom-resource-response-euwest1.s3.amazonaws.com/key",
            "https://127.0.0.1/key",
        ],
    )
    def test_never_calls_a_url_that_is_not_trusted(self, hub: Hub, url: str) -> None:
        body = hub.message(changes={"ResponseURL": url})

        assert hub.deliver(body) == []

        assert hub.bucket.paths == []
        assert hub.fake.requests == []
        [(aside, reason)] = hub.deliveries.dead_letters()
        assert aside == body
        assert "ResponseURL" in reason

    def test_waits_for_a_role_that_cannot_be_assumed_yet_and_then_refuses(
        self, hub: Hub, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        answer_with_error(monkeypatch, "sts", "AssumeRole", "AccessDenied", status=403)

        assert len(hub.deliver(hub.message(), age=IAM_LAG_SECONDS - 60)) == 1
        assert hub.bucket.answers == []

        assert hub.deliver(hub.message(), age=IAM_LAG_SECONDS + 60) == []
        [answer] = hub.bucket.answers
        assert (answer["Status"], hub.fake.requests) == ("FAILED", [])


class TestWaiting:
    @pytest.mark.parametrize("trouble", ["down", "bad key"])
    def test_waits_for_alert_logic_and_then_registers(self, hub: Hub, trouble: str) -> None:
        secrets_manager, secret_id = client("secretsmanager"), "alertlogic"
        good = hub.fake.secret_string()
        if trouble == "down":
            hub.fake.fail(503)
        else:
            secrets_manager.put_secret_value(SecretId=secret_id, SecretString=good.replace(SECRET_KEY, "wrong"))

        assert len(hub.deliver(hub.message(), received=700)) == 1
        assert hub.bucket.answers == []
        assert hub.deliveries.dead_letters() == []

        hub.fake.recover()
        secrets_manager.put_secret_value(SecretId=secret_id, SecretString=good)
        assert hub.deliver(hub.message()) == []
        assert len(hub.fake.deployments_of(MEMBER)) == 1

    def test_does_not_hold_the_stack_up_for_an_empty_secret(self, hub: Hub) -> None:
        secrets_manager = client("secretsmanager")
        secrets_manager.put_secret_value(SecretId="alertlogic", SecretString=" ")

        assert hub.deliver(hub.message()) == []

        assert [answer["Data"] for answer in hub.bucket.answers] == [{"Status": "pending"}]
        [continuation] = hub.queued()
        hub.stack("CREATE_COMPLETE")
        assert len(hub.deliver(continuation)) == 1
        secrets_manager.put_secret_value(SecretId="alertlogic", SecretString=hub.fake.secret_string())
        assert hub.deliver(continuation) == []
        assert len(hub.fake.deployments_of(MEMBER)) == 1
        assert len(hub.bucket.answers) == 1

    def test_asks_alert_logic_for_nothing_before_an_answer_that_is_due(self, hub: Hub) -> None:
        assert hub.deliver(hub.message(), age=PATIENCE_SECONDS + 1) == []

        assert hub.fake.requests == []
        assert [answer["Data"] for answer in hub.bucket.answers] == [{"Status": "pending"}]
        [continuation] = hub.queued()
        hub.stack("CREATE_COMPLETE")
        assert hub.deliver(continuation) == []
        assert len(hub.fake.deployments_of(MEMBER)) == 1

    def test_waits_no_longer_than_cloudformation_and_goes_on_afterwards(self, hub: Hub) -> None:
        hub.fake.fail(503)

        assert len(hub.deliver(hub.message(), age=PATIENCE_SECONDS - 60)) == 1
        assert hub.bucket.answers == []
        assert hub.deliver(hub.message(), age=PATIENCE_SECONDS + 1) == []

        [answer] = hub.bucket.answers
        assert (answer["Status"], answer["PhysicalResourceId"]) == ("SUCCESS", REGISTRATION_ID)
        assert answer["Data"] == {"Status": "pending"}
        [continuation] = hub.queued()
        assert SIGNATURE not in continuation

        # It waits on for as long as it takes, without another answer.
        hub.stack("CREATE_COMPLETE")
        assert len(hub.deliver(continuation, age=10 * PATIENCE_SECONDS, received=200)) == 1
        hub.fake.recover()
        assert hub.deliver(continuation, age=11 * PATIENCE_SECONDS, received=201) == []
        assert len(hub.fake.deployments_of(MEMBER)) == 1
        assert len(hub.bucket.answers) == 1

    def test_pending_delete_goes_on_once_stack_and_role_are_gone(
        self, hub: Hub, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        hub.deliver(hub.message())
        hub.stack("DELETE_IN_PROGRESS")
        hub.fake.fail(503)
        assert hub.deliver(hub.message("Delete"), age=PATIENCE_SECONDS + 1) == []
        assert hub.bucket.answers[-1]["Data"] == {"Status": "pending"}
        [continuation] = hub.queued()
        hub.fake.recover()

        assert len(hub.deliver(continuation)) == 1
        answer_with_error(monkeypatch, "sts", "AssumeRole", "AccessDenied", status=403)
        assert hub.deliver(continuation) == []

        [deployment] = hub.fake.deployments_of(MEMBER)
        assert not deployment["enabled"]

    def test_drops_a_pending_create_whose_stack_was_deleted_meanwhile(self, hub: Hub) -> None:
        hub.fake.fail(503)
        hub.deliver(hub.message(), age=PATIENCE_SECONDS + 1)
        [continuation] = hub.queued()
        hub.fake.recover()
        hub.stack("DELETE_IN_PROGRESS")

        assert hub.deliver(continuation) == []

        assert hub.fake.deployments == {}
        assert hub.lines()[-1]["message"] == "dropped"

    def test_sets_a_continued_request_aside_that_alert_logic_rejects(self, hub: Hub) -> None:
        hub.fake.fail(503)
        hub.deliver(hub.message(), age=PATIENCE_SECONDS + 1)
        [continuation] = hub.queued()
        hub.fake.recover()
        hub.fake.policies = []

        assert hub.deliver(continuation) == []

        assert len(hub.bucket.answers) == 1
        [(aside, _)] = hub.deliveries.dead_letters()
        assert aside == continuation

    def test_keeps_time_for_the_answers(self, hub: Hub) -> None:
        batch = hub.deliveries.batch(hub.message())
        context = Context(remaining_ms=22_000)

        assert len(handler.lambda_handler(batch, context)["batchItemFailures"]) == 1  # type: ignore[arg-type]
        assert hub.fake.requests == []


def test_handles_the_others_when_one_message_is_bad(hub: Hub) -> None:
    unknown = hub.message(changes={"RequestType": "Replace"})

    assert hub.deliver("no JSON", hub.message(), unknown) == []

    assert len(hub.fake.deployments_of(MEMBER)) == 1
    assert {body for body, _ in hub.deliveries.dead_letters()} == {"no JSON", unknown}


@pytest.mark.parametrize("trouble", ["none", "bucket down", "url expired", "alert logic down", "bad key", "bug"])
def test_shows_neither_the_secret_nor_the_url(
    hub: Hub, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, trouble: str
) -> None:
    caplog.set_level(logging.DEBUG)
    match trouble:
        case "bucket down":
            hub.bucket.status = None
        case "url expired":
            hub.bucket.status = 403
        case "alert logic down":
            hub.fake.fail(503)
        case "bad key":
            hub.fake.set_access_key("0123456789abcdef", "another")
        case "bug":
            monkeypatch.setattr(handler.wire().reporter, "report", None)
        case _:
            pass

    hub.deliver(hub.message(), "not a request")

    shown = hub.log.getvalue() + caplog.text
    assert "correlation_id" in shown
    for secret in (SECRET_KEY, SIGNATURE, *hub.fake.tokens):
        assert secret not in shown


def test_says_of_each_call_that_changes_something_for_which_request_it_was(hub: Hub) -> None:
    other = "600000000000"
    hub.stack("CREATE_IN_PROGRESS", other)

    hub.deliver(
        hub.message(changes={"RequestId": "first"}), hub.message(account_id=other, changes={"RequestId": "second"})
    )

    made = [(call.split("/")[-1], correlation_id) for call, correlation_id in hub.calls()]
    for kind in ("credentials", "deployments"):
        assert [correlation_id for what, correlation_id in made if what == kind] == ["first", "second"]
    # What both need is done for the first.
    assert [correlation_id for what, correlation_id in made if what in {"authenticate", "endpoints"}] == ["first"] * 2
    assert {line["correlation_id"] for line in hub.lines()} == {"first", "second"}
