"""`python -m alertlogic_constructs.status`: what it reads, shows and answers."""

from __future__ import annotations

import json
import runpy
import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from hypothesis import given
from hypothesis import strategies as st
from moto import mock_aws

from account_registration import status as writer
from alertlogic_constructs import alertlogic_hub
from alertlogic_constructs._status_page import page
from alertlogic_constructs._status_report import Status, StatusError
from alertlogic_constructs._tools import DEFAULT_STACK
from alertlogic_constructs.status import NO_STATUS, UNPROTECTED, UNSHOWN, main
from aws.accounts_table import KnownAccount, Word
from aws.organizations import AwsAccountId

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BUCKET = "alertlogic-security-status-0a1b2c"
WRITTEN_AT, SINCE, EARLIER = "2026-01-15T18:15:00Z", "2026-01-15T12:15:00Z", "2026-01-14T06:00:00Z"


def account(id_: str = "555555555555", **changes: Any) -> dict[str, Any]:
    right = {"wanted": True, "enrolled": True, "registered": True, "scope_right": True, "since": None, "why": None}
    return {"id": id_, "name": "shop", **right, **changes}


def content(*accounts: dict[str, Any], **changes: Any) -> bytes:
    return json.dumps({"written_at": WRITTEN_AT, "accounts": accounts, **changes}).encode()


RIGHT = account("111111111111", name="audit")
UNREGISTERED = account("444444444444", registered=False, scope_right=False, since=SINCE, why="no policy")
NOT_ENROLLED = account("555555555555", enrolled=False, since=EARLIER, why="stack instances: us-west-2 OUTDATED")
HELD = account("222222222222", since=SINCE, why="it is excluded, but its departure is held back")
LEAVING = account("333333333333", wanted=False, since=EARLIER, why="it is excluded, and still registered")
MIXED = content(RIGHT, HELD, LEAVING, UNREGISTERED, NOT_ENROLLED)
URGENT_FIRST = ["555555555555", "444444444444", "333333333333", "222222222222", "111111111111"]


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    path = tmp_path / "status.json"
    path.write_bytes(MIXED)
    return path


