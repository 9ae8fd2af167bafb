"""Custom resources: what CloudFormation sends when, and which answers it takes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.rehearsal.functions import FunctionError
from tests.rehearsal.principals import Operator, Principal, RoleSession

if TYPE_CHECKING:
    from tests.rehearsal import Rehearsal
    from tests.rehearsal.custom_resources import CustomRequest
    from tests.rehearsal.stacks import Stack
    from tests.rehearsal.templates import Json

DEPLOYED = ("AlertLogic-LogArchive", "AlertLogic-Audit")


class Provider:
    """A stack with a custom resource `R`, and whoever answers for it."""

    def __init__(self, rehearsal: Rehearsal, **properties: Any) -> None:
        self._rehearsal = rehearsal
        self._account = rehearsal.zone.audit
        self._topic: str = rehearsal.client("sns", self._account).create_topic(Name="deaf")["TopicArn"]
        self.stack: Stack = rehearsal.stacks.create(
            f"custom-{len(rehearsal.stacks.all)}",
            account=self._account,
            region=rehearsal.zone.home_region,
            body=self.body(R=properties),
            parameters={},
            caller=Operator(self._account),
        )
        rehearsal.settle()

    def body(self, **resources: Json) -> Json:
        def resource(properties: Json) -> Json:
            return {"Type": "Custom::R", "Properties": {"ServiceToken": self._topic, **properties}}

        return {"Resources": {name: resource(properties) for name, properties in resources.items()}}

    def update(self, **resources: Json) -> None:
        self._rehearsal.stacks.update(self.stack, self.body(**resources), {})
        self._rehearsal.settle()

    def answer(self, physical_id: str, status: str = "SUCCESS", **changes: Any) -> None:
        """Answer the latest request."""
        answer: Json = {
            "Status": status,
            "Reason": "because",
            "PhysicalResourceId": physical_id,
            **{key: self.asked.message[key] for key in ("StackId", "RequestId", "LogicalResourceId")},
            **changes,
        }
        assert self._rehearsal.custom_resources.answer(self.asked.url, json.dumps(answer).encode())
        self._rehearsal.settle()

    @property
    def asked(self) -> CustomRequest:
        requests = self._rehearsal.custom_resources.requests
        return [request for request in requests if request.message["StackId"] == self.stack.id][-1]

    @property
    def state(self) -> tuple[str, str, str | None]:
        """The stack's status, and the latest request."""
        message = self.asked.message
        return self.stack.status, message["RequestType"], message.get("PhysicalResourceId")


def test_no_answer_in_time_fails_the_resource(rehearsal: Rehearsal) -> None:
    provider = Provider(rehearsal, ServiceTimeout=600)
    rehearsal.advance(minutes=9)
    assert provider.stack.status == "CREATE_IN_PROGRESS"
    create = provider.asked

    rehearsal.advance(minutes=1)
    assert provider.state[:2] == ("ROLLBACK_IN_PROGRESS", "Delete")
    provider.answer("late")

    assert provider.stack.status == "ROLLBACK_COMPLETE"
    assert not create.succeeded


def test_a_resource_that_fails_is_deleted_by_its_own_id(rehearsal: Rehearsal) -> None:
    provider = Provider(rehearsal)
    provider.answer("its-own", "FAILED")

    assert provider.stack.reason == "R: because"
    assert provider.state == ("ROLLBACK_IN_PROGRESS", "Delete", "its-own")


