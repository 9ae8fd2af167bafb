from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from account_registration.central_logs import MONITOR, CentralLink
from account_registration.document import amended, amended_scope, disabled, relinked
from tests.lambda_src.account_registration.registrations import (
    ACCOUNT,
    NOT_LINKED,
    POLICY_IDS,
    REGISTRATION,
    TAGGED,
    WHOLE,
    applied_to,
    entry,
    links_of,
    made_for,
    vpc,
    vpc_key,
)

if TYPE_CHECKING:
    from account_registration.order import Scope

EAST, WEST = "/aws/us-east-1", "/aws/us-west-2"
TAGGED_REGISTRATION = replace(REGISTRATION, scope=TAGGED)


class TestNew:
    def test_is_what_the_vendor_s_own_automation_sends(self) -> None:
        assert made_for(REGISTRATION, "c1") == {
            "name": "shop",
            "platform": {"type": "aws", "id": ACCOUNT},
            "mode": "automatic",
            "enabled": True,
            "discover": True,
            "scan": True,
            "credentials": [{"id": "c1", "purpose": "discover"}],
            "scope": {
                "include": [
                    {"type": "region", "key": "/aws/us-east-1", "policy": {"id": "policy-professional"}},
                    {"type": "region", "key": "/aws/us-west-2", "policy": {"id": "policy-professional"}},
                ],
                "exclude": [],
            },
            "is_control_tower": True,
            "control_tower": {
                "org": {"org_id": "o-exampleorg1", "residency": "us-east-1", "master_account": "111111111111"},
                "is_master_account": False,
            },
        }

    def test_has_neither_landing_zone_nor_regions_where_there_are_none(self) -> None:
        document = made_for(replace(REGISTRATION, control_tower=None, scope=replace(WHOLE, regions=())), "c1")

        assert document["scope"] == {"include": [], "exclude": []}
        assert "is_control_tower" not in document
        assert "control_tower" not in document

    def test_includes_the_vpcs_that_are_tagged(self) -> None:
        vpcs = {
            "us-east-1": [vpc("vpc-1", alertlogic="true"), vpc("vpc-2", alertlogic="false"), vpc("vpc-3")],
            "us-west-2": [vpc("vpc-4", alertlogic="true")],
        }
        document = made_for(TAGGED_REGISTRATION, "c1", vpcs=vpcs)

        assert document["scope"]["include"] == [entry(vpc_key("vpc-1")), entry(vpc_key("vpc-4", "us-west-2"))]


class TestAmended:
    @pytest.mark.parametrize("is_ours", [True, False])
    def test_keeps_all_that_belongs_to_the_user(self, *, is_ours: bool) -> None:
        host = {"type": "host", "key": "/aws/us-east-1/host/i-1", "policy": {"id": "policy-essentials"}}
        one_vpc = entry(vpc_key("vpc-1"), "policy-essentials")
        other_region = entry("/aws/eu-west-1", "policy-essentials")
        own_region = {"type": "region", "key": WEST, "policy": {"id": "x", "name": "kept"}, "note": "kept"}
        document: dict[str, Any] = {
            "name": "their name",
            "platform": {"type": "aws", "id": ACCOUNT, "monitor": {"enabled": True}},
            "mode": "readonly",
            "enabled": False,
            "discover": False,
            "scan": False,
            "features": {"scan": []},
            "from_the_future": 1,
            "credentials": [
                {"id": "central", "purpose": "x-account-monitor"},
                {"id": "theirs", "purpose": "discover", "version": "2020-01-01"},
            ],
            "scope": {
                "include": [host, one_vpc, other_region, own_region],
                "exclude": [{"type": "vpc", "key": "k"}],
                "more": 1,
            },
            "control_tower": {"org": {"note": "kept"}, "is_master_account": True, "note": "kept"},
            "version": 3,
        }

        changed = applied_to(document, REGISTRATION, "c1", is_ours=is_ours)

        ours = {**own_region, "policy": {"id": "policy-professional", "name": "kept"}}
        assert changed == {
            **document,
            "mode": "automatic",
            "enabled": True,
            "credentials": [{"id": "central", "purpose": "x-account-monitor"}, {"id": "c1", "purpose": "discover"}],
            "scope": {
                **document["scope"],
                "include": [host, one_vpc, other_region, ours if is_ours else own_region, entry(EAST)],
            },
            "is_control_tower": True,
            "control_tower": {
                "org": {
                    "note": "kept",
                    "org_id": "o-exampleorg1",
                    "residency": "us-east-1",
                    "master_account": "111111111111",
                },
                "is_master_account": False,
                "note": "kept",
            },
        }

    def test_keeps_what_alert_logic_wrote_beside_the_link(self) -> None:
        link = {"id": "c1", "purpose": "discover", "version": "2020-01-01"}

        changed = amended(
            {"credentials": [link]}, REGISTRATION, credential_id="c1", central_link=NOT_LINKED, include=[]
        )

        assert changed["credentials"] == [link]
        assert "scope" not in changed

    @pytest.mark.parametrize(
        ("linked", "expected"),
        [
            ([], ["shared"]),
            (["later"], ["shared"]),
            (["theirs", "later"], ["shared"]),
            (["later", "shared"], ["shared"]),
        ],
    )
    def test_links_one_credential_for_the_central_logs(self, linked: list[str], expected: list[str]) -> None:
        document = {"credentials": links_of("discover", "c1") + links_of(MONITOR, *linked)}
        link = CentralLink("shared", frozenset({"later"}))

        changed = applied_to(document, REGISTRATION, "c1", central_link=link)

        assert changed["credentials"] == links_of("discover", "c1") + links_of(MONITOR, *expected)

    def test_unlinks_only_credentials_of_ours(self) -> None:
        document = {"credentials": links_of(MONITOR, "ours", "theirs") + links_of("discover", "ours", "c1")}
        link = CentralLink(unwanted=frozenset({"ours"}))

        changed = applied_to(document, REGISTRATION, "c1", central_link=link)

        assert changed["credentials"] == links_of(MONITOR, "theirs") + links_of("discover", "c1")

    def test_disabling_changes_nothing_else(self) -> None:
        assert disabled({"enabled": True, "mode": "manual"}) == {"enabled": False, "mode": "manual"}


