"""The services around functions: CloudWatch's metrics, parameters of Systems Manager, message move tasks of SQS."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from tests.rehearsal.moto_state import backend
from tests.rehearsal.principals import Operator, Principal, RoleSession

if TYPE_CHECKING:
    from tests.rehearsal import Rehearsal

ACCOUNT, REGION = "222222222222", "us-east-1"
FINDINGS = "guardduty_findings"


def asked(
    security: Rehearsal,
    metric: str,
    dimension: tuple[str, str],
    *,
    minutes: float = 30,
    period: int = 60,
    caller: Principal | Operator | None = None,
) -> list[tuple[float, float]]:
    """How many seconds ago each period of the last minutes began, and the maximum in it, the latest first."""
    now = security.clock.now
    namespace, name = metric.rsplit("/", 1)
    cloudwatch = security.gateway.client("cloudwatch", caller or Operator(security.zone.security), REGION)
    [result] = cloudwatch.get_metric_data(
        MetricDataQueries=[
            {
                "Id": "m0",
                "MetricStat": {
                    "Metric": {
                        "Namespace": namespace,
                        "MetricName": name,
                        "Dimensions": [{"Name": dimension[0], "Value": dimension[1]}],
                    },
                    "Period": period,
                    "Stat": "Maximum",
                },
            }
        ],
        StartTime=datetime.fromtimestamp(now - minutes * 60, UTC),
        EndTime=datetime.fromtimestamp(now, UTC),
    )["MetricDataResults"]
    moments = [moment.timestamp() for moment in result["Timestamps"]]
    return [(now - moment, value) for moment, value in zip(moments, result["Values"], strict=True)]


def test_invocations_and_errors_are_counted(security: Rehearsal) -> None:
    function = security.functions.labeled("collector_checkin")
    security.invocations.add(function.arn, {"source": "aws.events", "detail-type": "Scheduled Event"})
    security.settle()
    security.advance(minutes=2)
    security.invocations.add(function.arn, {"source": "nobody"})
    security.settle()
    security.clock.move_to(security.clock.now + 30)

    of_it = ("FunctionName", function.name)
    assert asked(security, "AWS/Lambda/Errors", of_it, minutes=3) == [(30, 1), (150, 0)]
    assert asked(security, "AWS/Lambda/Invocations", of_it, minutes=3) == [(30, 1), (150, 1)]
    assert asked(security, "AWS/Lambda/Invocations", ("FunctionName", "another")) == []


def test_a_queue_has_the_age_of_its_oldest_message(security: Rehearsal) -> None:
    name = security.queue_url(FINDINGS).rsplit("/", 1)[1]
    security.advance(minutes=(-security.clock.now / 60) % 5)
    with security.pollers.paused(FINDINGS):
        security.send_message(FINDINGS, "null")
        security.advance(minutes=10)
        ages = [value for _, value in asked(security, "AWS/SQS/ApproximateAgeOfOldestMessage", ("QueueName", name))]
        assert ages[:3] == [540, 480, 420]
        assert ages[-1] == 0

        [message] = backend("sqs", security.zone.security, REGION).queues[name]._messages
        message.approximate_receive_count = 4
        left_out = asked(security, "AWS/SQS/ApproximateAgeOfOldestMessage", ("QueueName", name))
        assert {value for _, value in left_out} == {0}
    assert asked(security, "AWS/SQS/ApproximateAgeOfOldestMessage", ("QueueName", "another")) == []
    security.settle(within_minutes=1)


def test_what_a_function_logs_as_a_metric_is_one(security: Rehearsal) -> None:
    security.send_message(FINDINGS, "null")
    security.settle(within_minutes=1)
    security.clock.move_to(security.clock.now + 60)

    found = asked(security, "AlertLogic/FindingsFailed", ("service", FINDINGS), period=300, minutes=5)
    assert found[0][1] == 1
    assert asked(security, "AlertLogic/FindingsFailed", ("service", "another")) == []


def test_an_unknown_metric_of_aws_is_a_fault(security: Rehearsal) -> None:
    with pytest.raises(ClientError, match="is not known to"):
        asked(security, "AWS/SQS/NumberOfMessagesSent", ("QueueName", "any"))

    assert security.gateway.faults.pop().startswith("cloudwatch:GetMetricData")


def test_not_everybody_may_ask(security: Rehearsal) -> None:
    nobody = RoleSession(f"arn:aws:iam::{security.zone.security}:role/Nobody", "session")

    with pytest.raises(ClientError, match="AccessDenied"):
        asked(security, "AlertLogic/FindingsFailed", ("service", FINDINGS), caller=nobody)


def ssm(security: Rehearsal, label: str) -> Any:
    return security.gateway.client("ssm", security.functions.labeled(label).session, REGION)


def test_a_function_reads_and_writes_what_it_may(security: Rehearsal) -> None:
    name = security.functions.labeled("collector_checkin").environment["COLLECTOR_PARAMETER"]
    client = ssm(security, "collector_checkin")
    for value in ("an-id", "unregistered"):
        client.put_parameter(Name=name, Value=value, Overwrite=True)
        assert client.get_parameter(Name=name)["Parameter"]["Value"] == value

    with pytest.raises(ClientError, match="AccessDeniedException"):
        client.get_parameter(Name=f"{name}-2")
    with pytest.raises(ClientError, match="AccessDeniedException"):
        ssm(security, "guardduty_findings").get_parameter(Name=name)


def test_a_parameter_goes_with_its_stack(security: Rehearsal) -> None:
    caller = Operator(ACCOUNT)
    parameter = {"Type": "AWS::SSM::Parameter", "Properties": {"Type": "String", "Value": "one", "Name": "/a/name"}}
    body = {"Resources": {"Parameter": parameter}, "Outputs": {"Name": {"Value": {"Ref": "Parameter"}}}}
    stack = security.stacks.create("one", account=ACCOUNT, region=REGION, body=body, parameters={}, caller=caller)
    security.settle()
    client = security.client("ssm", ACCOUNT)
    assert stack.outputs == {"Name": "/a/name"}
    assert client.get_parameter(Name="/a/name")["Parameter"]["Value"] == "one"

    security.stacks.delete(stack)
    security.settle()
    with pytest.raises(ClientError, match="ParameterNotFound"):
        client.get_parameter(Name="/a/name")


def test_dead_letters_are_worked_on_again(security: Rehearsal) -> None:
    security.clear_dead_letters(FINDINGS)
    security.send_message(FINDINGS, "null")
    security.settle(within_minutes=1)
    assert [body for body, _ in security.dead_letters(FINDINGS)] == ["null"]

    with security.pollers.paused(FINDINGS):
        security.replay(FINDINGS)
        assert security.dead_letters(FINDINGS) == []
        assert security.queue_depths()[FINDINGS] == 1
    security.settle(within_minutes=1)

    assert security.queue_depths()[FINDINGS] == 0
    [(body, attributes)] = security.dead_letters(FINDINGS)
    assert (body, attributes["reason"]) == ("null", "the message is not a GuardDuty finding")


@pytest.mark.parametrize(("suffix", "error"), [("", "InvalidParameterValue"), ("-2", "ResourceNotFoundException")])
def test_nothing_but_a_dead_letter_queue_can_be_replayed(security: Rehearsal, suffix: str, error: str) -> None:
    account, name = security.queue_url(FINDINGS).rsplit("/", 2)[1:]
    sqs = security.client("sqs", account)

    with pytest.raises(ClientError, match=error):
        sqs.start_message_move_task(SourceArn=f"arn:aws:sqs:{REGION}:{account}:{name}{suffix}")
