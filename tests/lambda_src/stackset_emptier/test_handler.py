"""Requests through the handler: a StackSet and a queue as moto plays them, and a response bucket."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import EndpointConnectionError, NoCredentialsError
from moto.backends import get_backend
from moto.cloudformation.models import StackInstance, StackSet
from moto.core.models import DEFAULT_ACCOUNT_ID

from aws.clients import client
from aws.queue import UNFORESEEN_ATTEMPTS, Message, NotYet, Refused
from stackset_emptier import handler
from tests.lambda_src.custom_resources import SIGNATURE
from tests.lambda_src.deliveries import Context, Deliveries
from tests.lambda_src.response_bucket import ResponseBucket
from tests.lambda_src.stackset_emptier.deletion_requests import STACK_SET, event
from tests.lambda_src.stackset_emptier.test_settings import ENVIRONMENT
from tests.lambda_src.wire import answer_with_error, calls_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_cloudformation import CloudFormationClient

SHOP, BANK = "100000000000", "100000000001"
REGIONS = ["us-east-1", "us-west-2"]
TEMPLATE = json.dumps({"Resources": {"Topic": {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": "topic"}}}})
HOUR = 3600


@dataclass
class Management:
    """The management account, its stack, and its StackSet."""

    cloudformation: CloudFormationClient
    deliveries: Deliveries
    bucket: ResponseBucket
    log: io.StringIO
    stack_id: str

    def event(self, *args: Any, **changes: Any) -> dict[str, Any]:
        return event(*args, **{"StackId": self.stack_id, **changes})

    def stack(self, status: str) -> None:
        """Bring the stack into a state."""
        get_backend("cloudformation")[DEFAULT_ACCOUNT_ID]["us-east-1"].stacks[self.stack_id].status = status

    def invoke(self, request: dict[str, Any]) -> None:
        """Invoke the function as CloudFormation does."""
        assert handler.lambda_handler(request, Context()) is None  # type: ignore[arg-type]

    def deliver(self, *bodies: str, received: int = 1, age: float = 0) -> list[str]:
        """Hand over what waits in the queue, and return the ids of what is to wait on."""
        batch = self.deliveries.batch(*bodies, received=received, age=age)
        response = handler.lambda_handler(batch, Context())  # type: ignore[arg-type]
        assert response is not None
        return [item["itemIdentifier"] for item in response["batchItemFailures"]]

    def request(self, **changes: Any) -> str:
        return json.dumps(self.event(**changes))

    def left(self) -> int:
        return len(self.cloudformation.list_stack_instances(StackSetName=STACK_SET)["Summaries"])

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log.getvalue().splitlines()]

    def messages(self) -> list[str]:
        return [line["message"] for line in self.lines() if line.get("message")]


@pytest.fixture
def management(deliveries: Deliveries, monkeypatch: pytest.MonkeyPatch) -> Iterator[Management]:
    queues = {"QUEUE_URL": deliveries.url, "DEAD_LETTER_QUEUE_URL": deliveries.dead_letter_url}
    for name, value in (ENVIRONMENT | queues).items():
        monkeypatch.setenv(name, value)
    cloudformation: CloudFormationClient = client("cloudformation")
    cloudformation.create_stack_set(StackSetName=STACK_SET, TemplateBody=TEMPLATE)
    cloudformation.create_stack_instances(StackSetName=STACK_SET, Accounts=[SHOP, BANK], Regions=REGIONS)
    stack_id = cloudformation.create_stack(StackName="AlertLogic-Master", TemplateBody=TEMPLATE)["StackId"]
    handler.wire.cache_clear()
    log = io.StringIO()
    monkeypatch.setattr(handler.logger.registered_handler, "stream", log)
    with ResponseBucket() as bucket:
        bucket.receive_from(handler.wire().http)
        management = Management(cloudformation, deliveries, bucket, log, stack_id)
        management.stack("DELETE_IN_PROGRESS")
        yield management
    handler.wire.cache_clear()


class TestCreateAndUpdate:
    @pytest.mark.parametrize("request_type", ["Create", "Update"])
    def test_are_answered_at_once(self, management: Management, request_type: Any) -> None:
        request = management.event(request_type)

        management.invoke(request)

        assert management.bucket.answers == [
            {
                "Status": "SUCCESS",
                "PhysicalResourceId": STACK_SET,
                "StackId": management.stack_id,
                "RequestId": request["RequestId"],
                "LogicalResourceId": "Resource",
            }
        ]
        assert management.bucket.content_types == [""]
        assert (management.left(), management.deliver()) == (4, [])
        [line] = management.lines()
        assert (line["message"], line["correlation_id"]) == ("nothing to do", request["RequestId"])

    def test_of_another_stack_set_fail_and_leave_nothing_to_delete(self, management: Management) -> None:
        management.invoke(management.event("Create", stack_set="another"))

        [answer] = management.bucket.answers
        assert answer["Status"] == "FAILED"
        assert "StackSetName is 'another'" in answer["Reason"]

        physical_id = answer["PhysicalResourceId"]
        management.invoke(management.event(stack_set="another", PhysicalResourceId=physical_id))

        assert management.bucket.answers[1]["Status"] == "SUCCESS"
        assert management.left() == 4
        assert management.deliveries.dead_letters() == []


class TestDelete:
    def test_waits_in_the_queue_until_the_stack_set_is_empty(self, management: Management) -> None:
        management.invoke(management.event())
        assert (management.left(), management.bucket.answers) == (4, [])

        assert len(management.deliver()) == 1
        assert (management.left(), management.bucket.answers) == (0, [])

        assert management.deliver(management.request(), received=2) == []
        [answer] = management.bucket.answers
        assert (answer["Status"], answer["PhysicalResourceId"]) == ("SUCCESS", STACK_SET)
        assert [message for message in management.messages() if "OldestWaiting" not in message] == [
            "queued",
            "operation begun",
            "operation begun",
            "message waits",
            "emptied",
        ]
        begun = [line for line in management.lines() if line.get("message") == "operation begun"]
        assert {line["correlation_id"] for line in begun} == {management.event()["RequestId"]}
        assert [(line["operation_id"], line["accounts"], line["regions"]) for line in begun] == [
            ("empty-0-1", [SHOP], REGIONS),
            ("empty-1-1", [BANK], REGIONS),
        ]

    def test_of_a_stack_set_that_is_gone_succeeds(self, management: Management) -> None:
        management.cloudformation.delete_stack_instances(
            StackSetName=STACK_SET, Accounts=[SHOP, BANK], Regions=REGIONS, RetainStacks=False
        )
        management.cloudformation.delete_stack_set(StackSetName=STACK_SET)

        assert management.deliver(management.request()) == []
        assert [answer["Status"] for answer in management.bucket.answers] == ["SUCCESS"]

    def test_lets_go_of_what_cannot_be_deleted_and_says_so(
        self, management: Management, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        described = StackInstance.to_dict
        failure = {
            "StackInstanceStatus": {"DetailedStatus": "FAILED"},
            "LastOperationId": "empty-0-7",
            "StatusReason": "the role is gone",
        }
        monkeypatch.setattr(
            StackInstance, "to_dict", lambda self: described(self) | (failure if self.account_id == SHOP else {})
        )
        calls = calls_of(monkeypatch, "cloudformation", "DeleteStackInstances")

        management.deliver(management.request())

        assert [(call["Accounts.member.1"], call["RetainStacks"]) for call in calls] == [
            ([SHOP], ["true"]),
            ([BANK], ["false"]),
        ]
        [line] = [line for line in management.lines() if line.get("level") == "WARNING"]
        assert (line["message"], line["accounts"], line["reasons"]) == (
            "stacks are left behind",
            [SHOP],
            ["the role is gone"],
        )

    def test_counts_what_another_delivery_began_as_begun(
        self, management: Management, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        code = "OperationIdAlreadyExistsException"
        answer_with_error(monkeypatch, "cloudformation", "DeleteStackInstances", code, status=409)

        assert len(management.deliver(management.request())) == 1
        assert management.lines()[0]["reason"] == "operations begun: 0 of 2"

    def test_waits_for_an_overloaded_aws_however_often_it_did(
        self, management: Management, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        answer_with_error(monkeypatch, "cloudformation", "ListStackInstances", "LimitExceeded", status=400)

        assert len(management.deliver(management.request(), received=50)) == 1
        assert (management.bucket.answers, management.deliveries.dead_letters()) == ([], [])

    @pytest.mark.parametrize("status", ["UPDATE_ROLLBACK_IN_PROGRESS", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"])
    def test_of_the_custom_resource_alone_leaves_the_stack_set_alone(self, management: Management, status: str) -> None:
        management.stack(status)

        assert management.deliver(management.request()) == []

        assert management.left() == 4
        assert [answer["Status"] for answer in management.bucket.answers] == ["SUCCESS"]
        assert management.messages() == ["the stack stays, so its StackSet is left alone", "nothing to do"]

    def test_begins_nothing_while_nothing_of_the_stack_is_deleted(self, management: Management) -> None:
        management.stack("DELETE_FAILED")

        assert len(management.deliver(management.request())) == 1
        assert (management.left(), management.bucket.answers) == (4, [])

    def test_looks_again_within_a_minute_however_often_it_did(
        self, management: Management, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        calls = calls_of(monkeypatch, "sqs", "ChangeMessageVisibilityBatch")
        waits: list[int] = []
        postpone = handler.wire().queue.postpone

        def note(asked: dict[Message, int]) -> dict[str, str]:
            waits.extend(asked.values())
            return postpone(asked)

        monkeypatch.setattr(handler.wire().queue, "postpone", note)

        management.deliver(management.request(), received=50)

        hidden, wait = waits
        # As long as the invocation can last, so that one that dies costs no more.
        assert hidden == 310
        assert 30 <= wait <= 60
        assert len(calls) == 2


class TestWhenTimeIsUp:
    def test_says_how_many_are_left_and_what_to_do(self, management: Management) -> None:
        assert management.deliver(management.request(), age=55 * 60) == []

        [answer] = management.bucket.answers
        assert (answer["Status"], answer["PhysicalResourceId"]) == ("FAILED", STACK_SET)
        assert answer["Reason"] == (
            "stack instances left: 4, operations under way: 0; destroy the stack again, and it goes on"
        )
        assert management.left() == 4
        assert management.deliveries.dead_letters() == []

    def test_still_begins_what_is_needed_a_moment_before(self, management: Management) -> None:
        assert len(management.deliver(management.request(), age=55 * 60 - 5)) == 1
        assert (management.left(), management.bucket.answers) == (0, [])

    def test_succeeds_if_all_is_done(self, management: Management) -> None:
        management.deliver(management.request())

        management.deliver(management.request(), age=HOUR)

        assert [answer["Status"] for answer in management.bucket.answers] == ["SUCCESS"]

    def test_says_what_was_in_the_way(self, management: Management, monkeypatch: pytest.MonkeyPatch) -> None:
        answer_with_error(monkeypatch, "cloudformation", "ListStackInstances", "LimitExceeded", status=400)

        assert len(management.deliver(management.request())) == 1
        assert management.deliver(management.request(), age=HOUR) == []

        [answer] = management.bucket.answers
        assert answer["Status"] == "FAILED"
        assert "LimitExceeded" in answer["Reason"]

    def test_says_that_the_stack_is_not_being_deleted(self, management: Management) -> None:
        management.stack("DELETE_FAILED")

        assert management.deliver(management.request(), age=HOUR) == []
        assert "the stack is DELETE_FAILED" in management.bucket.answers[0]["Reason"]


class TestWhatNobodyForesaw:
    @pytest.fixture(autouse=True)
    def denied(self, management: Management, monkeypatch: pytest.MonkeyPatch) -> None:
        assert management
        answer_with_error(monkeypatch, "cloudformation", "ListStackSetOperations", "AccessDenied", status=403)

    def test_is_tried_again(self, management: Management) -> None:
        for received in (UNFORESEEN_ATTEMPTS - 1, 5 * UNFORESEEN_ATTEMPTS + 1):
            assert len(management.deliver(management.request(), received=received)) == 1
        assert management.bucket.answers == []
        assert management.deliveries.dead_letters() == []

    @pytest.mark.parametrize("delivery", [{"received": UNFORESEEN_ATTEMPTS}, {"age": HOUR}])
    def test_is_answered_and_set_aside_in_the_end(self, management: Management, delivery: dict[str, Any]) -> None:
        assert management.deliver(management.request(), **delivery) == []

        reason = "ClientError; the log of the function says where"
        assert [(it["Status"], it["Reason"]) for it in management.bucket.answers] == [("FAILED", reason)]
        assert management.deliveries.dead_letters() == [(management.request(), reason)]
        assert "unforeseen" in management.messages()


class TestMessagesThatAreNone:
    def test_are_set_aside_with_the_reason_and_the_others_handled(self, management: Management) -> None:
        foreign = management.request(ResponseURL=f"https://evil.example/key?{SIGNATURE}")

        assert len(management.deliver(management.request(), "no JSON", foreign)) == 1

        assert management.left() == 0
        assert sorted(reason for _, reason in management.deliveries.dead_letters()) == [
            "the ResponseURL does not lead to CloudFormation's response bucket in us-east-1",
            "the message is not JSON",
        ]
        refused = [line for line in management.lines() if line.get("message") == "message refused"]
        assert [line.get("correlation_id") for line in refused] == [None, None]

    def test_are_answered_if_they_can_be(self, management: Management) -> None:
        assert management.deliver(management.request(stack_set="another")) == []

        [answer] = management.bucket.answers
        [(_, reason)] = management.deliveries.dead_letters()
        assert (answer["Status"], answer["Reason"]) == ("FAILED", reason)
        assert "StackSetName is 'another'" in reason
        assert management.left() == 4

    def test_that_have_nothing_to_empty_are_answered(self, management: Management) -> None:
        assert management.deliver(json.dumps(management.event("Update"))) == []

        assert [answer["Status"] for answer in management.bucket.answers] == ["SUCCESS"]
        assert management.left() == 4


class TestTheAnswer:
    def test_is_given_again_until_the_bucket_takes_it(self, management: Management) -> None:
        management.deliver(management.request())
        management.bucket.status = 503
        assert len(management.deliver(management.request(), age=HOUR)) == 1
        management.bucket.status = 200

        assert management.deliver(management.request(), age=HOUR) == []
        assert [answer["Status"] for answer in management.bucket.answers] == ["SUCCESS"]

    def test_that_the_bucket_never_takes_ends_in_the_dead_letter_queue(self, management: Management) -> None:
        management.bucket.status = 403

        assert management.deliver(management.request(), age=HOUR) == []
        [(_, reason)] = management.deliveries.dead_letters()
        assert "response bucket does not take the answer" in reason

    def test_to_what_cloudformation_invokes_with_is_tried_again_by_lambda(self, management: Management) -> None:
        management.bucket.status = 503
        with pytest.raises(NotYet, match="response bucket"):
            management.invoke(management.event("Create"))
        assert management.messages() == ["not answered"]

    def test_cannot_be_given_to_just_anybody(self, management: Management) -> None:
        with pytest.raises(Refused, match="ResponseURL"):
            management.invoke(management.event(ResponseURL=f"https://evil.example/key?{SIGNATURE}"))
        assert management.bucket.paths == []
        assert management.deliver() == []

    @pytest.mark.parametrize("event", [None, 7, "Records", ["Records"]])
    def test_is_not_given_to_what_is_no_request(self, management: Management, event: Any) -> None:
        with pytest.raises(Refused, match="not a request of CloudFormation"):
            management.invoke(event)
        assert management.bucket.paths == []

    @pytest.mark.parametrize(
        ("error", "words"),
        [
            (EndpointConnectionError(endpoint_url="https://sqs"), "destroy the stack again"),
            (NoCredentialsError(), "NoCredentialsError; the log"),
        ],
    )
    def test_is_given_if_the_queue_does_not_take_the_request(
        self, management: Management, monkeypatch: pytest.MonkeyPatch, error: Exception, words: str
    ) -> None:
        def fail(*_: object, **__: object) -> None:
            raise error

        monkeypatch.setattr(handler.wire().queue, "send", fail)

        management.invoke(management.event())

        [answer] = management.bucket.answers
        assert answer["Status"] == "FAILED"
        assert words in answer["Reason"]


def test_goes_on_if_the_message_cannot_be_hidden(management: Management, monkeypatch: pytest.MonkeyPatch) -> None:
    answer_with_error(monkeypatch, "sqs", "ChangeMessageVisibilityBatch", "ReceiptHandleIsInvalid", status=400)

    assert len(management.deliver(management.request())) == 1
    assert management.left() == 0
    assert management.messages()[0] == "the message cannot be hidden"


def test_resumes_after_it_was_cut_off(management: Management, monkeypatch: pytest.MonkeyPatch) -> None:
    delete = StackSet.delete_stack_instances

    class KilledError(BaseException):
        pass

    def die(self: StackSet, accounts: list[str], regions: list[str]) -> None:
        delete(self, accounts, regions)
        raise KilledError

    with monkeypatch.context() as cut:
        cut.setattr(StackSet, "delete_stack_instances", die)
        with pytest.raises(KilledError):
            management.deliver(management.request())
    assert management.left() == 2

    management.deliver(management.request())
    management.deliver(management.request())

    assert management.left() == 0
    assert [answer["Status"] for answer in management.bucket.answers] == ["SUCCESS"]


@pytest.mark.parametrize("status", [200, 403, 503, None])
def test_never_shows_the_url(
    management: Management, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], status: int | None
) -> None:
    management.bucket.status = status
    shown = ""
    for request in (management.event(), management.event("Create"), management.event(StackId="wrong")):
        try:
            management.invoke(request)
        except (NotYet, Refused) as error:
            shown += repr(error) + repr(error.__cause__) + repr(error.__context__)
    management.deliver(management.request(stack_set="another"), management.request(StackId="wrong"), age=HOUR)
    answer_with_error(monkeypatch, "cloudformation", "DescribeStacks", "AccessDenied", status=403)
    management.deliver(management.request(), received=UNFORESEEN_ATTEMPTS)

    assert management.log.getvalue()
    assert "0123456789abcdef" not in shown + management.log.getvalue() + "".join(capsys.readouterr())
