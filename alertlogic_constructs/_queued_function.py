"""The one shape in which functions run here: queue -> function, with a dead-letter queue and alarms."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sqs as sqs

from ._alarms import PATIENCE, PERIOD, RunbookAlarm, Section, own_metric
from ._asset_function import FUNCTION_TIMEOUT, AssetFunction
from ._dead_letters import RETENTION, create_dead_letter_alarm, create_dead_letter_queue

if TYPE_CHECKING:
    from collections.abc import Mapping

    from constructs import Construct

    from .alert_logic import AlertLogic

# The functions space a waiting message's deliveries by 11 minutes on average: 1,000, the most that SQS counts, outlast
# a week's outage, and leave the message, whose age counts on in the dead-letter queue, six of its 14 days there.
_MAX_RECEIVE_COUNT = 1000
# On so many accounts Control Tower works at once: https://docs.aws.amazon.com/controltower/latest/userguide/limits.html
# And it takes few of the invocations that an account's functions share, which are 1,000, in a new account less:
# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
_MAX_CONCURRENCY = 5


class QueuedFunction(AssetFunction):
    """A queue whose messages one function works on in batches, with partial batch responses.

    A message that the function cannot work on yet stays in the queue; one that it never can goes to the dead-letter
    queue. Both queues are encrypted with SSE-SQS and admit TLS only.

    Attributes:
        queue: The queue.
        dead_letter_queue: Where messages go that failed for good. Kept for 14 days.
        event_source: What hands the queue's messages to the function.
        age_alarm: In alarm when a message has waited for an hour.
        dead_letter_alarm: In alarm while a message is in the dead-letter queue.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        function: str,
        description: str,
        environment: Mapping[str, str],
        alert_logic: AlertLogic | None = None,
        role_name: str | None = None,
        batch_size: int = 10,
        batching_window: Duration | None = None,
        delivery_delay: Duration | None = None,
    ) -> None:
        """Create queue and function.

        Args:
            scope: The parent.
            construct_id: The id in it.
            function: The folder of the function in `lambda_src`.
            description: What the function does, for the Lambda console.
            environment: The function's settings, but those of its queue, which are set here.
            alert_logic: The customer for whom the function calls Alert Logic, with the secret, which it may then read.
            role_name: The role's physical name, only where another account must know it.
            batch_size: How many messages one invocation gets at most.
            batching_window: For how long messages are gathered into a batch; not at all unless given.
            delivery_delay: For how long the queue holds each message back; not at all unless given.

        Raises:
            ValueError: for a missing secret.
        """
        super().__init__(
            scope,
            construct_id,
            function=function,
            description=description,
            environment=environment,
            alert_logic=alert_logic,
            role_name=role_name,
        )
        self.dead_letter_queue = create_dead_letter_queue(self)
        self.queue = sqs.Queue(
            self,
            "Queue",
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            retention_period=RETENTION,
            delivery_delay=delivery_delay,
            # Lambda's advice: six times the function's timeout, and the window, so that a message is never worked on
            # twice at once.
            visibility_timeout=(batching_window or Duration.seconds(0)).plus(
                Duration.seconds(6 * FUNCTION_TIMEOUT.to_seconds())
            ),
            dead_letter_queue=sqs.DeadLetterQueue(queue=self.dead_letter_queue, max_receive_count=_MAX_RECEIVE_COUNT),
        )
        self.function.add_environment("QUEUE_URL", self.queue.queue_url)
        self.function.add_environment("DEAD_LETTER_QUEUE_URL", self.dead_letter_queue.queue_url)
        self._grant_queues()
        self.event_source = lambda_.EventSourceMapping(
            self,
            "EventSource",
            target=self.function,
            event_source_arn=self.queue.queue_arn,
            batch_size=batch_size,
            max_batching_window=batching_window,
            report_batch_item_failures=True,
            max_concurrency=_MAX_CONCURRENCY,
        )
        self.age_alarm = RunbookAlarm(
            self,
            "AgeAlarm",
            metric=self._age(function),
            label=function,
            threshold=PATIENCE.to_seconds(),
            section=Section.MESSAGE_WAITS,
            description=f"{function}: a message has waited for an hour; the log's `message waits` lines say for what",
            # A queue that nobody uses reports nothing.
            missing=cloudwatch.TreatMissingData.NOT_BREACHING,
        )
        self.dead_letter_alarm = create_dead_letter_alarm(
            self,
            dead_letter_queue=self.dead_letter_queue,
            queue=self.queue,
            label=function,
            description=f"{function}: a message failed for good; its attribute `reason`, or the log, says why",
        )

    def _age(self, function: str) -> cloudwatch.MathExpression:
        # A graph of several queues needs ids that are unique in it.
        untouched, waiting = f"untouched_{self.node.addr}", f"waiting_{self.node.addr}"
        return cloudwatch.MathExpression(
            expression=f"MAX([FILL({untouched}, 0), FILL({waiting}, 0)])",
            period=PERIOD,
            label="age of the oldest message",
            using_metrics={
                # SQS leaves out what was received three times; of these the function tells.
                untouched: self.queue.metric_approximate_age_of_oldest_message(period=PERIOD, statistic="Maximum"),
                waiting: own_metric(function, "OldestWaitingMessage", statistic="Maximum"),
            },
        )

    def allow_messages_to_itself(self) -> None:
        """Let the function put messages of its own into its queue, one after the other without end.

        Lambda would stop such a function after 16 messages that each led to the next, and a sweep has more pages:
        https://docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html
        """
        resource = self.function.node.default_child
        assert isinstance(resource, lambda_.CfnFunction)  # noqa: S101 - as CDK makes it
        resource.recursive_loop = "Allow"
        self.role.add_to_policy(iam.PolicyStatement(actions=["sqs:SendMessage"], resources=[self.queue.queue_arn]))

    def rule_target(self) -> targets.SqsQueue:
        """Return the queue as a rule's target: what EventBridge cannot deliver for a day is a dead letter."""
        return targets.SqsQueue(self.queue, dead_letter_queue=self.dead_letter_queue, max_event_age=Duration.hours(24))

    def _grant_queues(self) -> None:
        self.role.add_to_policy(
            iam.PolicyStatement(
                actions=[
                    "sqs:ReceiveMessage",
                    "sqs:DeleteMessage",
                    "sqs:GetQueueAttributes",
                    "sqs:ChangeMessageVisibility",
                ],
                resources=[self.queue.queue_arn],
            )
        )
        self.role.add_to_policy(
            iam.PolicyStatement(actions=["sqs:SendMessage"], resources=[self.dead_letter_queue.queue_arn])
        )
