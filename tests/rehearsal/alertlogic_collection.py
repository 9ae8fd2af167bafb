"""What a customer's collectors send to Alert Logic, and what takes it: ingest, azcollect, collectors_status.

The vendor publishes only ingest's answers; the rest is what its own collectors rely on.
"""

from __future__ import annotations

import json
import uuid
import zlib
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from tests.rehearsal.alertlogic_server import Answer, RefusedError, Request

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SECURITY_MESSAGES = "alertlogic.com/cwe-json"
# The vendor's own collectors send no more.
LARGEST_PAYLOAD_BYTES = 700_000


@dataclass(frozen=True)
class SentBatch:
    """Security messages that ingest took in one request.

    Attributes:
        at: Unix seconds.
        source_id: The collector's function.
        payload_bytes: The size of the body, compressed.
        texts: Each message as it was in the body.
    """

    at: float
    source_id: str
    payload_bytes: int
    texts: tuple[str, ...] = field(repr=False)

    @cached_property
    def messages(self) -> list[Any]:
        return [json.loads(text) for text in self.texts]


@dataclass
class RegisteredCollector:
    """A collector as the console shows it.

    Attributes:
        registration: What it last registered with.
        check_ins: What it said at each check-in, with the time in Unix seconds.
        streams: The last status of each of its streams.
    """

    id: str
    aws_account: str
    region: str
    function_name: str
    registration: dict[str, Any]
    check_ins: list[tuple[float, dict[str, Any]]] = field(default_factory=list[tuple[float, dict[str, Any]]])
    streams: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])

    @property
    def status(self) -> str | None:
        return self.check_ins[-1][1]["status"] if self.check_ins else None

    @property
    def version(self) -> str:
        return (self.check_ins[-1][1] if self.check_ins else self.registration)["version"]

    @property
    def checked_in_at(self) -> float | None:
        return self.check_ins[-1][0] if self.check_ins else None


class Collection:
    """What was collected, and from whom.

    Attributes:
        batches: What ingest took, in order. May be cleared.
        collectors: By account, region and function name; one that is deregistered is gone.
        largest_payload_bytes: A larger payload is answered 413.
        poison: A message whose text holds this is answered 400, and all that was sent with it.
        force_update: What a check-in is answered.
    """

    def __init__(self, *, clock: Callable[[], float]) -> None:
        self.batches: list[SentBatch] = []
        self.collectors: dict[tuple[str, str, str], RegisteredCollector] = {}
        self.largest_payload_bytes = LARGEST_PAYLOAD_BYTES
        self.poison: str | None = None
        self.force_update = False
        self._clock = clock

    @property
    def findings(self) -> list[Any]:
        """Every message that ingest took, in order."""
        return [message for batch in self.batches for message in batch.messages]

    @property
    def finding_texts(self) -> list[str]:
        """The same as they were in the bodies."""
        return [text for batch in self.batches for text in batch.texts]

    def _ingest(self, request: Request, kind: str) -> Answer:
        if kind != "secmsgs":
            raise RefusedError(404, {"error": f"there is no type {kind}"})
        if request.headers.get("content-type") != SECURITY_MESSAGES:
            raise RefusedError(415)
        if len(request.raw_body) > self.largest_payload_bytes:
            raise RefusedError(413)
        try:
            batch = self._read(request)
        except (ValueError, KeyError, TypeError, zlib.error) as error:
            raise RefusedError(400, {"error": str(error)}) from error
        if self.poison is not None and any(self.poison in text for text in batch.texts):
            raise RefusedError(400, {"error": "a message cannot be read"})
        self.batches.append(batch)
        return Answer(200, text="received")

    def _read(self, request: Request) -> SentBatch:
        is_deflated = request.headers.get("content-encoding") == "deflate"
        body = (zlib.decompress(request.raw_body) if is_deflated else request.raw_body).decode()
        source_id = json.loads(body)["collected_batch"]["source_id"]
        return SentBatch(self._clock(), source_id, len(request.raw_body), tuple(_texts_of_messages(body)))

    def _register(self, request: Request, **place: str) -> Answer:
        """Registering what is there changes what it is registered with, and nothing else."""
        key = _key(place)
        collector = self.collectors.setdefault(key, RegisteredCollector(str(uuid.uuid4()).upper(), *key, request.body))
        collector.registration = request.body
        shown = {
            **request.body,
            "id": collector.id,
            "aws_account_id": key[0],
            "region": key[1],
            "function_name": key[2],
        }
        return Answer(200, {"collector": shown})

    def _check_in(self, request: Request, **place: str) -> Answer:
        self._collector(place).check_ins.append((self._clock(), request.body))
        return Answer(200, {"force_update": self.force_update})

    def _deregister(self, _: Request, **place: str) -> Answer:
        self._collector(place)
        del self.collectors[_key(place)]
        return Answer(204)

    def _collector(self, place: dict[str, str]) -> RegisteredCollector:
        collector = self.collectors.get(_key(place))
        if collector is None:
            raise RefusedError(404, {"error": "collector_not_found"})
        return collector

    def _put_status(self, request: Request, collector_id: str, stream: str) -> Answer:
        """What says nothing new but the time is answered 304."""
        collector = next((one for one in self.collectors.values() if one.id == collector_id), None)
        if collector is None:
            raise RefusedError(404, {"error": "status_not_found"})
        before, collector.streams[stream] = collector.streams.get(stream), request.body
        same = before is not None and {**before, "timestamp": 0} == {**request.body, "timestamp": 0}
        return Answer(304) if same else Answer(200, request.body)

    COLLECTION_ROUTES: ClassVar[tuple[tuple[str, str, Callable[..., Answer]], ...]] = (
        ("POST", r"/ingest/v1/(?P<cid>\w+)/data/(?P<kind>\w+)", _ingest),
        (
            "POST",
            r"/azcollect/v1/(?P<cid>\w+)/aws/cwe/checkin/(?P<account>\d+)/(?P<region>[^/]+)/(?P<name>[^/]+)",
            _check_in,
        ),
        ("POST", r"/azcollect/v1/(?P<cid>\w+)/aws/cwe/(?P<account>\d+)/(?P<region>[^/]+)/(?P<name>[^/]+)", _register),
        (
            "DELETE",
            r"/azcollect/v1/(?P<cid>\w+)/aws/cwe/(?P<account>\d+)/(?P<region>[^/]+)/(?P<name>[^/]+)",
            _deregister,
        ),
        (
            "PUT",
            r"/collectors_status/v1/(?P<cid>\w+)/statuses/(?P<collector_id>[^/]+)/streams/(?P<stream>[^/]+)",
            _put_status,
        ),
    )


def _key(place: dict[str, str]) -> tuple[str, str, str]:
    return place["account"], place["region"], place["name"]


def _texts_of_messages(body: str) -> Iterator[str]:
    """Yield the text of each collected message.

    Raises:
        ValueError: the body is no JSON.
    """
    decoder = json.JSONDecoder()
    # What comes before is a function's ARN.
    at = body.index("[", body.index('"collected_messages"')) + 1
    while True:
        at = _past(body, at, " \t\r\n,")
        if body[at] == "]":
            return
        _, end = decoder.raw_decode(body, at)
        yield body[at:end]
        at = end


def _past(text: str, at: int, letters: str) -> int:
    while text[at] in letters:
        at += 1
    return at
