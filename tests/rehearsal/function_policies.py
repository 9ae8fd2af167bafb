"""Lambda's permissions: who else than the account's own roles may invoke a function."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.rehearsal.resources import Client, Made, ResourceType

if TYPE_CHECKING:
    from tests.rehearsal.authority import Authority
    from tests.rehearsal.functions import Functions
    from tests.rehearsal.templates import Json


class FunctionPolicies:
    """The policies on all functions, of which each permission is a statement.

    https://docs.aws.amazon.com/lambda/latest/api/API_AddPermission.html
    """

    def __init__(self, functions: Functions, authority: Authority) -> None:
        self._functions = functions
        self._policies = authority.function_policies

    def resource_types(self) -> dict[str, ResourceType]:
        return {"AWS::Lambda::Permission": ResourceType(self._put, self._remove, updatable=True)}

    def _put(self, made: Made, client: Client) -> None:
        made.physical_id = made.suffix
        properties = made.properties
        name = properties["FunctionName"]
        [arn] = [one.arn for one in self._functions.all.values() if name in {one.name, one.arn}]
        who: str = properties["Principal"]
        conditions = {
            operator: {key: properties[given]}
            for operator, key, given in (
                ("ArnLike", "AWS:SourceArn", "SourceArn"),
                ("StringEquals", "AWS:SourceAccount", "SourceAccount"),
            )
            if given in properties
        }
        statement: Json = {
            "Sid": made.physical_id,
            "Effect": "Allow",
            "Principal": {"Service" if who.endswith(".amazonaws.com") else "AWS": who},
            "Action": properties["Action"],
            "Resource": arn,
            **({"Condition": conditions} if conditions else {}),
        }
        self._remove(made, client)
        policy = self._policies.setdefault(arn, {"Version": "2012-10-17", "Statement": []})
        policy["Statement"].append(statement)

    def _remove(self, made: Made, _client: Client) -> None:
        for policy in self._policies.values():
            policy["Statement"] = [one for one in policy["Statement"] if one["Sid"] != made.physical_id]
