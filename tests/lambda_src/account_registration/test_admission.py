from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from account_registration.admission import IAM_LAG_SECONDS, Admitted, Skipped, Stale, admit
from account_registration.order import Deregistration, Offboarding, Registration
from aws.custom_resource import RequestRefusedError
from aws.queue import NotYet
from aws.reader import NotReadableError, RoleNotAssumableError
from aws.stacks import Stack
from tests.lambda_src.account_registration.cloudformation_requests import MEMBER, continued, request

if TYPE_CHECKING:
    from account_registration.admission import Verdict
    from account_registration.request import Request
    from aws.organizations import AwsAccountId

ALL_STATES = [
    *("CREATE_IN_PROGRESS", "CREATE_FAILED", "CREATE_COMPLETE"),
    *("ROLLBACK_IN_PROGRESS", "ROLLBACK_FAILED", "ROLLBACK_COMPLETE"),
    *("DELETE_IN_PROGRESS", "DELETE_FAILED", "DELETE_COMPLETE"),
    *("UPDATE_IN_PROGRESS", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "UPDATE_COMPLETE", "UPDATE_FAILED"),
    *("UPDATE_ROLLBACK_IN_PROGRESS", "UPDATE_ROLLBACK_FAILED", "UPDATE_ROLLBACK_COMPLETE"),
    *("UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS", "REVIEW_IN_PROGRESS", "IMPORT_IN_PROGRESS", "IMPORT_COMPLETE"),
]
ADMITTED = {
    "Create": {"CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS"},
    "Update": {"UPDATE_IN_PROGRESS", "UPDATE_ROLLBACK_IN_PROGRESS"},
    "Delete": {
        *("DELETE_IN_PROGRESS", "ROLLBACK_IN_PROGRESS"),
        *("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS"),
    },
}
DENIED = NotReadableError("the role may not describe the stack")
NO_ROLE = RoleNotAssumableError("the role cannot be assumed")


@dataclass
class Stacks:
    """The stacks of other accounts: one, none, or none that may be seen."""

    answer: Stack | Exception | None
    asked: list[tuple[str, str, str]] = field(default_factory=list[tuple[str, str, str]])

    def stack(self, *, account_id: AwsAccountId, region: str, stack_id: str) -> Stack | None:
        self.asked.append((account_id, region, stack_id))
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def verdict(
    asked: Request,
    answer: Stack | Exception | str | None,
    *,
    offboarding: Offboarding = Offboarding.DISABLE,
    age: float = 0,
) -> Verdict:
    stack = Stack(answer, "then") if isinstance(answer, str) else answer
    return admit(asked, stacks=Stacks(stack), offboarding=offboarding, age_seconds=age)


@pytest.mark.parametrize("request_type", ADMITTED)
@pytest.mark.parametrize("state", ALL_STATES)
def test_admits_a_request_only_in_the_states_in_which_cloudformation_sends_it(request_type: Any, state: str) -> None:
    if state in ADMITTED[request_type]:
        assert isinstance(verdict(request(request_type), state), Admitted)
    elif state.endswith("_IN_PROGRESS"):
        with pytest.raises(RequestRefusedError, match=state):
            verdict(request(request_type), state)
    else:
        assert isinstance(verdict(request(request_type), state), Stale)


def test_looks_at_the_stack_that_asks_in_its_own_account_and_region() -> None:
    stacks = Stacks(Stack("CREATE_IN_PROGRESS", "then"))

    admitted = admit(request(), stacks=stacks, offboarding=Offboarding.DISABLE, age_seconds=0)

    assert stacks.asked == [(MEMBER, "us-east-1", request().stack_id.arn)]
    assert isinstance(admitted, Admitted)
    assert isinstance(admitted.order, Registration)
    assert admitted.stack_changed_at == "then"


@pytest.mark.parametrize("request_type", ADMITTED)
def test_refuses_a_stack_that_is_not_there(request_type: Any) -> None:
    with pytest.raises(RequestRefusedError, match="no such stack"):
        verdict(request(request_type), None)


