"""Which Alert Logic customer a function works for, and the key with which it does."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, cast

from .errors import SecretError

if TYPE_CHECKING:
    from collections.abc import Mapping

_SECRET_ARN: Final = "ALERTLOGIC_SECRET_ARN"  # noqa: S105 - the name of a variable

# variable -> (value where it is not set, what it must look like, the same in words)
_VARIABLES: Final = {
    "ALERTLOGIC_CUSTOMER_ID": ("", r"[0-9]+", "the digits of an Alert Logic customer id"),
    _SECRET_ARN: ("", r"arn:[!-~]+", "the ARN of a Secrets Manager secret"),
    "ALERTLOGIC_GLOBAL_ENDPOINT": (
        "https://api.global-services.global.alertlogic.com",
        r"(https://[A-Za-z0-9.-]+|http://127\.0\.0\.1)(:[0-9]+)?",
        "https://<host>, or http://127.0.0.1:<port> for a rehearsal",
    ),
    "ALERTLOGIC_RESIDENCY": ("default", r"default|us|emea", "default, us or emea"),
}

# What HTTP can carry. Basic authentication has a colon after the id, so that cannot hold one.
_PARTS: Final = {"access_key_id": r"[!-9;-~]+", "secret_key": r"[!-~]+"}
_SHAPE: Final = '{"access_key_id": "...", "secret_key": "..."}'


@dataclass(frozen=True, slots=True)
class AlertLogicSettings:
    """Where Alert Logic is and whom to speak for.

    Attributes:
        customer_id: Alert Logic's id of the customer, decimal digits; not an AWS account.
        secret_arn: The Secrets Manager secret that holds the access key.
        global_endpoint: Base URL of authentication and of the lookup of all other hosts.
        residency: Where the customer's data is kept: `default`, `us` or `emea`.
    """

    customer_id: str
    secret_arn: str
    global_endpoint: str
    residency: str

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> AlertLogicSettings:
        """Read the `ALERTLOGIC_*` variables.

        Raises:
            ValueError: Variables are missing or malformed; the message lists all of them.
        """
        values = {name: environ.get(name, default) for name, (default, _, _) in _VARIABLES.items()}
        wrong = [
            f"{name} is {_shown(name, values[name])}; it must be {allowed}"
            for name, (_, pattern, allowed) in _VARIABLES.items()
            if not re.fullmatch(pattern, values[name])
        ]
        if wrong:
            raise ValueError(" | ".join(wrong))
        customer_id, secret_arn, global_endpoint, residency = values.values()
        return cls(customer_id, secret_arn, global_endpoint, residency)


def _shown(name: str, value: str) -> str:
    # Whoever puts the secret itself where its ARN belongs must not find it in a log.
    return "something else (not shown here)" if value and name == _SECRET_ARN else repr(value)


@dataclass(frozen=True, slots=True)
class AccessKey:
    """An Alert Logic access key of a user without MFA."""

    access_key_id: str = field(repr=False)
    secret_key: str = field(repr=False)

    @classmethod
    def from_secret_string(cls, secret: str) -> AccessKey:
        """Read the value of the secret.

        Raises:
            SecretError: It is empty or malformed.
        """
        if not secret.strip():
            raise SecretError(f"the secret is empty: fill it with {_SHAPE}")
        fields = _json(secret)
        if not isinstance(fields, dict):
            raise SecretError(
                f"the secret is not {'JSON' if fields is None else 'a JSON object'}: fill it with {_SHAPE}"
            )
        parts = [_part(cast("dict[str, object]", fields), name) for name in _PARTS]
        return cls(*parts)


def _json(text: str) -> object:
    # Nothing is raised from here: json's own exception holds the whole text.
    try:
        return json.loads(text)
    except (RecursionError, ValueError):
        return None


def _part(fields: dict[str, object], name: str) -> str:
    value = fields.get(name)
    if not isinstance(value, str) or not value:
        raise SecretError(f"the secret has no {name}: fill it with {_SHAPE}")
    if not re.fullmatch(_PARTS[name], value):
        raise SecretError(f"the {name} in the secret holds a space, a line break or a character that no key has")
    return value
