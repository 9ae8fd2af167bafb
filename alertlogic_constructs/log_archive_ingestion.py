"""The log archive account's side of CloudTrail logs: the queue of notices, and the role that reads queue and bucket."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import CfnOutput, Duration, Stack, Token
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from ._acknowledge import acknowledge_wildcards
from ._alarms import PATIENCE, PERIOD, RunbookAlarm, Section, notify
from ._dead_letters import RETENTION, create_dead_letter_alarm, create_dead_letter_queue
from ._naming import DEFAULT_PREFIX, Names, in_own_partition, notice_queue
from ._validation import StackChecks
from .alertlogic_role import TRAIL_KEY_STATEMENT, vendor_principal, vendor_statements
from .central_trail import Subscriber

if TYPE_CHECKING:
    from aws_cdk import aws_sns as sns

    from .alert_logic import AlertLogic
    from .central_trail import CentralTrail

# The most that SQS counts; with 21 minutes between two deliveries it outlasts the retention, so that Alert Logic's
# polling, and the search for a confirmation, never use it up.
_MAX_RECEIVE_COUNT = 1000
_VISIBILITY_TIMEOUT = Duration.minutes(21)
_LABEL = "CloudTrail notices"


class LogArchiveIngestion(Construct):
    """Lets Alert Logic collect the CloudTrail logs of the whole organization from the log archive account.

    CloudTrail tells the trail's topic of each file, the topic the queue (`CloudTrailSubscription`), and Alert Logic
    polls the queue and reads the file. No code of ours is on this path.

    Creates in the log archive account: the queue, named `outcomesbucket-<customer id>` as Alert Logic looks for it,
    with a dead-letter queue and alarms; the role `<prefix>-central-logs` that Alert Logic assumes; and, where the
    topic's owner subscribes, the role `<prefix>-trail-reader` with which it finds the confirmation in the queue.
    Outputs `CentralLogsRoleArn`, `NoticeQueueUrl` and, for an encrypted trail, `KeyPolicyStatement`.

    Attributes:
        queue: The queue of notices.
        dead_letter_queue: Where notices go that were received 1,000 times. Kept for 14 days.
        role: The role that Alert Logic assumes.
        trail_reader_role: The role that reads the confirmation; None where the queue's owner subscribes.
        key_policy_statement: What the policy of the trail's key must allow besides; None without a key. The key is in
            the management account, and is Control Tower's to use but yours to change.
        age_alarm: In alarm when a notice has waited for an hour, so when Alert Logic does not poll.
        collection_alarm: In alarm when notices were received for an hour and none deleted, so when Alert Logic cannot
            read the logs.
        dead_letter_alarm: In alarm while a notice is in the dead-letter queue.

    See https://docs.aws.amazon.com/awscloudtrail/latest/userguide/configure-sns-notifications-for-cloudtrail.html and
    https://docs.aws.amazon.com/controltower/latest/userguide/configure-kms-keys.html
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        alert_logic: AlertLogic,
        trail: CentralTrail,
        subscriber: Subscriber = Subscriber.TOPIC_OWNER,
        vendor_policy: bool = False,
        alarm_topic: sns.ITopic | None = None,
        prefix: str = DEFAULT_PREFIX,
    ) -> None:
        """Create queue and roles.

        Args:
            scope: The parent, in a stack of the log archive account and the home region.
            construct_id: The id in it.
            alert_logic: The customer. No secret is needed here.
            trail: Where the logs are.
            subscriber: Who subscribes the queue to the topic, as in `CloudTrailSubscription`.
            vendor_policy: Whether the role is granted all that the vendor's own role `ci_x_account_ct` is, instead of
                what reading this queue and bucket needs.
            alarm_topic: Where every alarm is published, when it begins and when it ends; nowhere unless given. A topic
                of the stack's region, whose policy, and key, admit `cloudwatch.amazonaws.com`.
            prefix: The prefix of all physical names, the hub's own.

        Raises:
            ValueError: for a malformed prefix, a stack in another partition than `aws`, an encrypted trail in a stack
                whose account is not known, a subscriber that is no member of its enumeration, `vendor_policy` that is
                neither True nor False, or a topic of another region.
        """
        super().__init__(scope, construct_id)
        self._names = Names(prefix)
        _check(self, trail, subscriber, vendor_policy)
        stack = Stack.of(self)
        # Known by name, as the role's own policy, which is part of it, cannot refer to it.
        self._role_arn = f"arn:{stack.partition}:iam::{stack.account}:role/{self._names.central_logs_role}"
        self.dead_letter_queue = create_dead_letter_queue(self)
        self.queue = self._create_queue(alert_logic, trail)
        self.role = self._create_role(alert_logic, trail, vendor_policy=vendor_policy)
        self.trail_reader_role = self._create_trail_reader_role(trail) if subscriber is Subscriber.TOPIC_OWNER else None
        self.key_policy_statement = None if trail.key_arn is None else self._key_policy_statement()
        self.age_alarm = RunbookAlarm(
            self,
            "AgeAlarm",
            metric=self.queue.metric_approximate_age_of_oldest_message(period=PERIOD, statistic="Maximum"),
            label=_LABEL,
            threshold=PATIENCE.to_seconds(),
            section=Section.NOTICES_NOT_POLLED,
            description="A CloudTrail notice has waited for an hour: Alert Logic does not poll",
            # A queue that nobody uses reports nothing.
            missing=cloudwatch.TreatMissingData.NOT_BREACHING,
        )
        self.collection_alarm = RunbookAlarm(
            self,
            "CollectionAlarm",
            metric=self._uncollected(),
            label=_LABEL,
            threshold=0,
            section=Section.LOGS_NOT_COLLECTED,
            description="CloudTrail notices were received for an hour, none deleted: Alert Logic cannot read the logs",
            # Nothing was received.
            missing=cloudwatch.TreatMissingData.NOT_BREACHING,
        )
        self.dead_letter_alarm = create_dead_letter_alarm(
            self,
            dead_letter_queue=self.dead_letter_queue,
            queue=self.queue,
            label=_LABEL,
            description="Alert Logic received a CloudTrail notice 1,000 times and did not delete it",
        )
        notify(self, alarm_topic)
        self._create_outputs()

    def _uncollected(self) -> cloudwatch.MathExpression:
        # SQS's age leaves out what was received three times, so it does not tell of this.
        return cloudwatch.MathExpression(
            expression="IF(FILL(received, 0) > 0 AND FILL(deleted, 0) == 0, 1, 0)",
            period=PATIENCE,
            label="received and not collected",
            using_metrics={
                "received": self.queue.metric_number_of_messages_received(period=PATIENCE, statistic="Sum"),
                "deleted": self.queue.metric_number_of_messages_deleted(period=PATIENCE, statistic="Sum"),
            },
        )

    def _create_queue(self, alert_logic: AlertLogic, trail: CentralTrail) -> sqs.Queue:
        queue = sqs.Queue(
            self,
            "Queue",
            queue_name=notice_queue(alert_logic.customer_id),
            # With a customer-managed key, the topic would have to be let use it, whoever owns it.
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            retention_period=RETENTION,
            visibility_timeout=_VISIBILITY_TIMEOUT,
            dead_letter_queue=sqs.DeadLetterQueue(queue=self.dead_letter_queue, max_receive_count=_MAX_RECEIVE_COUNT),
        )
        queue.add_to_resource_policy(
            iam.PolicyStatement(
                sid="AdmitTrailTopic",
                principals=[iam.ServicePrincipal("sns.amazonaws.com")],
                actions=["sqs:SendMessage"],
                resources=[queue.queue_arn],
                conditions={"ArnEquals": {"aws:SourceArn": in_own_partition(self, trail.topic_arn)}},
            )
        )
        return queue

    def _create_role(self, alert_logic: AlertLogic, trail: CentralTrail, *, vendor_policy: bool) -> iam.Role:
        statements = (
            vendor_statements(
                self,
                "ci_x_account_ct",
                left_out=() if trail.key_arn else (TRAIL_KEY_STATEMENT,),
                key_arn=trail.key_arn or "",
            )
            if vendor_policy
            else self._statements(trail)
        )
        role = iam.Role(
            self,
            "Role",
            role_name=self._names.central_logs_role,
            description="Assumed by Alert Logic to collect the CloudTrail logs of the organization",
            assumed_by=vendor_principal(alert_logic),
            inline_policies={"AlertLogic": iam.PolicyDocument(statements=statements)},
        )
        acknowledge_wildcards(
            role,
            "The vendor's role, as its pinned policy says"
            if vendor_policy
            else "Every log under one prefix; sqs:ListQueues knows no resource-level permissions",
            *statements,
            kinds=("Action", "Resource"),
        )
        return role

    def _statements(self, trail: CentralTrail) -> list[iam.PolicyStatement]:
        bucket = f"arn:{Stack.of(self).partition}:s3:::{trail.bucket_name}"
        statements = [
            # The action knows no resource-level permissions.
            iam.PolicyStatement(sid="FindQueue", actions=["sqs:ListQueues"], resources=["*"]),
            iam.PolicyStatement(
                sid="ReadQueue",
                actions=["sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:GetQueueUrl", "sqs:ReceiveMessage"],
                resources=[self.queue.queue_arn],
            ),
            iam.PolicyStatement(sid="ReadLogs", actions=["s3:GetObject"], resources=[f"{bucket}/{trail.log_prefix}*"]),
            iam.PolicyStatement(sid="ListLogs", actions=["s3:GetBucketLocation", "s3:ListBucket"], resources=[bucket]),
            iam.PolicyStatement(
                sid="ReadTopic",
                actions=["sns:GetTopicAttributes"],
                resources=[in_own_partition(self, trail.topic_arn)],
            ),
            iam.PolicyStatement(
                sid="ValidateRole",
                actions=[
                    "iam:GetRole",
                    "iam:GetRolePolicy",
                    "iam:ListAttachedRolePolicies",
                    "iam:ListRolePolicies",
                ],
                resources=[self._role_arn],
            ),
        ]
        if trail.key_arn:
            statements.append(
                iam.PolicyStatement(
                    sid="DecryptLogs", actions=["kms:Decrypt"], resources=[in_own_partition(self, trail.key_arn)]
                )
            )
        return statements

    def _create_trail_reader_role(self, trail: CentralTrail) -> iam.Role:
        # A role ARN as a principal would have to exist beforehand, and would break when that role is made anew.
        partition = Stack.of(self).partition
        function_role = f"arn:{partition}:iam::{trail.topic_account}:role/{self._names.trail_subscription_role}"
        role = iam.Role(
            self,
            "TrailReaderRole",
            role_name=self._names.trail_reader_role,
            description="Lets the subscription of the CloudTrail topic find its confirmation in the queue",
            assumed_by=iam.PrincipalWithConditions(
                iam.AccountPrincipal(trail.topic_account),
                {
                    "ArnEquals": {"aws:PrincipalArn": function_role},
                    "StringEquals": {"aws:PrincipalOrgID": trail.organization_id},
                },
            ),
        )
        role.add_to_policy(
            iam.PolicyStatement(
                actions=["sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:ReceiveMessage"],
                resources=[self.queue.queue_arn],
            )
        )
        return role

    def _key_policy_statement(self) -> iam.PolicyStatement:
        account = Stack.of(self).account
        return iam.PolicyStatement(
            sid="AlertLogicReadsCloudTrailLogs",
            principals=[iam.AccountPrincipal(account)],
            actions=["kms:Decrypt"],
            # A key policy's resource is the key itself.
            resources=["*"],
            conditions={
                "ArnEquals": {"aws:PrincipalArn": self._role_arn},
                # What CloudTrail encrypted, and nothing else that the key is for.
                "Null": {"kms:EncryptionContext:aws:cloudtrail:arn": "false"},
            },
        )

    def _create_outputs(self) -> None:
        outputs = {"CentralLogsRoleArn": self.role.role_arn, "NoticeQueueUrl": self.queue.queue_url}
        if self.key_policy_statement is not None:
            outputs["KeyPolicyStatement"] = Stack.of(self).to_json_string(self.key_policy_statement.to_statement_json())
        for name, value in outputs.items():
            CfnOutput(self, name, value=value).override_logical_id(name)


def _check(ingestion: LogArchiveIngestion, trail: CentralTrail, subscriber: object, vendor_policy: object) -> None:
    account = Stack.of(ingestion).account
    checks = StackChecks(ingestion)
    checks.partition()
    checks.require(
        trail.key_arn is None or not Token.is_unresolved(account),
        "env.account",
        account,
        "an account that is known at synthesis, since the statement for the trail's key names it",
        "put it into a stack with Environment(account=...)",
    )
    checks.choice("subscriber", subscriber, Subscriber)
    checks.boolean("vendor_policy", vendor_policy)
    checks.raise_problems()
