"""CloudFormation's response bucket, on loopback."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Self

from requests.adapters import HTTPAdapter

if TYPE_CHECKING:
    import requests


class ResponseBucket:
    """Keeps what is put there. `status` is what it answers; None drops the connection."""

    def __init__(self) -> None:
        self.answers: list[dict[str, Any]] = []
        self.sizes: list[int] = []
        self.paths: list[str] = []
        self.content_types: list[str | None] = []
        self.status: int | None = 200
        bucket = self

        class Handler(BaseHTTPRequestHandler):
            def do_PUT(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                bucket.paths.append(self.path)
                bucket.content_types.append(self.headers.get("content-type"))
                if bucket.status is None:
                    self.close_connection = True
                    return
                if bucket.status == 200:
                    bucket.sizes.append(len(body))
                    bucket.answers.append(json.loads(body))
                self.send_response(bucket.status)
                self.send_header("location", "http://127.0.0.1:9/elsewhere")
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None: ...  # noqa: A002 - as the base class

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def receive_from(self, http: requests.Session) -> None:
        """Let a session find this bucket where the true ones are."""
        http.mount("https://cloudformation-custom-resource-response-", _Detour(self.url))


class _Detour(HTTPAdapter):
    def __init__(self, url: str) -> None:
        super().__init__()
        self._url = url

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        assert request.url
        path = "/" + request.url.split("/", 3)[3]
        request.url = self._url + path
        return super().send(request, *args, **kwargs)
