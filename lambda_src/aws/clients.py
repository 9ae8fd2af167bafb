"""How every AWS client of the functions is made, and how its errors are read."""

from __future__ import annotations

import logging
from functools import cache
from http import HTTPStatus
from typing import Any, Final

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as NoConnectionError

_CONFIG: Final = Config(
    connect_timeout=3,
    read_timeout=5,
    retries={"mode": "standard", "total_max_attempts": 3},
    # The one that boto3 makes up anew for each call takes a tenth of the call's CPU time.
    user_agent="alertlogic-constructs",
)

_PASSING: Final = frozenset(
    {
        "LimitExceeded",
        "PriorRequestNotComplete",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestTimeout",
        "SlowDown",
        "Throttling",
        "ThrottlingException",
        "ThrottledException",
        "TooManyRequestsException",
        "TransactionConflictException",
        "TransactionInProgressException",
    }
)

# At DEBUG these libraries print bodies and URLs, so the secret and pre-signed URLs, whatever level an operator sets.
for _name in ("botocore", "urllib3"):
    logging.getLogger(_name).setLevel(logging.WARNING)


def client(service: str, **options: str) -> Any:  # noqa: ANN401 - each service's client is a class made at run time
    """Make a client with timeouts and retries; all share one session, so another costs next to nothing.

    Args:
        service: AWS's name of the service.
        **options: Region and credentials, where they are not the function's own.
    """
    return session().client(service, config=_CONFIG, **options)  # type: ignore[call-overload]


def error_code(error: ClientError) -> str:
    """Return AWS's code of an error."""
    return error.response.get("Error", {}).get("Code", "")


def is_transient(error: Exception) -> bool:
    """Whether AWS could not be reached, was overloaded or busy, or failed: the same again later."""
    if not isinstance(error, ClientError):
        return isinstance(error, (NoConnectionError, HTTPClientError))
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return (
        error_code(error) in _PASSING
        or status == HTTPStatus.TOO_MANY_REQUESTS
        or status >= HTTPStatus.INTERNAL_SERVER_ERROR
    )


@cache
def session() -> boto3.session.Session:
    """Return the session of the container: it loads the description of each service once."""
    return boto3.session.Session()
