"""What sends the findings of an account and region to the event bus that a `GuardDutyForwarder` listens on."""

from __future__ import annotations

from aws_cdk import Acknowledgment, Aws, Stack, Validations
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from constructs import Construct

from ._dead_letters import create_dead_letter_queue
from ._delivery_role import create_delivery_role
from ._validation import StackChecks


class GuardDutyFindingsSpoke(Construct):
    """Sends GuardDuty's findings from the account and region of the stack to another event bus.

    `ControlTowerIntegration(guardduty_coverage=...)` puts one into every governed region of the accounts that forward
    findings, as far as its StackSet reaches: not into the management account. That, and an administrator that it does
    not enroll, need this construct in a stack per region.

    EventBridge tries to deliver an event for 24 hours, and forwards it once: send straight to the bus that the
    forwarder listens on. What it cannot deliver is kept for 14 days in the dead-letter queue.

    Creates in the account and region of the stack: a rule on the default bus, the role with which it puts events on
    the other bus, and a dead-letter queue. No alarm, which would cost money in every account and region: add one to the
    queue's `ApproximateNumberOfMessagesVisible` where you have but few.

    Attributes:
        rule: The rule on findings.
        dead_letter_queue: What could not be delivered; each message's attribute `ERROR_MESSAGE` says why.
        delivery_role: The role; it may put events on that bus and nothing else.

    See https://docs.aws.amazon.com/guardduty/latest/ug/guardduty_findings_eventbridge.html and
    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-cross-account.html
    """

    def __init__(self, scope: Construct, construct_id: str, *, event_bus: events.IEventBus) -> None:
        """Create the rule.

        Args:
            scope: The parent.
            construct_id: The id in it.
            event_bus: The bus that the forwarder listens on: the hub's, whose policy admits the organization, or the
                default bus of another region of the same account.

        Raises:
            ValueError: for the default bus of the stack's own account and region, which has the findings already.
        """
        super().__init__(scope, construct_id)
        _check(self, event_bus)
        self.delivery_role = create_delivery_role(
            self, description="EventBridge sends GuardDuty findings to Alert Logic's forwarder with it"
        )
        self.dead_letter_queue = create_dead_letter_queue(self)
        Validations.of(self.dead_letter_queue).acknowledge(
            Acknowledgment(id="AwsSolutions-SQS3", reason="It is the dead-letter queue of the rule below")
        )
        self.rule = events.Rule(
            self,
            "Rule",
            description="Sends GuardDuty findings to Alert Logic's forwarder",
            event_pattern=events.EventPattern(
                # What other regions sent here is not sent on.
                account=[Aws.ACCOUNT_ID],
                region=[Aws.REGION],
                source=["aws.guardduty"],
                detail_type=["GuardDuty Finding"],
            ),
            targets=[targets.EventBus(event_bus, role=self.delivery_role, dead_letter_queue=self.dead_letter_queue)],
        )
        # From its first finding on it must be able to deliver.
        self.rule.node.add_dependency(self.delivery_role)


def _check(spoke: GuardDutyFindingsSpoke, event_bus: events.IEventBus) -> None:
    stack = Stack.of(spoke)
    checks = StackChecks(spoke)
    own = (stack.account, stack.region, "default")
    checks.require(
        (event_bus.env.account, event_bus.env.region, event_bus.event_bus_name) != own,
        "event_bus",
        event_bus.event_bus_name,
        "a bus other than the default bus of the stack's own account and region",
        "leave the spoke out there: the findings are on that bus already",
    )
    checks.raise_problems()
