"""`python -m alertlogic_constructs.backfill`: what it reads, sends and answers."""

from __future__ import annotations

import json
import subprocess
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.stub import ANY, Stubber
from hypothesis import given
from hypothesis import strategies as st
from moto import mock_aws

from alertlogic_constructs._backfill_aws import Backfill, Forwarder, GuardDuty, Tally
from alertlogic_constructs._backfill_event import MOST_AT_ONCE, MOST_BYTES, BackfillError, batches, event_of, message_of
from alertlogic_constructs._tools import DEFAULT_STACK, UNUSABLE
from alertlogic_constructs.backfill import INCOMPLETE, main
from alertlogic_constructs.guardduty_forwarder import QUEUE_OUTPUT, RULE_OUTPUT
from alertlogic_constructs.settings import CONTEXT_KEY
from guardduty_findings.finding import parse
from tests.rehearsal.findings import FAMILIES, finding

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

REGION, OTHER_REGION = "us-east-1", "eu-west-1"
# Who moto is.
ACCOUNT = "123456789012"
MEMBER, ADMINISTRATOR = "555555555555", "444444444444"
SINCE = datetime(2026, 1, 1, tzinfo=UTC)
QUEUE = "https://sqs.us-east-1.amazonaws.com/123456789012/findings"
PATTERN: dict[str, Any] = {"source": ["aws.guardduty"], "detail-type": ["GuardDuty Finding"]}
FILTERED = {**PATTERN, "detail": {"severity": [{"numeric": [">=", 4]}]}}


def detail(number: int = 1, **changes: Any) -> dict[str, Any]:
    return {**finding("ec2", number=number, account=MEMBER, region=REGION)["detail"], **changes}


class TestEvent:
    @pytest.mark.parametrize("family", FAMILIES)
    def test_is_the_one_that_eventbridge_made_but_for_its_id_and_the_seconds_that_it_took(self, family: str) -> None:
        event = finding(family, number=1, account=MEMBER, region=REGION, administrator=ADMINISTRATOR)

        made = event_of(event["detail"], account=ADMINISTRATOR, region=REGION)

        assert {**made, "id": "", "time": ""} == {**event, "id": "", "time": ""}
        assert made["time"] == "2026-01-15T11:59:55Z"
        parsed = parse(message_of(made))
        assert (parsed.reported_by, parsed.identity.finding_id) == (ADMINISTRATOR, event["detail"]["id"])

    def test_is_the_same_as_long_as_the_finding_is_and_else_another(self) -> None:
        ids = [
            event_of(it, account=ADMINISTRATOR, region=REGION)["id"]
            for it in (detail(), detail(), detail(2), detail(updatedAt="2026-01-15T13:00:00.000Z"))
        ]

        assert ids[0] == ids[1]
        assert len(set(ids)) == 3

    @pytest.mark.parametrize(
        ("information", "expected"),
        [
            ({"value": '{"sample": true}'}, True),
            ({"value": '{"sample": true}', "sample": False}, False),
            ({"value": '{"sample": "true"}'}, None),
            ({"value": '["sample"]'}, None),
            ({"value": "sample"}, None),
            ({"type": "default"}, None),
        ],
    )
    def test_says_of_a_sample_finding_that_it_is_one(self, information: dict[str, Any], expected: object) -> None:
        shown = detail(service={"additionalInfo": information})

        event = event_of(shown, account=ADMINISTRATOR, region=REGION)

        assert event["detail"]["service"]["additionalInfo"].get("sample") == expected

    def test_of_a_finding_with_nothing_but_what_every_finding_has(self) -> None:
        bare = {name: value for name, value in detail().items() if name != "service"}

        assert event_of(bare, account=ADMINISTRATOR, region=REGION)["detail"] == bare

    def test_is_a_message_that_sqs_takes_whatever_letters_are_in_it(self) -> None:
        event = {"title": "größe \x00 \ud800 \uffff"}

        message = message_of(event)

        assert message.isascii()
        assert message.isprintable()
        assert json.loads(message) == event


@given(st.lists(st.integers(min_value=1, max_value=MOST_BYTES).map("x".__mul__), max_size=25))
def test_batches_hold_all_messages_in_order_and_as_many_as_sqs_takes(messages: list[str]) -> None:
    made = list(batches(messages))

    assert [message for batch in made for message in batch] == messages
    assert all(0 < len(batch) <= MOST_AT_ONCE for batch in made)
    assert all(sum(map(len, batch)) <= MOST_BYTES for batch in made)
    # Not one call more than in order to keep to that.
    for batch, following in pairwise(made):
        assert len(batch) == MOST_AT_ONCE or sum(map(len, batch)) + len(following[0]) > MOST_BYTES


