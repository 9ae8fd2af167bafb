"""The management account's side of enrollment: Control Tower's events -> StackSet instances."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import CfnStackSet, Duration, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from constructs import Construct

from ._acknowledge import acknowledge_wildcards
from ._alarms import RunbookAlarm, Section, create_delivery_alarm, notify, own_metric
from ._enrollment_events import enrollment_patterns
from ._hub_bus import hub_bus
from ._naming import CONTROL_TOWER_EXECUTION, DEFAULT_PREFIX, Names
from ._queued_function import QueuedFunction
from ._stack_set_access import grant_stack_set
from ._stack_set_emptier import StackSetEmptier
from ._validation import StackChecks
from .landing_zone import OrganizationalUnits
from .member_account import MemberAccountStack
from .protection import DeploymentMode, ProtectionPolicy, ProtectionScope

if TYPE_CHECKING:
    from aws_cdk import aws_sns as sns

    from .alert_logic import AlertLogic
    from .guardduty import GuardDutyCoverage
    from .landing_zone import LandingZone

# StackSets' defaults stop at the first bad account, and take an account at a time.
_MAX_CONCURRENT_PERCENTAGE = 25
_WHOLE = 100
_SHORTEST_SWEEP_MINUTES = 60


class ControlTowerIntegration(Construct):
    """Enrolls every account of the landing zone that Control Tower enrolls, so that it registers with Alert Logic.

    Events of Control Tower and AWS Organizations say where to look, and a sweep looks at everything; the function
    compares what the organization and the StackSet are with what they should be, and makes the difference: it creates
    and mends the stack instances of accounts that are to be protected, deletes those of accounts that are not any more,
    and tells the hub of both. When the stack is deleted, the StackSet is emptied first.

    Creates in the management account, home region: EventBridge rules on the default bus, queue, dead-letter queue,
    alarms and function `account_enrollment`; StackSet `<prefix>-member-account` with an administration role of its
    own; queue, dead-letter queue, alarms and function `stackset_emptier`. In each enrolled account, through the
    StackSet: what `ProtectedAccount` creates; where VPC tags decide, in each governed region also what `VpcEventsSpoke`
    creates; in each governed region of an account that forwards GuardDuty's findings, what `GuardDutyFindingsSpoke`
    creates.

    Attributes:
        enrollment: The queue, dead-letter queue and function.
        rules: The rules on Control Tower's and Organizations' events, on this stack's deployments, and the sweep's.
        removals_alarm: In alarm when the deletion guard held a removal back.
        stack_set: The StackSet.
        administration_role: The StackSet's administration role.
        emptier: The queue, dead-letter queue and function that empty the StackSet.
        member_account_stack: The stack whose template the StackSet deploys.

    See https://docs.aws.amazon.com/controltower/latest/userguide/lifecycle-events.html
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        landing_zone: LandingZone,
        alert_logic: AlertLogic,
        policy: ProtectionPolicy,
        mode: DeploymentMode = DeploymentMode.MANUAL,
        protection_scope: ProtectionScope | None = None,
        central_logs: bool = False,
        guardduty_coverage: GuardDutyCoverage | None = None,
        organizational_units: OrganizationalUnits | None = None,
        sweep_interval: Duration | None = None,
        deletion_guard_percentage: int = 10,
        policy_document: iam.PolicyDocument | None = None,
        alarm_topic: sns.ITopic | None = None,
        prefix: str = DEFAULT_PREFIX,
    ) -> None:
        """Create the integration.

        Args:
            scope: The parent, in a stack of the management account and the home region.
            construct_id: The id in it.
            landing_zone: The landing zone.
            alert_logic: The customer. No secret is needed here.
            policy: The protection policy of every account.
            mode: Whether Alert Logic creates its appliances itself.
            protection_scope: What is protected in every account; each governed region whole, unless given. Tags need
                a `VpcScopeWatcher` with the same scope beside the hub.
            central_logs: Whether Alert Logic takes every account's CloudTrail logs from the log archive account
                (`LogArchiveIngestion`), so that its roles may not create and manage trails.
            guardduty_coverage: Which accounts send their GuardDuty findings to the hub, for a `GuardDutyForwarder` with
                the same coverage; none unless given. The management account, which no StackSet reaches, needs a
                `GuardDutyFindingsSpoke` per governed region, as does an administrator in no included unit.
            organizational_units: Which accounts are enrolled; those of every unit, unless given.
            sweep_interval: How often all accounts are looked at, events or not; every 6 hours unless given. Every
                deployment of the stack does so, too.
            deletion_guard_percentage: Which share of the enrolled accounts, and at least one, may leave within 24
                hours, from 0 to 100. Beyond it nothing is removed: `removals_alarm` says so, and the next sweep looks
                again. 100 lets through whatever is meant to leave.
            policy_document: A policy of your own for the role that Alert Logic assumes, in place of the pinned one.
            alarm_topic: Where every alarm is published, when it begins and when it ends; nowhere unless given. A topic
                of the stack's region, whose policy, and key, admit `cloudwatch.amazonaws.com`.
            prefix: The prefix of all physical names, the hub's own; fixed for the life of the installation.

        Raises:
            ValueError: for a stack in another account or region, a topic of another region, an exclusion of an account
                that is always protected or is the GuardDuty administrator, a region that is not governed, a policy,
                mode, percentage or interval that cannot be, `central_logs` that is neither True nor False, or a
                malformed prefix.
        """
        super().__init__(scope, construct_id)
        units = organizational_units or OrganizationalUnits.all()
        names = Names(prefix)
        _check(
            self,
            landing_zone,
            policy=policy,
            mode=mode,
            central_logs=central_logs,
            units=units,
            guardduty_coverage=guardduty_coverage,
            sweep_interval=sweep_interval,
            deletion_guard_percentage=deletion_guard_percentage,
        )
        self.member_account_stack = MemberAccountStack(
            alert_logic=alert_logic,
            landing_zone=landing_zone,
            policy=policy,
            mode=mode,
            protection_scope=protection_scope or ProtectionScope.regions(),
            central_logs=central_logs,
            guardduty_coverage=guardduty_coverage,
            policy_document=policy_document,
            prefix=prefix,
        )
        self._stack_set_arn = Stack.of(self).format_arn(
            service="cloudformation",
            region=landing_zone.home_region,
            account=landing_zone.management_account,
            resource="stackset",
            resource_name=f"{names.stack_set}:*",
        )
        self.administration_role = self._create_administration_role(landing_zone)
        self.stack_set = self._create_stack_set(names)
        self._hub_bus_arn = hub_bus(self, landing_zone, names).event_bus_arn
        self.enrollment = self._create_enrollment(
            landing_zone, units, guardduty_coverage, deletion_guard_percentage, names
        )
        self._grant_enrollment(landing_zone, names.stack_set)
        self.rules = self._create_rules(landing_zone, sweep_interval or Duration.hours(6))
        self.removals_alarm = self._create_removals_alarm()
        self.emptier = self._create_emptier(landing_zone, names)
        notify(self, alarm_topic)

    def _create_enrollment(
        self,
        landing_zone: LandingZone,
        units: OrganizationalUnits,
        guardduty_coverage: GuardDutyCoverage | None,
        deletion_guard_percentage: int,
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
                "HUB_BUS_ARN": self._hub_bus_arn,
                "DELETION_GUARD_PERCENTAGE": str(deletion_guard_percentage),
                "MANAGEMENT_ACCOUNT_ID": landing_zone.management_account,
                "ALWAYS_ENROLLED": ",".join(landing_zone.shared_accounts),
                "INCLUDED_UNITS": ",".join(units.included) or "ALL",
                "EXCLUDED_UNITS": ",".join(units.excluded),
                "EXCLUDED_ACCOUNTS": ",".join(units.excluded_accounts),
                "MAX_CONCURRENT_PERCENTAGE": str(_MAX_CONCURRENT_PERCENTAGE),
            },
        )

    def _create_removals_alarm(self) -> RunbookAlarm:
        return RunbookAlarm(
            self,
            "RemovalsAlarm",
            metric=own_metric("account_enrollment", "RemovalsHeldBack", statistic="Sum"),
            label="removals",
            threshold=0,
            section=Section.REMOVALS_HELD_BACK,
            description="account_enrollment: more accounts would be removed than the deletion guard lets through",
            # Each sweep that holds one back reports it anew.
            missing=cloudwatch.TreatMissingData.NOT_BREACHING,
        )

    def _create_emptier(self, landing_zone: LandingZone, names: Names) -> StackSetEmptier:
        emptier = StackSetEmptier(
            self,
            "StackSetEmptier",
            stack_set_name=names.stack_set,
            max_concurrent_percentage=_MAX_CONCURRENT_PERCENTAGE,
        )
        grant_stack_set(
            emptier.role,
            stack_set_arn=self._stack_set_arn,
            name=names.stack_set,
            account=landing_zone.management_account,
            administration_role=self.administration_role,
            lists=["StackInstances", "StackSetOperations"],
            verbs=["Delete"],
        )
        # Emptied before the StackSet is deleted, and after whatever could make instances again is gone.
        emptier.resource.node.add_dependency(self.stack_set)
        for maker in (self.enrollment.event_source, *self.rules):
            maker.node.add_dependency(emptier.resource)
        return emptier

    def _create_rules(self, landing_zone: LandingZone, sweep_interval: Duration) -> list[events.Rule]:
        target = self.enrollment.rule_target()
        rules = [
            events.Rule(self, rule_id, description=description, event_pattern=pattern, targets=[target])
            for rule_id, (description, pattern) in enrollment_patterns(landing_zone).items()
        ]
        schedule = events.Schedule.rate(sweep_interval)
        sweep = events.Rule(
            self, "SweepRule", description="Begins a sweep over all accounts", schedule=schedule, targets=[target]
        )
        rules.append(sweep)
        for rule in rules:
            create_delivery_alarm(rule)
        return rules

    def _create_administration_role(self, landing_zone: LandingZone) -> iam.Role:
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
                    "ArnLike": {"aws:SourceArn": self._stack_set_arn},
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

    def _grant_enrollment(self, landing_zone: LandingZone, stack_set: str) -> None:
        role = self.enrollment.role
        self.enrollment.allow_messages_to_itself()
        grant_stack_set(
            role,
            stack_set_arn=self._stack_set_arn,
            name=stack_set,
            account=landing_zone.management_account,
            administration_role=self.administration_role,
            lists=["StackInstances", "StackSetOperations", "StackSetOperationResults"],
            verbs=["Create", "Update", "Delete"],
        )
        organization = f"arn:{Stack.of(self).partition}:organizations::{landing_zone.management_account}"
        accounts = f"{organization}:account/{landing_zone.organization_id}/*"
        units = f"{organization}:ou/{landing_zone.organization_id}/*"
        roots = f"{organization}:root/{landing_zone.organization_id}/*"
        statements = [
            iam.PolicyStatement(actions=["organizations:DescribeAccount"], resources=[accounts]),
            iam.PolicyStatement(actions=["organizations:ListParents"], resources=[accounts, units]),
            iam.PolicyStatement(
                actions=["organizations:ListAccountsForParent", "organizations:ListOrganizationalUnitsForParent"],
                resources=[units, roots],
            ),
            # The action knows no resource-level permissions:
            # https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsorganizations.html
            iam.PolicyStatement(actions=["organizations:ListRoots"], resources=["*"]),
        ]
        for statement in statements:
            role.add_to_policy(statement)
        acknowledge_wildcards(role, "Any account and unit of one organization", *statements)
        role.add_to_policy(iam.PolicyStatement(actions=["events:PutEvents"], resources=[self._hub_bus_arn]))


