"""Where registrations arrive: topic -> queue -> `account_registration`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import Acknowledgment, RemovalPolicy, Stack, Validations
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from constructs import Construct

from ._queued_function import QueuedFunction
from ._reading import grant_assume_reader_role

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ._naming import Names
    from .alert_logic import AlertLogic
    from .protection import Offboarding


ANY_REGISTRANT = "*"


class Registration(Construct):
    """The service behind the custom resource `Custom::AlertLogicRegistration`.

    Attributes:
        topic: The custom resource's service token, encrypted with `key`.
        key: The topic's key.
        queued_function: Queue, dead-letter queue and function `account_registration`.
        accounts: The table of what is known of each account, and of its deployments and credentials at Alert Logic.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        alert_logic: AlertLogic,
        names: Names,
        offboarding: Offboarding,
        organization_id: str | None = None,
        management_account: str = "",
        registrants: Sequence[str] = (),
        central_logs_role_arn: str = "",
    ) -> None:
        """Create the service.

        Args:
            scope: The parent.
            construct_id: The id in it.
            alert_logic: The customer, with the secret of its API key.
            names: The installation's names.
            offboarding: What becomes of a deployment when its account's registration is deleted.
            organization_id: The organization whose accounts may register; this account alone if there is none.
            management_account: The account that tells which accounts are to be protected, if there is one.
            registrants: Patterns of the role ARNs in it that may ask.
            central_logs_role_arn: The role with which Alert Logic reads the organization's logs, if there can be one.

        Raises:
            ValueError: for a missing secret.
        """
        super().__init__(scope, construct_id)
        self.key = kms.Key(
            self,
            "Key",
            enable_key_rotation=True,
            description="Alert Logic registration topic",
            # Nothing that it encrypts outlasts the topic, and a key that stays costs money.
            removal_policy=RemovalPolicy.DESTROY,
        )
        self.topic = sns.Topic(
            self, "Topic", topic_name=names.registration_topic, master_key=self.key, enforce_ssl=True
        )
        self.queued_function = QueuedFunction(
            self,
            "AccountRegistration",
            alert_logic=alert_logic,
            function="account_registration",
            description="Registers AWS accounts with Alert Logic",
            role_name=names.registration_role,
            environment={
                "READER_ROLE_NAME": names.reader_role,
                "OFFBOARDING": offboarding.value,
                "CENTRAL_LOGS_ROLE_ARN": central_logs_role_arn,
                "MANAGEMENT_ACCOUNT_ID": management_account,
                # Only a hub has one.
                "STATUS_BUCKET": "",
            },
        )
        self.accounts = self._create_accounts()
        self.topic.add_subscription(
            subscriptions.SqsSubscription(
                self.queued_function.queue, dead_letter_queue=self.queued_function.dead_letter_queue
            )
        )
        grant_assume_reader_role(self.queued_function.role, names.reader_role, organization_id=organization_id)
        # What is answered as pending goes on as a message of the function's own.
        self.queued_function.allow_messages_to_itself()
        if organization_id is not None:
            self._admit(organization_id, registrants)

    def _create_accounts(self) -> dynamodb.Table:
        table = dynamodb.Table(
            self,
            "Accounts",
            partition_key=dynamodb.Attribute(name="account_id", type=dynamodb.AttributeType.STRING),
            sort_key=dynamodb.Attribute(name="item", type=dynamodb.AttributeType.STRING),
            billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
            # All of it can be read anew from AWS and Alert Logic.
            removal_policy=RemovalPolicy.DESTROY,
        )
        Validations.of(table).acknowledge(
            Acknowledgment(id="AwsSolutions-DDB3", reason="What is lost is read anew from AWS and Alert Logic")
        )
        self.queued_function.function.add_environment("TABLE_NAME", table.table_name)
        self.queued_function.role.add_to_policy(
            iam.PolicyStatement(
                actions=[
                    f"dynamodb:{action}"
                    for action in ("GetItem", "Query", "Scan", "PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem")
                ],
                resources=[table.table_arn],
            )
        )
        return table

    def _admit(self, organization_id: str, registrants: Sequence[str]) -> None:
        in_organization = {"aws:PrincipalOrgID": organization_id}
        # A session's aws:PrincipalArn is the ARN of its role. Where the key is absent any condition on it refuses.
        by_registrant: dict[str, object] = (
            {} if ANY_REGISTRANT in registrants else {"ArnLike": {"aws:PrincipalArn": list(registrants)}}
        )
        self.topic.add_to_resource_policy(
            iam.PolicyStatement(
                sid="AdmitRegistrants",
                principals=[iam.AnyPrincipal()],
                actions=["sns:Publish"],
                resources=[self.topic.topic_arn],
                conditions={"StringEquals": in_organization, **by_registrant},
            )
        )
        through_sns = {"kms:ViaService": f"sns.{Stack.of(self).region}.amazonaws.com"}
        self.key.add_to_resource_policy(
            iam.PolicyStatement(
                sid="EncryptForTopic",
                principals=[iam.AnyPrincipal()],
                actions=["kms:Decrypt", "kms:GenerateDataKey*"],
                # A key policy's resource is the key itself.
                resources=["*"],
                conditions={"StringEquals": {**in_organization, **through_sns}, **by_registrant},
            )
        )
