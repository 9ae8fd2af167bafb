"""What policies grant, and how they differ."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from alertlogic_constructs._role_policy import Difference, Grant, grants, packaged_pin, read_pin

if TYPE_CHECKING:
    from pathlib import Path


def document(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def allow(*actions: str, **changes: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": list(actions), "Resource": "*", **changes}


def lacking(older: dict[str, Any], newer: dict[str, Any]) -> list[str]:
    return [str(grant) for grant in Difference.between(document(older), document(newer)).lacking]


def test_how_statements_are_cut_makes_no_difference() -> None:
    one = document(allow("ec2:Describe*", "s3:GetObject", Sid="All"))
    other = {"Statement": {"Effect": "Allow", "Action": ["S3:getobject", "ec2:Describe*"], "Resource": ["*"]}}

    assert Difference.between(one, other) == Difference((), ())
    assert grants(one) == grants(other)


def test_what_comes_and_what_goes_is_shown_in_order() -> None:
    older = document(allow("s3:GetObject"), allow("ec2:RunInstances"))
    newer = document(
        allow("s3:GetObject"), allow("sqs:ListQueues", Resource="arn:aws:sqs:*:*:a", Condition={"Bool": {}})
    )

    assert Difference.between(older, newer).as_text() == (
        '+ Allow sqs:listqueues on arn:aws:sqs:*:*:a if {"Bool": {}}\n- Allow ec2:runinstances on *'
    )


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        (allow("ec2:*"), allow("ec2:Describe*")),
        (allow("ec2:Describe*"), allow("ec2:DescribeVpcs")),
        (allow("s3:GetObject"), allow("s3:GetObject", Resource="arn:aws:s3:::a/*")),
        (allow("s3:GetObject"), allow("s3:GetObject", Condition={"Bool": {"aws:SecureTransport": "true"}})),
        (allow(NotAction="iam:*", Action="unused:*"), allow(NotAction="iam:*", Action="unused:*")),
    ],
)
def test_what_is_granted_more_widely_is_not_lacking(older: dict[str, Any], newer: dict[str, Any]) -> None:
    assert lacking(older, newer) == []


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        (allow("ec2:Describe*"), allow("ec2:*")),
        (allow("s3:GetObject", Resource="arn:aws:s3:::a/*"), allow("s3:GetObject")),
        (allow("s3:GetObject", Condition={"Bool": {"aws:SecureTransport": "true"}}), allow("s3:GetObject")),
        (allow("ec2:*"), {**allow("ec2:DescribeVpcs"), "Effect": "Deny"}),
        ({"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}, allow("ec2:DescribeVpcs")),
        (allow("*"), {"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}),
        (allow("ec2:Describe[a]"), allow("ec2:Describea")),
    ],
)
def test_what_is_granted_more_narrowly_is_lacking(older: dict[str, Any], newer: dict[str, Any]) -> None:
    assert len(lacking(older, newer)) == 1


@pytest.mark.parametrize(
    "wrong",
    [{}, {"Statement": None}, {"Statement": ["text"]}, document({"Effect": "Allow"}), document(allow(Action=[3]))],
)
def test_what_is_no_policy_is_refused(wrong: Any) -> None:
    with pytest.raises(ValueError, match="this is no IAM policy"):
        grants(wrong)


def test_the_packaged_pin_grants_no_placeholder() -> None:
    assert not any("KMS_KEY_ARN" in str(grant) for grant in grants(packaged_pin("ci_full")))
    assert Grant("Allow", "ec2:describe*", "*", "") in grants(packaged_pin("ci_essentials"))


def test_a_pin_is_read_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "pin.json"
    file.write_text(json.dumps(packaged_pin("ci_full")), "utf-8")

    assert read_pin(file) == packaged_pin("ci_full")


@pytest.mark.parametrize(
    ("text", "words"), [("", "cannot be read"), ("[]", "holds no policy"), ("{}", "this is no IAM policy")]
)
def test_a_file_that_is_no_pin_is_refused(tmp_path: Path, text: str, words: str) -> None:
    file = tmp_path / "pin.json"
    file.write_text(text, "utf-8")

    with pytest.raises(ValueError, match=words):
        read_pin(file)