def _check(
    integration: ControlTowerIntegration,
    landing_zone: LandingZone,
    *,
    policy: object,
    mode: object,
    central_logs: object,
    units: OrganizationalUnits,
    guardduty_coverage: GuardDutyCoverage | None,
    sweep_interval: Duration | None,
    deletion_guard_percentage: object,
) -> None:
    administrator = guardduty_coverage.administrator_account if guardduty_coverage else None
    checks = StackChecks(integration)
    checks.environment(account=landing_zone.management_account, region=landing_zone.home_region)
    checks.choice("policy", policy, ProtectionPolicy)
    checks.choice("mode", mode, DeploymentMode)
    checks.boolean("central_logs", central_logs)
    checks.require(
        isinstance(deletion_guard_percentage, int)
        and not isinstance(deletion_guard_percentage, bool)
        and deletion_guard_percentage in range(_WHOLE + 1),
        "deletion_guard_percentage",
        deletion_guard_percentage,
        f"a whole number from 0 to {_WHOLE}",
        "leave it out for 10",
    )
    minutes = None if sweep_interval is None else sweep_interval.to_seconds(integral=False) / 60
    checks.require(
        # EventBridge counts whole minutes.
        minutes is None or (minutes >= _SHORTEST_SWEEP_MINUTES and minutes.is_integer()),
        "sweep_interval",
        sweep_interval and sweep_interval.to_string(),
        f"whole minutes, {_SHORTEST_SWEEP_MINUTES} or more, which a sweep over thousands of accounts can take",
        "leave it out for 6 hours",
    )
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