class TestRelinked:
    LINK = CentralLink("shared", frozenset({"later"}))

    def test_changes_the_central_link_alone(self) -> None:
        document = {"mode": "manual", "credentials": links_of(MONITOR, "later") + links_of("discover", "later")}

        assert relinked(document, self.LINK) == {
            "mode": "manual",
            "credentials": links_of("discover", "later") + links_of(MONITOR, "shared"),
        }

    @pytest.mark.parametrize(
        "credentials",
        [
            {},
            {"credentials": []},
            {"credentials": links_of(MONITOR, "theirs")},
            {"credentials": links_of("discover", "later")},
        ],
    )
    def test_leaves_a_deployment_that_links_no_unwanted_one_any_more(self, credentials: dict[str, Any]) -> None:
        assert relinked({"mode": "manual", **credentials}, self.LINK) == {"mode": "manual", **credentials}


class TestFormerScope:
    """What was ordered before and no longer is, in a deployment of ours, in one that was there before, and pruned."""

    @pytest.mark.parametrize(("is_ours", "prune"), [(True, False), (False, False), (False, True)])
    @pytest.mark.parametrize(
        ("scope", "dropped", "added"),
        [
            (
                replace(TAGGED, tag_regions=("us-east-1",), former_regions=("us-east-1", "us-west-2")),
                [EAST, WEST, vpc_key("vpc-2")],
                [vpc_key("vpc-1")],
            ),
            (replace(WHOLE, regions=("us-east-1",), former_regions=("us-west-2",)), [WEST], []),
            (
                replace(WHOLE, former_tag_regions=("us-east-1", "us-west-2")),
                [vpc_key("vpc-2"), vpc_key("vpc-3", "us-west-2")],
                [],
            ),
            (
                replace(TAGGED, tag_regions=("us-east-1",), former_tag_regions=("us-west-2",)),
                [vpc_key("vpc-2"), vpc_key("vpc-3", "us-west-2")],
                [vpc_key("vpc-1")],
            ),
        ],
        ids=["regions to tags", "region dropped", "tags to regions", "tag region dropped"],
    )
    def test_goes_only_where_it_may(
        self, scope: Scope, dropped: list[str], added: list[str], *, is_ours: bool, prune: bool
    ) -> None:
        before = [EAST, WEST, vpc_key("vpc-2"), vpc_key("vpc-3", "us-west-2"), vpc_key("vpc-9", "eu-west-1")]
        document = {"scope": {"include": [entry(key) for key in before]}}
        order = replace(REGISTRATION, scope=replace(scope, prune=prune))
        vpcs = {region: [vpc("vpc-1", alertlogic="true"), vpc("vpc-2")] for region in scope.tag_regions}

        amendment = amended_scope(document, order, vpcs=vpcs, policy_ids=POLICY_IDS, is_ours=is_ours)

        goes = is_ours or prune
        assert set(amendment.removed) == (set(dropped) if goes else set())
        assert set(amendment.retained) == (set() if goes else set(dropped))
        assert list(amendment.added) == added
        kept = [key for key in before if not (goes and key in dropped)]
        assert [it["key"] for it in amendment.include] == [*kept, *added]

    def test_of_a_region_that_cannot_be_read_now_stays(self) -> None:
        document = {"scope": {"include": [entry(vpc_key("vpc-1")), entry(vpc_key("vpc-2", "us-west-2"))]}}

        amendment = amended_scope(
            document, TAGGED_REGISTRATION, vpcs={"us-east-1": []}, policy_ids=POLICY_IDS, is_ours=True
        )

        assert [it["key"] for it in amendment.include] == [vpc_key("vpc-2", "us-west-2")]
