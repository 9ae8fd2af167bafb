"""What a user says about Alert Logic: the customer, the API key's secret, the endpoint and the data center."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from aws_cdk import Acknowledgment, CfnOutput, Validations
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from ._validation import Checks

PRODUCTION_ENDPOINT = "https://api.global-services.global.alertlogic.com"
# The output that shows the command with which the secret is filled.
FILL_OUTPUT = "FillSecret"


class DataCenter(Enum):
    """Where Alert Logic keeps a customer's data; the value is the AWS account that assumes the customer's roles."""

    US = "733251395267"
    EU = "857795874556"


class Residency(Enum):
    """Which of Alert Logic's service endpoints a customer uses."""

    DEFAULT = "default"
    US = "us"
    EMEA = "emea"


@dataclass(frozen=True, kw_only=True)
class AlertLogic:
    """One Alert Logic customer.

    Attributes:
        customer_id: The customer (account) id at Alert Logic, decimal digits. Not secret: it is the External ID with
            which Alert Logic assumes roles.
        secret: The secret of the security account whose value is the API key, as JSON
            `{"access_key_id": "...", "secret_key": "..."}`. Only constructs that call Alert Logic need it. Its
            customer-managed key, if any, comes with it (`Secret.from_secret_attributes(encryption_key=...)`).
        endpoint: Alert Logic's global endpoint; production unless given.
        residency: The residency of the service endpoints.
        data_center: The data center, whose AWS account the roles trust.

    Raises:
        ValueError: for a customer id that is not decimal digits, an endpoint that is not https, or a residency or data
            center that is no member of its enumeration.
    """

    customer_id: str
    secret: secretsmanager.ISecret | None = None
    endpoint: str = PRODUCTION_ENDPOINT
    residency: Residency = Residency.DEFAULT
    data_center: DataCenter = DataCenter.US

    def __post_init__(self) -> None:
        checks = Checks("AlertLogic")
        checks.matches(
            r"[0-9]{1,20}",
            "customer_id",
            self.customer_id,
            "the decimal digits of the Alert Logic account id, known at synthesis",
            "copy it from Support Information in the Alert Logic console",
        )
        checks.matches(
            # A loopback endpoint serves rehearsals; any other plain-http host would see the API key.
            r"https://[A-Za-z0-9.-]+(:[0-9]+)?|http://127\.0\.0\.1(:[0-9]+)?",
            "endpoint",
            self.endpoint,
            "https:// and a host, without a path",
            f"leave it out for production, {PRODUCTION_ENDPOINT}",
        )
        checks.choice("residency", self.residency, Residency)
        checks.choice("data_center", self.data_center, DataCenter)
        checks.raise_problems()

    @staticmethod
    def placeholder(
        scope: Construct,
        construct_id: str,
        *,
        customer_id: str,
        endpoint: str = PRODUCTION_ENDPOINT,
        residency: Residency = Residency.DEFAULT,
        data_center: DataCenter = DataCenter.US,
    ) -> AlertLogic:
        """Create an empty secret, to be filled with the one command that the stack's output `FillSecret` shows.

        Until it is filled, functions leave their messages in the queues. The key never passes through a template.

        Args:
            scope: The stack of the security account.
            construct_id: The id of the secret in it.
            customer_id: As the attribute of that name.
            endpoint: As the attribute of that name.
            residency: As the attribute of that name.
            data_center: As the attribute of that name.

        Raises:
            ValueError: for what `AlertLogic` itself refuses.
        """
        secret = _EmptySecret(scope, construct_id).secret
        return AlertLogic(
            customer_id=customer_id, secret=secret, endpoint=endpoint, residency=residency, data_center=data_center
        )


class _EmptySecret(Construct):
    def __init__(self, scope: Construct, construct_id: str) -> None:
        super().__init__(scope, construct_id)
        # The L2 Secret would generate a random value, which looks like a key and is none.
        resource = secretsmanager.CfnSecret(
            self, "Resource", description="Alert Logic API key: {access_key_id, secret_key}"
        )
        Validations.of(resource).acknowledge(
            Acknowledgment(
                id="AwsSolutions-SMG4",
                reason="Alert Logic's access keys are made in its console; Secrets Manager cannot rotate them",
            )
        )
        self.secret = secretsmanager.Secret.from_secret_complete_arn(self, "Secret", resource.ref)
        fill = CfnOutput(
            self,
            FILL_OUTPUT,
            description="Fills the secret from a file, so that the key is in no shell history",
            value=f"aws secretsmanager put-secret-value --secret-id {resource.ref} --secret-string file://key.json",
        )
        fill.override_logical_id(FILL_OUTPUT)