class TestTable:
    def test_shows_every_account_those_that_lack_protection_first(
        self, saved: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert main(["--file", str(saved)]) == UNPROTECTED

        header, *rows, blank, summary = capsys.readouterr().out.splitlines()
        assert header.split() == ["account", "name", "wanted", "enrolled", "registered", "scope", "since", "why"]
        assert [row.split()[0] for row in rows] == URGENT_FIRST
        assert rows[0].split(maxsplit=7) == [
            *("555555555555", "shop", "yes", "no", "yes", "yes", EARLIER, "stack instances: us-west-2 OUTDATED")
        ]
        assert rows[-1].split() == ["111111111111", "audit", "yes", "yes", "yes", "yes"]
        assert (blank, summary) == (
            "",
            f"2 of 4 accounts that should be protected are not. Last change: {WRITTEN_AT}.",
        )

    def test_does_nothing_to_the_terminal(self) -> None:
        hostile = account(name="\x1b[2Jshop\r\n\u202e\x07", why="a\tb", since=SINCE)

        table = Status.parse(content(hostile)).as_table()

        assert all(letter.isprintable() for line in table.split("\n") for letter in line)
        assert "shop" in table

    def test_says_that_all_is_well(self) -> None:
        assert Status.parse(content(RIGHT)).headline == "All 1 accounts that should be protected are."
        assert "No account is known yet" in Status.parse(content(LEAVING)).headline


class TestJson:
    def test_is_the_status_as_programs_read_it(self, saved: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["--file", str(saved), "--json"]) == UNPROTECTED

        shown = json.loads(capsys.readouterr().out)
        assert shown["written_at"] == WRITTEN_AT
        assert [entry["id"] for entry in shown["accounts"]] == URGENT_FIRST
        assert sorted(shown["accounts"], key=lambda it: it["id"]) == sorted(
            json.loads(MIXED)["accounts"], key=lambda it: it["id"]
        )


class _Page(HTMLParser):
    """What a browser sees: the elements with their attributes, and the text of the table's cells."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.rows: list[list[str]] = []
        self._in_cell = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag == "tr":
            self.rows.append([])
        elif tag in {"td", "th"}:
            self._in_cell = True
            self.rows[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        if tag in {"td", "th"}:
            self._in_cell = False

    def handle_data(self, data: str) -> None:
        if self._in_cell:
            self.rows[-1][-1] += data


def _lines(text: str) -> str:
    """Return a text with the one end of a line that a page knows."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


class TestPage:
    def test_shows_every_account_those_that_lack_protection_first(
        self, saved: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        path = tmp_path / "status.html"

        assert main(["--file", str(saved), "--html", str(path)]) == UNPROTECTED

        assert capsys.readouterr().out.startswith("2 of 4 accounts that should be protected are not.")
        shown = _Page(path.read_text("utf-8"))
        assert [row[0] for row in shown.rows[1:]] == URGENT_FIRST
        assert shown.rows[1] == [
            *("555555555555", "shop", "yes", "✗ no", "✓ yes", "✓ yes"),
            *("2026-01-14 06:00 UTC", "stack instances: us-west-2 OUTDATED"),
        ]
        assert shown.rows[-1][3:] == ["✓ yes", "✓ yes", "✓ yes", "", ""]

    def test_draws_the_coverage_of_the_accounts_that_should_be_protected(self) -> None:
        text = page(Status.parse(MIXED))

        [chart] = [attributes for tag, attributes in _Page(text).elements if tag == "svg"]
        assert chart["aria-label"] == (
            "Accounts that should be protected: enrolled 3 of 4, registered 3 of 4, scope right 3 of 4, "
            "not protected 2 of 4"
        )
        bars = [it for tag, it in _Page(text).elements if tag == "rect" and it["class"] != "track"]
        full = float(next(it["width"] or 0 for tag, it in _Page(text).elements if tag == "rect"))
        assert [(it["class"], float(it["width"] or 0) / full) for it in bars] == [
            *(("good", 0.75), ("good", 0.75), ("good", 0.75), ("bad", 0.5))
        ]

    def test_draws_nothing_where_no_account_should_be_protected(self) -> None:
        bars = [it for tag, it in _Page(page(Status.parse(content(LEAVING)))).elements if tag == "rect"]

        assert [it["width"] for it in bars if it["class"] != "track"] == ["0"] * 4

    @pytest.mark.parametrize(
        ("accounts", "mood"), [((RIGHT,), "good"), ((RIGHT, NOT_ENROLLED), "bad"), ((LEAVING,), "quiet")]
    )
    def test_says_at_once_how_things_stand(self, accounts: tuple[dict[str, Any], ...], mood: str) -> None:
        assert f'<p class="headline {mood}">' in page(Status.parse(content(*accounts)))

    @given(st.text(), st.text())
    def test_shows_whatever_names_and_reasons_hold_as_text(self, name: str, why: str) -> None:
        plain = _Page(page(Status.parse(content(account(since=SINCE, why="why")))))
        hostile = [name, f"</td><script>alert(1)</script><img src=x onerror='a'>{why}", "\"'><b>&amp;"]

        for text in hostile:
            shown = _Page(page(Status.parse(content(account(name=text, since=SINCE, why=text)))))
            assert [tag for tag, _ in shown.elements] == [tag for tag, _ in plain.elements]
            assert [_lines(shown.rows[1][column]) for column in (1, 7)] == [_lines(text)] * 2

    def test_loads_nothing_from_anywhere(self) -> None:
        shown = _Page(page(Status.parse(MIXED)))

        assert {tag for tag, _ in shown.elements}.isdisjoint({"script", "link", "img", "iframe", "object", "base"})
        assert not [it for _, it in shown.elements if {"src", "href", "xlink:href", "action", "srcset"} & set(it)]
        text = page(Status.parse(MIXED))
        assert "url(" not in text
        assert "@import" not in text
        assert "default-src 'none'" in text

    def test_can_be_read_in_light_and_dark(self) -> None:
        text = page(Status.parse(MIXED))

        assert "color-scheme: light dark" in text
        light, dark = text.split("@media (prefers-color-scheme: dark)")
        for color in ("--page", "--text", "--quiet", "--line", "--good", "--bad", "--wary", "--track"):
            assert f"{color}: #" in light
            assert f"{color}: #" in dark.split("}")[0]


class TestExitCode:
    @pytest.mark.parametrize(
        ("accounts", "code"),
        [
            ((RIGHT,), 0),
            ((RIGHT, HELD, LEAVING), 0),
            ((RIGHT, NOT_ENROLLED), UNPROTECTED),
            ((UNREGISTERED,), UNPROTECTED),
            ((account(scope_right=False),), UNPROTECTED),
            ((), NO_STATUS),
        ],
    )
    def test_tells_whether_everything_is_protected(
        self, tmp_path: Path, accounts: tuple[dict[str, Any], ...], code: int
    ) -> None:
        path = tmp_path / "status.json"
        path.write_bytes(content(*accounts))

        assert main(["--file", str(path)]) == code
        assert main(["--file", str(path), "--json"]) == code
        assert main(["--file", str(path), "--html", str(tmp_path / "status.html")]) == code

    def test_tells_of_a_file_that_is_not_there(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["--file", str(tmp_path / "none.json")]) == UNSHOWN
        assert "none.json" in capsys.readouterr().err

    def test_tells_of_a_page_that_cannot_be_written(
        self, saved: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert main(["--file", str(saved), "--html", str(tmp_path / "none" / "status.html")]) == UNSHOWN

        shown = capsys.readouterr()
        assert shown.out == ""
        assert shown.err.startswith("the status cannot be shown: [Errno 2]")

    @pytest.mark.parametrize(
        "arguments", [["--bogus"], ["--json", "--html", "page"], ["--file", "a", "--bucket", "b"], ["--html"]]
    )
    def test_tells_of_wrong_arguments(self, arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
        with pytest.raises(SystemExit) as caught:
            main(arguments)

        assert caught.value.code == UNSHOWN
        assert "usage" in capsys.readouterr().err

    def test_is_that_of_the_program(self, saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sys, "argv", ["status", "--file", str(saved)])
        monkeypatch.delitem(sys.modules, "alertlogic_constructs.status")

        with pytest.raises(SystemExit) as caught:
            runpy.run_module("alertlogic_constructs.status", run_name="__main__")

        assert caught.value.code == UNPROTECTED


@pytest.mark.parametrize(
    "malformed",
    [
        *(b"", b"no JSON", b"\xff", b"[]", b"null", b"{}"),
        content(written_at="today"),
        content(written_at=5),
        json.dumps({"written_at": WRITTEN_AT, "accounts": 5}).encode(),
        json.dumps({"written_at": WRITTEN_AT, "accounts": ["5"]}).encode(),
        content({"id": "555555555555"}),
        content(account(wanted="yes")),
        content(account(why=5)),
        content(account(since="yesterday")),
    ],
)
def test_refuses_what_is_no_status(malformed: bytes) -> None:
    with pytest.raises(StatusError, match="not the status"):
        Status.parse(malformed)


def test_reads_what_the_function_writes() -> None:
    word = Word(AwsAccountId("555555555555"), "shop", wanted=True, reason=None, instances={}, rank="2026")
    known = KnownAccount(word, registered=False, scope_right=False, why=None, stack_id=None)
    right = replace(known, word=replace(word, instances={"us-east-1": "CURRENT"}), registered=True, scope_right=True)

    for one in (known, right):
        entries = writer.entries_of([one], (), now=WRITTEN_AT)
        assert json.loads(Status.parse(content(*entries)).as_json())["accounts"] == entries
    assert writer.STATUS_KEY == alertlogic_hub.STATUS_KEY


class TestBucket:
    @pytest.fixture(autouse=True)
    def aws(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
            monkeypatch.setenv(name, "test")
        monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        with mock_aws():
            boto3.client("s3").create_bucket(Bucket=BUCKET)
            yield

    def stack(self, name: str, **outputs: str) -> None:
        template = {
            "Resources": {"Topic": {"Type": "AWS::SNS::Topic"}},
            "Outputs": {name: {"Value": value} for name, value in outputs.items()},
        }
        boto3.client("cloudformation").create_stack(StackName=name, TemplateBody=json.dumps(template))

    def put(self) -> None:
        boto3.client("s3").put_object(Bucket=BUCKET, Key="status.json", Body=MIXED)

    def test_is_found_by_its_stack(self, capsys: pytest.CaptureFixture[str]) -> None:
        self.stack(DEFAULT_STACK, FillSecret="aws ...", StatusBucket=BUCKET)
        self.stack("Other", StatusBucket=BUCKET)
        self.put()

        for arguments in ([], ["--stack", "Other"], ["--bucket", BUCKET]):
            assert main(arguments) == UNPROTECTED
            assert "555555555555" in capsys.readouterr().out

    def test_without_a_status_says_so(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["--bucket", BUCKET]) == NO_STATUS

        assert "no status yet" in capsys.readouterr().err

    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            (["--bucket", "another"], "NoSuchBucket"),
            (["--stack", "another"], "another"),
            (["--stack", "Bare"], "has no output StatusBucket"),
        ],
    )
    def test_that_cannot_be_read_is_said(
        self, arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        self.stack("Bare")

        assert main(arguments) == UNSHOWN

        assert words in capsys.readouterr().err

    def test_without_a_region_is_said(
        self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("AWS_DEFAULT_REGION")
        monkeypatch.setenv("AWS_CONFIG_FILE", "/nowhere")

        assert main([]) == UNSHOWN

        assert "region" in capsys.readouterr().err


def test_a_saved_status_needs_no_boto3(saved: Path) -> None:
    program = (
        "import sys; sys.modules['boto3'] = None; from alertlogic_constructs.status import main; "
        f"sys.exit(main(['--file', {str(saved)!r}]))"
    )

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr) == (UNPROTECTED, "")
