from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.rehearsal.principals import Operator
from tests.rehearsal.templates import Template, TemplateError

if TYPE_CHECKING:
    from tests.rehearsal import Rehearsal

DEPLOYED = ()

PSEUDO = {"AWS::Region": "us-east-1", "AWS::AccountId": "222222222222"}


def resolve(value: Any, **body: Any) -> Any:
    template = Template({"Resources": {}, **body}, parameters={}, pseudo=PSEUDO)
    return template.resolve(value, lambda name: f"ref-{name}", lambda name, attribute: f"{name}-{attribute}")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"Ref": "AWS::Region"}, "us-east-1"),
        ({"Ref": "Queue"}, "ref-Queue"),
        ({"Fn::GetAtt": ["Queue", "Arn"]}, "Queue-Arn"),
        ({"Fn::GetAtt": "Queue.Arn"}, "Queue-Arn"),
        ({"Fn::Join": ["-", ["a", {"Ref": "Queue"}]]}, "a-ref-Queue"),
        ({"Fn::Sub": "${AWS::AccountId}/${Queue}/${Queue.Arn}/${!kept}"}, "222222222222/ref-Queue/Queue-Arn/${kept}"),
        ({"Fn::Sub": ["${local}", {"local": {"Ref": "Queue"}}]}, "ref-Queue"),
        ({"Fn::Select": ["1", {"Fn::Split": [":", "a:b"]}]}, "b"),
        ({"Fn::If": ["Home", "yes", "no"]}, "yes"),
        ([1, {"Fn::If": ["Away", 2, {"Ref": "AWS::NoValue"}]}], [1]),
        ({"kept": 1, "gone": {"Ref": "AWS::NoValue"}}, {"kept": 1}),
    ],
)
def test_intrinsic_functions(value: Any, expected: Any) -> None:
    home = {"Fn::Equals": [{"Ref": "AWS::Region"}, "us-east-1"]}
    found = resolve(
        value,
        Conditions={"Home": home, "Away": {"Fn::Not": [{"Condition": "Home"}]}},
    )

    assert found == expected


def test_resources_come_after_what_they_refer_to() -> None:
    resources = {
        "Policy": {"Type": "T", "Properties": {"Of": {"Fn::Sub": "${Queue.Arn}"}}},
        "Queue": {"Type": "T", "DependsOn": "Key"},
        "Key": {"Type": "T"},
        "Absent": {"Type": "T", "Condition": "Never"},
    }
    never = {"Fn::Equals": ["a", "b"]}
    template = Template({"Resources": resources, "Conditions": {"Never": never}}, parameters={}, pseudo=PSEUDO)

    assert template.order() == ["Key", "Queue", "Policy"]


def test_fails_on_an_unknown_function() -> None:
    with pytest.raises(TemplateError, match="Fn::Cidr"):
        resolve({"Fn::Cidr": []})


def test_fails_on_parameters_that_do_not_fit() -> None:
    body = {"Resources": {}, "Parameters": {"Needed": {"Type": "String"}}}
    with pytest.raises(TemplateError, match="Needed"):
        Template(body, parameters={}, pseudo=PSEUDO)
    with pytest.raises(TemplateError, match="Unknown"):
        Template(body, parameters={"Needed": "x", "Unknown": "y"}, pseudo=PSEUDO)


def test_a_queue_with_a_key_of_its_own_is_not_played(rehearsal: Rehearsal) -> None:
    account = rehearsal.zone.audit
    queue = {"Type": "AWS::SQS::Queue", "Properties": {"KmsMasterKeyId": "alias/key"}}
    rehearsal.stacks.create(
        "encrypted",
        account=account,
        region=rehearsal.zone.home_region,
        body={"Resources": {"Queue": queue}},
        parameters={},
        caller=Operator(account),
    )
    with pytest.raises(TemplateError, match="key"):
        rehearsal.settle()
