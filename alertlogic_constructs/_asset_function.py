"""A function from the one asset, with logs, a role and alarms of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import Acknowledgment, Duration, RemovalPolicy, Validations
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from ._alarms import PATIENCE, PERIOD, RunbookAlarm, Section, own_metric
from ._lambda_asset import ARCHITECTURE, RUNTIME, lambda_code
from ._validation import Checks

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .alert_logic import AlertLogic

FUNCTION_TIMEOUT = Duration.minutes(5)


class AssetFunction(Construct):
    """One of the functions in `lambda_src`.

    Attributes:
        function: The function.
        role: The function's role: its own logs, and what the construct around it grants.
        error_alarm: In alarm when the function fails as a whole.
        throttle_alarm: In alarm when Lambda refused to run the function all through an hour.
        secret_alarm: In alarm when the secret holds no usable key; None where the function needs no secret.
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
    ) -> None:
        """Create the function.

        Args:
            scope: The parent.
            construct_id: The id in it.
            function: The folder of the function in `lambda_src`.
            description: What the function does, for the Lambda console.
            environment: The function's settings.
            alert_logic: The customer for whom the function calls Alert Logic, with the secret, which it may then read.
            role_name: The role's physical name, only where another account must know it.

        Raises:
            ValueError: for a missing secret.
        """
        super().__init__(scope, construct_id)
        log_group = logs.LogGroup(
            self, "Logs", retention=logs.RetentionDays.THREE_MONTHS, removal_policy=RemovalPolicy.DESTROY
        )
        self.role = iam.Role(self, "Role", role_name=role_name, assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
        self.role.add_to_policy(
            iam.PolicyStatement(
                actions=["logs:CreateLogStream", "logs:PutLogEvents"], resources=[log_group.log_group_arn]
            )
        )
        self.function = lambda_.Function(
            self,
            "Function",
            description=description,
            runtime=RUNTIME,
            architecture=ARCHITECTURE,
            code=lambda_code(),
            handler=f"{function}.handler.lambda_handler",
            role=self.role,
            timeout=FUNCTION_TIMEOUT,
            memory_size=512,
            log_group=log_group,
            environment={
                **(self._alertlogic_environment(alert_logic) if alert_logic else {}),
                **environment,
                "POWERTOOLS_SERVICE_NAME": function,
            },
        )
        if alert_logic and alert_logic.secret:
            alert_logic.secret.grant_read(self.role)
        Validations.of(self.function).acknowledge(
            Acknowledgment(id="AwsSolutions-L1", reason="The wheels of the asset are pinned for this runtime")
        )
        self.error_alarm = RunbookAlarm(
            self,
            "ErrorAlarm",
            metric=self.function.metric_errors(period=PERIOD, statistic="Sum"),
            label=function,
            threshold=0,
            section=Section.FUNCTION_FAILS,
            description=f"{function}: the function failed as a whole; the log says why",
            # A function that is not invoked reports nothing.
            missing=cloudwatch.TreatMissingData.NOT_BREACHING,
        )
        self.throttle_alarm = RunbookAlarm(
            self,
            "ThrottleAlarm",
            metric=self.function.metric_throttles(period=PERIOD, statistic="Sum"),
            label=function,
            threshold=0,
            # Lambda tries again by itself, so a throttle now and then costs nothing but time.
            periods=int(PATIENCE.to_minutes() / PERIOD.to_minutes()),
            section=Section.FUNCTION_THROTTLED,
            description=f"{function}: Lambda refused to run the function all through an hour",
            missing=cloudwatch.TreatMissingData.NOT_BREACHING,
        )
        self.secret_alarm = self._create_secret_alarm(function) if alert_logic else None

    def _create_secret_alarm(self, function: str) -> RunbookAlarm:
        return RunbookAlarm(
            self,
            "SecretAlarm",
            metric=own_metric(function, "SecretUnusable", statistic="Sum"),
            label=function,
            threshold=0,
            section=Section.SECRET_UNUSABLE,
            description=f"{function}: the secret is empty or malformed, or may not be read",
            # Only a failure is reported.
            missing=cloudwatch.TreatMissingData.NOT_BREACHING,
        )

    def _alertlogic_environment(self, alert_logic: AlertLogic) -> Mapping[str, str]:
        checks = Checks(self.node.path)
        checks.require(
            alert_logic.secret is not None,
            "alert_logic.secret",
            alert_logic.secret,
            "the secret with Alert Logic's API key",
            "pass AlertLogic(secret=...) or use AlertLogic.placeholder()",
        )
        checks.raise_problems()
        assert alert_logic.secret is not None  # noqa: S101 - as was just required
        return {
            "ALERTLOGIC_CUSTOMER_ID": alert_logic.customer_id,
            "ALERTLOGIC_SECRET_ARN": alert_logic.secret.secret_arn,
            "ALERTLOGIC_GLOBAL_ENDPOINT": alert_logic.endpoint,
            "ALERTLOGIC_RESIDENCY": alert_logic.residency.value,
        }
