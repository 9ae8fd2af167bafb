from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import requests

from tests.rehearsal.custom_resources import is_response_host, response_url
from tests.rehearsal.proxy import Proxy

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping
    from pathlib import Path

URL = response_url("arn:aws:cloudformation:us-east-1:222222222222:stack/name/id", "Account", 1)


class Answers:
    def __init__(self, folder: Path) -> None:
        self.received: list[tuple[str, bytes]] = []
        self.proxy = Proxy(folder, admits=is_response_host, receive=self._receive)

    def _receive(self, url: str, _headers: Mapping[str, str], body: bytes) -> int:
        self.received.append((url, body))
        return 200

    def put(self, url: str) -> int:
        return requests.put(
            url,
            data=b"{}",
            headers={"content-type": ""},
            proxies={"https": self.proxy.url},
            verify=str(self.proxy.authority.certificate_file),
            timeout=5,
        ).status_code


@pytest.fixture
def answers(tmp_path: Path) -> Generator[Answers]:
    answers = Answers(tmp_path)
    answers.proxy.start()
    yield answers
    answers.proxy.stop()


def test_an_answer_arrives_under_the_url_that_was_called(answers: Answers) -> None:
    assert answers.put(URL) == 200
    assert answers.received == [(URL, b"{}")]


@pytest.mark.parametrize("url", ["https://example.com/answer", "https://bucket.s3.amazonaws.com.example.com/answer"])
def test_other_hosts_are_refused_and_noted(answers: Answers, url: str) -> None:
    with pytest.raises(requests.exceptions.ProxyError, match="403"):
        answers.put(url)

    assert answers.received == []
    assert answers.proxy.refused == [url.split("/")[2]]
