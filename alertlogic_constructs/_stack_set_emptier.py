"""What empties a StackSet before CloudFormation deletes it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import Aws, CustomResource, Duration
from aws_cdk import aws_iam as iam

from ._queued_function import QueuedFunction

if TYPE_CHECKING:
    from constructs import Construct

# The function answers after 55 minutes, whatever happens.
_ANSWER_WITHIN = Duration.hours(1)


class StackSetEmptier(QueuedFunction):
    """Deletes every instance of a StackSet when its stack is deleted: CloudFormation deletes no StackSet that has one.

    The function is handed CloudFormation's request, puts it into its queue, and looks again every minute until the
    StackSet is empty.

    Attributes:
        resource: The custom resource. Whatever makes instances must depend on it, so that it ends first.
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, stack_set_name: str, max_concurrent_percentage: int
    ) -> None:
        """Create queue, function and custom resource.

        Args:
            scope: The parent.
            construct_id: The id in it.
            stack_set_name: The StackSet.
            max_concurrent_percentage: In which share of the accounts instances are deleted at once, in percent.
        """
        super().__init__(
            scope,
            construct_id,
            function="stackset_emptier",
            description="Deletes the stack instances before the StackSet goes",
            environment={
                "STACK_SET_NAME": stack_set_name,
                "MAX_CONCURRENT_PERCENTAGE": str(max_concurrent_percentage),
            },
        )
        self.allow_messages_to_itself()
        # An update that merely replaces the custom resource must not empty anything.
        self.role.add_to_policy(
            iam.PolicyStatement(actions=["cloudformation:DescribeStacks"], resources=[Aws.STACK_ID])
        )
        self.resource = CustomResource(
            self,
            "Resource",
            resource_type="Custom::StackSetInstances",
            service_token=self.function.function_arn,
            service_timeout=_ANSWER_WITHIN,
            properties={"StackSetName": stack_set_name},
        )
        # Emptied while the function may still do it. The alarms need not wait for that.
        self.resource.node.add_dependency(
            self.role, self.function, self.queue, self.dead_letter_queue, self.event_source
        )
