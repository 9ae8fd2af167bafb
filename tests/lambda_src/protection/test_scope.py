from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aws.vpcs import Vpc
from protection.scope import Claim, VpcTag, amend, claim_regions, claim_vpcs, tags_of

if TYPE_CHECKING:
    from random import Random

EAST, WEST, ELSEWHERE = "us-east-1", "us-west-2", "eu-west-1"
TAG = VpcTag("alertlogic", "true")


def vpc_entry(vpc_id: str, region: str = EAST, policy_id: str = "policy") -> dict[str, Any]:
    return {"type": "vpc", "key": f"/aws/{region}/vpc/{vpc_id}", "policy": {"id": policy_id}}


def region_entry(region: str = EAST, policy_id: str = "policy") -> dict[str, Any]:
    return {"type": "region", "key": f"/aws/{region}", "policy": {"id": policy_id}}


class TestTag:
    @pytest.mark.parametrize(
        ("tag", "tags", "expected"),
        [
            (TAG, {"alertlogic": "true", "Name": "shop"}, True),
            (TAG, {"alertlogic": "True"}, False),
            (TAG, {"AlertLogic": "true"}, False),
            (TAG, {"Name": "alertlogic"}, False),
            (TAG, {}, False),
            (VpcTag("Env", "Pro"), {"Env": "Prod"}, False),
            (VpcTag("Env", "Prod"), {"Env": "Pro"}, False),
            (VpcTag("Env", ""), {"Env": ""}, True),
            (VpcTag("Env", ""), {}, False),
            (VpcTag("Env", "*"), {"Env": ""}, True),
            (VpcTag("Env", "*"), {"Env": "*"}, True),
            (VpcTag("Env", "*"), {"Environment": "x"}, False),
            (VpcTag("Env", "Pro*"), {"Env": "Prod"}, False),
        ],
    )
    def test_is_on_a_vpc_with_exactly_this_key_and_value(
        self, tag: VpcTag, tags: dict[str, str], *, expected: bool
    ) -> None:
        assert tag.is_on(Vpc("vpc-1", tags)) is expected

    def test_is_read_from_documents_once_each(self) -> None:
        documents = [{"Key": "Env", "Value": "*"}, {"Key": "alertlogic", "Value": ""}, {"Key": "Env", "Value": "*"}]

        assert tags_of(documents) == (VpcTag("Env", "*"), VpcTag("alertlogic", ""))
        assert tags_of([]) == ()

    @pytest.mark.parametrize(
        "documents",
        [
            None,
            {"Key": "Env", "Value": "Prod"},
            ["Env"],
            [{"Key": "Env"}],
            [{"Key": "", "Value": "Prod"}],
            [{"Key": "Env", "Value": True}],
            [{"Key": "Env", "Value": "Prod", "Other": ""}],
        ],
    )
    def test_is_not_read_from_anything_else(self, documents: object) -> None:
        with pytest.raises(ValueError, match="is not a list of tags"):
            tags_of(documents)


class TestClaims:
    def test_claims_a_vpc_once_that_has_two_of_the_tags(self) -> None:
        vpcs = {
            EAST: (Vpc("vpc-1", {"alertlogic": "true", "Env": "Prod"}), Vpc("vpc-2", {"Env": "Pro"})),
            WEST: (Vpc("vpc-3", {"Env": "Prod"}),),
        }

        claim = claim_vpcs(vpcs, (TAG, VpcTag("Env", "Prod")))

        keys = frozenset({f"/aws/{EAST}/vpc/vpc-1", f"/aws/{WEST}/vpc/vpc-3"})
        assert claim == Claim("vpc", keys, frozenset({EAST, WEST}))

    def test_claims_regions_in_which_nothing_is_wanted_any_more(self) -> None:
        assert claim_vpcs({EAST: ()}, (), formerly=(WEST,)) == Claim("vpc", frozenset(), frozenset({EAST, WEST}))
        assert claim_regions((EAST,), formerly=(WEST,)) == Claim(
            "region", frozenset({f"/aws/{EAST}"}), frozenset({EAST, WEST})
        )

    @pytest.mark.parametrize(
        ("entry", "expected"),
        [
            (vpc_entry("vpc-1"), True),
            (vpc_entry("vpc-1", ELSEWHERE), False),
            (region_entry(EAST), False),
            ({"type": "vpc", "key": "/azure/us-east-1/vnet/x"}, False),
            ({"type": "vpc", "key": "/aws"}, False),
            ({"type": "vpc"}, False),
            ({"type": "host", "key": f"/aws/{EAST}/host/i-1"}, False),
            ({"type": "deployment"}, False),
            ({}, False),
        ],
    )
    def test_covers_entries_of_its_type_in_its_regions(self, entry: dict[str, Any], *, expected: bool) -> None:
        assert claim_vpcs({EAST: ()}, (TAG,)).covers(entry) is expected


