"""The security account's side: the secret's only user, the registration service and the event bus."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import Acknowledgment, CfnOutput, Duration, RemovalPolicy, Stack, Token, Validations
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from constructs import Construct

from ._alarms import RunbookAlarm, Section, create_delivery_alarm, notify, own_metric
from ._enrollment_events import deployment_pattern
from ._naming import CONTROL_TOWER_EXECUTION, DEFAULT_PREFIX, Names
from ._registration import ANY_REGISTRANT, Registration
from ._validation import StackChecks
from .protection import Offboarding

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aws_cdk import aws_sns as sns

    from .alert_logic import AlertLogic
    from .landing_zone import LandingZone

# The one object of the bucket.
STATUS_KEY = "status.json"
# By this output of its stack, `make status` finds the bucket.
STATUS_BUCKET_OUTPUT = "StatusBucket"
_STATUS_EVERY = Duration.minutes(15)
# For how long an account may not be as wanted: four sweeps have tried to mend it by then.
_MENDED_WITHIN_PERIODS = 4
_MENDING_PERIOD = Duration.hours(6)


class AlertLogicHub(Construct):
    """What every other account sends to: the registration topic and the event bus.

    Creates in the security account, home region: topic `<prefix>-registration` with a customer-managed key, queue,
    dead-letter queue, alarms, table and function `account_registration`; event bus `<prefix>-hub` with the rule on what
    the management account says; on the default bus, the rule on this stack's deployments and the schedule of the
    status; a bucket for the status of all accounts, which is looked at every 15 minutes and written if it changed, with
    CDK's function that empties the bucket at the end. Output `StatusBucket`.

    Attributes:
        registration_topic: Service token of the custom resources that register accounts.
        bus: The event bus; its policy admits the organization only.
        registration: The queue, dead-letter queue and function behind the topic.
        accounts_rule: The rule on what the management account says.
        deployment_rule: The rule on this stack's deployments, after which all accounts are looked at.
        status_bucket: The bucket with the status of all accounts; it goes, with what is in it, when the hub goes.
        status_schedule: The schedule on which the status is looked at.
        accounts_alarm: In alarm when there was always an account that is not as wanted, for a day.
        landing_zone: The landing zone.
        prefix: The prefix of all physical names.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        alert_logic: AlertLogic,
        landing_zone: LandingZone,
        offboarding: Offboarding = Offboarding.DISABLE,
        registrants: Sequence[str] | None = None,
        alarm_topic: sns.ITopic | None = None,
        prefix: str = DEFAULT_PREFIX,
    ) -> None:
        """Create the hub.

        Args:
            scope: The parent, in a stack of the security account and the home region.
            construct_id: The id in it.
            alert_logic: The customer, with the secret of its API key.
            landing_zone: The landing zone whose organization may ask and send.
            offboarding: What becomes of a deployment when its account's registration is deleted.
            registrants: Patterns of the role ARNs that may ask for registrations; Control Tower's execution role,
                with which StackSets deploy, unless given. `["*"]` admits every principal of the organization, also
                where AWS does not say which role asks; the function still requires that the stack which asks
                exists and is in progress.
            alarm_topic: Where every alarm is published, when it begins and when it ends; nowhere unless given. A topic
                of the stack's region, whose policy, and key, admit `cloudwatch.amazonaws.com`.
            prefix: The prefix of all physical names; fixed for the life of the installation.

        Raises:
            ValueError: for a stack in another account or region, a topic of another region, a missing secret, an
                offboarding that is no member of its enumeration, a registrant that is no ARN, or a malformed prefix.
        """
        super().__init__(scope, construct_id)
        names = Names(prefix)
        self.landing_zone = landing_zone
        self.prefix = prefix
        partition = Stack.of(self).partition
        if registrants is None:
            registrants = [f"arn:{partition}:iam::*:role/{CONTROL_TOWER_EXECUTION}"]
        _check(self, offboarding, registrants)
        registration = Registration(
            self,
            "Registration",
            alert_logic=alert_logic,
            names=names,
            offboarding=offboarding,
            organization_id=landing_zone.organization_id,
            management_account=landing_zone.management_account,
            registrants=registrants,
            central_logs_role_arn=(
                f"arn:{partition}:iam::{landing_zone.log_archive_account}:role/{names.central_logs_role}"
            ),
        )
        self.registration_topic = registration.topic
        self.registration = registration.queued_function
        self.bus = events.EventBus(self, "Bus", event_bus_name=names.bus)
        self.bus.add_to_resource_policy(
            iam.PolicyStatement(
                sid="AdmitOrganization",
                principals=[iam.AnyPrincipal()],
                actions=["events:PutEvents"],
                resources=[self.bus.event_bus_arn],
                conditions={"StringEquals": {"aws:PrincipalOrgID": landing_zone.organization_id}},
            )
        )
        self.accounts_rule = events.Rule(
            self,
            "AccountsRule",
            description="The management account says which accounts are to be protected",
            event_bus=self.bus,
            # EventBridge sets the account, so nobody else can speak for it.
            event_pattern=events.EventPattern(
                account=[landing_zone.management_account], source=["alertlogic.accounts"], detail_type=["Accounts"]
            ),
            targets=[self.registration.rule_target()],
        )
        create_delivery_alarm(self.accounts_rule, self.bus)
        self.deployment_rule = events.Rule(
            self,
            "DeploymentRule",
            description="This stack was deployed, so all accounts are looked at",
            event_pattern=deployment_pattern(),
            targets=[self.registration.rule_target()],
        )
        create_delivery_alarm(self.deployment_rule)
        self.status_bucket = self._create_status_bucket()
        self.status_schedule = self._create_status_schedule()
        self.accounts_alarm = self._create_accounts_alarm()
        notify(self, alarm_topic)

    def _create_status_bucket(self) -> s3.Bucket:
        bucket = s3.Bucket(
            self,
            "Status",
            encryption=s3.BucketEncryption.S3_MANAGED,
            enforce_ssl=True,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            versioned=True,
            lifecycle_rules=[s3.LifecycleRule(noncurrent_version_expiration=Duration.days(90))],
            removal_policy=RemovalPolicy.DESTROY,
            auto_delete_objects=True,
        )
        Validations.of(bucket).acknowledge(
            Acknowledgment(id="AwsSolutions-S1", reason="One object, which one function writes and operators read")
        )
        self.registration.function.add_environment("STATUS_BUCKET", bucket.bucket_name)
        self.registration.role.add_to_policy(
            iam.PolicyStatement(
                actions=["s3:GetObject", "s3:PutObject"], resources=[bucket.arn_for_objects(STATUS_KEY)]
            )
        )
        # Without it, S3 does not say that an object is not there yet, but that it may not be read.
        self.registration.role.add_to_policy(
            iam.PolicyStatement(actions=["s3:ListBucket"], resources=[bucket.bucket_arn])
        )
        output = CfnOutput(self, STATUS_BUCKET_OUTPUT, description="What `make status` reads", value=bucket.bucket_name)
        output.override_logical_id(STATUS_BUCKET_OUTPUT)
        return bucket

    def _create_status_schedule(self) -> events.Rule:
        schedule = events.Rule(
            self,
            "StatusSchedule",
            description="Has the status of all accounts written down",
            schedule=events.Schedule.rate(_STATUS_EVERY),
            targets=[self.registration.rule_target()],
        )
        create_delivery_alarm(schedule)
        return schedule

    def _create_accounts_alarm(self) -> RunbookAlarm:
        return RunbookAlarm(
            self,
            "AccountsAlarm",
            metric=own_metric(
                "account_registration",
                "AccountsNotAsWanted",
                # The best moment of each period: an account that is being enrolled is none to worry about.
                statistic="Minimum",
                period=_MENDING_PERIOD,
            ),
            label="accounts",
            threshold=0,
            periods=_MENDED_WITHIN_PERIODS,
            section=Section.ACCOUNTS_NOT_AS_WANTED,
            description="For a day there was always an account that is not as wanted; `make status` says which and why",
            # Nobody looked, so nobody knows; that the function does not work, other alarms tell.
            missing=cloudwatch.TreatMissingData.MISSING,
        )


def _check(hub: AlertLogicHub, offboarding: object, registrants: Sequence[str]) -> None:
    checks = StackChecks(hub)
    checks.environment(account=hub.landing_zone.security_account, region=hub.landing_zone.home_region)
    checks.choice("offboarding", offboarding, Offboarding)
    checks.require(
        bool(registrants), "registrants", registrants, "at least one pattern", "leave it out for Control Tower's role"
    )
    for pattern in checks.strings("registrants", registrants):
        checks.require(
            pattern == ANY_REGISTRANT or Token.is_unresolved(pattern) or pattern.startswith("arn:"),
            "registrants",
            pattern,
            f"the ARN of a role, perhaps with wildcards, or {ANY_REGISTRANT!r} for every principal",
            "write it as 'arn:aws:iam::*:role/NAME'",
        )
    checks.raise_problems()
