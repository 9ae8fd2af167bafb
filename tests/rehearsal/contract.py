"""What Alert Logic's API is asked and answers, held against the vendor's published OpenAPI documents.

Where the vendor publishes no schema, `OWN` and `OWN_ERROR` state what clients rely on. Each check names its source:
`vendor` or `own`.
"""

from __future__ import annotations

import functools
import importlib.util
import json
import re
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

import yaml
from jsonschema.exceptions import ValidationError
from jsonschema.validators import extend
from openapi_schema_validator import OAS30Validator, oas30_format_checker
from referencing import Registry
from referencing.jsonschema import DRAFT4

from tests.rehearsal.contract_own import JSON, OWN, OWN_ERROR

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Source = Literal["vendor", "own"]
Part = Literal["request", "answer"]

VENDOR_DOCUMENTS = (
    "aims/aims.v1.yaml",
    "credentials/credentials.v2.yaml",
    "deployments/deployments.v1.yaml",
    "endpoints/endpoints.v1.yaml",
    "ingest/ingest.v1.yaml",
    "policies/policies.v1.yaml",
    "themis/themis.v1.yaml",
)

# A document's text that is longer than this is not kept to be recognized.
LARGEST_REMEMBERED = 20_000


@dataclass(frozen=True)
class Violation:
    """Something that was sent against the contract. It never quotes a credential."""

    part: Part
    operation: str
    source: Source
    message: str

    def __str__(self) -> str:
        return f"{self.part} of {self.operation} against the {self.source} schema: {self.message}"


@dataclass(frozen=True)
class Check:
    """How one request or answer fared, and whose schema judged it."""

    source: Source
    violations: tuple[Violation, ...]


def _named_properties(validator: Any, properties: Any, instance: Any, schema: Any) -> Iterator[ValidationError]:
    yield from OAS30Validator.VALIDATORS["properties"](validator, properties, instance, schema)
    if isinstance(instance, dict) and "additionalProperties" not in schema:
        unnamed = sorted(cast("dict[str, Any]", instance).keys() - properties.keys())
        if unnamed:
            yield ValidationError(f"the document names no property {', '.join(unnamed)}")


# A misspelled optional property would pass OpenAPI's open objects: what we create may only hold what is documented.
# An update is not held to it, since it must carry fields unknown to us.
_ClosedValidator: Any = extend(OAS30Validator, {"properties": _named_properties})  # type: ignore[no-untyped-call]


class _Operation:
    """One method of one path of one document."""

    def __init__(self, source: Source, uri: str, document: Mapping[str, Any], template: str, method: str) -> None:
        self.source: Source = source
        self.method = method.upper()
        self.name = f"{self.method} {template}"
        self.fixed_parts = len(re.findall(r"/[^/{]+", template))
        item = document["paths"][template]
        self._document = document
        self._pattern = re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", template))
        self._pointer = f"{uri}#/paths/{template.replace('~', '~0').replace('/', '~1')}/{method}"
        self._spec = item[method]
        self._parameters = [
            self._resolved(it) for it in (*item.get("parameters", ()), *self._spec.get("parameters", ()))
        ]

    def path_values(self, method: str, path: str) -> dict[str, str] | None:
        match = self._pattern.fullmatch(path) if method == self.method else None
        return match.groupdict() if match else None

    def parameter_schemas(self, place: str) -> dict[str, Any]:
        return {it["name"]: it["schema"] for it in self._parameters if it["in"] == place}

    def takes(self, media: str) -> bool:
        """Whether the body of a request may be of this content type."""
        return media in self._spec.get("requestBody", {}).get("content", {})

    def request_schema(self, media: str) -> str:
        return f"{self._pointer}/requestBody/content/{media.replace('/', '~1')}/schema"

    def has_body(self) -> bool:
        return "requestBody" in self._spec

    def body_is_optional(self) -> bool:
        return self._spec["requestBody"].get("required") is False

    def documents(self, status: int) -> bool:
        return str(status) in self._spec["responses"]

    def answers_text(self, status: int) -> bool:
        return "text/plain" in self._spec["responses"].get(str(status), {}).get("content", {})

    def answer_schema(self, status: int) -> str | None:
        answer = self._spec["responses"].get(str(status), {})
        has_schema = JSON in self._resolved(answer).get("content", {})
        # The vendor refers to shared answers only for refusals, and those of use here have no schema.
        return f"{self._pointer}/responses/{status}/content/application~1json/schema" if has_schema else None

    def _resolved(self, value: Mapping[str, Any]) -> Mapping[str, Any]:
        found: Any = value
        if "$ref" in value:
            found = self._document
            for step in value["$ref"].removeprefix("#/").split("/"):
                found = found[step]
        return found


