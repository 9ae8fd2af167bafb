"""Alert Logic's intake of what collectors collect."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from .session import Session

_HEADERS: Final = {
    "Content-Type": "alertlogic.com/cwe-json",
    "Content-Encoding": "deflate",
    "x-invoked-by": "lambda_function",
}


class Ingest:
    """Takes security messages, such as GuardDuty findings."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._path: Final = f"/ingest/v1/{session.customer_id}/data/secmsgs"

    def send_security_messages(self, payload: bytes) -> None:
        """Hand in a batch. What is handed in twice is there twice.

        Args:
            payload: A JSON document `{"collected_batch": ...}`, as a zlib stream (RFC 1950).

        Raises:
            TooLargeError: It must be split.
            ContentRefusedError: There is something wrong with it.
        """
        self._session.post("ingest", self._path, payload, headers=_HEADERS)
