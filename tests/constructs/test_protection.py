from __future__ import annotations

import re
from typing import Any

import pytest
from aws_cdk import Aws

from alertlogic_constructs import ProtectionScope


def test_whole_regions_have_no_tags() -> None:
    scope = ProtectionScope.regions("eu-west-1")

    assert (scope.region_names, scope.tags, scope.prune) == (("eu-west-1",), (), False)


def test_each_pair_is_a_tag_and_a_key_may_have_several_values() -> None:
    scope = ProtectionScope.vpc_tags({"alertlogic": "true", "Env": ["Prod", "Stage"], "team": "*"}, prune=True)

    assert scope.tag_documents() == [
        {"Key": "alertlogic", "Value": "true"},
        {"Key": "Env", "Value": "Prod"},
        {"Key": "Env", "Value": "Stage"},
        {"Key": "team", "Value": "*"},
    ]
    assert scope.region_names == ()
    assert scope.prune


def test_pairs_that_only_look_alike_are_two_tags() -> None:
    scope = ProtectionScope.vpc_tags({"a=b": "c", "a": "b=c"})

    assert scope.tags == (("a=b", "c"), ("a", "b=c"))


def test_a_tag_may_have_an_empty_value_and_any_letters() -> None:
    scope = ProtectionScope.vpc_tags({"a:b=c/d e": "", "Über": "ja,{}"})

    assert scope.tags == (("a:b=c/d e", ""), ("Über", "ja,{}"))


@pytest.mark.parametrize(
    ("tags", "words"),
    [
        ({}, "tags is {}; allowed is at least one tag"),
        (None, "tags is None; allowed is a mapping of keys to values"),
        ("alertlogic:true", "tags is 'alertlogic:true'; allowed is a mapping"),
        ({"": "true"}, "tags is ''; allowed is a key of 1 to 128 characters"),
        ({"k" * 129: "true"}, "allowed is a key of 1 to 128 characters"),
        ({"alertlogic": "v" * 257}, "allowed is a value of at most 256 characters"),
        ({"alertlogic": True}, "tags is True; allowed is a list of strings"),
        ({"alertlogic": [True]}, "tags is True; allowed is a string in the list"),
        ({"alertlogic": [{}]}, "tags is {}; allowed is a string in the list"),
        ({5: "true"}, "tags is 5; allowed is a key"),
        ({"alertlogic": []}, "allowed is at least one tag"),
        ({"alertlogic": ["true", "true"]}, "name alertlogic=true once"),
        ({"alertlogic": Aws.REGION}, "known at synthesis"),
        ({f"key-{n}": "v" * 200 for n in range(20)}, "allowed is at most 2000, as a function's environment"),
        ({"Env": [str(n) for n in range(100, 170)]}, "allowed is at most 2000, as a function's environment"),
    ],
)
def test_fails_when_the_tags_cannot_be_used(tags: Any, words: str) -> None:
    with pytest.raises(ValueError, match=re.escape(words)):
        ProtectionScope.vpc_tags(tags)


@pytest.mark.parametrize("prune", ["false", None, 0])
def test_fails_when_prune_is_no_boolean(prune: Any) -> None:
    with pytest.raises(ValueError, match=r"prune is .*; allowed is True or False"):
        ProtectionScope.vpc_tags({"alertlogic": "true"}, prune=prune)
    with pytest.raises(ValueError, match=r"prune is .*; allowed is True or False"):
        ProtectionScope.regions(prune=prune)


@pytest.mark.parametrize("region", [5, [], {}])
def test_fails_when_a_region_is_no_string(region: Any) -> None:
    with pytest.raises(ValueError, match=r"names is .*; allowed is a string in the list"):
        ProtectionScope.regions(region, region)


def test_fails_when_a_region_is_named_twice() -> None:
    with pytest.raises(ValueError, match="name eu-west-1 once"):
        ProtectionScope.regions("eu-west-1", "eu-west-1")