class Contract:
    """All that is known of the API. Load it with `alertlogic_contract`."""

    def __init__(self, documents: Mapping[str, tuple[Source, Mapping[str, Any]]]) -> None:
        self._registry: Registry[Any] = Registry[Any]().with_resources(
            (uri, DRAFT4.create_resource(document)) for uri, (_, document) in documents.items()
        )
        self._operations = [
            _Operation(source, uri, document, template, method)
            for uri, (source, document) in documents.items()
            for template, item in document["paths"].items()
            for method in item.keys() & {"get", "post", "put", "delete"}
        ]
        self._faults = functools.lru_cache(maxsize=4096)(self._faults_uncached)

    def check_request(
        self, method: str, path: str, query: Mapping[str, str], headers: Mapping[str, str], body: bytes
    ) -> Check:
        """Hold a request against its operation; header names in lower case, `path` without the query."""
        candidates = self._candidates(method, path)
        if not candidates:
            return _verdict("own", "request", f"{method} {path}", ["no document has this operation"])
        media = headers.get("content-type", "").split(";")[0]
        operation, values = next((one for one in candidates if one[0].takes(media)), candidates[0])
        faults = [*_credential_faults(operation.name, headers)]
        places: list[tuple[str, Mapping[str, str]]] = [("path", values), ("query", query)]
        if operation.source == "own":
            # The vendor's documents demand headers that its services and clients know nothing of.
            wanted = operation.parameter_schemas("header").keys()
            faults += [f"no header {name}" for name in sorted(wanted - headers.keys())]
            places.append(("header", {name: headers[name] for name in wanted & headers.keys()}))
        for place, given in places:
            schemas = operation.parameter_schemas(place)
            faults += [f"no {place} parameter {name} is documented" for name in sorted(given.keys() - schemas.keys())]
            for name in sorted(given.keys() & schemas.keys()):
                faults += [f"{name}: {fault}" for fault in self._schema_faults(schemas[name], given[name])]
        return _verdict(
            operation.source, "request", operation.name, [*faults, *self._body_faults(operation, headers, body)]
        )

    def check_answer(self, method: str, path: str, status: int, headers: Mapping[str, str], body: bytes) -> Check:
        """Hold an answer against its operation; header names in lower case, `path` without the query."""
        operations = [operation for operation, _ in self._candidates(method, path)]
        for operation in operations:
            schema = operation.answer_schema(status)
            # The vendor's text allows a refusal to come without a body.
            if schema and (body or status < 400):
                faults = self._answer_faults({"$ref": schema}, headers, body)
                return _verdict(operation.source, "answer", operation.name, faults)
        for operation in operations:
            is_text = headers.get("content-type") == "text/plain" and operation.answers_text(status)
            if operation.documents(status) and (is_text or not body):
                return _verdict(operation.source, "answer", operation.name, [])
        name = operations[0].name if operations else f"{method} {path}"
        if status >= 400:
            return _verdict("own", "answer", name, self._answer_faults(OWN_ERROR, headers, body) if body else [])
        return _verdict("own", "answer", name, [f"no document has the status {status}, or no body with it"])

    def _candidates(self, method: str, path: str) -> list[tuple[_Operation, dict[str, str]]]:
        """Find the operations of a request: the more literal path first, and the vendor's before ours."""
        found = [(it, values) for it in self._operations if (values := it.path_values(method, path)) is not None]
        most = max((it.fixed_parts for it, _ in found), default=0)
        return [(it, values) for it, values in found if it.fixed_parts == most]

    def _body_faults(self, operation: _Operation, headers: Mapping[str, str], body: bytes) -> list[str]:
        if not operation.has_body():
            return ["a body, where the document has none"] if body else []
        if not body and operation.body_is_optional():
            return []
        media = headers.get("content-type", "").split(";")[0]
        if not operation.takes(media):
            return [f"the content type is {headers.get('content-type')!r}"]
        try:
            text = zlib.decompress(body) if headers.get("content-encoding") == "deflate" else body
        except zlib.error:
            return ["the body is not a zlib stream"]
        return self._json_faults({"$ref": operation.request_schema(media)}, text, closed=operation.method == "POST")

    def _answer_faults(self, schema: Mapping[str, Any], headers: Mapping[str, str], body: bytes) -> list[str]:
        if headers.get("content-type") != JSON:
            return [f"the content type is {headers.get('content-type')!r}"]
        return self._json_faults(schema, body)

    def _json_faults(self, schema: Mapping[str, Any], text: bytes, *, closed: bool = False) -> list[str]:
        try:
            value = json.loads(text)
        except ValueError:
            return ["the body is not JSON"]
        return self._schema_faults(schema, value, closed=closed)

    def _schema_faults(self, schema: Mapping[str, Any], value: Any, *, closed: bool = False) -> list[str]:
        # Long lists repeat items that were seen before: the cache makes each cost once.
        resolved: Any = schema
        if "$ref" in schema:
            resolved = self._registry.resolver().lookup(schema["$ref"]).contents
        if isinstance(value, list) and resolved.get("type") == "array" and "$ref" in schema:
            item = {"$ref": f"{schema['$ref']}/items"}
            return [
                f"[{index}]{fault}"
                for index, each in enumerate(value)
                for fault in self._schema_faults(item, each, closed=closed)
            ]
        text = json.dumps(value)
        check = self._faults if len(text) <= LARGEST_REMEMBERED else self._faults_uncached
        return check(json.dumps(schema), text, closed)

    def _faults_uncached(self, schema: str, value: str, closed: bool) -> list[str]:  # noqa: FBT001 - a key of the cache
        kind: Any = _ClosedValidator if closed else OAS30Validator
        validator = kind(json.loads(schema), registry=self._registry, format_checker=oas30_format_checker)
        return [f"{fault.json_path[1:]}: {fault.message}" for fault in validator.iter_errors(json.loads(value))]


