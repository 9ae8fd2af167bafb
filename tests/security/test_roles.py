"""Every role of every template: exactly who may assume it, and exactly what it may do."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.security.callers import everybody
from tests.security.laws import Ask, Laws, Target, session
from tests.security.questions import ACTIONS, actions_of, questions
from tests.security.roles import ANY_RULE, IN_STYLE, ROLES, Row
from tests.security.styles import NAMES, style
from tests.security.world import World

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tests.security.laws import Caller
    from tests.security.questions import Attempt
    from tests.security.world import Resource

Cells = dict[str, set[str]]


def row_of(role: Resource, style_name: str) -> Row:
    """The row of a role, of which there must be one."""
    [name] = [name for name in ROLES if role.label.endswith(name)]
    return IN_STYLE.get(style_name, {}).get(name, ROLES[name])


def admitted(world: World, role: Resource, row: Row) -> set[str]:
    """Who may assume a role, by its row."""
    ours = {one.label for one in world.roles.values() for end in row.assumed_by if one.label.endswith(end)}
    rules = {
        f"EventBridge for {rule.label}"
        for rule in world.of_type("AWS::Events::Rule").values()
        if ANY_RULE in row.assumed_by and (rule.account, rule.region) == (role.account, role.region)
    }
    return {who for who in row.assumed_by if not who.endswith("Role")} | ours | rules


@pytest.mark.parametrize("style_name", NAMES)
def test_every_role_is_in_the_table(style_name: str) -> None:
    for role in World(style(style_name)).roles.values():
        assert row_of(role, style_name)


def test_the_table_has_no_other_rows() -> None:
    labels = [label for name in NAMES for label in World(style(name)).roles]

    assert [name for name in ROLES if not any(label.endswith(name) for label in labels)] == []


def assumers(laws: Laws, role: Resource, callers: dict[str, Caller]) -> set[str]:
    """Who of these may assume a role."""
    target = Target(role.arn, role.account)
    answers = laws.allow([Ask(caller, "sts:AssumeRole", target) for caller in callers.values()])
    return {name for name, allowed in zip(callers, answers, strict=True) if allowed}


def abilities(laws: Laws, role: Resource, asked: Sequence[Attempt]) -> Cells:
    """What a role may do, of what is asked."""
    myself = session(role.arn, role.identity)
    answers = laws.allow([Ask(myself, one.action, one.target, one.context) for one in asked])
    return cells(one for one, allowed in zip(asked, answers, strict=True) if allowed)


def cells(questions: Iterable[Attempt]) -> Cells:
    """What is done to each thing."""
    found = Cells()
    for one in questions:
        found.setdefault(one.name, set()).add(one.words)
    return found


@pytest.mark.parametrize("style_name", NAMES)
def test_who_may_assume_a_role(style_name: str) -> None:
    chosen = style(style_name)
    world = World(chosen)
    laws = Laws(world)
    for role in world.roles.values():
        may = assumers(laws, role, everybody(world, role, chosen))

        assert may == admitted(world, role, row_of(role, style_name)), role.label
        assert may, role.label


@pytest.mark.parametrize("style_name", NAMES)
def test_what_a_role_may_do(style_name: str) -> None:
    chosen = style(style_name)
    world = World(chosen)
    laws = Laws(world)
    for role in world.roles.values():
        row, asked = row_of(role, style_name), list(questions(world, chosen, role))
        expected = cells(
            one
            for one in asked
            if one.words in words_of(row, one.name, is_own=one.target.account in {role.account, ""})
        )

        assert abilities(laws, role, asked) == expected, role.label


def words_of(row: Row, name: str, *, is_own: bool) -> set[str]:
    """What a row allows to be done to something, which is in the role's own account or is not."""
    may = [*row.may.items(), *(row.at_home.items() if is_own else ())]
    words = {word for end, words in may if _is(name, end) for word in words.split()}
    return words | set(row.anywhere.split()) if is_own else words


def _is(name: str, end: str) -> bool:
    # What is not in the templates has a whole sentence for a name.
    return name.endswith(end) if "/" in name and " " not in end else name == end


@pytest.mark.parametrize("style_name", NAMES)
def test_no_action_is_left_out(style_name: str) -> None:
    asked = {words.partition("/")[0] for kind in ACTIONS.values() for words in kind}
    for role in World(style(style_name)).roles.values():
        if "AlertLogicRole" not in role.label:
            assert actions_of(role) - asked == set(), role.label


@pytest.mark.parametrize("style_name", NAMES)
def test_no_role_may_do_just_anything(style_name: str) -> None:
    for role in World(style(style_name)).roles.values():
        if "AlertLogicRole" in role.label:
            # Alert Logic's policy is as Alert Logic has it.
            continue
        assert [action for action in actions_of(role) if action == "*" or action.endswith(":*")] == [], role.label


def test_a_wider_trust_is_found() -> None:
    chosen = style("administrator")
    world = World(chosen)
    [role] = [one for one in world.roles.values() if one.label == "Member/AccountReaderRole"]
    assert role.policy is not None
    [statement] = role.policy["Statement"]
    del statement["Condition"]["ArnEquals"]
    may = assumers(Laws(world), role, everybody(world, role, chosen))

    assert "an administrator in 444444444444" in may


def test_a_wider_permission_is_found() -> None:
    chosen = style("administrator")
    world = World(chosen)
    [role] = [one for one in world.roles.values() if one.label.endswith("GuardDutyFindingsRole")]
    statement = {"Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": "*"}
    wider = replace(role, identity={"wider": {"Version": "2012-10-17", "Statement": [statement]}})
    may = abilities(Laws(world), wider, list(questions(world, chosen, wider)))

    assert may == {"Security/ApiKey": {"secretsmanager:GetSecretValue"}}
