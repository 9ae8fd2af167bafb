"""Schemas of our own, for what the vendor publishes none of: they state what its own collectors send and rely on.

Facts: the vendor's clients `@alertlogic/al-collector-js`, `@alertlogic/al-aws-collector-js` and `cwe-collector`.
"""

from __future__ import annotations

from typing import Any

JSON = "application/json"
_TEXT: dict[str, Any] = {"type": "string", "minLength": 1}
_UUID: dict[str, Any] = {"type": "string", "pattern": "^[0-9A-Fa-f-]{36}$"}


def _object(required: str, **properties: Any) -> dict[str, Any]:
    """An object that holds nothing else; names are separated by spaces."""
    return {
        "type": "object",
        "required": required.split(),
        "properties": properties,
        "additionalProperties": False,
    }


def _answer(description: str, schema: dict[str, Any] | None = None) -> dict[str, Any]:
    return {"description": description} | ({"content": {JSON: {"schema": schema}}} if schema else {})


def _parameters(place: str, **schemas: dict[str, Any]) -> list[dict[str, Any]]:
    names = {name: name.replace("__", "-") if place == "header" else name for name in schemas}
    return [{"name": names[name], "in": place, "required": True, "schema": schema} for name, schema in schemas.items()]


def _body(schema: dict[str, Any], media: str = JSON) -> dict[str, Any]:
    return {"required": True, "content": {media: {"schema": schema}}}


_CUSTOMER = _parameters("path", account_id={"type": "string", "pattern": "^[0-9]+$"})
_FUNCTION = [
    *_CUSTOMER,
    *_parameters(
        "path",
        aws_account_id={"type": "string", "pattern": "^[0-9]{12}$"},
        region={"type": "string", "pattern": "^[a-z]{2}(-[a-z]+)+-[0-9]$"},
        function_name={"type": "string", "pattern": "^[A-Za-z0-9_-]{1,64}$"},
    ),
]
# What a collector says of itself whenever it speaks; clients of different age spell it differently.
_COLLECTOR = dict.fromkeys(
    (
        "awsAccountId",
        "region",
        "functionName",
        "version",
        "dataType",
        "data_type",
        "stackName",
        "cf_stack_name",
        "collect_rule",
        "applicationId",
    ),
    _TEXT,
)
_DATAPOINT = _object(
    "Timestamp",
    Timestamp={"type": "string", "format": "date-time"},
    Unit=_TEXT,
    **{statistic: {"type": "number"} for statistic in ("Average", "Maximum", "Minimum", "SampleCount", "Sum")},
)
_STATISTIC = _object("Label Datapoints", Label=_TEXT, Datapoints={"type": "array", "items": _DATAPOINT})
_MESSAGES = {
    "type": "array",
    "minItems": 1,
    # A whole event of EventBridge, of which GuardDuty's part is free.
    "items": {
        "type": "object",
        "required": ["version", "id", "detail-type", "source", "account", "time", "region", "resources", "detail"],
    },
}

OWN: dict[str, Any] = {
    "openapi": "3.0.2",
    "info": {"title": "what the vendor's documents leave open", "version": "1.0"},
    "paths": {
        "/credentials/v2/{account_id}/credentials": {
            "post": {
                "responses": {
                    "200": _answer(
                        "The credential as it was created.",
                        {
                            "type": "object",
                            "required": ["id", "name", "secrets", "created"],
                            "properties": {
                                "id": {"type": "string"},
                                "name": {"type": "string"},
                                "secrets": {"type": "object", "required": ["type"]},
                                "created": {"type": "object", "required": ["at", "by"]},
                            },
                        },
                    )
                }
            }
        },
        # The vendor's document of ingest knows neither this type nor its encoding; what it answers it does know.
        "/ingest/v1/{account_id}/data/{type}": {
            "post": {
                "parameters": [
                    *_CUSTOMER,
                    *_parameters("path", type={"enum": ["secmsgs"]}),
                    *_parameters(
                        "header", content__encoding={"enum": ["deflate"]}, x__invoked__by={"enum": ["lambda_function"]}
                    ),
                ],
                "requestBody": _body(
                    _object(
                        "collected_batch",
                        collected_batch=_object(
                            "source_id collected_messages",
                            source_id={"type": "string", "pattern": "^arn:aws:lambda:[^:]+:[0-9]{12}:function:[^:]+$"},
                            collected_messages=_MESSAGES,
                        ),
                    ),
                    "alertlogic.com/cwe-json",
                ),
                "responses": {},
            }
        },
        "/azcollect/v1/{account_id}/aws/cwe/{aws_account_id}/{region}/{function_name}": {
            "post": {
                "parameters": _FUNCTION,
                "requestBody": _body(_object("version data_type cf_stack_name collect_rule", **_COLLECTOR)),
                "responses": {
                    "200": _answer(
                        "The collector, as it was registered now or before.",
                        {
                            "type": "object",
                            "required": ["collector"],
                            "properties": {
                                "collector": {"type": "object", "required": ["id"], "properties": {"id": _UUID}}
                            },
                        },
                    )
                },
            },
            "delete": {"parameters": _FUNCTION, "responses": {"204": _answer("It is gone.")}},
        },
        "/azcollect/v1/{account_id}/aws/cwe/checkin/{aws_account_id}/{region}/{function_name}": {
            "post": {
                "parameters": _FUNCTION,
                "requestBody": _body(
                    _object(
                        "version status details statistics",
                        **_COLLECTOR,
                        collectorId=_UUID,
                        status={"enum": ["ok", "error"]},
                        error_code=_TEXT,
                        details={"type": "object"},
                        statistics={"type": "array", "items": _STATISTIC},
                    )
                ),
                "responses": {
                    "200": _answer(
                        "What Alert Logic asks for in return.",
                        {"type": "object", "properties": {"force_update": {"type": "boolean"}}},
                    )
                },
            }
        },
        "/collectors_status/v1/{account_id}/statuses/{status_id}/streams/{stream}": {
            "put": {
                "parameters": [*_CUSTOMER, *_parameters("path", status_id=_UUID, stream=_TEXT)],
                "requestBody": _body(
                    _object(
                        "status inst_type stream status_id timestamp reported_by collection_type",
                        status={"enum": ["ok", "error"]},
                        inst_type={"enum": ["collector"]},
                        stream=_TEXT,
                        status_id=_UUID,
                        # Milliseconds: in seconds it would be a day of 1970.
                        timestamp={"type": "integer", "minimum": 10**12},
                        reported_by={"enum": ["cwe"]},
                        collection_type={"enum": ["guardduty"]},
                        errorinfo={"type": "object", "required": ["details"]},
                    )
                ),
                "responses": {
                    "200": _answer("The status.", {"type": "object", "required": ["status"]}),
                    "304": _answer("It says nothing new."),
                },
            }
        },
    },
}

# A refusal of which the vendor only publishes the status, or not even that.
OWN_ERROR: dict[str, Any] = {
    "type": "object",
    "minProperties": 1,
    "properties": {"error": {"type": "string"}, "message": {"type": "string"}},
    "additionalProperties": False,
}