def _verdict(source: Source, part: Part, operation: str, faults: list[str]) -> Check:
    return Check(source, tuple(Violation(part, operation, source, fault) for fault in faults))


def _credential_faults(operation: str, headers: Mapping[str, str]) -> Iterator[str]:
    authenticates = operation == "POST /aims/v1/authenticate"
    if authenticates != ("authorization" in headers):
        yield "Basic credentials belong to authenticate, and to nothing else"
    if authenticates == ("x-aims-auth-token" in headers):
        yield "a token belongs to every call but authenticate"


@functools.cache
def alertlogic_contract() -> Contract:
    """Read the vendor's documents and ours, once per process."""
    # Not imported: the package would load an HTTP client and look for updates of itself.
    package = importlib.util.find_spec("alsdkdefs")
    if package is None or package.origin is None:
        raise RuntimeError("the package alertlogic-sdk-definitions is not installed")
    folder = Path(package.origin).parent / "apis"
    documents: dict[str, tuple[Source, Mapping[str, Any]]] = {
        f"urn:vendor:{name}": ("vendor", yaml.load((folder / name).read_bytes(), Loader=yaml.CSafeLoader))
        for name in VENDOR_DOCUMENTS
    }
    _correct_credential(documents["urn:vendor:credentials/credentials.v2.yaml"][1])
    return Contract({**documents, "urn:own": ("own", OWN)})


def _correct_credential(document: Any) -> None:
    # Every credential fits both schemas of this oneOf, so none would ever do; the list of credentials says anyOf.
    get = document["paths"]["/credentials/v2/{account_id}/credentials/{credential_id}"]["get"]
    schema = get["responses"]["200"]["content"][JSON]["schema"]
    schema["anyOf"] = schema.pop("oneOf")
