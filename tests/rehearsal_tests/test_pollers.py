"""Lambda's pollers hand messages over as event source mappings say."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from tests.rehearsal import Rehearsal
from tests.rehearsal.authority import ALLOW_ALL
from tests.rehearsal.pollers import LARGEST_BATCH_BYTES, batches_of, done_of
from tests.rehearsal.principals import Operator

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    from tests.rehearsal.templates import Json


@pytest.mark.parametrize(
    ("result", "done"),
    [
        (None, {"a", "b"}),
        ({}, {"a", "b"}),
        ({"batchItemFailures": []}, {"a", "b"}),
        ({"batchItemFailures": None}, {"a", "b"}),
        ({"batchItemFailures": [{"itemIdentifier": "a"}]}, {"b"}),
        ({"batchItemFailures": [{"itemIdentifier": "a"}, {"itemIdentifier": "unknown"}]}, set()),
        ({"batchItemFailures": [{"itemIdentifier": None}]}, set()),
        ({"batchItemFailures": [{"identifier": "a"}]}, set()),
        ({"failures": []}, set()),
        ("text", set()),
    ],
)
def test_which_messages_leave_the_queue(result: Any, done: set[str]) -> None:
    assert done_of(["a", "b"], result) == done


QUEUE = "arn:aws:sqs:us-east-1:444444444444:numbers"
HANDLER = "def lambda_handler(event, context):\n    print(len(event['Records']))\n"
LAMBDA = {"Service": "lambda.amazonaws.com"}
TRUST: Json = {"Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": LAMBDA}]}
TEMPLATE: Json = {
    "Resources": {
        "Queue": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "numbers"}},
        "Role": {
            "Type": "AWS::IAM::Role",
            "Properties": {
                "AssumeRolePolicyDocument": TRUST,
                "Policies": [{"PolicyName": "All", "PolicyDocument": ALLOW_ALL}],
            },
        },
        "Function": {
            "Type": "AWS::Lambda::Function",
            "Properties": {
                "Role": {"Fn::GetAtt": ["Role", "Arn"]},
                "Runtime": "python3.13",
                "Handler": "counting.handler.lambda_handler",
                "Environment": {"Variables": {}},
                "Code": {"S3Key": "counting.zip"},
            },
        },
        "Source": {
            "Type": "AWS::Lambda::EventSourceMapping",
            "Properties": {
                "EventSourceArn": {"Fn::GetAtt": ["Queue", "Arn"]},
                "FunctionName": {"Ref": "Function"},
                "BatchSize": 25,
                "MaximumBatchingWindowInSeconds": 30,
            },
        },
    }
}


@pytest.fixture
def counting(tmp_path: Path) -> Generator[Rehearsal]:
    """A landing zone with a function that prints how many messages it gets: 25, or what came within 30 seconds."""
    handler = tmp_path / "counting/handler.py"
    handler.parent.mkdir()
    handler.write_text(HANDLER)
    with Rehearsal() as rehearsal:
        rehearsal.functions.assets["counting.zip"] = tmp_path
        caller = Operator("444444444444")
        rehearsal.stacks.create(
            "counting", account=caller.account, region="us-east-1", body=TEMPLATE, parameters={}, caller=caller
        )
        rehearsal.settle()
        yield rehearsal


def send(rehearsal: Rehearsal, number: int) -> None:
    sqs = rehearsal.client("sqs", "444444444444")
    for index in range(number):
        sqs.send_message(QueueUrl=sqs.get_queue_url(QueueName="numbers")["QueueUrl"], MessageBody=str(index))


def test_a_batch_is_handed_over_when_it_is_full(counting: Rehearsal) -> None:
    send(counting, 60)
    counting.settle()

    assert counting.logs("counting").split() == ["25", "25"]
    assert counting.queue_depths() == {"counting": 10}


def test_a_batch_that_is_not_full_is_handed_over_when_its_first_message_has_waited(counting: Rehearsal) -> None:
    send(counting, 1)
    counting.advance(minutes=0.4)
    send(counting, 11)
    counting.settle()
    assert counting.logs("counting") == ""

    begun = counting.clock.now
    counting.settle(within_minutes=1)

    assert counting.logs("counting").split() == ["12"]
    assert counting.clock.now - begun == 6


def test_nothing_is_handed_over_to_a_function_that_is_paused(counting: Rehearsal) -> None:
    with counting.pollers.paused("counting"):
        send(counting, 30)
        counting.advance(minutes=1)
        assert counting.queue_depths() == {"counting": 30}

    counting.settle()

    assert counting.logs("counting").split() == ["25", "5"]


def test_a_function_goes_with_its_stack(counting: Rehearsal) -> None:
    send(counting, 25)
    counting.settle()
    [process] = counting.functions.labeled("counting").idle
    [stack] = counting.stacks.all
    counting.stacks.delete(stack)
    counting.settle()

    assert not process.alive
    assert counting.functions.all == {}
    assert counting.queue_depths() == {}


def test_a_batch_is_no_larger_than_an_invocation_can_be() -> None:
    messages = [{"Body": "x" * (LARGEST_BATCH_BYTES // 4)} for _ in range(7)]

    assert [len(batch) for batch in batches_of(messages)] == [3, 3, 1]
    assert list(batches_of([])) == []


def test_what_many_delete_at_once_is_deleted(counting: Rehearsal) -> None:
    send(counting, 200)
    sqs = counting.client("sqs", "444444444444")
    url = sqs.get_queue_url(QueueName="numbers")["QueueUrl"]
    handles = [
        message["ReceiptHandle"]
        for _ in range(20)
        for message in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]
    ]

    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        with ThreadPoolExecutor(8) as executor:
            list(executor.map(lambda handle: sqs.delete_message(QueueUrl=url, ReceiptHandle=handle), handles))
    finally:
        sys.setswitchinterval(usual)

    assert counting.queue_depths() == {"counting": 0}
