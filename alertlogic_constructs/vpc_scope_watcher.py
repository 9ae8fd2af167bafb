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
from ._validation import Checks, require_environment, require_partition
from .vpc_events_spoke import vpc_event_patterns

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aws_cdk import aws_sns as sns

    from .alert_logic import AlertLogic
    from .alertlogic_hub import AlertLogicHub
    from .protection import ProtectionPolicy, ProtectionScope

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
        parent: Construct,
        construct_id: str,
        /,
        *,
        alert_logic: AlertLogic,
        policy: ProtectionPolicy,
        scope: ProtectionScope,
        hub: AlertLogicHub | None = None,
        alarm_topic: sns.ITopic | None = None,
    ) -> None:
        """Create the watcher.

        Args:
            parent: The parent; with a hub, in a stack of the security account and the home region.
            construct_id: The id in it.
            alert_logic: The customer, with the secret of its API key.
            policy: The protection policy of the VPCs, the one with which their accounts are registered.
            scope: The tags, those with which the accounts are registered.
            hub: The hub whose accounts are watched; this account and region alone unless given.
            alarm_topic: Where every alarm is published, when it begins and when it ends; nowhere unless given. A topic
                of the stack's region, whose policy, and key, admit `cloudwatch.amazonaws.com`.

        Raises:
            ValueError: for a missing secret, a scope without tags, a stack of another account or region than the hub's,
                one in another partition than `aws`, or a topic of another region.
        """
        super().__init__(parent, construct_id)
        _check(self, scope, hub)
        stack = Stack.of(self)
        names = None if hub is None else Names(hub.prefix)
        regions: Sequence[str] = (stack.region,) if hub is None else hub.landing_zone.governed_regions
        self.watcher = QueuedFunction(
            self,
            "VpcScope",
            alert_logic=alert_logic,
            function="vpc_scope",
            description="Protects the VPCs that have a tag",
            role_name=names.vpc_scope_role if names else None,
            environment={
                "READER_ROLE_NAME": names.reader_role if names else "",
                "REGIONS": ",".join(regions),
                "VPC_TAGS": json.dumps(scope.tag_documents()),
                "POLICY": policy.value,
                "PRUNE": json.dumps(scope.prune),
            },
            batch_size=_BATCH_SIZE,
            batching_window=_BATCHING_WINDOW,
            delivery_delay=_DELIVERY_DELAY,
        )
        if hub is None or names is None:
            grant_describe_vpcs(self.watcher.role, regions)
        else:
            grant_assume_reader_role(
                self.watcher.role, names.reader_role, organization_id=hub.landing_zone.organization_id
            )
        self.rules = [
            events.Rule(
                self,
                rule_id,
                description="Hands VPC events to Alert Logic's vpc_scope",
                event_bus=hub.bus if hub else None,
                event_pattern=pattern,
                targets=[self.watcher.rule_target()],
            )
            for rule_id, pattern in vpc_event_patterns(stack.account if hub is None else None).items()
        ]
        for rule in self.rules:
            create_delivery_alarm(rule, hub.bus if hub else None)
        notify(self, alarm_topic)


def _check(watcher: VpcScopeWatcher, scope: ProtectionScope, hub: AlertLogicHub | None) -> None:
    checks = Checks("VpcScopeWatcher")
    checks.require(
        bool(scope.tags),
        "scope",
        scope,
        "a scope with tags",
        "use ProtectionScope.vpc_tags(); whole regions need no watcher",
    )
    checks.raise_problems()
    require_partition(watcher)
    if hub is not None:
        zone = hub.landing_zone
        require_environment(watcher, account=zone.security_account, region=zone.home_region)