@pytest.mark.parametrize("answer", [DENIED, NO_ROLE])
@pytest.mark.parametrize("request_type", ADMITTED)
def test_waits_for_a_new_role_and_refuses_one_that_does_not_come(request_type: Any, answer: Exception) -> None:
    with pytest.raises(NotYet):
        verdict(request(request_type), answer, age=IAM_LAG_SECONDS - 1)
    with pytest.raises(RequestRefusedError):
        verdict(request(request_type), answer, age=IAM_LAG_SECONDS)


def test_refuses_who_speaks_for_another_account_without_looking() -> None:
    stacks = Stacks(Stack("CREATE_IN_PROGRESS", "then"))

    with pytest.raises(RequestRefusedError, match="may not speak for"):
        admit(
            request(properties={"AccountId": "666666666666"}),
            stacks=stacks,
            offboarding=Offboarding.DISABLE,
            age_seconds=0,
        )
    assert stacks.asked == []


@pytest.mark.parametrize("physical_id", [f"unregistered/{MEMBER}", "registration/666666666666", "foreign"])
def test_does_nothing_on_delete_of_what_it_never_made_whatever_else_the_request_says(physical_id: str) -> None:
    changes = {"PhysicalResourceId": physical_id}

    assert isinstance(verdict(request("Delete", changes=changes, properties={"RoleArn": None}), DENIED), Skipped)


def test_checks_a_delete_even_if_deployments_are_retained() -> None:
    assert isinstance(verdict(request("Delete"), "DELETE_IN_PROGRESS", offboarding=Offboarding.RETAIN), Skipped)
    assert isinstance(verdict(request("Delete"), "CREATE_COMPLETE", offboarding=Offboarding.RETAIN), Stale)
    with pytest.raises(RequestRefusedError):
        verdict(request("Delete"), "CREATE_IN_PROGRESS", offboarding=Offboarding.RETAIN)


class TestContinued:
    @pytest.mark.parametrize("request_type", ["Create", "Update"])
    @pytest.mark.parametrize("state", ALL_STATES)
    def test_goes_on_only_while_the_stack_lives(self, request_type: Any, state: str) -> None:
        result = verdict(continued(request_type), state)

        assert isinstance(result, Skipped if state.startswith(("DELETE_", "ROLLBACK_")) else Admitted)

    @pytest.mark.parametrize("answer", [None, DENIED, NO_ROLE])
    def test_is_dropped_with_the_stack(self, answer: Exception | None) -> None:
        assert isinstance(verdict(continued(), answer), Skipped)

    @pytest.mark.parametrize("changed_at", ["then", "later"])
    def test_only_fills_what_is_missing_once_the_stack_has_changed(self, changed_at: str) -> None:
        result = verdict(continued(stack_changed_at="then"), Stack("UPDATE_COMPLETE", changed_at))

        assert isinstance(result, Admitted)
        assert isinstance(result.order, Registration)
        assert result.order.only_if_missing is (changed_at == "later")

    @pytest.mark.parametrize("age", [0, 10**6])
    def test_delete_goes_on_once_the_reader_role_is_gone(self, age: float) -> None:
        result = verdict(continued("Delete"), NO_ROLE, age=age)

        assert isinstance(result, Admitted)
        assert isinstance(result.order, Deregistration)

    @pytest.mark.parametrize(
        "state",
        [*(state for state in ALL_STATES if state.endswith("_IN_PROGRESS")), "DELETE_FAILED", "ROLLBACK_FAILED"],
    )
    def test_delete_waits_while_the_stack_is_on_its_way(self, state: str) -> None:
        with pytest.raises(NotYet):
            verdict(continued("Delete"), state, age=10**6)

    @pytest.mark.parametrize("answer", ["CREATE_COMPLETE", "UPDATE_COMPLETE", "DELETE_COMPLETE", None, DENIED])
    def test_delete_is_dropped_where_a_stack_stays(self, answer: str | Exception | None) -> None:
        with pytest.raises(NotYet):  # the reader role may only just be going
            verdict(continued("Delete"), answer, age=IAM_LAG_SECONDS - 1)
        assert isinstance(verdict(continued("Delete"), answer, age=IAM_LAG_SECONDS), Skipped)
