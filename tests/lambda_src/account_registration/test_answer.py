"""The answer, put over a real connection into a bucket on loopback."""

from __future__ import annotations

import logging
import traceback
from typing import TYPE_CHECKING

import pytest
import requests

from account_registration import answer
from account_registration.request import ResponseUrl
from aws.queue import NotYet, Refused
from tests.lambda_src.account_registration.cloudformation_requests import MEMBER, REGISTRATION_ID, request
from tests.lambda_src.account_registration.response_bucket import ResponseBucket

if TYPE_CHECKING:
    from collections.abc import Iterator

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


def test_puts_the_answer_with_an_empty_content_type(bucket: ResponseBucket, http: requests.Session) -> None:
    document = answer.succeeded(request(), "registered", deployment_id="d1")

    answer.send(url(bucket.url), document, http)

    assert bucket.answers == [document]
    assert bucket.paths == [f"/key?{SIGNATURE}"]
    assert bucket.content_types == [""]


ECHOED = {
    "StackId": request().stack_id.arn,
    "RequestId": request().id,
    "LogicalResourceId": "Registration",
}


class TestWhatIsAnswered:
    def test_to_a_create_that_succeeded(self) -> None:
        assert answer.succeeded(request(), "registered", deployment_id="d1") == {
            "Status": "SUCCESS",
            "PhysicalResourceId": REGISTRATION_ID,
            "Data": {"Status": "registered", "DeploymentId": "d1"},
            **ECHOED,
        }

    def test_to_a_create_that_is_refused_with_an_id_whose_delete_does_nothing(self) -> None:
        assert answer.failed(request(), "not entitled") == {
            "Status": "FAILED",
            "Reason": "not entitled",
            "PhysicalResourceId": f"unregistered/{MEMBER}",
            **ECHOED,
        }

    def test_to_an_update_that_is_refused_with_the_id_that_it_has(self) -> None:
        update = request("Update", changes={"PhysicalResourceId": "unregistered/x"})

        assert answer.succeeded(update, "refused")["PhysicalResourceId"] == "unregistered/x"
        assert answer.succeeded(update, "registered")["PhysicalResourceId"] == REGISTRATION_ID

    @pytest.mark.parametrize("physical_id", [REGISTRATION_ID, f"unregistered/{MEMBER}", "foreign"])
    def test_to_a_delete_with_the_id_that_it_named(self, physical_id: str) -> None:
        delete = request("Delete", changes={"PhysicalResourceId": physical_id})

        assert answer.succeeded(delete, "retained")["PhysicalResourceId"] == physical_id


@pytest.mark.parametrize("letter", ["a", '"', "\x00", "é", "😀"])
def test_shortens_a_reason_that_does_not_fit(bucket: ResponseBucket, http: requests.Session, letter: str) -> None:
    answer.send(url(bucket.url), answer.failed(request(), letter * 10_000), http)

    [size], [document] = bucket.sizes, bucket.answers
    assert size <= 4096
    assert document["Reason"].startswith(letter * 100)


@pytest.mark.parametrize("status", [500, 503, 307, None])
def test_gives_the_answer_again_later_when_the_bucket_does_not_work(
    bucket: ResponseBucket, http: requests.Session, status: int | None
) -> None:
    bucket.status = status

    with pytest.raises(NotYet, match="response bucket"):
        answer.send(url(bucket.url), {}, http)
    assert len(bucket.paths) == 1


@pytest.mark.parametrize("status", [400, 403, 404])
def test_gives_up_when_the_bucket_refuses_for_instance_because_the_url_has_expired(
    bucket: ResponseBucket, http: requests.Session, status: int
) -> None:
    bucket.status = status

    with pytest.raises(Refused, match=f"HTTP {status}"):
        answer.send(url(bucket.url), {}, http)


@pytest.mark.parametrize("status", [403, 500, None])
def test_never_shows_the_url(http: requests.Session, caplog: pytest.LogCaptureFixture, status: int | None) -> None:
    caplog.set_level(logging.DEBUG)
    with ResponseBucket() as bucket:
        bucket.status = status
        with pytest.raises((NotYet, Refused)) as caught:
            answer.send(url(bucket.url), {}, http)

    assert "f00dcafe" not in "".join(traceback.format_exception(caught.value)) + caplog.text
    assert "f00dcafe" not in repr(url(bucket.url))


def test_never_shows_the_url_of_a_bucket_that_cannot_be_reached(
    http: requests.Session, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)

    with pytest.raises(NotYet) as caught:
        answer.send(url("http://127.0.0.1:9"), {}, http)

    assert "f00dcafe" not in "".join(traceback.format_exception(caught.value)) + caplog.text
    assert caught.value.__context__ is None
