"""The one shape in which functions run here: queue -> function, with a dead-letter queue and alarms."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import Acknowledgment, Duration, RemovalPolicy, Validations
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from ._lambda_asset import ARCHITECTURE, RUNTIME, lambda_code

if TYPE_CHECKING:
    from collections.abc import Mapping

_FUNCTION_TIMEOUT = Duration.minutes(5)
_RETENTION = Duration.days(14)
# The functions space a waiting message's deliveries by 11 minutes on average: 1,000, the most that SQS counts, outlast
# a week's outage, and leave the message, whose age counts on in the dead-letter queue, six of its 14 days there.
_MAX_RECEIVE_COUNT = 1000
_AGE_ALARM = Duration.hours(1)
_PERIOD = Duration.minutes(15)


class QueuedFunction(Construct):
    """A queue whose messages one function works on in batches, with partial batch responses.

    A message that the function cannot work on yet stays in the queue; one that it never can goes to the dead-letter
    queue. Both queues are encrypted with SSE-SQS and admit TLS only.

    Attributes:
        queue: The queue.
        dead_letter_queue: Where messages go that failed for good. Kept for 14 days.
        function: The function.
        role: The function's role: its own queue, its own logs, and what the construct around it grants.
        age_alarm: In alarm when a message has waited for an hour.
        dead_letter_alarm: In alarm while a message is in the dead-letter queue.
        error_alarm: In alarm when the function fails as a whole.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        function: str,
        description: str,
        environment: Mapping[str, str],
        role_name: str | None = None,
        batch_size: int = 10,
        batching_window: Duration | None = None,
    ) -> None:
        """Create queue and function.

        Args:
            scope: The parent.
            construct_id: The id in it.
            function: The folder of the function in `lambda_src`.
            description: What the function does, for the Lambda console.
            environment: The function's settings, but those of its queue, which are set here.
            role_name: The role's physical name, only where another account must know it.
            batch_size: How many messages one invocation gets at most.
            batching_window: For how long messages are gathered into a batch; not at all unless given.
        """
        super().__init__(scope, construct_id)
        self.dead_letter_queue = sqs.Queue(
            self,
            "DeadLetterQueue",
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            retention_period=_RETENTION,
        )
        self.queue = sqs.Queue(
            self,
            "Queue",
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            retention_period=_RETENTION,
            # Lambda's advice: six times the function's timeout, and the window, so that a message is never worked on
            # twice at once.
            visibility_timeout=(batching_window or Duration.seconds(0)).plus(
                Duration.seconds(6 * _FUNCTION_TIMEOUT.to_seconds())
            ),
            dead_letter_queue=sqs.DeadLetterQueue(queue=self.dead_letter_queue, max_receive_count=_MAX_RECEIVE_COUNT),
        )
        log_group = logs.LogGroup(
            self, "Logs", retention=logs.RetentionDays.THREE_MONTHS, removal_policy=RemovalPolicy.DESTROY
        )
        self.role = self._create_role(role_name, log_group)
        self.function = self._create_function(function, description, environment, log_group)
        lambda_.EventSourceMapping(
            self,
            "EventSource",
            target=self.function,
            event_source_arn=self.queue.queue_arn,
            batch_size=batch_size,
            max_batching_window=batching_window,
            report_batch_item_failures=True,
            max_concurrency=5,
        )
        self.age_alarm, self.dead_letter_alarm, self.error_alarm = self._create_alarms(function)

    def _create_function(
        self, function: str, description: str, environment: Mapping[str, str], log_group: logs.ILogGroup
    ) -> lambda_.Function:
        created = lambda_.Function(
            self,
            "Function",
            description=description,
            runtime=RUNTIME,
            architecture=ARCHITECTURE,
            code=lambda_code(),
            handler=f"{function}.handler.lambda_handler",
            role=self.role,
            timeout=_FUNCTION_TIMEOUT,
            memory_size=512,
            log_group=log_group,
            environment={
                **environment,
                "QUEUE_URL": self.queue.queue_url,
                "DEAD_LETTER_QUEUE_URL": self.dead_letter_queue.queue_url,
                "POWERTOOLS_SERVICE_NAME": function,
            },
        )
        Validations.of(created).acknowledge(
            Acknowledgment(id="AwsSolutions-L1", reason="The wheels of the asset are pinned for this runtime")
        )
        return created

    def _create_alarms(self, function: str) -> tuple[cloudwatch.Alarm, cloudwatch.Alarm, cloudwatch.Alarm]:
        age = cloudwatch.MathExpression(
            expression="MAX([FILL(untouched, 0), FILL(waiting, 0)])",
            period=_PERIOD,
            label="age of the oldest message",
            using_metrics={
                # SQS leaves out what was received three times; of these the function tells.
                "untouched": self.queue.metric_approximate_age_of_oldest_message(period=_PERIOD, statistic="Maximum"),
                "waiting": cloudwatch.Metric(
                    namespace="AlertLogic",
                    metric_name="OldestWaitingMessage",
                    dimensions_map={"service": function},
                    period=_PERIOD,
                    statistic="Maximum",
                ),
            },
        )
        dead_letters = self.dead_letter_queue.metric_approximate_number_of_messages_visible(
            period=_PERIOD, statistic="Maximum"
        )
        errors = self.function.metric_errors(period=_PERIOD, statistic="Sum")
        return (
            self._create_alarm(
                "AgeAlarm", age, _AGE_ALARM.to_seconds(), f"{function}: a message has waited for an hour"
            ),
            self._create_alarm(
                "DeadLetterAlarm",
                dead_letters,
                0,
                f"{function}: a message failed for good; its attribute `reason`, or the log, says why",
            ),
            self._create_alarm("ErrorAlarm", errors, 0, f"{function}: a whole batch failed; the log says why"),
        )

    def _create_alarm(
        self, construct_id: str, metric: cloudwatch.IMetric, threshold: float, description: str
    ) -> cloudwatch.Alarm:
        return cloudwatch.Alarm(
            self,
            construct_id,
            alarm_description=description,
            metric=metric,
            threshold=threshold,
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
            evaluation_periods=1,
            # An idle queue or function reports nothing.
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
        )

    def _create_role(self, role_name: str | None, log_group: logs.ILogGroup) -> iam.Role:
        role = iam.Role(self, "Role", role_name=role_name, assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
        role.add_to_policy(
            iam.PolicyStatement(
                actions=["logs:CreateLogStream", "logs:PutLogEvents"], resources=[log_group.log_group_arn]
            )
        )
        role.add_to_policy(
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
        role.add_to_policy(
            iam.PolicyStatement(actions=["sqs:SendMessage"], resources=[self.dead_letter_queue.queue_arn])
        )
        return role
