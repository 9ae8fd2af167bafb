"""The answer, put over a real connection into a bucket on loopback."""

from __future__ import annotations

import logging
import traceback
from typing import TYPE_CHECKING

import pytest
import requests

from aws.custom_resource import ResponseUrl, request_type_in, send
from aws.queue import NotYet, Refused
from tests.lambda_src.response_bucket import ResponseBucket

if TYPE_CHECKING:
    from collections.abc import Iterator

BUCKET = "cloudformation-custom-resource-response-useast1"
SIGNATURE = "X-Amz-Signature=f00dcafe"


@pytest.fixture
def bucket() -> Iterator[ResponseBucket]:
    with ResponseBucket() as bucket:
        yield bucket


@pytest.fixture
def http() -> Iterator[requests.Session]:
    with requests.Session() as session:
        yield session


def url(base: str) -> ResponseUrl:
    return ResponseUrl(f"{base}/key?{SIGNATURE}")


@pytest.mark.parametrize("request_type", ["Create", "Update", "Delete"])
def test_knows_what_cloudformation_asks_for(request_type: str) -> None:
    assert request_type_in({"RequestType": request_type}) == request_type
    assert request_type_in({"Continue": request_type}, "Continue") == request_type


@pytest.mark.parametrize(
    ("document", "error"),
    [
        ({"RequestType": "Replace"}, Refused),
        ({"RequestType": "delete"}, Refused),
        ({"RequestType": ["Delete"]}, TypeError),
        ({"RequestType": None}, TypeError),
        ({}, KeyError),
    ],
)
def test_knows_nothing_else(document: dict[str, object], error: type[Exception]) -> None:
    with pytest.raises(error):
        request_type_in(document)


def test_puts_the_answer_with_an_empty_content_type(bucket: ResponseBucket, http: requests.Session) -> None:
    document = {"Status": "SUCCESS"}

    send(url(bucket.url), document, http)

    assert bucket.answers == [document]
    assert bucket.paths == [f"/key?{SIGNATURE}"]
    assert bucket.content_types == [""]


@pytest.mark.parametrize("letter", ["a", '"', "\x00", "é", "😀"])
def test_shortens_a_reason_that_does_not_fit(bucket: ResponseBucket, http: requests.Session, letter: str) -> None:
    send(url(bucket.url), {"Status": "FAILED", "Reason": letter * 10_000}, http)

    [size], [document] = bucket.sizes, bucket.answers
    assert size <= 4096
    assert document["Reason"].startswith(letter * 100)


@pytest.mark.parametrize("status", [500, 503, 307, None])
def test_gives_the_answer_again_later_when_the_bucket_does_not_work(
    bucket: ResponseBucket, http: requests.Session, status: int | None
) -> None:
    bucket.status = status

    with pytest.raises(NotYet, match="response bucket"):
        send(url(bucket.url), {}, http)
    assert len(bucket.paths) == 1


@pytest.mark.parametrize("status", [400, 403, 404])
def test_gives_up_when_the_bucket_refuses_for_instance_because_the_url_has_expired(
    bucket: ResponseBucket, http: requests.Session, status: int
) -> None:
    bucket.status = status

    with pytest.raises(Refused, match=f"HTTP {status}"):
        send(url(bucket.url), {}, http)


@pytest.mark.parametrize("status", [403, 500, None])
def test_never_shows_the_url(http: requests.Session, caplog: pytest.LogCaptureFixture, status: int | None) -> None:
    caplog.set_level(logging.DEBUG)
    with ResponseBucket() as bucket:
        bucket.status = status
        with pytest.raises((NotYet, Refused)) as caught:
            send(url(bucket.url), {}, http)

    assert "f00dcafe" not in "".join(traceback.format_exception(caught.value)) + caplog.text
    assert "f00dcafe" not in repr(url(bucket.url))


def test_never_shows_the_url_of_a_bucket_that_cannot_be_reached(
    http: requests.Session, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)

    with pytest.raises(NotYet) as caught:
        send(url("http://127.0.0.1:9"), {}, http)

    assert "f00dcafe" not in "".join(traceback.format_exception(caught.value)) + caplog.text
    assert caught.value.__context__ is None


class TestResponseUrl:
    @pytest.mark.parametrize(
        ("url", "region"),
        [
            (f"https://{BUCKET}.s3.amazonaws.com/key?{SIGNATURE}", "us-east-1"),
            (f"https://{BUCKET}.s3.us-east-1.amazonaws.com/key?{SIGNATURE}", "us-east-1"),
            ("https://cloudformation-custom-resource-response-euwest1.s3-eu-west-1.amazonaws.com/k", "eu-west-1"),
            ("https://cloudformation-custom-resource-response-euwest1.s3.eu-west-1.amazonaws.com/k", "eu-west-1"),
        ],
    )
    def test_trusts_the_response_bucket_of_the_region(self, url: str, region: str) -> None:
        assert ResponseUrl.trusted(url, region=region).value == url

    @pytest.mark.parametrize(
        "url",
        [
            f"http://{BUCKET}.s3.amazonaws.com/key",
            "https://evil.example/key",
            f"https://{BUCKET}.s3.amazonaws.com.evil.com/key",
            f"https://{BUCKET}.s3.amazonaws.com",
            f"https://{BUCKET}.s3.amazonaws.com?key",
            f"https://{BUCKET}.s3.amazonaws.com:443/key",
            f"https://{BUCKET}.s3.amazonaws.com:8443/key",
            f"https://user@{BUCKET}.s3.amazonaws.com/key",
            f"https://{BUCKET}.s3.amazonaws.com@evil.com/key",
            f"https://{BUCKET}.s3.amazonaws.com\\@evil.com/key",
            f"https://evil.com/{BUCKET}.s3.amazonaws.com/key",
            f"https://evil.com#{BUCKET}.s3.amazonaws.com/key",
            f"https://x{BUCKET}.s3.amazonaws.com/key",
            f"https://{BUCKET}x.s3.amazonaws.com/key",
            "https://cloudformation-custom-resource-response-euwest1.s3-eu-west-1.amazonaws.com/key",
            f"https://{BUCKET}.s3.eu-west-1.amazonaws.com/key",
            f"https://{BUCKET}.s3.amazonaws.com.cn/key",
            f" https://{BUCKET}.s3.amazonaws.com/key",
            f"https://{BUCKET}.s3.amazonaws.com/key\r\nhost: evil.com",
            f"https://{BUCKET}.s3.amazonaws.com/a key",
            f"https://{BUCKET}.s3.amazonaws.com/kéy",
            "",
        ],
    )
    def test_trusts_no_other(self, url: str) -> None:
        with pytest.raises(Refused, match="ResponseURL") as caught:
            ResponseUrl.trusted(url, region="us-east-1")
        assert len(url) < 20 or url not in str(caught.value)

    def test_is_not_shown(self) -> None:
        url = ResponseUrl.trusted(f"https://{BUCKET}.s3.amazonaws.com/key?{SIGNATURE}", region="us-east-1")

        assert repr(url) == "ResponseUrl()"
