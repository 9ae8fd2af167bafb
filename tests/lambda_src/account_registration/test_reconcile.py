"""What the management side's word leads to, without any call."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from account_registration.accounts_event import Told
from account_registration.admission import IAM_LAG_SECONDS, Admitted, Skipped
from account_registration.errand import Deregister, Reconcile
from account_registration.order import Deregistration, Offboarding
from account_registration.properties import registration_of
from account_registration.reconcile import admit_errand, errand_of
from aws.accounts_table import KnownAccount, Word
from aws.custom_resource import RequestRefusedError, StackId
from aws.organizations import AwsAccountId
from aws.queue import NotYet
from aws.reader import NotReadableError, RoleNotAssumableError
from aws.stacks import Stack
from tests.lambda_src.account_registration.accounts_events import MEMBER_STACK
from tests.lambda_src.account_registration.cloudformation_requests import MEMBER, request
from tests.lambda_src.account_registration.test_admission import ALL_STATES, Stacks

if TYPE_CHECKING:
    from collections.abc import Mapping

    from account_registration.errand import Errand

ACCOUNT = AwsAccountId(MEMBER)
STACK = StackId.parse(MEMBER_STACK)
OWN_STACK = f"arn:aws:cloudformation:us-east-1:{MEMBER}:stack/Payments/1"
WORD = Word(ACCOUNT, "shop", wanted=True, reason=None, instances={"us-east-1": "CURRENT"}, rank="2026 0 a")
LEAVING = replace(WORD, wanted=False, rank="2026 1 b")
KNOWN = KnownAccount(WORD, registered=True, scope_right=True, why=None, stack_id=MEMBER_STACK)
GONE = replace(KNOWN, word=LEAVING)
RECONCILE = Reconcile(STACK, WORD.rank, "sweep")
DEREGISTER = Deregister(ACCOUNT, "sweep")
STANDING = ("CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE")
OUTPUT = {"Registration": json.dumps(request().properties)}


class TestErrandOf:
    def errand(
        self,
        word: Word,
        known: KnownAccount | None,
        *,
        stack_ids: Mapping[str, StackId] | None = None,
        offboarding: Offboarding = Offboarding.DISABLE,
    ) -> Errand | None:
        told = Told(word, {"us-east-1": STACK} if stack_ids is None else stack_ids)
        return errand_of(told, known, sweep="sweep", home_region="us-east-1", offboarding=offboarding)

    def test_of_an_account_that_is_wanted_is_to_reconcile_it_by_its_stack_in_the_home_region(self) -> None:
        assert self.errand(WORD, KNOWN) == RECONCILE
        assert self.errand(WORD, KNOWN, stack_ids={"us-west-2": STACK}) is None
        assert self.errand(WORD, KNOWN, stack_ids={}) is None

    @pytest.mark.parametrize("later", [replace(WORD, rank="2026 0 b"), LEAVING])
    def test_of_an_account_of_which_something_later_was_said_is_none(self, later: Word) -> None:
        assert self.errand(WORD, replace(KNOWN, word=later)) is None

    def test_of_an_account_that_leaves_is_to_deregister_it_however_late_the_word_comes(self) -> None:
        assert self.errand(LEAVING, GONE) == DEREGISTER
        assert self.errand(LEAVING, replace(GONE, word=replace(LEAVING, rank="2027 1 c"))) == DEREGISTER
        assert self.errand(LEAVING, KNOWN) is None

    @pytest.mark.parametrize("stack_id", [None, OWN_STACK])
    def test_of_an_account_that_no_stack_instance_registered_is_none(self, stack_id: str | None) -> None:
        assert self.errand(LEAVING, replace(GONE, stack_id=stack_id)) is None

    def test_of_an_account_that_is_to_be_kept_registered_is_none(self) -> None:
        assert self.errand(LEAVING, GONE, offboarding=Offboarding.RETAIN) is None

    def test_of_an_account_that_was_forgotten_meanwhile_is_none(self) -> None:
        assert self.errand(WORD, None) is None


def admitted(
    errand: Errand,
    known: KnownAccount | None = KNOWN,
    *,
    stack: Stack | Exception | str | None = "CREATE_COMPLETE",
    offboarding: Offboarding = Offboarding.DISABLE,
    age: float = 10**6,
) -> Admitted | Skipped:
    found = Stack(stack, "then", OUTPUT) if isinstance(stack, str) else stack
    return admit_errand(errand, known, stacks=Stacks(found), offboarding=offboarding, age_seconds=age)


class TestReconcile:
    def test_orders_what_a_request_of_the_stack_would(self) -> None:
        stack_id = {"StackId": MEMBER_STACK}

        verdict = admitted(RECONCILE)

        assert verdict == Admitted(registration_of(request(changes=stack_id)), "then")

    def test_looks_at_the_stack_in_its_own_account_and_region(self) -> None:
        stacks = Stacks(Stack("CREATE_COMPLETE", "then", OUTPUT))

        admit_errand(RECONCILE, KNOWN, stacks=stacks, offboarding=Offboarding.DISABLE, age_seconds=0)

        assert stacks.asked == [(MEMBER, "us-east-1", MEMBER_STACK)]

    @pytest.mark.parametrize("state", ALL_STATES)
    def test_is_done_in_the_states_in_which_a_stack_stands(self, state: str) -> None:
        if state in STANDING:
            assert isinstance(admitted(RECONCILE, stack=state), Admitted)
        elif state.endswith("_IN_PROGRESS"):
            assert isinstance(admitted(RECONCILE, stack=state), Skipped)
        else:
            with pytest.raises(RequestRefusedError, match=state):
                admitted(RECONCILE, stack=state)

    @pytest.mark.parametrize("later", [replace(WORD, rank="2026 0 b"), LEAVING])
    def test_is_left_to_a_later_word_without_looking(self, later: Word) -> None:
        stacks = Stacks(None)

        for known in (replace(KNOWN, word=later), None):
            verdict = admit_errand(RECONCILE, known, stacks=stacks, offboarding=Offboarding.DISABLE, age_seconds=0)
            assert isinstance(verdict, Skipped)
        assert stacks.asked == []

    @pytest.mark.parametrize("error", [NotReadableError("may not"), RoleNotAssumableError("no role")])
    def test_waits_for_a_role_that_cannot_be_assumed_and_refuses_one_that_does_not_come(self, error: Exception) -> None:
        with pytest.raises(NotYet):
            admitted(RECONCILE, stack=error, age=IAM_LAG_SECONDS - 1)
        with pytest.raises(RequestRefusedError):
            admitted(RECONCILE, stack=error, age=IAM_LAG_SECONDS)

    def test_refuses_a_stack_that_is_not_there(self) -> None:
        with pytest.raises(RequestRefusedError, match="does not exist"):
            admitted(RECONCILE, stack=None)

    @pytest.mark.parametrize(
        "outputs",
        [
            {},
            {"Registration": "no JSON"},
            {"Registration": "[]"},
            {"Registration": '{"Mode": "half of a \\ud83d"}'},
            {"Registration": '{"Mode": ' + "[" * 200 + "]" * 200 + "}"},
            {"Other": OUTPUT["Registration"]},
        ],
    )
    def test_refuses_a_stack_that_does_not_say_what_it_stands_for(self, outputs: dict[str, str]) -> None:
        with pytest.raises(RequestRefusedError, match="no output Registration"):
            admitted(RECONCILE, stack=Stack("CREATE_COMPLETE", "then", outputs))

    @pytest.mark.parametrize(
        "change",
        [
            {"AccountId": "666666666666"},
            {"RoleArn": "arn:aws:iam::666666666666:role/AlertLogicRole"},
            {"Mode": "readonly"},
            {"VpcTags": "alertlogic:true"},
        ],
    )
    def test_refuses_a_stack_that_says_something_else(self, change: dict[str, Any]) -> None:
        output = {"Registration": json.dumps({**request().properties, **change})}

        with pytest.raises(RequestRefusedError):
            admitted(RECONCILE, stack=Stack("CREATE_COMPLETE", "then", output))


class TestDeregister:
    @pytest.mark.parametrize("offboarding", [Offboarding.DISABLE, Offboarding.DELETE])
    def test_orders_what_the_delete_of_a_stack_would_without_looking_at_any(self, offboarding: Offboarding) -> None:
        verdict = admitted(DEREGISTER, GONE, stack=AssertionError(), offboarding=offboarding)

        assert verdict == Admitted(Deregistration(ACCOUNT, None, offboarding), stack_changed_at="")

    @pytest.mark.parametrize("known", [KNOWN, None])
    def test_is_dropped_once_the_account_is_wanted_again(self, known: KnownAccount | None) -> None:
        assert isinstance(admitted(DEREGISTER, known), Skipped)

    def test_is_dropped_where_nothing_is_to_be_ended(self) -> None:
        assert isinstance(admitted(DEREGISTER, replace(GONE, stack_id=None)), Skipped)
        assert isinstance(admitted(DEREGISTER, replace(GONE, stack_id=OWN_STACK)), Skipped)
        assert isinstance(admitted(DEREGISTER, GONE, offboarding=Offboarding.RETAIN), Skipped)