def test_what_an_update_replaces_is_deleted_in_its_clean_up(rehearsal: Rehearsal) -> None:
    provider = Provider(rehearsal, Size=1)
    provider.answer("old")
    provider.update(R={"Size": 2})
    assert provider.state == ("UPDATE_IN_PROGRESS", "Update", "old")

    provider.answer("new")
    assert provider.state == ("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "Delete", "old")

    provider.answer("old")
    assert provider.stack.status == "UPDATE_COMPLETE"


def test_what_an_update_leaves_out_is_deleted_in_its_clean_up(rehearsal: Rehearsal) -> None:
    provider = Provider(rehearsal)
    provider.answer("gone")
    provider.update()
    assert provider.state == ("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "Delete", "gone")

    provider.answer("gone", "FAILED")
    assert provider.stack.status == "UPDATE_COMPLETE"


def test_what_a_failed_update_made_is_deleted_in_its_clean_up(rehearsal: Rehearsal) -> None:
    provider = Provider(rehearsal)
    provider.answer("kept")
    provider.update(R={}, S={})
    provider.answer("half-made", "FAILED")
    assert provider.state == ("UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS", "Delete", "half-made")

    provider.answer("half-made")
    assert provider.stack.status == "UPDATE_ROLLBACK_COMPLETE"
    assert list(provider.stack.made) == ["R"]


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"StackId": "another"}, "StackId is 'another'"),
        ({"RequestId": None}, "RequestId is None"),
        ({"LogicalResourceId": "another"}, "LogicalResourceId is 'another'"),
        ({"PhysicalResourceId": ""}, "no PhysicalResourceId"),
        ({"Status": "OK"}, "Status is 'OK'"),
        ({"Status": "FAILED", "Reason": ""}, "no Reason"),
        ({"Data": {"text": "x" * 4096}}, "bytes"),
    ],
)
def test_an_answer_that_cannot_be_used_is_a_fault(rehearsal: Rehearsal, changes: Json, fault: str) -> None:
    provider = Provider(rehearsal)
    provider.answer("id", **changes)

    assert fault in rehearsal.custom_resources.faults.pop()
    assert provider.stack.status == "CREATE_IN_PROGRESS"


@pytest.mark.parametrize("body", [b"text", b"[]"])
def test_an_answer_must_be_an_object(rehearsal: Rehearsal, body: bytes) -> None:
    provider = Provider(rehearsal)

    assert rehearsal.custom_resources.answer(provider.asked.url, body)
    assert rehearsal.custom_resources.faults.pop()


def test_an_unknown_url_takes_nothing(rehearsal: Rehearsal) -> None:
    assert not rehearsal.custom_resources.answer("https://example.com/", b"{}")


FUNCTION = "trail_subscription"


def _invoked_by(rehearsal: Rehearsal, caller: Principal | Operator, *, function_arn: str | None = None) -> Stack:
    """A stack with a custom resource that a function provides."""
    arn = function_arn or rehearsal.functions.labeled(FUNCTION).arn
    return rehearsal.stacks.create(
        f"invoking-{len(rehearsal.stacks.all)}",
        account=rehearsal.zone.audit,
        region=rehearsal.zone.home_region,
        body={"Resources": {"R": {"Type": "Custom::R", "Properties": {"ServiceToken": arn, "ServiceTimeout": 900}}}},
        parameters={},
        caller=caller,
    )


def test_a_function_is_invoked_with_the_request_and_answers_itself(rehearsal: Rehearsal) -> None:
    stack = _invoked_by(rehearsal, Operator(rehearsal.zone.audit))
    rehearsal.settle()

    assert stack.reason == "R: TopicArn is None; it must be the ARN of an SNS topic"
    assert stack.status == "ROLLBACK_COMPLETE"


def test_the_stack_s_role_must_be_let_invoke_it(rehearsal: Rehearsal) -> None:
    role = rehearsal.forger.create_role(rehearsal.zone.audit, "Deployer")
    rehearsal.client("iam", rehearsal.zone.audit).delete_role_policy(RoleName="Deployer", PolicyName="Everything")
    stack = _invoked_by(rehearsal, RoleSession(role, "stack"))
    rehearsal.settle()

    assert stack.reason.startswith("R: failed to invoke arn:aws:lambda:")
    assert rehearsal.authority.denials()[-1].action == "lambda:InvokeFunction"
    assert stack.status == "ROLLBACK_COMPLETE"


def test_a_function_that_is_not_there_fails_the_resource(rehearsal: Rehearsal) -> None:
    stack = _invoked_by(rehearsal, Operator(rehearsal.zone.audit), function_arn="arn:aws:lambda:us-east-1:2:function:f")
    rehearsal.settle()

    assert stack.reason == "R: failed to invoke arn:aws:lambda:us-east-1:2:function:f"


def test_a_function_that_fails_is_invoked_three_times(rehearsal: Rehearsal, monkeypatch: pytest.MonkeyPatch) -> None:
    moments: list[float] = []

    def fail(*_: object) -> None:
        moments.append(rehearsal.clock.now)
        raise FunctionError

    monkeypatch.setattr(rehearsal.functions, "invoke", fail)
    stack = _invoked_by(rehearsal, Operator(rehearsal.zone.audit))
    rehearsal.settle(within_minutes=14)

    assert [moment - moments[0] for moment in moments] == [0, 60, 180]
    assert stack.status == "CREATE_IN_PROGRESS"
    monkeypatch.undo()
    rehearsal.settle(within_minutes=30)
    assert stack.reason == "R: no answer in time"
