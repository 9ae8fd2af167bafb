"""One protected account: the role that Alert Logic assumes, and the account's registration."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from aws_cdk import Aws, CustomResource, Duration, Stack
from aws_cdk import aws_iam as iam
from constructs import Construct

from ._alarms import notify
from ._naming import DEFAULT_PREFIX, Names
from ._reading import grant_describe_vpcs
from ._registration import Registration
from ._validation import StackChecks
from .alertlogic_role import AlertLogicRole
from .protection import DeploymentMode, Offboarding, ProtectionPolicy, ProtectionScope

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aws_cdk import aws_sns as sns

    from .alert_logic import AlertLogic
    from .landing_zone import LandingZone

# After an hour CloudFormation gives up on the answer; the function answers within 45 minutes whatever happens.
_ANSWER_WITHIN = Duration.hours(1)


class ProtectedAccount(Construct):
    """Alert Logic's role in the account of this stack, and the account's registration as an Alert Logic deployment.

    With a landing zone, the account registers through the landing zone's hub, as every account that
    `ControlTowerIntegration` enrolls does; the hub must admit the role that deploys this stack (`registrants`).
    Without one, it brings a registration service of its own, and needs nothing but this stack.

    Creates in the account of the stack: the role that Alert Logic assumes, the role `<prefix>-hub-reader` with which
    the hub makes sure that the stack really asks, reads the account's name and lists the VPCs, and the registration.
    Without a landing zone also the registration service: topic, key, queues, table, function and alarms.

    Attributes:
        alert_logic_role: The role that Alert Logic assumes.
        reader_role: The role that the hub's functions assume.
        registration: The custom resource; attributes `Status` and `DeploymentId`.
        properties: What the custom resource asks for.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        alert_logic: AlertLogic,
        policy: ProtectionPolicy,
        mode: DeploymentMode = DeploymentMode.MANUAL,
        protection_scope: ProtectionScope | None = None,
        landing_zone: LandingZone | None = None,
        central_logs: bool = False,
        account_name: str | None = None,
        offboarding: Offboarding | None = None,
        policy_document: iam.PolicyDocument | None = None,
        alarm_topic: sns.ITopic | None = None,
        prefix: str = DEFAULT_PREFIX,
    ) -> None:
        """Create the roles and register the account.

        Args:
            scope: The parent.
            construct_id: The id in it.
            alert_logic: The customer; without a landing zone, with the secret of its API key.
            policy: The protection policy of the account.
            mode: Whether Alert Logic creates its appliances itself.
            protection_scope: What is protected: whole regions unless given, those that the landing zone governs, or the
                stack's own. With tags, changes after the registration need a `VpcScopeWatcher`, and with a landing zone
                also a `VpcEventsSpoke` in each governed region.
            landing_zone: The landing zone whose hub registers the account.
            central_logs: Whether Alert Logic takes the account's CloudTrail logs from the landing zone's log archive
                account (`LogArchiveIngestion`), so that its role here may not create and manage trails.
            account_name: The name of the deployment at Alert Logic; the account's own unless given.
            offboarding: Without a landing zone, what becomes of the deployment when this construct is removed;
                disabled unless given. With one, the hub decides.
            policy_document: A policy of your own for the role that Alert Logic assumes, in place of the pinned one.
            alarm_topic: Without a landing zone, where every alarm is published, when it begins and when it ends;
                nowhere unless given. A topic of the stack's region, whose policy, and key, admit
                `cloudwatch.amazonaws.com`. With one, the hub has the alarms.
            prefix: The prefix of all physical names, the hub's own.

        Raises:
            ValueError: for a missing secret, a contradiction with the landing zone, a stack in another region than
                its home region or in another partition than `aws`, a policy, mode or offboarding that is no member of
                its enumeration, `central_logs` that is neither True nor False, a malformed prefix, or a topic of
                another region.
        """
        super().__init__(scope, construct_id)
        names = Names(prefix)
        protection_scope = protection_scope or ProtectionScope.regions()
        _check(
            self,
            landing_zone,
            policy=policy,
            mode=mode,
            protection_scope=protection_scope,
            central_logs=central_logs,
            offboarding=offboarding,
            alarm_topic=alarm_topic,
        )
        self.alert_logic_role = AlertLogicRole(
            self,
            "AlertLogicRole",
            alert_logic=alert_logic,
            policy=policy,
            mode=mode,
            central_logs=central_logs,
            policy_document=policy_document,
        ).role
        self.reader_role = self._create_reader_role(names, landing_zone, protection_scope)
        needed: list[Construct] = [self.alert_logic_role, self.reader_role]
        if landing_zone is None:
            service = Registration(
                self,
                "Registration",
                alert_logic=alert_logic,
                names=names,
                offboarding=offboarding or Offboarding.DISABLE,
            )
            needed.append(service)
            topic_arn = service.topic.topic_arn
        else:
            topic_arn = Stack.of(self).format_arn(
                service="sns",
                region=landing_zone.home_region,
                account=landing_zone.security_account,
                resource=names.registration_topic,
            )
        self.properties: Mapping[str, object] = {
            "AccountId": Aws.ACCOUNT_ID,
            "AccountName": account_name or "",
            "RoleArn": self.alert_logic_role.role_arn,
            "Mode": mode.value,
            "Policy": policy.value,
            **self._protected(protection_scope, landing_zone),
            "CentralLogs": json.dumps(central_logs),
            **_control_tower(landing_zone),
        }
        self.registration = CustomResource(
            self,
            "Resource",
            resource_type="Custom::AlertLogicRegistration",
            service_token=topic_arn,
            service_timeout=_ANSWER_WITHIN,
            properties=self.properties,
        )
        # Registered last and deregistered first: Alert Logic and the registration function need the roles meanwhile.
        self.registration.node.add_dependency(*needed)
        notify(self, alarm_topic)

    def _governed_regions(self, landing_zone: LandingZone | None) -> Sequence[str]:
        return (Stack.of(self).region,) if landing_zone is None else landing_zone.governed_regions

    def _protected(self, protection_scope: ProtectionScope, landing_zone: LandingZone | None) -> Mapping[str, object]:
        governed_regions = list(self._governed_regions(landing_zone))
        whole_regions = list(protection_scope.region_names) or governed_regions
        return {
            "ScopeRegions": [] if protection_scope.tags else whole_regions,
            "GovernedRegions": governed_regions,
            "VpcTags": protection_scope.tag_documents(),
            "Prune": json.dumps(protection_scope.prune),
        }

    def _create_reader_role(
        self, names: Names, landing_zone: LandingZone | None, protection_scope: ProtectionScope
    ) -> iam.Role:
        partition = Stack.of(self).partition
        hub_account = Aws.ACCOUNT_ID if landing_zone is None else landing_zone.security_account
        watcher = [names.vpc_scope_role] if protection_scope.tags and landing_zone is not None else []
        # A role ARN as a principal would have to exist beforehand, and would break when that role is made anew.
        conditions: dict[str, object] = {
            "ArnEquals": {
                "aws:PrincipalArn": [
                    f"arn:{partition}:iam::{hub_account}:role/{name}" for name in (names.registration_role, *watcher)
                ]
            }
        }
        if landing_zone is not None:
            conditions["StringEquals"] = {"aws:PrincipalOrgID": landing_zone.organization_id}
        role = iam.Role(
            self,
            "ReaderRole",
            role_name=names.reader_role,
            description="Lets the Alert Logic hub see which stack asks for a registration, and which VPCs there are",
            assumed_by=iam.PrincipalWithConditions(iam.AccountPrincipal(hub_account), conditions),
        )
        role.add_to_policy(
            iam.PolicyStatement(actions=["cloudformation:DescribeStacks"], resources=[Stack.of(self).stack_id])
        )
        role.add_to_policy(
            # https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsaccountmanagement.html
            iam.PolicyStatement(
                actions=["account:GetAccountInformation"],
                resources=[f"arn:{partition}:account::{Aws.ACCOUNT_ID}:account"],
            )
        )
        if protection_scope.tags:
            grant_describe_vpcs(role, self._governed_regions(landing_zone))
        return role


