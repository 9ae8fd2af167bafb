from __future__ import annotations

import json
from typing import Any

import pytest

from account_registration.properties import registration_of
from aws.queue import Refused
from tests.lambda_src.account_registration.cloudformation_requests import (
    MEMBER,
    REGISTRATION_ID,
    continued,
    read,
    request,
)
from tests.lambda_src.custom_resources import SIGNATURE
from tests.lambda_src.deliveries import raw_event

# A message of another form.
UNREADABLE = r"^the message is not a request, an event or an errand$"


class TestRead:
    @pytest.mark.parametrize("name", ["create", "update", "delete"])
    def test_reads_what_cloudformation_sends(self, name: str) -> None:
        parsed = read(json.dumps(raw_event(f"registration-{name}")))

        assert parsed.type == name.capitalize()
        assert (parsed.stack_id.account_id, parsed.stack_id.region) == (MEMBER, "us-east-1")
        assert parsed.physical_resource_id == (None if name == "create" else REGISTRATION_ID)
        assert not parsed.is_continued

    @pytest.mark.parametrize(
        "body",
        ["", "no JSON", "null", "[]", "{}", '{"Type": "Notification"}', '{"Type": "Notification", "Message": 1}',
         '{"Type": "Notification", "Message": "no JSON"}', '{"Type": "Notification", "Message": "[]"}',
         '{"Type": "SubscriptionConfirmation", "Message": "{}"}', '{"Continue": "Create"}', '{"Continue": []}'],
    )  # fmt: skip
    def test_refuses_what_is_no_request(self, body: str) -> None:
        with pytest.raises(Refused, match=r"^the message is "):
            read(body)

    @pytest.mark.parametrize(
        "name", ["RequestType", "RequestId", "StackId", "ResponseURL", "LogicalResourceId", "ResourceProperties"]
    )
    def test_refuses_a_request_that_cannot_be_answered(self, name: str) -> None:
        body = raw_event("registration-create")
        document = json.loads(body["Message"])
        del document[name]

        with pytest.raises(Refused, match=name):
            read(json.dumps(body | {"Message": json.dumps(document)}))
        with pytest.raises(Refused, match=UNREADABLE):
            read(json.dumps(body | {"Message": json.dumps(document | {name: 5})}))

    @pytest.mark.parametrize("request_type", ["Update", "Delete"])
    def test_refuses_a_request_without_the_physical_id_that_it_is_about(self, request_type: Any) -> None:
        with pytest.raises(Refused, match="PhysicalResourceId"):
            request(request_type, changes={"PhysicalResourceId": None})

    @pytest.mark.parametrize("request_type", ["Replace", "create", "", None])
    def test_refuses_an_unknown_type(self, request_type: str | None) -> None:
        with pytest.raises(Refused, match=r"unknown type|'RequestType' is missing"):
            request(changes={"RequestType": request_type})

    @pytest.mark.parametrize(
        "stack_id",
        [
            "member",
            "arn:aws:cloudformation:us-east-1:5555:stack/a/b",
            "arn:aws:s3:us-east-1:555555555555:stack/a/b",
            "arn:aws:cloudformation:us-east-1:555555555555:stackset/a:b",
            "arn:aws:cloudformation:us-east-1:555555555555:stack/a/b\n",
        ],
    )
    def test_refuses_what_is_no_stack(self, stack_id: str) -> None:
        with pytest.raises(Refused, match="StackId"):
            request(changes={"StackId": stack_id})

    def test_reads_a_continued_request_which_knows_no_url(self) -> None:
        original = request("Update", old={"ScopeRegions": ["eu-west-1"]})
        body = original.continuation(stack_changed_at="2026-01-15T12:00:00+00:00")

        parsed = read(body)

        assert SIGNATURE not in body
        assert parsed.is_continued
        assert parsed.stack_changed_at == "2026-01-15T12:00:00+00:00"
        assert (parsed.type, parsed.id, parsed.stack_id) == (original.type, original.id, original.stack_id)
        assert parsed.physical_resource_id == REGISTRATION_ID
        assert registration_of(parsed) == registration_of(original)
        assert registration_of(parsed).scope.former_regions == ("eu-west-1",)

    def test_reads_a_continued_request_of_before_there_were_old_properties(self) -> None:
        body = json.loads(request("Update").continuation(stack_changed_at="then"))
        del body["OldResourceProperties"]

        assert read(json.dumps(body)).old_properties == {}

    def test_refuses_old_properties_that_are_none(self) -> None:
        with pytest.raises(Refused, match=UNREADABLE):
            request("Update", changes={"OldResourceProperties": "none"})

    def test_does_not_take_a_request_of_the_topic_for_a_continued_one(self) -> None:
        forged = raw_event("registration-create")
        forged["Message"] = request().continuation(stack_changed_at="then")

        with pytest.raises(Refused, match="'RequestType' is missing"):
            read(json.dumps(forged))

    def test_shows_neither_url_nor_properties(self) -> None:
        assert SIGNATURE not in repr(request())
        assert "RoleArn" not in repr(request("Update"))


@pytest.mark.parametrize("physical_id", [f"unregistered/{MEMBER}", "registration/666666666666", "", "2026/01/15/log"])
def test_knows_the_delete_of_what_it_never_made(physical_id: str) -> None:
    assert request("Delete", changes={"PhysicalResourceId": physical_id}).is_foreign_delete
    assert not request("Delete").is_foreign_delete
    assert not continued("Delete").is_foreign_delete
