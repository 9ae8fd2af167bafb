"""The subscription of the log archive account's queue to the CloudTrail topic."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from aws_cdk import CustomResource, Duration, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sns as sns
from constructs import Construct

from ._acknowledge import acknowledge_wildcards
from ._alarms import notify
from ._asset_function import AssetFunction
from ._naming import DEFAULT_PREFIX, Names, in_own_partition, notice_queue
from ._validation import StackChecks
from .central_trail import Subscriber

if TYPE_CHECKING:
    from .alert_logic import AlertLogic
    from .central_trail import CentralTrail


class CloudTrailSubscription(Construct):
    """Subscribes the queue of `LogArchiveIngestion` to the trail's topic.

    *By the topic's owner*, in the audit account: the function `trail_subscription` subscribes with the filter in the
    same call, since a control denies changing it afterwards; finds the confirmation in the queue, confirms it, and
    unsubscribes when the stack is deleted. *By the queue's owner*, in the log archive account: a plain subscription.

    Where the topic serves AWS Config too, a filter keeps its messages out. Keep the construct's id: a resource of
    another id would take over the subscription, and CloudFormation would then end it with the old resource.

    Creates, by the topic's owner: the function, its role `<prefix>-trail-subscription`, alarms and the custom
    resource, in the audit account. By the queue's owner: the subscription, in the log archive account.

    Attributes:
        subscription: The custom resource, or the subscription.
        subscriber_function: The function that subscribes, with its role and alarms; None where the queue's owner does.

    See https://docs.aws.amazon.com/sns/latest/dg/sns-send-message-to-sqs-cross-account.html
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        alert_logic: AlertLogic,
        trail: CentralTrail,
        log_archive_account: str,
        queue_region: str | None = None,
        subscriber: Subscriber = Subscriber.TOPIC_OWNER,
        alarm_topic: sns.ITopic | None = None,
        prefix: str = DEFAULT_PREFIX,
    ) -> None:
        """Create the subscription.

        Args:
            scope: The parent, in a stack of the account that subscribes.
            construct_id: The id in it.
            alert_logic: The customer, whose id is part of the queue's name. No secret is needed here.
            trail: The trail whose topic it is.
            log_archive_account: The account of the queue (12 digits).
            queue_region: The region of the queue; the stack's own unless given.
            subscriber: Who subscribes, as in `LogArchiveIngestion`.
            alarm_topic: Where every alarm is published, when it begins and when it ends; nowhere unless given. A topic
                of the stack's region, whose policy, and key, admit `cloudwatch.amazonaws.com`. Not where the queue's
                owner subscribes, which has no alarm of its own.
            prefix: The prefix of all physical names, the hub's own; of no use where the queue's owner subscribes.

        Raises:
            ValueError: for a stack of another account than the one that subscribes, a malformed account, region or
                prefix, a stack in another partition than `aws`, a subscriber that is no member of its enumeration, an
                alarm topic of another region, or one without an alarm.
        """
        super().__init__(scope, construct_id)
        self._names = Names(prefix)
        _check(
            self,
            trail,
            log_archive_account=log_archive_account,
            queue_region=queue_region,
            subscriber=subscriber,
            alarm_topic=alarm_topic,
        )
        self._partition = Stack.of(self).partition
        region = queue_region or Stack.of(self).region
        queue_arn = f"arn:{self._partition}:sqs:{region}:{log_archive_account}:{notice_queue(alert_logic.customer_id)}"
        # Of both kinds of notice only CloudTrail's name no type of message.
        self._filter = {"messageType": [{"exists": False}]} if trail.topic_serves_config else None
        self.subscriber_function: AssetFunction | None = None
        self.subscription: Construct
        if subscriber is Subscriber.QUEUE_OWNER:
            self.subscription = self._subscribe(trail, queue_arn)
        else:
            self.subscriber_function = self._create_function(trail, queue_arn, log_archive_account)
            self.subscription = self._create_resource(self.subscriber_function, trail, queue_arn)
        notify(self, alarm_topic)

    def _subscribe(self, trail: CentralTrail, queue_arn: str) -> sns.CfnSubscription:
        return sns.CfnSubscription(
            self,
            "Subscription",
            topic_arn=in_own_partition(self, trail.topic_arn),
            region=trail.topic_region,
            protocol="sqs",
            endpoint=queue_arn,
            filter_policy=self._filter,
            filter_policy_scope="MessageBody" if self._filter else None,
        )

    def _create_function(self, trail: CentralTrail, queue_arn: str, log_archive_account: str) -> AssetFunction:
        topic_arn = in_own_partition(self, trail.topic_arn)
        reader_role = f"arn:{self._partition}:iam::{log_archive_account}:role/{self._names.trail_reader_role}"
        function = AssetFunction(
            self,
            "TrailSubscription",
            function="trail_subscription",
            description="Subscribes Alert Logic's queue to the CloudTrail topic, and confirms it",
            environment={"TRAIL_READER_ROLE_ARN": reader_role},
            role_name=self._names.trail_subscription_role,
        )
        for statement in (
            iam.PolicyStatement(
                actions=["sns:Subscribe"],
                resources=[topic_arn],
                conditions={"StringEquals": {"sns:Endpoint": queue_arn, "sns:Protocol": "sqs"}},
            ),
            iam.PolicyStatement(
                actions=["sns:ConfirmSubscription", "sns:ListSubscriptionsByTopic"], resources=[topic_arn]
            ),
            iam.PolicyStatement(actions=["sts:AssumeRole"], resources=[reader_role]),
        ):
            function.role.add_to_policy(statement)
        # A subscription's ARN ends in an id that SNS chooses, and AWS does not say whether it asks about that, about
        # the topic, or about nothing in particular. The function itself takes no other topic's subscription.
        subscriptions = iam.PolicyStatement(
            actions=["sns:GetSubscriptionAttributes", "sns:Unsubscribe"],
            resources=["*"],
        )
        function.role.add_to_policy(subscriptions)
        acknowledge_wildcards(function.role, "SNS chooses a subscription's id, and these may ask for it", subscriptions)
        return function

    def _create_resource(self, function: AssetFunction, trail: CentralTrail, queue_arn: str) -> CustomResource:
        resource = CustomResource(
            self,
            "Resource",
            resource_type="Custom::AlertLogicTrailSubscription",
            service_token=function.function.function_arn,
            service_timeout=Duration.minutes(30),
            properties={
                "TopicArn": in_own_partition(self, trail.topic_arn),
                "QueueArn": queue_arn,
                "FilterPolicy": json.dumps(self._filter) if self._filter else "",
            },
        )
        # Unsubscribed while the function may still do it.
        resource.node.add_dependency(function)
        return resource


def _check(
    subscription: CloudTrailSubscription,
    trail: CentralTrail,
    *,
    log_archive_account: str,
    queue_region: str | None,
    subscriber: Subscriber,
    alarm_topic: sns.ITopic | None,
) -> None:
    checks = StackChecks(subscription)
    checks.partition()
    checks.account("log_archive_account", log_archive_account)
    if queue_region is not None:
        checks.region("queue_region", queue_region)
    checks.choice("subscriber", subscriber, Subscriber)
    subscribes = {Subscriber.TOPIC_OWNER: trail.topic_account, Subscriber.QUEUE_OWNER: log_archive_account}
    # Whose stack it must be nobody knows if the subscriber is none.
    checks.environment(account=subscribes.get(subscriber))
    checks.require(
        alarm_topic is None or subscriber is not Subscriber.QUEUE_OWNER,
        "alarm_topic",
        alarm_topic and alarm_topic.topic_arn,
        "nothing where the queue's owner subscribes, which has no alarm of its own",
        "pass it to LogArchiveIngestion",
    )
    checks.raise_problems()