def _check(
    account: ProtectedAccount,
    landing_zone: LandingZone | None,
    *,
    policy: object,
    mode: object,
    protection_scope: ProtectionScope,
    central_logs: object,
    offboarding: object,
    alarm_topic: sns.ITopic | None,
) -> None:
    checks = StackChecks(account)
    checks.partition()
    checks.choice("policy", policy, ProtectionPolicy)
    checks.choice("mode", mode, DeploymentMode)
    checks.boolean("central_logs", central_logs)
    if landing_zone is None:
        checks.require(
            central_logs is not True,
            "central_logs",
            central_logs,
            "False without a landing zone, which has no log archive account",
            "leave it out, and Alert Logic uses the account's own trail",
        )
        if offboarding is not None:
            checks.choice("offboarding", offboarding, Offboarding)
    else:
        _check_beside_hub(checks, landing_zone, protection_scope, offboarding, alarm_topic)
    checks.raise_problems()


def _check_beside_hub(
    checks: StackChecks,
    landing_zone: LandingZone,
    protection_scope: ProtectionScope,
    offboarding: object,
    alarm_topic: sns.ITopic | None,
) -> None:
    # CloudFormation takes a service token of the stack's own region only.
    checks.environment(region=landing_zone.home_region)
    checks.require(
        offboarding is None,
        "offboarding",
        offboarding,
        "nothing beside a landing zone, whose hub decides",
        "pass it to AlertLogicHub",
    )
    checks.require(
        alarm_topic is None,
        "alarm_topic",
        alarm_topic and alarm_topic.topic_arn,
        "nothing beside a landing zone, whose hub has the alarms",
        "pass it to AlertLogicHub",
    )
    for region in protection_scope.region_names:
        checks.require(
            region in landing_zone.governed_regions,
            "protection_scope",
            region,
            f"a governed region: {', '.join(landing_zone.governed_regions)}",
            "govern the region with Control Tower first and add it to governed_regions",
        )


def _control_tower(landing_zone: LandingZone | None) -> Mapping[str, str]:
    if landing_zone is None:
        return {"OrganizationId": "", "HomeRegion": "", "ManagementAccountId": ""}
    return {
        "OrganizationId": landing_zone.organization_id,
        "HomeRegion": landing_zone.home_region,
        "ManagementAccountId": landing_zone.management_account,
    }
