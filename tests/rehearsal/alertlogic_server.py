"""An HTTP server on loopback for the fake Alert Logic: one function answers all requests."""

from __future__ import annotations

import contextlib
import functools
import json
import socket
import socketserver
import sys
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import parse_qsl, urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    raw_body: bytes

    def is_json(self) -> bool:
        with contextlib.suppress(ValueError):
            json.loads(self.raw_body)
            return True
        return False

    @property
    def body(self) -> Any:
        if not self.is_json():
            raise RefusedError(400, {"error": "invalid_json"})
        return json.loads(self.raw_body)


@dataclass(frozen=True)
class Answer:
    """An answer with a JSON document, with a text, or with neither."""

    status: int
    document: Any = None
    headers: tuple[tuple[str, str], ...] = ()
    text: str | None = None

    @functools.cached_property
    def body(self) -> bytes:
        if self.text is not None:
            return self.text.encode()
        return b"" if self.document is None else json.dumps(self.document).encode()

    def all_headers(self) -> dict[str, str]:
        kind = "application/json" if self.text is None else "text/plain"
        return {**({"content-type": kind} if self.body else {}), **dict(self.headers)}


class RefusedError(Exception):
    """A request that is answered with an error."""

    def __init__(self, status: int, document: Any = None, *headers: tuple[str, str]) -> None:
        super().__init__(status)
        self.answer = Answer(status, document, headers)


class LoopbackServer(ThreadingHTTPServer):
    """Listens in a thread of its own; closing it ends the connections too."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, port: int, serve: Callable[[Request], Answer | None]) -> None:
        super().__init__(("127.0.0.1", port), functools.partial(_Handler, serve))
        self._connections: set[socket.socket] = set()
        self._idle = threading.Condition()
        self._thread = threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def server_bind(self) -> None:
        # Not HTTPServer's, which asks the resolver for the name of this machine.
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = "127.0.0.1", self.server_address[1]

    def opened(self, connection: socket.socket) -> None:
        with self._idle:
            self._connections.add(connection)

    def closed(self, connection: socket.socket) -> None:
        with self._idle:
            self._connections.discard(connection)
            self._idle.notify_all()

    def close(self) -> None:
        self.shutdown()
        self._thread.join()
        self.server_close()
        with self._idle:
            for connection in self._connections:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
            self._idle.wait_for(lambda: not self._connections, timeout=5)

    def handle_error(self, request: Any, client_address: Any) -> None:
        # A client that goes away is no fault of the server's; anything else is, and its traceback is printed.
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    disable_nagle_algorithm = True

    def __init__(self, serve: Callable[[Request], Answer | None], *args: Any) -> None:
        self._answer = serve
        super().__init__(*args)

    def setup(self) -> None:
        super().setup()
        cast("LoopbackServer", self.server).opened(self.connection)

    def finish(self) -> None:
        super().finish()
        cast("LoopbackServer", self.server).closed(self.connection)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as http.server
        """Say nothing: `FakeAlertLogic.requests` is the log."""

    def _serve(self) -> None:
        target = urlsplit(self.path)
        answer = self._answer(
            Request(
                self.command,
                target.path,
                dict(parse_qsl(target.query, keep_blank_values=True)),
                {name.lower(): value for name, value in self.headers.items()},
                self.rfile.read(int(self.headers.get("content-length", 0))),
            )
        )
        if answer is None:
            self.close_connection = True
            return
        self.send_response(answer.status)
        for name, value in answer.all_headers().items():
            self.send_header(name, value)
        if answer.status != 204:
            self.send_header("content-length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body)

    do_GET = do_POST = do_PUT = do_DELETE = _serve  # noqa: N815 - as http.server
