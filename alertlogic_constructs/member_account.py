"""The template of the `member-account` StackSet: what an enrolled account holds. No code, no assets."""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from aws_cdk import App, Aws, CfnCondition, CfnOutput, CfnResource, DefaultStackSynthesizer, Fn, Stack

from ._hub_bus import hub_bus
from ._naming import Names
from .guardduty_findings_spoke import GuardDutyFindingsSpoke
from .protected_account import ProtectedAccount
from .vpc_events_spoke import VpcEventsSpoke

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aws_cdk import aws_iam as iam
    from constructs import Construct

    from .alert_logic import AlertLogic
    from .guardduty import GuardDutyCoverage
    from .landing_zone import LandingZone
    from .protection import DeploymentMode, ProtectionPolicy, ProtectionScope

# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
MAX_TEMPLATE_BYTES = 51_200


class MemberAccountStack(Stack):
    """The stack that each StackSet instance deploys, in a private app: only its template's body is used.

    The roles and the registration exist in the home region only: roles are global, and the topic of a custom resource
    must be in the region of the stack. Where VPC tags decide, every region sends its VPC events to the hub; where an
    account forwards findings, every region sends these.

    Attributes:
        instance_regions: The regions in which every account gets an instance: those for which there are resources.
        administrator_regions: The regions in which the GuardDuty administrator, if there is one, gets an instance.
    """

    def __init__(
        self,
        *,
        alert_logic: AlertLogic,
        landing_zone: LandingZone,
        policy: ProtectionPolicy,
        mode: DeploymentMode,
        protection_scope: ProtectionScope,
        central_logs: bool,
        guardduty_coverage: GuardDutyCoverage | None,
        policy_document: iam.PolicyDocument | None,
        prefix: str,
    ) -> None:
        # CDK makes the folder together with the app; template_body() makes it again for as long as it is needed.
        with tempfile.TemporaryDirectory(prefix="member-account-") as folder:
            # Under the CDK CLI a bare App would write into the caller's cdk.out and add its metadata to the body.
            app = App(
                outdir=folder,
                auto_synth=False,
                analytics_reporting=False,
                post_cli_context={"aws:cdk:enable-path-metadata": False},
            )
        super().__init__(
            app,
            "MemberAccount",
            description="Alert Logic: roles and registration of this account",
            synthesizer=DefaultStackSynthesizer(generate_bootstrap_version_rule=False),
        )
        self.instance_regions: Sequence[str] = (landing_zone.home_region,)
        self.administrator_regions: Sequence[str] = ()
        in_home_region = CfnCondition(
            self, "InHomeRegion", expression=Fn.condition_equals(Aws.REGION, landing_zone.home_region)
        )
        account = ProtectedAccount(
            self,
            "Account",
            alert_logic=alert_logic,
            policy=policy,
            mode=mode,
            protection_scope=protection_scope,
            central_logs=central_logs,
            landing_zone=landing_zone,
            policy_document=policy_document,
            prefix=prefix,
        )
        _set_condition(account, in_home_region)
        # The hub reads here how the account is to be registered, when it looks whether it still is.
        registration = CfnOutput(self, "Registration", value=self.to_json_string(account.properties))
        registration.condition = in_home_region

        if protection_scope.tags:
            self.instance_regions = landing_zone.governed_regions
            # What changes after the registration has seen the VPCs must be told.
            account.registration.node.add_dependency(
                VpcEventsSpoke(self, "VpcEvents", landing_zone=landing_zone, prefix=prefix)
            )
        if guardduty_coverage:
            self._forward_findings(guardduty_coverage, landing_zone, prefix)

    def _forward_findings(self, coverage: GuardDutyCoverage, landing_zone: LandingZone, prefix: str) -> None:
        spoke = GuardDutyFindingsSpoke(self, "Findings", event_bus=hub_bus(self, landing_zone, Names(prefix)))
        if coverage.administrator_account is None:
            self.instance_regions = landing_zone.governed_regions
            return
        self.administrator_regions = landing_zone.governed_regions
        is_administrator = CfnCondition(
            self,
            "IsGuardDutyAdministrator",
            expression=Fn.condition_equals(Aws.ACCOUNT_ID, coverage.administrator_account),
        )
        _set_condition(spoke, is_administrator)

    def template_body(self) -> str:
        """Synthesize the body, as JSON without white space.

        Raises:
            ValueError: for a body over 51,200 bytes.
        """
        app = self.node.root
        assert isinstance(app, App)  # noqa: S101 - as the constructor made it
        folder = Path(app.outdir)
        folder.mkdir(mode=0o700)
        try:
            template = app.synth().get_stack_by_name(self.stack_name).template
        finally:
            shutil.rmtree(folder)
        body = json.dumps(template, separators=(",", ":"))
        size = len(body.encode())
        if size > MAX_TEMPLATE_BYTES:
            raise ValueError(
                f"the member-account template has {size} bytes; allowed are {MAX_TEMPLATE_BYTES}; "
                "pass a shorter policy_document"
            )
        return body


def _set_condition(construct: Construct, condition: CfnCondition) -> None:
    for child in construct.node.find_all():
        if isinstance(child, CfnResource):
            child.cfn_options.condition = condition
