"""What can go wrong with Alert Logic, by what the caller does about it.

AlertLogicError
├── RetryableError           nothing is known to be wrong with the request: the same again later
│   └── SecretError          the secret is empty or malformed: the same again once an operator has filled it
├── AuthenticationError      the access key is refused: the same again once an operator has replaced it
├── RejectedError            the service refuses this request, and would again
│   └── ContentRefusedError  something that was handed in is at fault: the rest without it
│       └── TooLargeError    there is too much of it: the same in several requests
└── ConflictError            somebody else changed it meanwhile: read again, decide again
"""


class AlertLogicError(Exception):
    """Root of everything that `alertlogic_api` raises while it works."""


class RetryableError(AlertLogicError):
    """Alert Logic is not reachable, overloaded or failing, or the invocation's time is up.

    Attributes:
        retry_after: Seconds for which Alert Logic asked to be left alone, None if it did not say.
        had_no_effect: Whether it is certain that nothing was done.
    """

    def __init__(self, message: str, *, retry_after: float | None = None, had_no_effect: bool = False) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        self.had_no_effect = had_no_effect


class SecretError(RetryableError):
    """The secret holds no usable access key. The message says what is missing, never what is there."""

    def __init__(self, message: str) -> None:
        super().__init__(message, had_no_effect=True)


class AuthenticationError(AlertLogicError):
    """Alert Logic refuses the access key.

    Attributes:
        reason: What is wrong with the key, in a few words.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(f"Alert Logic refuses the access key: {reason}")
        self.reason = reason


class RejectedError(AlertLogicError):
    """Alert Logic answered 4xx: it will not do this, however often it is asked.

    Attributes:
        status: The HTTP status.
        message: The service's name and its own words.
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"Alert Logic answered {status}: {message}")
        self.status = status
        self.message = message


class ContentRefusedError(RejectedError):
    """Alert Logic answered 400 to what was handed in."""


class TooLargeError(ContentRefusedError):
    """Alert Logic answered 413 to what was handed in."""


class ConflictError(AlertLogicError):
    """Alert Logic answered 409 or 412: what was read before is no longer what is there."""