class TestAmend:
    def test_adds_removes_and_brings_the_policy(self) -> None:
        include = [vpc_entry("vpc-1", policy_id="old") | {"note": "kept"}, vpc_entry("vpc-2"), region_entry(WEST)]
        claims = [
            claim_vpcs({EAST: (Vpc("vpc-1", {"alertlogic": "true"}), Vpc("vpc-3", {"alertlogic": "true"}))}, (TAG,)),
            claim_regions((ELSEWHERE,), formerly=(WEST,)),
        ]

        amendment = amend(include, claims, policy_id="policy", is_ours=True)

        added = [vpc_entry("vpc-3"), region_entry(ELSEWHERE)]
        assert amendment.include == [vpc_entry("vpc-1") | {"note": "kept"}, *added]
        assert amendment.added == (f"/aws/{EAST}/vpc/vpc-3", f"/aws/{ELSEWHERE}")
        assert amendment.removed == (f"/aws/{EAST}/vpc/vpc-2", f"/aws/{WEST}")
        assert amendment.retained == ()

    def test_only_adds_to_what_is_not_ours(self) -> None:
        include = [vpc_entry("vpc-1", policy_id="old"), vpc_entry("vpc-2"), vpc_entry("vpc-1", policy_id="older")]
        claim = claim_vpcs({EAST: [Vpc(f"vpc-{n}", {"alertlogic": "true"}) for n in (1, 3)]}, (TAG,))

        amendment = amend(include, [claim], policy_id="policy", is_ours=False)

        assert amendment.include == [*include, vpc_entry("vpc-3")]
        assert (amendment.added, amendment.removed) == ((f"/aws/{EAST}/vpc/vpc-3",), ())
        assert amendment.retained == (f"/aws/{EAST}/vpc/vpc-2",)

    def test_keeps_one_of_two_entries_that_are_the_same(self) -> None:
        claim = claim_vpcs({EAST: [Vpc("vpc-1", {"alertlogic": "true"})]}, (TAG,))
        twice = [vpc_entry("vpc-1"), vpc_entry("vpc-1")]

        assert amend(twice, [claim], policy_id="policy", is_ours=True).include == [vpc_entry("vpc-1")]

    def test_gives_a_policy_to_an_entry_without_one(self) -> None:
        claim = claim_regions((EAST,))
        bare = {"type": "region", "key": f"/aws/{EAST}"}

        assert amend([bare], [claim], policy_id="policy", is_ours=True).include == [region_entry()]

    def test_takes_an_entry_of_another_type_for_something_else(self) -> None:
        claim = claim_vpcs({EAST: [Vpc("vpc-1", {"alertlogic": "true"})]}, (TAG,))
        other = vpc_entry("vpc-1") | {"type": "host"}

        assert amend([other, vpc_entry("vpc-1")], [claim], policy_id="policy", is_ours=True).include == [
            other,
            vpc_entry("vpc-1"),
        ]
        assert amend([other], [claim], policy_id="policy", is_ours=True).include == [other, vpc_entry("vpc-1")]


regions = st.sampled_from((EAST, WEST, ELSEWHERE))
vpc_ids = st.sampled_from(("vpc-1", "vpc-2", "vpc-3"))
entries = st.one_of(
    st.builds(vpc_entry, vpc_ids, regions, st.sampled_from(("policy", "old"))),
    st.builds(region_entry, regions),
    st.fixed_dictionaries({"type": st.just("host"), "key": st.builds("/aws/{}/host/i-1".format, regions)}),
    st.just({"type": "deployment"}),
)
includes = st.lists(entries, max_size=8)
wanted_vpcs = st.dictionaries(
    st.sampled_from((EAST, WEST)),
    st.lists(
        st.builds(Vpc, vpc_ids, st.sampled_from(({"alertlogic": "true"}, {}))), unique_by=lambda vpc: vpc.id, max_size=3
    ),
    max_size=2,
)


@given(includes, wanted_vpcs, st.booleans())
def test_changes_nothing_the_second_time(
    include: list[dict[str, Any]],
    vpcs: dict[str, list[Vpc]],
    is_ours: bool,  # noqa: FBT001 - drawn
) -> None:
    claims = [claim_vpcs(vpcs, (TAG,))]
    once = amend(include, claims, policy_id="policy", is_ours=is_ours)

    again = amend(once.include, claims, policy_id="policy", is_ours=is_ours)

    assert again.include == once.include
    assert (again.added, again.removed, again.retained) == ((), (), once.retained)


@given(includes, wanted_vpcs, st.booleans(), st.randoms(use_true_random=False))
def test_does_not_depend_on_the_order_of_vpcs(
    include: list[dict[str, Any]],
    vpcs: dict[str, list[Vpc]],
    is_ours: bool,  # noqa: FBT001 - drawn
    order: Random,
) -> None:
    shuffled = {region: order.sample(there, len(there)) for region, there in reversed(vpcs.items())}

    amendments = [
        amend(include, [claim_vpcs(it, (TAG,))], policy_id="policy", is_ours=is_ours) for it in (vpcs, shuffled)
    ]

    assert amendments[0] == amendments[1]


@given(includes, wanted_vpcs, st.booleans())
def test_holds_what_is_wanted_and_leaves_the_rest_byte_for_byte(
    include: list[dict[str, Any]],
    vpcs: dict[str, list[Vpc]],
    is_ours: bool,  # noqa: FBT001 - drawn
) -> None:
    claim = claim_vpcs(vpcs, (TAG,))
    before = copy.deepcopy(include)

    after = amend(include, [claim], policy_id="policy", is_ours=is_ours).include

    assert include == before
    untouched = [[json.dumps(it) for it in entries if not claim.covers(it)] for entries in (before, after)]
    assert untouched[0] == untouched[1]
    covered = [it["key"] for it in after if claim.covers(it)]
    if is_ours:
        assert sorted(covered) == sorted(claim.keys)
    else:
        assert after[: len(before)] == before
        assert claim.keys <= set(covered)
