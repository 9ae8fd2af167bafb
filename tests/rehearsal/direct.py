"""Calls from this process to the AWS endpoint in this process: the same bytes, without a network between."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from botocore.awsrequest import AWSResponse, HeadersDict
from moto.core.botocore_stubber import MockRawResponse
from werkzeug.test import EnvironBuilder, run_wsgi_app

if TYPE_CHECKING:
    from collections.abc import Callable

    from _typeshed.wsgi import WSGIApplication
    from botocore.awsrequest import AWSPreparedRequest


def sender(app: WSGIApplication) -> Callable[..., AWSResponse]:
    """A handler for botocore's event `before-send` that has an application answer, instead of the network."""

    def send(request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        headers = [
            (name, value.decode() if isinstance(value, bytes) else str(value))
            for name, value in request.headers.items()
        ]
        content: Any = request.body or b""
        url = urlsplit(request.url)
        environ = EnvironBuilder(
            path=url.path,
            base_url=f"{url.scheme}://{url.netloc}",
            query_string=url.query,
            method=request.method,
            headers=headers,
            data=content,
        )
        body, status, answered = run_wsgi_app(app, environ.get_environ())
        answered_headers: Any = HeadersDict(answered)
        return AWSResponse(request.url, int(status[:3]), answered_headers, MockRawResponse(b"".join(body)))

    return send