@pytest.fixture(autouse=True)
def no_credentials_of_a_user(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name, value in {
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": REGION,
        "AWS_CONFIG_FILE": str(tmp_path / "config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "credentials"),
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_PROFILE", raising=False)


def forwarder(pattern: dict[str, Any] | None = None, *, sleep: Callable[[float], None] | None = None) -> Forwarder:
    return Forwarder(
        boto3.client("events"),
        boto3.client("sqs"),
        QUEUE,
        json.dumps(PATTERN if pattern is None else pattern),
        sleep or (lambda _: pytest.fail("it waits")),
    )


class TestForwarder:
    def test_takes_any_account_s_findings_unless_its_rule_names_one(self) -> None:
        forwarder().require(MEMBER)
        one = forwarder({**PATTERN, "account": [ADMINISTRATOR]})
        one.require(ADMINISTRATOR)

        with pytest.raises(BackfillError, match=rf"account {ADMINISTRATOR}.*are of {MEMBER}.*--profile"):
            one.require(MEMBER)

    def test_wants_everything_without_a_call_where_nothing_is_filtered(self) -> None:
        assert forwarder().wants("{}")

    @pytest.mark.parametrize("answer", [True, False])
    def test_asks_eventbridge_where_something_is(self, answer: bool) -> None:  # noqa: FBT001 - both are tested
        filtered = forwarder(FILTERED)
        with Stubber(filtered.events) as stub:
            asked = {"EventPattern": json.dumps(FILTERED), "Event": "{}"}
            stub.add_response("test_event_pattern", {"Result": answer}, asked)

            assert filtered.wants("{}") is answer

    def test_says_so_if_eventbridge_does_not_answer(self) -> None:
        filtered = forwarder(FILTERED)
        with Stubber(filtered.events) as stub:
            stub.add_client_error("test_event_pattern", "AccessDeniedException", "no")

            with pytest.raises(BackfillError, match=r"the rule: .*AccessDenied"):
                filtered.wants("{}")

    def test_sends_again_what_the_queue_does_not_take_at_once(self) -> None:
        waits: list[float] = []
        patient = forwarder(sleep=waits.append)
        with Stubber(patient.sqs) as stub:
            first = [{"Id": "0", "MessageBody": "a"}, {"Id": "1", "MessageBody": "b"}]
            stub.add_response("send_message_batch", answer(failed=["1"]), {"QueueUrl": QUEUE, "Entries": first})
            stub.add_response(
                "send_message_batch", answer(), {"QueueUrl": QUEUE, "Entries": [{"Id": "0", "MessageBody": "b"}]}
            )

            patient.send(["a", "b"])
            stub.assert_no_pending_responses()
        assert waits == [2]

    def test_gives_up_in_the_end(self) -> None:
        waits: list[float] = []
        patient = forwarder(sleep=waits.append)
        with Stubber(patient.sqs) as stub:
            for _ in range(6):
                stub.add_response("send_message_batch", answer(failed=["0"]), {"QueueUrl": QUEUE, "Entries": ANY})

            with pytest.raises(BackfillError, match="does not take 1 findings: InternalError"):
                patient.send(["a"])
        assert waits == [2, 4, 8, 16, 32]


def answer(failed: list[str] | None = None) -> dict[str, Any]:
    faults = [{"Id": id_, "SenderFault": False, "Code": "InternalError"} for id_ in failed or ()]
    return {"Successful": [], "Failed": faults}


class Shown:
    """GuardDuty's API: a page of ids, and their findings, for each page."""

    def __init__(self, *pages: list[dict[str, Any]], region: str = REGION) -> None:
        self.pages = pages
        self.region = region
        self.criteria: list[dict[str, Any]] = []
        self.sleepy = 0

    @contextmanager
    def there(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[GuardDuty]:
        session = boto3.Session()
        # The lowest place at which an answer is still the service's own text.
        session.events.register("before-send.guardduty", self._serve)
        monkeypatch.setattr("time.sleep", lambda _: None)
        yield GuardDuty(session, ADMINISTRATOR)

    def _serve(self, request: Any, **_: object) -> Any:
        path, body = request.url.partition(".com")[2], json.loads(request.body or b"{}")
        if f".{self.region}." not in request.url:
            return _http(200, {"detectorIds": []})
        if path.endswith("/findings/get"):
            if self.sleepy:
                self.sleepy -= 1
                return _http(429, {"__type": "TooManyRequestsException", "message": "slow down"})
            return _http(
                200, {"findings": [it for page in self.pages for it in page if it["id"] in body["findingIds"]]}
            )
        if path.endswith("/findings"):
            self.criteria.append(body)
            number = int(body.get("nextToken") or 0)
            more = {"nextToken": str(number + 1)} if number + 1 < len(self.pages) else {"nextToken": ""}
            return _http(200, {"findingIds": [it["id"] for it in self.pages[number]], **more})
        return _http(200, {"detectorIds": ["d1"]})


class _http:  # noqa: N801 - what botocore takes for an answer
    def __init__(self, status: int, document: dict[str, Any]) -> None:
        self.status_code = status
        self.headers = {"x-amzn-errortype": document.get("__type", "")} if status != 200 else {}
        self.content = json.dumps(document).encode()
        self.text = self.content.decode()


class TestOpenFindings:
    def test_are_read_page_by_page_as_the_api_writes_them(self, monkeypatch: pytest.MonkeyPatch) -> None:
        # What no version of the SDK knows, and a time, which it converts.
        unknown = detail(2, newMember={"x": 1}, resource={"s3BucketDetails": [{"createdAt": 1.7e9}]})
        shown = Shown([detail()], [], [unknown])
        with shown.there(monkeypatch) as guardduty:
            pages = list(guardduty.open_findings(REGION, since=SINCE))

        assert pages == [[detail()], [unknown]]
        asked = shown.criteria[0]
        assert asked["maxResults"] == 50
        assert asked["findingCriteria"] == {
            "criterion": {
                "service.archived": {"equals": ["false"]},
                "updatedAt": {"greaterThanOrEqual": int(SINCE.timestamp() * 1000)},
            }
        }
        assert asked["sortCriteria"] == {"attributeName": "updatedAt", "orderBy": "ASC"}

    def test_are_waited_for_when_guardduty_asks_for_patience(self, monkeypatch: pytest.MonkeyPatch) -> None:
        shown = Shown([detail()])
        shown.sleepy = 3
        with shown.there(monkeypatch) as guardduty:
            assert list(guardduty.open_findings(REGION, since=SINCE)) == [[detail()]]

    def test_cannot_be_read_where_guardduty_is_off(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with (
            Shown().there(monkeypatch) as guardduty,
            pytest.raises(BackfillError, match="GuardDuty: it is not on in this region"),
        ):
            list(guardduty.open_findings(OTHER_REGION, since=SINCE))


class Sink(Forwarder):
    """A forwarder that keeps what it is sent, and takes nothing below a severity."""

    __slots__ = ("sent",)

    def __init__(self) -> None:
        super().__init__(boto3.client("events"), boto3.client("sqs"), QUEUE, "{}")
        object.__setattr__(self, "sent", [])

    def wants(self, message: str) -> bool:
        return bool(json.loads(message)["detail"]["severity"] >= 4)

    def send(self, messages: Any) -> None:
        self.sent.extend(messages)  # type: ignore[attr-defined]


class TestBackfill:
    @pytest.mark.parametrize("is_dry_run", [False, True])
    def test_counts_what_becomes_of_each_finding(self, monkeypatch: pytest.MonkeyPatch, is_dry_run: bool) -> None:  # noqa: FBT001
        large = detail(3, description="x" * MOST_BYTES)
        shown = Shown([detail(1, severity=8), detail(2, severity=2)], [large, detail(4, severity=4.0)])
        sink = Sink()
        with shown.there(monkeypatch) as guardduty:
            tally = Backfill(guardduty, sink, is_dry_run=is_dry_run).fill(REGION, since=SINCE)

        assert tally == Tally(found=4, sent=2, unwanted=1, too_large=(large["id"],))
        sent = [json.loads(message)["detail"]["severity"] for message in sink.sent]  # type: ignore[attr-defined]
        assert sent == ([] if is_dry_run else [8, 4])


class TestProfile:
    def test_is_the_administrator_s(self, tmp_path: Path) -> None:
        (tmp_path / "credentials").write_text("[admin]\naws_access_key_id=a\naws_secret_access_key=b\n")

        with mock_aws():
            guardduty = GuardDuty.of_profile("admin")

        assert guardduty.account == ACCOUNT
        assert guardduty.session.profile_name == "admin"

    def test_that_is_not_there_is_named(self) -> None:
        with pytest.raises(BackfillError, match=r"profile nobody: .*could not be found"):
            GuardDuty.of_profile("nobody")


def deploy(outputs: dict[str, str], *, bus: str | None = None) -> None:
    events = boto3.client("events")
    if bus:
        events.create_event_bus(Name=bus)
    events.put_rule(Name="Findings", EventPattern=json.dumps(PATTERN), EventBusName=bus or "default")
    template = {
        "Resources": {"Topic": {"Type": "AWS::SNS::Topic"}},
        "Outputs": {name: {"Value": value} for name, value in outputs.items()},
    }
    boto3.client("cloudformation").create_stack(StackName=DEFAULT_STACK, TemplateBody=json.dumps(template))


@pytest.fixture
def cloud() -> Iterator[None]:
    with mock_aws():
        yield


@pytest.mark.usefixtures("cloud")
class TestStack:
    @pytest.mark.parametrize("bus", [None, "alertlogic-hub"])
    def test_says_where_the_forwarder_is(self, bus: str | None) -> None:
        path = f"{bus}/Findings" if bus else "Findings"
        arn = f"arn:aws:events:{REGION}:{ACCOUNT}:rule/{path}"
        deploy({QUEUE_OUTPUT: QUEUE, RULE_OUTPUT: arn}, bus=bus)

        found = Forwarder.of_stack(DEFAULT_STACK)

        assert (found.queue_url, json.loads(found.pattern)) == (QUEUE, PATTERN)

    def test_without_one_is_refused(self) -> None:
        deploy({QUEUE_OUTPUT: QUEUE})

        with pytest.raises(BackfillError, match=f"stack {DEFAULT_STACK}: it has no GuardDutyForwarder"):
            Forwarder.of_stack(DEFAULT_STACK)

    def test_that_is_not_there_is_refused(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["--regions", REGION]) == UNUSABLE

        assert f"the backfill cannot begin: stack {DEFAULT_STACK}" in capsys.readouterr().err


class TestCommand:
    @pytest.fixture
    def filled(self, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, datetime]]:
        """What is filled, where nothing is amiss but in regions named 'broken' and 'large'."""
        filled: list[tuple[str, datetime]] = []

        def fill(_: Backfill, region: str, *, since: datetime) -> Tally:
            filled.append((region, since))
            if region == "broken":
                raise BackfillError("GuardDuty: it is not on in this region")
            return Tally(3, 2, 1, ("f1",) if region == "large" else ())

        monkeypatch.setattr(Forwarder, "of_stack", lambda _: forwarder())
        monkeypatch.setattr(GuardDuty, "of_profile", lambda _: GuardDuty(boto3.Session(), ACCOUNT))
        monkeypatch.setattr(Backfill, "fill", fill)
        return filled

    def test_fills_each_region_and_says_how_much(
        self, filled: list[tuple[str, datetime]], capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert main(["--regions", REGION, OTHER_REGION, "--days", "7"]) == 0

        assert [region for region, _ in filled] == [REGION, OTHER_REGION]
        assert {(datetime.now(UTC) - since).days for _, since in filled} == {7}
        assert capsys.readouterr().out.splitlines() == [
            f"{region}: 3 open findings, 2 sent, 1 that the rule leaves out" for region in (REGION, OTHER_REGION)
        ]

    def test_only_counts_in_a_dry_run(
        self, filled: list[tuple[str, datetime]], capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert main(["--regions", REGION, "--dry-run"]) == 0

        assert filled
        assert "2 to send" in capsys.readouterr().out

    def test_goes_on_where_a_region_fails(
        self, filled: list[tuple[str, datetime]], capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert main(["--regions", "broken", REGION]) == INCOMPLETE

        assert len(filled) == 2
        assert capsys.readouterr().err == "broken: GuardDuty: it is not on in this region\n"

    def test_names_what_is_too_large(
        self, filled: list[tuple[str, datetime]], capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert main(["--regions", "large"]) == INCOMPLETE

        assert filled
        assert capsys.readouterr().err == "large: finding f1 is too large for a queue\n"

    def test_looks_in_the_governed_regions_of_the_sample(self, filled: list[tuple[str, datetime]]) -> None:
        assert main([]) == 0

        assert [region for region, _ in filled] == ["us-east-1", "us-west-2", "eu-west-1"]

    def test_needs_regions_where_there_is_no_sample(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.chdir(tmp_path)

        assert main([]) == UNUSABLE
        assert "cdk.json cannot be read" in capsys.readouterr().err

    def test_takes_the_settings_of_another_file(self, filled: list[tuple[str, datetime]], tmp_path: Path) -> None:
        context: dict[str, Any] = json.loads(Path("cdk.json").read_text("utf-8"))["context"]
        context[CONTEXT_KEY]["governed_regions"] = [REGION]
        other = tmp_path / "other.json"
        other.write_text(json.dumps({"context": context}), "utf-8")

        assert main(["--settings", str(other)]) == 0

        assert [region for region, _ in filled] == [REGION]

    @pytest.mark.parametrize("days", ["0", "91", "x"])
    def test_refuses_days_for_which_nothing_is_kept(self, days: str) -> None:
        with pytest.raises(SystemExit, match=str(UNUSABLE)):
            main(["--days", days])

    def test_is_what_make_runs(self) -> None:
        shown = subprocess.run(["make", "-n", "backfill", "ARGS=--dry-run"], capture_output=True, text=True, check=True)

        assert "python -m alertlogic_constructs.backfill --dry-run" in shown.stdout
