"""Keeps the protection scope at Alert Logic as the tags on VPCs say: events -> queue -> `vpc_scope`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from aws_cdk import Duration, Stack
from aws_cdk import aws_events as events
from constructs import Construct

from ._alarms import create_delivery_alarm, notify
from ._naming import Names
from ._queued_function import QueuedFunction
from ._reading import grant_assume_reader_role, grant_describe_vpcs
from ._validation import StackChecks
from .protection import ProtectionPolicy
from .vpc_events_spoke import vpc_event_patterns

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aws_cdk import aws_sns as sns

    from .alert_logic import AlertLogic
    from .alertlogic_hub import AlertLogicHub
    from .protection import ProtectionScope

# A burst of tag changes becomes one piece of work per account and region.
_BATCH_SIZE = 100
_BATCHING_WINDOW = Duration.seconds(10)
# EC2 shows what changed, and whoever listed the VPCs just before has written, before the event is handled: the function
# relies on it (EVENT_DELAY_SECONDS).
_DELIVERY_DELAY = Duration.seconds(10)


class VpcScopeWatcher(Construct):
    """Puts a VPC into the protection scope when it gets a tag, and takes it out when the tag goes.

    Events only say where to look: the function lists the VPCs there and makes the account's deployment protect
    exactly those that have a tag. It changes entries of VPCs in the governed regions and no others, and only adds to a
    deployment that was not made here, unless the scope says `prune`.

    With a hub it works for every account that sends its VPC events to the hub's bus (`VpcEventsSpoke`), and reads
    the VPCs there through the role `<prefix>-hub-reader`. Without one it works for the account and region of its
    stack, whose deployment at Alert Logic may be anyone's: `ProtectedAccount`'s, or your own.

    Creates in the account and region of the stack: two rules, queue, dead-letter queue, alarms and function
    `vpc_scope`.

    Attributes:
        rules: The rules: on changed tags of VPCs, and on VPCs that are created or deleted.
        watcher: The queue, dead-letter queue and function.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        alert_logic: AlertLogic,
        policy: ProtectionPolicy,
        protection_scope: ProtectionScope,
        hub: AlertLogicHub | None = None,
        alarm_topic: sns.ITopic | None = None,
    ) -> None:
        """Create the watcher.

        Args:
            scope: The parent; with a hub, in a stack of the security account and the home region.
            construct_id: The id in it.
            alert_logic: The customer, with the secret of its API key.
            policy: The protection policy of the VPCs, the one with which their accounts are registered.
            protection_scope: The tags, those with which the accounts are registered.
            hub: The hub whose accounts are watched; this account and region alone unless given.
            alarm_topic: Where every alarm is published, when it begins and when it ends; nowhere unless given. A topic
                of the stack's region, whose policy, and key, admit `cloudwatch.amazonaws.com`.

        Raises:
            ValueError: for a missing secret, a scope without tags, a policy that is no member of its enumeration, a
                stack of another account or region than the hub's, one in another partition than `aws`, or a topic of
                another region.
        """
        super().__init__(scope, construct_id)
        _check(self, policy, protection_scope, hub)
        stack = Stack.of(self)
        if hub is None:
            role_name, reader_role, bus, account = None, "", None, stack.account
            regions: Sequence[str] = (stack.region,)
        else:
            names = Names(hub.prefix)
            role_name, reader_role, bus, account = names.vpc_scope_role, names.reader_role, hub.bus, None
            regions = hub.landing_zone.governed_regions
        self.watcher = QueuedFunction(
            self,
            "VpcScope",
            alert_logic=alert_logic,
            function="vpc_scope",
            description="Protects the VPCs that have a tag",
            role_name=role_name,
            environment={
                "READER_ROLE_NAME": reader_role,
                "REGIONS": ",".join(regions),
                "VPC_TAGS": json.dumps(protection_scope.tag_documents()),
                "POLICY": policy.value,
                "PRUNE": json.dumps(protection_scope.prune),
            },
            batch_size=_BATCH_SIZE,
            batching_window=_BATCHING_WINDOW,
            delivery_delay=_DELIVERY_DELAY,
        )
        if hub is None:
            grant_describe_vpcs(self.watcher.role, regions)
        else:
            organization_id = hub.landing_zone.organization_id
            grant_assume_reader_role(self.watcher.role, reader_role, organization_id=organization_id)
        self.rules = [
            events.Rule(
                self,
                rule_id,
                description="Hands VPC events to Alert Logic's vpc_scope",
                event_bus=bus,
                event_pattern=pattern,
                targets=[self.watcher.rule_target()],
            )
            for rule_id, pattern in vpc_event_patterns(account).items()
        ]
        for rule in self.rules:
            create_delivery_alarm(rule, bus)
        notify(self, alarm_topic)


def _check(
    watcher: VpcScopeWatcher, policy: object, protection_scope: ProtectionScope, hub: AlertLogicHub | None
) -> None:
    checks = StackChecks(watcher)
    checks.partition()
    if hub is not None:
        checks.environment(account=hub.landing_zone.security_account, region=hub.landing_zone.home_region)
    checks.choice("policy", policy, ProtectionPolicy)
    checks.require(
        bool(protection_scope.tags),
        "protection_scope",
        protection_scope,
        "a scope with tags",
        "use ProtectionScope.vpc_tags(); whole regions need no watcher",
    )
    checks.raise_problems()
