"""The queue of notices, gone through in search of a confirmation; none of them is lost on the way."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from botocore.exceptions import BotoCoreError, ClientError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    from aws_lambda_powertools.logging import Logger
    from mypy_boto3_sqs import SQSClient

_LARGEST_BATCH: Final = 10
# Without a wait, SQS asks only some of its servers, and an answer without messages says nothing.
_WAIT_SECONDS: Final = 1


@dataclass(frozen=True, slots=True)
class Notice:
    """A message of the queue."""

    body: str = field(repr=False)
    receipt_handle: str = field(repr=False)


class Search:
    """One pass through the queue. What it has seen is hidden from everybody until it ends."""

    def __init__(
        self, sqs: SQSClient, *, url: str, logger: Logger, hidden_seconds: int, is_over: Callable[[], bool]
    ) -> None:
        self._sqs = sqs
        self._url = url
        self._logger = logger
        self._hidden_seconds = hidden_seconds
        self._is_over = is_over
        self._held: list[Notice] = []

    def __iter__(self) -> Iterator[Notice]:
        """Take messages out, until there are no more or it is over."""
        while not self._is_over() and (received := self._receive()):
            self._held += received
            yield from received

    def delete(self, notice: Notice) -> None:
        """Delete a message that has served its purpose; where that fails, it is given back as any other."""
        try:
            self._sqs.delete_message(QueueUrl=self._url, ReceiptHandle=notice.receipt_handle)
        except (BotoCoreError, ClientError):
            self._logger.exception("the confirmation cannot be deleted")
        else:
            self._held.remove(notice)

    def give_back(self) -> None:
        """Show everybody again what was taken out and not deleted."""
        refused = 0
        for first in range(0, len(self._held), _LARGEST_BATCH):
            batch = self._held[first : first + _LARGEST_BATCH]
            try:
                answer = self._sqs.change_message_visibility_batch(
                    QueueUrl=self._url,
                    Entries=[
                        {"Id": str(number), "ReceiptHandle": notice.receipt_handle, "VisibilityTimeout": 0}
                        for number, notice in enumerate(batch)
                    ],
                )
            except (BotoCoreError, ClientError):
                self._logger.exception("messages cannot be given back")
                refused += len(batch)
            else:
                refused += len(answer.get("Failed", []))
        if refused:
            # They come back all the same.
            self._logger.warning("messages stay hidden", messages=refused, seconds=self._hidden_seconds)

    def _receive(self) -> list[Notice]:
        received = self._sqs.receive_message(
            QueueUrl=self._url,
            MaxNumberOfMessages=_LARGEST_BATCH,
            VisibilityTimeout=self._hidden_seconds,
            WaitTimeSeconds=_WAIT_SECONDS,
        )
        return [
            Notice(message.get("Body", ""), message.get("ReceiptHandle", ""))
            for message in received.get("Messages", [])
        ]


class SqsNotices:
    """The queue.

    Args:
        sqs: A client in the queue's region that may read it.
        url: The queue.
        logger: Gets a line for messages that cannot be given back or deleted.
    """

    def __init__(self, sqs: SQSClient, *, url: str, logger: Logger) -> None:
        self._sqs = sqs
        self._url = url
        self._logger = logger

    @contextmanager
    def search(self, *, hidden_seconds: int, is_over: Callable[[], bool]) -> Generator[Search]:
        """Go through the queue, and give back what was taken out when the block ends, however it ends.

        Args:
            hidden_seconds: For how long a message is hidden at most; longer than the search, lest it be seen twice.
            is_over: Whether the search must end.
        """
        search = Search(self._sqs, url=self._url, logger=self._logger, hidden_seconds=hidden_seconds, is_over=is_over)
        try:
            yield search
        finally:
            search.give_back()
