"""The management account's side of enrollment: Control Tower's events -> StackSet instances."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import CfnStackSet, Duration, Stack
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from constructs import Construct

from ._acknowledge import acknowledge_wildcards
from ._naming import CONTROL_TOWER_EXECUTION, DEFAULT_PREFIX, Names
from ._queued_function import QueuedFunction
from ._validation import Checks, require_environment
from .landing_zone import OrganizationalUnits
from .member_account import MemberAccountStack
from .protection import DeploymentMode, ProtectionScope

if TYPE_CHECKING:
    from .alert_logic import AlertLogic
    from .guardduty import GuardDutyCoverage
    from .landing_zone import LandingZone
    from .protection import ProtectionPolicy

# StackSets' defaults stop at the first bad account, and take an account at a time.
_MAX_CONCURRENT_PERCENTAGE = 25


class ControlTowerIntegration(Construct):
    """Enrolls every account of the landing zone that Control Tower enrolls, so that it registers with Alert Logic.

    Control Tower's `CreateManagedAccount` and `UpdateManagedAccount` events say where to look; the function compares
    what the organization and the StackSet are with what they should be, and makes the difference.

    Creates in the management account, home region: an EventBridge rule on the default bus, queue, dead-letter queue,
    alarms and function `account_enrollment`; StackSet `<prefix>-member-account` with an administration role of its
    own. In each enrolled account, through the StackSet: what `ProtectedAccount` creates; where VPC tags decide, in each
    governed region also what `VpcEventsSpoke` creates; in each governed region of an account that forwards GuardDuty's
    findings, what `GuardDutyFindingsSpoke` creates.

    Attributes:
        enrollment: The queue, dead-letter queue and function.
        lifecycle_rule: The rule on Control Tower's lifecycle events.
        stack_set: The StackSet.
        administration_role: The StackSet's administration role.
        member_account_stack: The stack whose template the StackSet deploys.

    See https://docs.aws.amazon.com/controltower/latest/userguide/lifecycle-events.html
    """

    def __init__(
        self,
        parent: Construct,
        construct_id: str,
        /,
        *,
        landing_zone: LandingZone,
        alert_logic: AlertLogic,
        policy: ProtectionPolicy,
        mode: DeploymentMode = DeploymentMode.MANUAL,
        scope: ProtectionScope | None = None,
        central_logs: bool = False,
        guardduty_coverage: GuardDutyCoverage | None = None,
        organizational_units: OrganizationalUnits | None = None,
        policy_document: iam.PolicyDocument | None = None,
        prefix: str = DEFAULT_PREFIX,
    ) -> None:
        """Create the integration.

        Args:
            parent: The parent, in a stack of the management account and the home region.
            construct_id: The id in it.
            landing_zone: The landing zone.
            alert_logic: The customer. No secret is needed here.
            policy: The protection policy of every account.
            mode: Whether Alert Logic creates its appliances itself.
            scope: What is protected in every account; each governed region whole, unless given. Tags need a
                `VpcScopeWatcher` with the same scope beside the hub.
            central_logs: Whether Alert Logic takes every account's CloudTrail logs from the log archive account
                (`LogArchiveIngestion`), so that its roles may not create and manage trails.
            guardduty_coverage: Which accounts send their GuardDuty findings to the hub, for a `GuardDutyForwarder` with
                the same coverage; none unless given. The management account, which no StackSet reaches, needs a
                `GuardDutyFindingsSpoke` per governed region, as does an administrator in no included unit.
            organizational_units: Which accounts are enrolled; those of every unit, unless given.
            policy_document: A policy of your own for the role that Alert Logic assumes, in place of the pinned one.
            prefix: The prefix of all physical names, the hub's own; fixed for the life of the installation.

        Raises:
            ValueError: for a stack in another account or region, an exclusion of an account that is always
                protected or is the GuardDuty administrator, a region that is not governed, or a malformed prefix.
        """
        super().__init__(parent, construct_id)
        units = organizational_units or OrganizationalUnits.all()
        names = Names(prefix)
        require_environment(self, account=landing_zone.management_account, region=landing_zone.home_region)
        _check(landing_zone, units, guardduty_coverage)
        self.member_account_stack = MemberAccountStack(
            alert_logic=alert_logic,
            landing_zone=landing_zone,
            policy=policy,
            mode=mode,
            scope=scope or ProtectionScope.regions(),
            central_logs=central_logs,
            guardduty_coverage=guardduty_coverage,
            policy_document=policy_document,
            prefix=prefix,
        )
        stack_set_arn = Stack.of(self).format_arn(
            service="cloudformation",
            account=landing_zone.management_account,
            region=landing_zone.home_region,
            resource="stackset",
            resource_name=f"{names.stack_set}:*",
        )
        self.administration_role = self._create_administration_role(landing_zone, stack_set_arn)
        self.stack_set = self._create_stack_set(names)
        self.enrollment = self._create_enrollment(landing_zone, units, guardduty_coverage, names)
        self._grant_enrollment(landing_zone, names.stack_set, stack_set_arn)
        self.lifecycle_rule = self._create_lifecycle_rule(landing_zone)

    def _create_enrollment(
        self,
        landing_zone: LandingZone,
        units: OrganizationalUnits,
        guardduty_coverage: GuardDutyCoverage | None,
        names: Names,
    ) -> QueuedFunction:
        administrator = guardduty_coverage.administrator_account if guardduty_coverage else None
        return QueuedFunction(
            self,
            "AccountEnrollment",
            function="account_enrollment",
            description="Creates and mends the member-account stack instances of enrolled accounts",
            environment={
                "STACK_SET_NAME": names.stack_set,
                "REGIONS": ",".join(self.member_account_stack.instance_regions),
                "GUARDDUTY_ADMINISTRATOR": administrator or "",
                "ADMINISTRATOR_REGIONS": ",".join(self.member_account_stack.administrator_regions),
                "MANAGEMENT_ACCOUNT_ID": landing_zone.management_account,
                "ALWAYS_ENROLLED": ",".join(landing_zone.shared_accounts),
                "INCLUDED_UNITS": ",".join(units.included) or "ALL",
                "EXCLUDED_UNITS": ",".join(units.excluded),
                "EXCLUDED_ACCOUNTS": ",".join(units.excluded_accounts),
                "MAX_CONCURRENT_PERCENTAGE": str(_MAX_CONCURRENT_PERCENTAGE),
            },
        )

    def _create_lifecycle_rule(self, landing_zone: LandingZone) -> events.Rule:
        return events.Rule(
            self,
            "LifecycleRule",
            description="Control Tower created, enrolled or updated an account",
            event_pattern=events.EventPattern(
                source=["aws.controltower"],
                detail_type=["AWS Service Event via CloudTrail"],
                account=[landing_zone.management_account],
                detail={"eventName": ["CreateManagedAccount", "UpdateManagedAccount"]},
            ),
            targets=[
                targets.SqsQueue(
                    self.enrollment.queue,
                    dead_letter_queue=self.enrollment.dead_letter_queue,
                    max_event_age=Duration.hours(24),
                )
            ],
        )

    def _create_administration_role(self, landing_zone: LandingZone, stack_set_arn: str) -> iam.Role:
        # A StackSet acts in a region that is disabled by default as that region's own principal.
        # https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stacksets-opt-in-regions.html
        services = [
            "cloudformation.amazonaws.com",
            *(f"cloudformation.{region}.amazonaws.com" for region in landing_zone.opt_in_regions),
        ]
        role = iam.Role(
            self,
            "AdministrationRole",
            description="CloudFormation deploys the member-account StackSet with it",
            assumed_by=iam.PrincipalWithConditions(
                iam.CompositePrincipal(*(iam.ServicePrincipal(service) for service in services)),
                {
                    "StringEquals": {"aws:SourceAccount": landing_zone.management_account},
                    "ArnLike": {"aws:SourceArn": stack_set_arn},
                },
            ),
        )
        assume = iam.PolicyStatement(
            actions=["sts:AssumeRole"],
            resources=[f"arn:{Stack.of(self).partition}:iam::*:role/{CONTROL_TOWER_EXECUTION}"],
            conditions={"StringEquals": {"aws:ResourceOrgID": landing_zone.organization_id}},
        )
        role.add_to_policy(assume)
        acknowledge_wildcards(role, "The execution role of any account of the organization, which grows", assume)
        return role

    def _create_stack_set(self, names: Names) -> CfnStackSet:
        stack_set = CfnStackSet(
            self,
            "StackSet",
            stack_set_name=names.stack_set,
            description="Alert Logic: roles and registration of each enrolled account",
            permission_model="SELF_MANAGED",
            administration_role_arn=self.administration_role.role_arn,
            execution_role_name=CONTROL_TOWER_EXECUTION,
            capabilities=["CAPABILITY_NAMED_IAM"],
            managed_execution={"Active": True},
            operation_preferences=CfnStackSet.OperationPreferencesProperty(
                failure_tolerance_percentage=100,
                max_concurrent_percentage=_MAX_CONCURRENT_PERCENTAGE,
                region_concurrency_type="PARALLEL",
                concurrency_mode="SOFT_FAILURE_TOLERANCE",
            ),
            template_body=self.member_account_stack.template_body(),
        )
        # The role must be able to act before the StackSet has an operation.
        stack_set.node.add_dependency(self.administration_role)
        return stack_set

    def _grant_enrollment(self, landing_zone: LandingZone, stack_set: str, stack_set_arn: str) -> None:
        partition = Stack.of(self).partition
        organization = f"arn:{partition}:organizations::{landing_zone.management_account}"
        accounts = f"{organization}:account/{landing_zone.organization_id}/*"
        units = f"{organization}:ou/{landing_zone.organization_id}/*"
        statements = [
            iam.PolicyStatement(actions=["organizations:DescribeAccount"], resources=[accounts]),
            iam.PolicyStatement(actions=["organizations:ListParents"], resources=[accounts, units]),
            iam.PolicyStatement(
                actions=["cloudformation:ListStackInstances", "cloudformation:ListStackSetOperations"],
                resources=[stack_set_arn],
            ),
            iam.PolicyStatement(
                actions=[
                    "cloudformation:CreateStackInstances",
                    "cloudformation:UpdateStackInstances",
                    "cloudformation:DeleteStackInstances",
                ],
                # These also act on targets and resource types:
                # https://docs.aws.amazon.com/service-authorization/latest/reference/list_awscloudformation.html
                resources=[
                    stack_set_arn,
                    f"arn:{partition}:cloudformation:*:{landing_zone.management_account}:stackset-target/{stack_set}:*",
                    f"arn:{partition}:cloudformation:*::type/resource/*",
                ],
            ),
            # https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stacksets-prereqs-self-managed.html
            iam.PolicyStatement(actions=["iam:GetRole"], resources=[self.administration_role.role_arn]),
            iam.PolicyStatement(
                actions=["iam:PassRole"],
                resources=[self.administration_role.role_arn],
                conditions={"StringEquals": {"iam:PassedToService": "cloudformation.amazonaws.com"}},
            ),
        ]
        for statement in statements:
            self.enrollment.role.add_to_policy(statement)
        acknowledge_wildcards(
            self.enrollment.role,
            "Any account and unit of one organization, and one StackSet, whose ARNs end in an id that AWS chooses",
            *statements,
        )


def _check(landing_zone: LandingZone, units: OrganizationalUnits, guardduty_coverage: GuardDutyCoverage | None) -> None:
    administrator = guardduty_coverage.administrator_account if guardduty_coverage else None
    checks = Checks("ControlTowerIntegration")
    for account in units.excluded_accounts:
        checks.require(
            account not in landing_zone.shared_accounts,
            "organizational_units.excluded_accounts",
            account,
            "accounts other than audit, log archive and security, which are always protected",
            "take it out of excluding_accounts",
        )
        checks.require(
            account != landing_zone.management_account,
            "organizational_units.excluded_accounts",
            account,
            "accounts other than the management account, which is never enrolled",
            "take it out of excluding_accounts",
        )
        checks.require(
            account != administrator,
            "organizational_units.excluded_accounts",
            account,
            "accounts other than the GuardDuty administrator, which forwards all findings",
            "take it out of excluding_accounts, or leave guardduty_coverage out and put a GuardDutyFindingsSpoke there",
        )
    checks.raise_problems()
