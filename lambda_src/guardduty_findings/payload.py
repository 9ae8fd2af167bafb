"""Findings -> bodies of requests, each with as many as its size allows."""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from .finding import Finding

# What the vendor's own collectors send at most, compressed.
MOST_BYTES: Final = 700_000

_END: Final = b"]}}"
# A zlib stream grows by no more than what is added to it, and by this: its blocks' headers (`deflateBound` in
# https://github.com/madler/zlib/blob/develop/deflate.c), and the block that old and new share. It is checked again
# before a request is sent.
_SLACK_BYTES: Final = 8192


@dataclass(frozen=True, slots=True)
class Payload:
    """The body of a request.

    Attributes:
        findings: What is in it, in the order in which they came.
        body: The document, as a zlib stream.
    """

    findings: Sequence[Finding]
    body: bytes = field(repr=False)


def pack(findings: Sequence[Finding], *, source_id: str, most_bytes: int = MOST_BYTES) -> Iterator[Payload]:
    """Yield payloads that hold all findings in order, each made when it is asked for.

    Args:
        findings: What to send.
        source_id: The collector that Alert Logic is to name as their source.
        most_bytes: The limit of a body. Only that of a single finding may be beyond.
    """
    first = 0
    document = _Document(source_id, most_bytes)
    for at, finding in enumerate(findings):
        if at > first and not document.has_room_for(finding.text):
            yield Payload(findings[first:at], document.close())
            first, document = at, _Document(source_id, most_bytes)
        document.add(finding.text)
    if findings:
        yield Payload(findings[first:], document.close())


class _Document:
    """A batch that is compressed while it grows."""

    def __init__(self, source_id: str, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._compressor = zlib.compressobj()
        self._pieces: list[bytes] = []
        self._size_at_most = len(_END) + _SLACK_BYTES
        self._write(f'{{"collected_batch":{{"source_id":{json.dumps(source_id)},"collected_messages":['.encode())
        self._separator = b""

    def has_room_for(self, text: bytes) -> bool:
        """Whether it stays within the limit even if the text cannot be compressed at all."""
        size = len(text) + 1
        if self._size_at_most + size > self._most_bytes:
            # Only now is it worth the while to look how large it would be.
            self._size_at_most = self._size() + _SLACK_BYTES
        return self._size_at_most + size <= self._most_bytes

    def add(self, text: bytes) -> None:
        self._write(self._separator + text)
        self._separator = b","

    def close(self) -> bytes:
        self._write(_END)
        return b"".join((*self._pieces, self._compressor.flush()))

    def _size(self) -> int:
        end = self._compressor.copy()
        return sum(map(len, self._pieces)) + len(end.compress(_END)) + len(end.flush())

    def _write(self, data: bytes) -> None:
        self._size_at_most += len(data)
        self._pieces.append(self._compressor.compress(data))
