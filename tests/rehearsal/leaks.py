"""Looks for secrets where none may be: in templates, environments, logs, exceptions and all that is told of them."""

from __future__ import annotations

import base64
import json
from collections import Counter
from typing import TYPE_CHECKING, Any

from tests.rehearsal.alertlogic import TOKEN_PREFIX
from tests.rehearsal.custom_resources import SIGNATURE_PREFIX
from tests.rehearsal.gateway import SECRET_PREFIX, SESSION_TOKEN_PREFIX
from tests.rehearsal.moto_state import backends, bucket_versions, table_items

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.rehearsal.rehearsal import Rehearsal
    from tests.rehearsal.stacks import Stack

# Of whatever is hidden, the beginning is recognizable: where it is cut off, that is left.
_BEGINNINGS = {
    TOKEN_PREFIX: "a token of Alert Logic",
    SECRET_PREFIX: "the secret key of a session",
    SESSION_TOKEN_PREFIX: "the token of a session",
    SIGNATURE_PREFIX: "the signature of a pre-signed URL",
    "X-Amz-Signature": "the query of a pre-signed URL",
    "X-Amz-Credential": "the query of a pre-signed URL",
}
# The kinds of places that hold something in every rehearsal, however well it goes.
PLACES = {"answers", "environment", "items", "log", "parameters", "status", "template"}


class Leaks:
    """Everything that was found so far; `look` before something goes that there is to look at."""

    def __init__(self, rehearsal: Rehearsal, logs: Path) -> None:
        # In the order in which it was found.
        self.found: dict[str, None] = {}
        # How much was searched in each kind of place, in characters, lest nothing be.
        self.searched: Counter[str] = Counter()
        self._rehearsal = rehearsal
        self._logs = logs
        self._read: dict[Path, int] = {}
        # What never changes is looked at once, and held on to, lest another get its identity.
        self._bodies: dict[int, Any] = {}
        self._keys: dict[str, str] = {}

    def look(self) -> None:
        """Search all that is there now, and of the logs what is new."""
        for name, key in self._rehearsal.alert_logic.access_keys.items():
            basic = base64.b64encode(f"{name}:{key}".encode()).decode()
            self._keys |= {name: "the id of an access key", key: "a secret key", basic[:20]: "an access key, encoded"}
        secrets = _BEGINNINGS | self._keys
        for where, text in self._texts():
            self.searched[where.partition(" ")[0]] += len(text)
            self.found |= {f"{where} shows {what}": None for secret, what in secrets.items() if secret in text}

    def _texts(self) -> Iterator[tuple[str, str]]:
        rehearsal = self._rehearsal
        yield from self._new_lines()
        for stack in rehearsal.stacks.all:
            yield from self._of_stack(stack)
        for stack_set in rehearsal.stack_sets.all.values():
            yield from self._once(f"template of the StackSet {stack_set.name}", stack_set.body)
            yield f"status of the StackSet {stack_set.name}", json.dumps(stack_set.parameters)
        for function in rehearsal.functions.all.values():
            yield f"environment of {function.label}", json.dumps(function.environment)
            yield f"exceptions of {function.label}", "\n".join(function.errors)
            for _, attributes in rehearsal.dead_letters(function.label):
                yield f"dead letter of {function.label}", json.dumps(attributes)
        answers = [request.answer for request in rehearsal.custom_resources.requests]
        yield "answers to CloudFormation", json.dumps([*answers, *rehearsal.custom_resources.other_answers])
        faults = [*rehearsal.gateway.faults, *rehearsal.custom_resources.faults, *rehearsal.proxy.refused]
        yield "faults of the rehearsal", "\n".join([*faults, *map(str, rehearsal.alert_logic.contract_violations)])
        yield from self._stored()

    def _new_lines(self) -> Iterator[tuple[str, str]]:
        for log in sorted(self._logs.glob("*.log")):
            with log.open(encoding="utf-8") as opened:
                opened.seek(self._read.get(log, 0))
                text = opened.read()
                self._read[log] = opened.tell()
            yield f"log of {log.stem}", text

    def _of_stack(self, stack: Stack) -> Iterator[tuple[str, str]]:
        yield from self._once(f"template of {stack.name}", stack.body)
        yield f"status of {stack.name}", f"{json.dumps(stack.parameters)} {json.dumps(stack.outputs)} {stack.reason}"

    def _once(self, where: str, body: object) -> Iterator[tuple[str, str]]:
        if id(body) not in self._bodies:
            self._bodies[id(body)] = body
            yield where, json.dumps(body)

    def _stored(self) -> Iterator[tuple[str, str]]:
        """What functions keep: in tables, buckets and parameters."""
        for dynamodb in backends("dynamodb"):
            for table in dynamodb.tables.values():
                yield f"items of {table.name}", json.dumps(table_items(table.table_arn))
        made = [made for stack in self._rehearsal.stacks.all for made in stack.made.values()]
        for bucket in {one.physical_id for one in made if one.type == "AWS::S3::Bucket"}:
            for version in bucket_versions(bucket):
                yield f"objects of {bucket}", version.value.decode()
        for ssm in backends("ssm"):
            for name, versions in ssm._parameters.items():
                yield f"parameters of SSM: {name}", " ".join(str(version.value) for version in versions)

    def forget(self, log: Path) -> None:
        """Look once more, for a log goes: another of its name begins anew."""
        self.look()
        self._read.pop(log, None)
