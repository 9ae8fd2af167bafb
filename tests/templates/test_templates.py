from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from cdk_nag import AwsSolutionsChecks
from cfnlint.api import lint
from cfnlint.config import ManualArgs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .conftest import Synthesized

# Lambda does not say that it sets a source when it assumes an execution role, and only iam:PassRole in the role's own
# account can tie a function to it: https://docs.aws.amazon.com/lambda/latest/dg/lambda-intro-execution-role.html
_WITHOUT_SOURCE = {"lambda.amazonaws.com"}


def test_cfn_lint_finds_nothing(synthesized: Synthesized) -> None:
    # W3005: CDK depends on a role together with its policies, and names the role again where an attribute does.
    config = ManualArgs(ignore_checks=["W3005"])

    assert lint(json.dumps(synthesized.template), regions=[synthesized.stack.region], config=config) == []


def test_cdk_nag_finds_nothing(synthesized: Synthesized) -> None:
    found = AwsSolutionsChecks(synthesized.stack).validate_scope(synthesized.stack).violations

    assert [(violation.rule_name, violation.description) for violation in found] == []


def test_every_service_principal_has_a_source_condition(synthesized: Synthesized) -> None:
    unconditioned = [
        statement
        for statement in _statements(synthesized.template)
        if set(_services(statement)) - _WITHOUT_SOURCE
        and not {"aws:SourceArn", "aws:SourceAccount"} & _condition_keys(statement)
    ]

    assert unconditioned == []


def test_every_principal_of_another_account_has_a_condition(synthesized: Synthesized) -> None:
    keys = {"sts:ExternalId", "aws:PrincipalOrgID", "aws:PrincipalArn"}
    open_to_others = [
        statement
        for statement in _statements(synthesized.template)
        if statement["Effect"] == "Allow"
        and _is_foreign(statement.get("Principal", {}), synthesized.stack.account)
        and not keys & _condition_keys(statement)
    ]

    assert open_to_others == []


def test_no_principal_is_the_role_of_another_account(synthesized: Synthesized) -> None:
    # It would have to exist beforehand, and the trust breaks when it is made anew.
    principals = [json.dumps(statement.get("Principal", {})) for statement in _statements(synthesized.template)]

    assert [principal for principal in principals if ":role/" in principal] == []


def test_nothing_stays_when_the_stack_goes(synthesized: Synthesized) -> None:
    policies = {
        (id_, policy)
        for id_, resource in synthesized.template["Resources"].items()
        for policy in ("DeletionPolicy", "UpdateReplacePolicy")
        if resource.get(policy, "Delete") != "Delete"
    }

    assert policies == set()


def test_no_partition_is_written_out(synthesized: Synthesized) -> None:
    assert "arn:aws:" not in json.dumps(synthesized.template["Resources"])


def _statements(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        if "Effect" in node:
            yield node
        for value in node.values():
            yield from _statements(value)
    elif isinstance(node, list):
        for value in node:
            yield from _statements(value)


def _services(statement: dict[str, Any]) -> list[str]:
    principal = statement.get("Principal", {})
    services = principal.get("Service", []) if isinstance(principal, dict) else []
    return [services] if isinstance(services, str) else services


def _condition_keys(statement: dict[str, Any]) -> set[str]:
    return {key for keys in statement.get("Condition", {}).values() for key in keys}


def _is_foreign(principal: Any, account: str) -> bool:
    named = json.dumps(principal)
    return "*" in named or bool(set(re.findall(r"\d{12}", named)) - {account})
