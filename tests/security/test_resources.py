"""Every resource of every template: exactly whom its own policy lets in, which is nobody where it has none."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.rehearsal.principals import RoleSession
from tests.security.callers import everybody
from tests.security.laws import Ask, Laws
from tests.security.questions import own_questions
from tests.security.resources import EVERYBODY, IN_STYLE, RESOURCES
from tests.security.styles import NAMES, style
from tests.security.world import World

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.security.laws import Caller
    from tests.security.questions import Attempt
    from tests.security.world import Resource

# What can be used by those whom its policy lets in, or by nobody from outside.
TYPES = (
    "AWS::DynamoDB::Table",
    "AWS::Events::EventBus",
    "AWS::KMS::Key",
    "AWS::Lambda::Function",
    "AWS::S3::Bucket",
    "AWS::SNS::Topic",
    "AWS::SQS::Queue",
    "AWS::SecretsManager::Secret",
)
# All of these refuse what comes unencrypted.
ENCRYPTED_ONLY = ("AWS::S3::Bucket", "AWS::SNS::Topic", "AWS::SQS::Queue")


def row_of(resource: Resource, style_name: str) -> dict[str, str]:
    """The row of a resource, of which there must be one if it has a policy."""
    names = [name for name in RESOURCES if resource.label.endswith(name)]
    assert len(names) == (resource.policy is not None), resource.label
    return IN_STYLE.get(style_name, {}).get(names[0], RESOURCES[names[0]]) if names else {}


def expected(resource: Resource, style_name: str, callers: dict[str, Caller]) -> set[tuple[str, str]]:
    """Which of these may do what to a resource, by its row."""
    stack = resource.label.partition("/")[0]
    return {
        (name, word)
        for who, words in row_of(resource, style_name).items()
        for name, caller in callers.items()
        if _is(name, who, caller, stack=stack)
        for word in words.split()
    }


def _is(name: str, who: str, caller: Caller, *, stack: str) -> bool:
    if who == EVERYBODY:
        return isinstance(caller.principal, RoleSession) and not name.endswith("has left")
    if name == who:
        return True
    verb, _, end = who.rpartition(" ")
    return name.startswith(f"{verb} {stack}/".lstrip()) and name.endswith(end)


def let_in(
    laws: Laws, resource: Resource, callers: dict[str, Caller], asked: Iterable[Attempt], **context: str
) -> set[tuple[str, str]]:
    """Who may do what, of what is asked, if the resource's account itself allows nobody anything."""
    pairs = [(name, question) for question in asked for name in callers]
    asks = [
        Ask(
            _without_means(callers[name], resource),
            question.action,
            question.target,
            question.context | {f"aws:{key}": value for key, value in context.items()},
        )
        for name, question in pairs
    ]
    answers = zip(pairs, laws.allow(asks), strict=True)
    return {(name, question.words) for (name, question), allowed in answers if allowed}


def _without_means(caller: Caller, resource: Resource) -> Caller:
    is_neighbor = isinstance(caller.principal, RoleSession) and caller.principal.account == resource.account
    return replace(caller, identity={}) if is_neighbor else caller


@pytest.mark.parametrize("style_name", NAMES)
def test_whom_a_policy_lets_in(style_name: str) -> None:
    chosen = style(style_name)
    world = World(chosen)
    laws = Laws(world)
    for resource in world.of_type(*TYPES).values():
        callers, asked = everybody(world, resource, chosen), list(own_questions(world, chosen, resource))
        may = let_in(laws, resource, callers, asked)

        assert may == expected(resource, style_name, callers), resource.label
        admitted = {name: callers[name] for name, _ in may}
        unencrypted = let_in(laws, resource, admitted, asked, SecureTransport="false")
        assert unencrypted == (set() if resource.type in ENCRYPTED_ONLY else may), resource.label


def test_the_table_has_no_other_rows() -> None:
    labels = [label for name in NAMES for label, one in World(style(name)).resources.items() if one.policy]

    assert [name for name in RESOURCES if not any(label.endswith(name) for label in labels)] == []


@pytest.mark.parametrize("style_name", NAMES)
def test_every_policy_is_looked_at(style_name: str) -> None:
    world = World(style(style_name))
    of_others = {one.label for one in world.resources.values() if one.policy and one.type not in TYPES}

    assert of_others == {*world.roles}


def test_a_wider_policy_is_found() -> None:
    chosen = style("administrator")
    world = World(chosen)
    [topic] = world.of_type("AWS::SNS::Topic").values()
    assert topic.policy is not None
    for statement in topic.policy["Statement"]:
        statement["Condition"].get("StringEquals", {}).pop("aws:PrincipalOrgID", None)
    callers, asked = everybody(world, topic, chosen), own_questions(world, chosen, topic)
    may = {name for name, _ in let_in(Laws(world), topic, callers, asked)}

    assert {"the execution role of an account of a stranger", "AWSControlTowerExecution whose account has left"} <= may
