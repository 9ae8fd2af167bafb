"""What is planted in each place is found there."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.rehearsal.alertlogic import ACCESS_KEY_ID, SECRET_KEY
from tests.rehearsal.custom_resources import CustomRequest, response_url
from tests.rehearsal.principals import Operator, account_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.rehearsal import Rehearsal

LABEL = "guardduty_findings"


def in_a_template(rehearsal: Rehearsal, secret: str) -> None:
    stack = rehearsal.stack("AlertLogic-Security")
    stack.body = stack.body | {"Description": secret}


def in_a_status_reason(rehearsal: Rehearsal, secret: str) -> None:
    rehearsal.stack("AlertLogic-Security").reason = secret


def in_an_environment(rehearsal: Rehearsal, secret: str) -> None:
    rehearsal.functions.labeled(LABEL).environment["PLANTED"] = secret


def in_an_exception(rehearsal: Rehearsal, secret: str) -> None:
    rehearsal.functions.labeled(LABEL).errors.append(f"ValueError: {secret}")


def in_a_log(rehearsal: Rehearsal, secret: str) -> None:
    with rehearsal.functions._log_path(rehearsal.functions.labeled(LABEL)).open("a", encoding="utf-8") as log:
        log.write(f'{{"message": "planted {secret}"}}\n')


def in_a_dead_letter(rehearsal: Rehearsal, secret: str) -> None:
    url = rehearsal.functions.labeled(LABEL).environment["DEAD_LETTER_QUEUE_URL"]
    reason = {"DataType": "String", "StringValue": secret}
    sqs = rehearsal.client("sqs", rehearsal.zone.security)
    sqs.send_message(QueueUrl=url, MessageBody="any", MessageAttributes={"reason": reason})


def in_an_answer(rehearsal: Rehearsal, secret: str) -> None:
    rehearsal.custom_resources.requests.append(CustomRequest({}, deadline=0, answer={"Reason": secret}))


def in_a_table(rehearsal: Rehearsal, secret: str) -> None:
    table = rehearsal._only("AWS::DynamoDB::Table").physical_id
    item = {"account_id": {"S": "222222222222"}, "item": {"S": secret}}
    rehearsal.client("dynamodb", rehearsal.zone.security).put_item(TableName=table, Item=item)


def in_the_status(rehearsal: Rehearsal, secret: str) -> None:
    s3 = rehearsal.client("s3", rehearsal.zone.security)
    s3.put_object(Bucket=rehearsal.status_bucket, Key="planted.json", Body=json.dumps({"reason": secret}))


def in_a_parameter(rehearsal: Rehearsal, secret: str) -> None:
    ssm = rehearsal.client("ssm", rehearsal.zone.security)
    ssm.put_parameter(Name="planted", Type="String", Value=secret)


PLACES = (
    in_a_template,
    in_a_status_reason,
    in_an_environment,
    in_an_exception,
    in_a_log,
    in_a_dead_letter,
    in_an_answer,
    in_a_table,
    in_the_status,
    in_a_parameter,
)


def test_a_stack_shows_nothing(security: Rehearsal) -> None:
    assert security.status()

    security.leaks.look()

    assert security.leaks.found == {}
    assert security.leaks.searched["log"] > 1000


@pytest.mark.parametrize("plant", PLACES, ids=lambda plant: plant.__name__)
def test_a_secret_is_found_wherever_it_shows(security: Rehearsal, plant: Callable[[Rehearsal, str], None]) -> None:
    before = dict(security.leaks.found)
    plant(security, f"it is {SECRET_KEY}!")

    security.leaks.look()

    found = [one for one in security.leaks.found if one not in before]
    assert found
    assert all(one.endswith(" shows a secret key") for one in found)


def test_every_kind_of_secret_is_found(security: Rehearsal) -> None:
    operator = Operator(account_of(security.secret))
    credentials = security.gateway.credentials(operator)
    url = response_url("arn:aws:cloudformation:us-east-1:222222222222:stack/any/0", "Any", 1)
    security.proxy.refused += [ACCESS_KEY_ID, url, credentials["SecretAccessKey"], credentials["SessionToken"]]
    security.alert_logic.set_access_key("another", "another secret")
    security.functions.labeled(LABEL).errors.append("another secret")

    security.leaks.look()
    security.proxy.refused.clear()

    assert {one.partition(" shows ")[2] for one in security.leaks.found} >= {
        "the id of an access key",
        "a secret key",
        "the query of a pre-signed URL",
        "the signature of a pre-signed URL",
        "the secret key of a session",
        "the token of a session",
    }


def test_the_log_of_a_function_that_goes_is_read_before(security: Rehearsal) -> None:
    function = security.functions.labeled("vpc_scope")
    log = security.functions._log_path(function)
    log.write_text(f"{SECRET_KEY}\n", encoding="utf-8")

    security.functions.before_removal(log)

    assert f"log of {function.name} shows a secret key" in security.leaks.found
