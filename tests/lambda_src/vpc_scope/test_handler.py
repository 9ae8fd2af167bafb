"""Raw messages through the handler: AWS as moto plays it, and the fake Alert Logic on loopback."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from aws.clients import client
from aws.measures import NAMESPACE
from aws.reader import ReaderRole
from protection.ownership import credential_name
from protection.retained import RETAINED_METRIC
from tests.lambda_src.deliveries import Context, Deliveries, raw_event
from tests.lambda_src.functions import running
from tests.lambda_src.vpc_scope.test_settings import ENVIRONMENT
from tests.lambda_src.wire import answer_with_error, calls_of
from vpc_scope import handler
from vpc_scope.handler import PATIENCE_SECONDS, RESERVED_SECONDS

if TYPE_CHECKING:
    import io
    from collections.abc import Iterator

    from mypy_boto3_ec2 import EC2Client

    from aws.organizations import AwsAccountId
    from tests.rehearsal.alertlogic import FakeAlertLogic

MEMBER, OTHER, OWN = "555555555555", "666666666666", "123456789012"
EAST, WEST = "us-east-1", "us-west-2"
PROFESSIONAL = {"id": "D12D5E67-166C-474F-87AA-6F86FC9FB9BC"}


def event(vpc_id: str = "vpc-0abc", account_id: str = MEMBER, region: str = EAST, **changes: Any) -> str:
    own = {
        "account": account_id,
        "region": region,
        "resources": [f"arn:aws:ec2:{region}:{account_id}:vpc/{vpc_id}"],
    }
    return json.dumps(raw_event("tag-change-vpc-added") | own | changes)


@dataclass
class Hub:
    """The security account, and the VPCs of the members."""

    fake: FakeAlertLogic
    deliveries: Deliveries
    log: io.StringIO

    def register(self, account_id: str, *include: dict[str, Any], is_adopted: bool = False) -> None:
        name = credential_name(account_id, is_adopted=is_adopted)  # type: ignore[arg-type]
        credential_id = self.fake.add_credential(name=name, role_arn=f"arn:aws:iam::{account_id}:role/r")
        self.fake.add_deployment(
            account_id=account_id,
            credentials=[{"id": credential_id, "purpose": "discover"}],
            scope={"include": list(include), "exclude": []},
        )

    def ec2(self, account_id: str = MEMBER, region: str = EAST) -> EC2Client:
        role: AwsAccountId = account_id  # type: ignore[assignment]
        return ReaderRole(client("sts"), name="any", session_name="test").clients(role)("ec2", region)

    def vpc(self, account_id: str = MEMBER, region: str = EAST, **tags: str) -> str:
        """Make a VPC and return its id."""
        made = self.ec2(account_id, region).create_vpc(CidrBlock="10.0.0.0/16")["Vpc"].get("VpcId", "")
        if tags:
            self.tag(made, account_id, region, **tags)
        return made

    def tag(self, vpc_id: str, account_id: str = MEMBER, region: str = EAST, **tags: str) -> None:
        pairs: Any = [{"Key": key, "Value": value} for key, value in tags.items()]
        self.ec2(account_id, region).create_tags(Resources=[vpc_id], Tags=pairs)

    def included(self, account_id: str = MEMBER) -> list[dict[str, Any]]:
        [deployment] = self.fake.deployments_of(account_id)
        return deployment["scope"]["include"]

    def deliver(self, *bodies: str, age: float = 0, received: int = 1, remaining_ms: int = 300_000) -> int:
        """Return how many messages stay in the queue."""
        batch = self.deliveries.batch(*bodies, age=age, received=received)
        context = Context(remaining_ms=remaining_ms, invoked_function_arn=f"arn:aws:lambda:us-east-1:{OWN}:function:f")
        return len(handler.lambda_handler(batch, context)["batchItemFailures"])  # type: ignore[arg-type]

    def lines(self, message: str) -> list[dict[str, Any]]:
        lines = [json.loads(line) for line in self.log.getvalue().splitlines()]
        return [line for line in lines if line["message"] == message]

    def writes(self) -> int:
        return len([request for request in self.fake.requests if request.method == "PUT"])


def entry(vpc_id: str, region: str = EAST) -> dict[str, Any]:
    return {"type": "vpc", "key": f"/aws/{region}/vpc/{vpc_id}", "policy": PROFESSIONAL}


@pytest.fixture
def environment() -> dict[str, str]:
    return ENVIRONMENT


@pytest.fixture
def hub(deliveries: Deliveries, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    with running(handler, environment, deliveries, monkeypatch) as (fake, log):
        yield Hub(fake, deliveries, log)


class TestScope:
    def test_brings_a_tagged_vpc_into_scope_and_says_so(self, hub: Hub) -> None:
        hub.register(MEMBER)
        vpc_id = hub.vpc(alertlogic="true", Name="shop")
        hub.vpc(Name="untagged")

        assert hub.deliver(event(vpc_id)) == 0

        assert hub.included() == [entry(vpc_id)]
        [line] = hub.lines("converged")
        [deployment] = hub.fake.deployments_of(MEMBER)
        assert line["account_id"] == MEMBER
        assert line["regions"] == [EAST]
        assert line["added"] == [f"/aws/{EAST}/vpc/{vpc_id}"]
        assert (line["removed"], line["retained"]) == ([], [])
        assert line["deployment_id"] == deployment["id"]
        assert line["correlation_id"] == raw_event("tag-change-vpc-added")["id"]
        assert line["event_ids"] == [line["correlation_id"]]

    def test_says_of_each_write_for_which_event_it_was(self, hub: Hub) -> None:
        for account_id in (MEMBER, OTHER):
            hub.register(account_id)
        first, second = hub.vpc(alertlogic="true"), hub.vpc(OTHER, alertlogic="true")

        assert hub.deliver(event(first, id="first"), event(second, OTHER, id="second")) == 0

        writes = [line for line in hub.lines("Alert Logic answered") if line["call"].startswith("PUT ")]
        assert [line["correlation_id"] for line in writes] == ["first", "second"]
        assert [line["correlation_id"] for line in hub.lines("converged")] == ["first", "second"]

    @pytest.mark.parametrize("name", ["create-vpc", "delete-vpc", "tag-change-vpc-removed"])
    def test_looks_at_what_is_there_and_not_at_what_the_event_says(self, hub: Hub, name: str) -> None:
        hub.register(MEMBER, entry("vpc-0abc0000000000001"))
        vpc_id = hub.vpc(alertlogic="true")

        assert hub.deliver(json.dumps(raw_event(name))) == 0
        assert hub.included() == [entry(vpc_id)]

    def test_works_off_a_burst_of_one_account_with_one_write(self, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
        hub.register(MEMBER)
        vpc_ids = [hub.vpc(region=region, alertlogic="true") for region in (EAST, WEST) for _ in range(4)]
        listed, assumed = calls_of(monkeypatch, "ec2", "DescribeVpcs"), calls_of(monkeypatch, "sts", "AssumeRole")
        events = [event(vpc_id, region=EAST if at < 4 else WEST) for at, vpc_id in enumerate(vpc_ids)]

        assert hub.deliver(*events, events[0], events[7]) == 0

        assert {it["key"].rpartition("/")[2] for it in hub.included()} == set(vpc_ids)
        calls = [(it.method, it.path.split("/")[4]) for it in hub.fake.requests if "deployments" in it.path]
        assert calls == [("GET", "deployments"), ("GET", "deployments"), ("PUT", "deployments")]
        assert len(hub.lines("converged")) == 1
        assert len(listed) == 2
        assert len(assumed) == 1

    def test_ends_right_whatever_the_order_of_events(self, hub: Hub) -> None:
        hub.register(MEMBER)
        vpc_id = hub.vpc(alertlogic="true")
        added, removed = event(vpc_id), json.dumps(raw_event("tag-change-vpc-removed"))
        hub.deliver(added)
        hub.tag(vpc_id, alertlogic="false")

        assert hub.deliver(removed, added, removed) == 0
        assert hub.deliver(added) == 0

        assert hub.included() == []
        assert hub.writes() == 2

    def test_ignores_a_region_that_nobody_governs(self, hub: Hub) -> None:
        hub.register(MEMBER)
        hub.vpc(region="eu-west-1", alertlogic="true")

        assert hub.deliver(event(region="eu-west-1")) == 0

        assert hub.fake.requests == []
        [line] = hub.lines("ignored")
        assert (line["account_id"], line["region"]) == (MEMBER, "eu-west-1")
        assert hub.deliveries.dead_letters() == []

    def test_counts_what_it_may_not_remove(self, hub: Hub, capsys: pytest.CaptureFixture[str]) -> None:
        hub.register(MEMBER, entry("vpc-01"), entry("vpc-02"), is_adopted=True)
        vpc_id = hub.vpc(alertlogic="true")

        assert hub.deliver(event(vpc_id)) == 0

        assert hub.included() == [entry("vpc-01"), entry("vpc-02"), entry(vpc_id)]
        [line] = hub.lines("converged")
        assert line["retained"] == [f"/aws/{EAST}/vpc/vpc-01", f"/aws/{EAST}/vpc/vpc-02"]
        [metric] = [json.loads(line) for line in capsys.readouterr().out.splitlines() if RETAINED_METRIC in line]
        assert metric[RETAINED_METRIC] == [2.0]
        assert metric["service"] == "vpc_scope"
        assert metric["_aws"]["CloudWatchMetrics"][0]["Namespace"] == NAMESPACE

    def test_warns_of_what_alert_logic_does_not_keep(self, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
        hub.register(MEMBER)
        vpc_id = hub.vpc(alertlogic="true")
        answered = handler.wire().alert_logic.deployments
        update = answered.update

        def forgetful(deployment_id: str, document: dict[str, Any]) -> Any:
            return update(deployment_id, document | {"scope": {"include": []}})

        monkeypatch.setattr(answered, "update", forgetful)

        assert hub.deliver(event(vpc_id)) == 0

        [line] = hub.lines("Alert Logic did not keep what was written")
        assert line["not_kept"] == [f"/aws/{EAST}/vpc/{vpc_id}"]
        assert hub.writes() == 1


class TestWaiting:
    def test_waits_for_the_registration_of_an_account(self, hub: Hub) -> None:
        hub.register(OTHER)
        vpc_id, others = hub.vpc(alertlogic="true"), hub.vpc(OTHER, alertlogic="true")

        assert hub.deliver(event(vpc_id), event(others, OTHER), age=PATIENCE_SECONDS - 60) == 1
        assert hub.included(OTHER) == [entry(others)]

        hub.register(MEMBER)
        assert hub.deliver(event(vpc_id), age=PATIENCE_SECONDS - 60) == 0
        assert hub.included() == [entry(vpc_id)]

    def test_waits_no_longer_than_a_registration_may_take(self, hub: Hub) -> None:
        assert hub.deliver(event(), age=PATIENCE_SECONDS + 1) == 0

        [line] = hub.lines("given up")
        assert line["account_id"] == MEMBER
        assert "no deployment" in line["reason"]
        assert hub.deliveries.dead_letters() == []

    @pytest.mark.parametrize(("age", "left"), [(PATIENCE_SECONDS - 60, 1), (PATIENCE_SECONDS + 1, 0)])
    def test_waits_as_long_for_a_reader_role(
        self, hub: Hub, monkeypatch: pytest.MonkeyPatch, age: float, left: int
    ) -> None:
        hub.register(MEMBER)
        answer_with_error(monkeypatch, "sts", "AssumeRole", "AccessDenied", status=403)

        assert hub.deliver(event(), age=age) == left
        assert len(hub.deliveries.dead_letters()) == 1 - left

    def test_gives_up_on_an_account_that_has_left(self, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
        hub.register(MEMBER)
        hub.fake.deployments_of(MEMBER)[0]["enabled"] = False
        answer_with_error(monkeypatch, "sts", "AssumeRole", "AccessDenied", status=403)

        assert hub.deliver(event(), age=PATIENCE_SECONDS + 1) == 0
        assert hub.deliveries.dead_letters() == []
        [line] = hub.lines("given up")
        assert "disabled" in line["reason"]

    def test_waits_with_a_region_that_cannot_be_read(self, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
        hub.register(MEMBER, entry("vpc-0def"))
        answer_with_error(monkeypatch, "ec2", "DescribeVpcs", "UnauthorizedOperation", status=403)

        assert hub.deliver(event(), event(region="eu-west-1"), age=10 * PATIENCE_SECONDS) == 1

        [line] = hub.lines("message waits")
        assert f"{MEMBER} in {EAST} cannot be read: UnauthorizedOperation" in line["reason"]
        assert hub.included() == [entry("vpc-0def")]

    @pytest.mark.parametrize("status", [401, 409, 503])
    def test_waits_for_alert_logic(self, hub: Hub, monkeypatch: pytest.MonkeyPatch, status: int) -> None:
        hub.register(MEMBER)
        vpc_id = hub.vpc(alertlogic="true")
        monkeypatch.setattr(handler.wire().convergence, "_sleep", lambda _: None)
        hub.fake.fail(status)

        assert hub.deliver(event(vpc_id), age=10 * PATIENCE_SECONDS, received=700) == 1
        assert hub.deliveries.dead_letters() == []

        hub.fake.recover()
        assert hub.deliver(event(vpc_id)) == 0
        assert hub.included() == [entry(vpc_id)]

    def test_keeps_time_to_put_messages_back(self, hub: Hub) -> None:
        hub.register(MEMBER)

        assert hub.deliver(event(), remaining_ms=RESERVED_SECONDS * 1000 + 2_000) == 1
        assert hub.fake.requests == []


class TestRefusal:
    def test_sets_bad_events_aside_and_goes_on_with_their_neighbors(self, hub: Hub) -> None:
        hub.register(MEMBER)
        vpc_id = hub.vpc(alertlogic="true")
        contradiction, nameless = (
            event(vpc_id, region=WEST, resources=[f"arn:aws:ec2:{EAST}:{MEMBER}:vpc/v"]),
            event(""),
        )

        assert hub.deliver("no JSON", contradiction, event(vpc_id), nameless) == 0

        assert hub.included() == [entry(vpc_id)]
        letters = dict(hub.deliveries.dead_letters())
        assert set(letters) == {"no JSON", contradiction, nameless}
        assert "not a VPC under" in letters[contradiction]

    def test_refuses_everything_for_want_of_a_policy(self, hub: Hub) -> None:
        hub.register(MEMBER, entry("vpc-0abc"))
        hub.fake.policies = [policy for policy in hub.fake.policies if policy["name"] != "Professional"]

        assert hub.deliver(event(), event(region=WEST)) == 0

        assert [reason.split(",")[0] for _, reason in hub.deliveries.dead_letters()] == [
            "Alert Logic has no policy 'Professional' for this customer"
        ] * 2
        assert hub.included() == [entry("vpc-0abc")]

    def test_refuses_what_alert_logic_rejects(self, hub: Hub) -> None:
        hub.register(MEMBER)
        hub.fake.fail(400, method="PUT", body={"message": "the scope is too long"})

        assert hub.deliver(event(hub.vpc(alertlogic="true"))) == 0

        [(_, reason)] = hub.deliveries.dead_letters()
        assert "the scope is too long" in reason


class TestAlone:
    """A single account without a hub, whose own VPCs are read with the function's own role."""

    @pytest.fixture
    def environment(self) -> dict[str, str]:
        return ENVIRONMENT | {"READER_ROLE_NAME": ""}

    def test_reads_its_own_account_without_a_role(self, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
        hub.register(OWN)
        vpc_id = client("ec2", region_name=WEST).create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        client("ec2", region_name=WEST).create_tags(Resources=[vpc_id], Tags=[{"Key": "Env", "Value": "any"}])
        assumed = calls_of(monkeypatch, "sts", "AssumeRole")

        assert hub.deliver(event(vpc_id, OWN, WEST)) == 0

        assert hub.included(OWN) == [entry(vpc_id, WEST)]
        assert assumed == []

    def test_refuses_an_event_of_another_account(self, hub: Hub) -> None:
        hub.register(MEMBER)

        assert hub.deliver(event()) == 0

        [(_, reason)] = hub.deliveries.dead_letters()
        assert f"of account {MEMBER}; only {OWN} is looked after" in reason
        assert hub.fake.requests == []
