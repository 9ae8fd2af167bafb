from __future__ import annotations

import re
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from account_enrollment.enrollment import Create, Decision, Operate, Release, Situation, Trim, Update
from account_enrollment.operations import (
    MOST_ACCOUNTS,
    JointOperation,
    accounts_named_by,
    group,
    is_removal,
    operation_id,
    removal_id,
    removal_number,
)
from aws.organizations import Account, AwsAccountId
from tests.lambda_src.account_enrollment.situations import EAST, EUROPE, MEMBER, OTHER, WEST, both, instance, situation

# What CloudFormation takes, https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateStackInstances.html
VALID_ID = r"[a-zA-Z0-9][-a-zA-Z0-9]{0,127}"

account_ids = st.integers(0, 10**12 - 1).map(lambda number: AwsAccountId(f"{number:012}"))
region_tuples = st.sets(st.sampled_from([EAST, WEST, EUROPE]), min_size=1).map(lambda them: tuple(sorted(them)))
steps: st.SearchStrategy[tuple[Operate, ...]] = st.lists(
    st.one_of(*(st.builds(kind, region_tuples) for kind in (Create, Update, Release, Trim))), max_size=3, unique_by=type
).map(tuple)
some_decisions = st.lists(
    st.builds(
        lambda account_id, operate: Decision(
            Situation(account_id, Account(account_id, "", "ACTIVE", ()), ()), None, operate
        ),
        account_ids,
        steps,
    ),
    max_size=40,
    unique_by=lambda it: it.situation.account_id,
)


def ids(decisions: list[Decision], event_id: str = "event", attempt: int = 1) -> dict[str, JointOperation]:
    situations = {it.situation.account_id: it.situation for it in decisions}
    joints = list(group(decisions))
    found = {operation_id(it, event_id=event_id, attempt=attempt, situations=situations): it for it in joints}
    assert len(found) == len(joints)
    return found


@given(decisions=some_decisions)
def test_each_account_gets_just_what_it_needs(decisions: list[Decision]) -> None:
    given_to: dict[AwsAccountId, set[Operate]] = {it.situation.account_id: set() for it in decisions}
    for joint in group(decisions):
        for account_id in joint.account_ids:
            assert joint.action not in given_to[account_id]
            given_to[account_id].add(joint.action)

    assert given_to == {it.situation.account_id: set(it.operate) for it in decisions}


@given(decisions=some_decisions, data=st.data())
def test_operations_are_few_and_their_ids_valid_and_different(decisions: list[Decision], data: st.DataObject) -> None:
    by_id = ids(decisions)

    for token, joint in by_id.items():
        assert re.fullmatch(VALID_ID, token)
        assert accounts_named_by(token) == joint.account_ids
        assert 1 <= len(joint.account_ids) <= MOST_ACCOUNTS
        assert not is_removal(token)
    for action in {joint.action for joint in by_id.values()}:
        sizes = [len(joint.account_ids) for joint in by_id.values() if joint.action == action]
        assert len(sizes) == -(-sum(sizes) // MOST_ACCOUNTS)
    assert ids(data.draw(st.permutations(decisions))) == by_id


def test_the_longest_id_is_as_long_as_may_be() -> None:
    decisions = [
        Decision(situation(account_id=AwsAccountId(f"{number:012}"), account=None), None, (Release((EAST,)),))
        for number in range(8)
    ]

    [token] = ids(decisions)

    assert len(token) == 128


class TestOperationId:
    def test_is_the_same_for_the_same_event_and_state(self) -> None:
        at = situation(both("OUTDATED", "FAILED"))
        backwards = replace(at, instances=at.instances[::-1])
        joint = JointOperation(Update((EAST,)), (MEMBER,))

        first = operation_id(joint, event_id="event", attempt=1, situations={MEMBER: at})

        assert first == operation_id(joint, event_id="event", attempt=1, situations={MEMBER: backwards})
        assert re.fullmatch(r"update-555555555555-[0-9a-f]{16}", first)

    def test_is_another_for_any_other(self) -> None:
        def of(
            action: Operate = Update((EAST,)),  # noqa: B008 - it cannot change
            accounts: tuple[AwsAccountId, ...] = (MEMBER,),
            event_id: str = "event",
            attempt: int = 1,
            operation: str = "old",
        ) -> str:
            situations = {
                MEMBER: situation(both("OUTDATED", "FAILED", operation)),
                OTHER: situation(account=None, account_id=OTHER),
            }
            return operation_id(
                JointOperation(action, accounts), event_id=event_id, attempt=attempt, situations=situations
            )

        others = {
            of(),
            of(action=Create((EAST,))),
            of(action=Update((WEST,))),
            of(accounts=(OTHER,)),
            of(accounts=(MEMBER, OTHER)),
            of(event_id="another"),
            of(attempt=2),
            of(operation="newer"),
        }

        assert len(others) == 8

    def test_depends_on_no_account_but_its_own(self) -> None:
        joint = JointOperation(Create((EAST,)), (MEMBER,))
        other = Situation(OTHER, None, (instance(account_id=OTHER),))

        assert operation_id(joint, event_id="event", attempt=1, situations={MEMBER: situation()}) == operation_id(
            joint, event_id="event", attempt=1, situations={MEMBER: situation(), OTHER: other}
        )


class TestRemovals:
    def test_are_numbered(self) -> None:
        assert [removal_id(1), removal_id(12)] == ["remove-1", "remove-12"]
        assert removal_number("remove-12") == 12

    def test_name_no_account(self) -> None:
        assert accounts_named_by("remove-555555555555") == ()

    def test_are_not_mistaken_for_others(self) -> None:
        others = ["remove-0", "remove-01", "remove-x", "remove-", f"trim-{MEMBER}-0123456789abcdef", "empty-1-2", ""]

        assert not [it for it in others if is_removal(it)]


def test_the_operations_of_earlier_releases_name_their_account() -> None:
    assert accounts_named_by(f"create-{MEMBER}-0123456789abcdef0123456789abcdef") == (MEMBER,)
    assert accounts_named_by("3e4f5a6b-1234-4000-8000-555555555555") == ()
