"""What somebody in a member account can try."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests.rehearsal.authority import ALLOW_ALL
from tests.rehearsal.custom_resources import response_url
from tests.rehearsal.principals import RoleSession

if TYPE_CHECKING:
    from tests.rehearsal.rehearsal import Rehearsal
    from tests.rehearsal.stacks import Stack
    from tests.rehearsal.templates import Json


REGISTRATION = "Custom::AlertLogicRegistration"


class Forger:
    """Asks for registrations and deregistrations that nobody should get."""

    def __init__(self, rehearsal: Rehearsal) -> None:
        self._rehearsal = rehearsal

    def request(self, request_type: str, *, stack_id: str, account: str, **changes: Any) -> Json:
        """A custom resource's request as somebody may make it up: from one stack, about one account.

        Args:
            request_type: Create, Update or Delete.
            stack_id: The stack that it claims to come from.
            account: The account that is to be registered or deregistered.
            changes: Other values for the request's fields.
        """
        forged = self._rehearsal.custom_resources.forged
        url = response_url(stack_id, "Forged", len(forged))
        forged[url] = {
            "RequestType": request_type,
            "RequestId": "f0f0f0f0-0000-4000-8000-000000000000",
            "ResponseURL": url,
            "StackId": stack_id,
            "ResourceType": REGISTRATION,
            "LogicalResourceId": "Forged",
            "PhysicalResourceId": f"registration/{account}",
            "ResourceProperties": self.properties(account),
            **changes,
        }
        return forged[url]

    def properties(self, account: str) -> Json:
        """What a custom resource says in order to register an account: what the last one said, but for the account."""
        sent = [request.message for request in self._rehearsal.custom_resources.requests]
        [*_, last] = [message for message in sent if message["ResourceType"] == REGISTRATION]
        known: Json = last["ResourceProperties"]
        return known | {
            "AccountId": account,
            "AccountName": "forged",
            "RoleArn": f"arn:aws:iam::{account}:role/forged",
            "Mode": "automatic",
            "Policy": "Essentials",
        }

    def create_role(self, account: str, name: str) -> str:
        """A role that may do everything in its account; return its ARN."""
        iam = self._rehearsal.client("iam", account)
        trust: Json = {"Version": "2012-10-17", "Statement": []}
        arn: str = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
        iam.put_role_policy(RoleName=name, PolicyName="Everything", PolicyDocument=json.dumps(ALLOW_ALL))
        return arn

    def publish(self, role_arn: str, message: Json) -> None:
        """Publish on the registration topic as somebody's role, judged as any call.

        Raises:
            ClientError: the policies refuse it.
        """
        rehearsal = self._rehearsal
        rehearsal.gateway.client("sns", RoleSession(role_arn, "forger"), rehearsal.zone.home_region).publish(
            TopicArn=rehearsal.registration_topic, Message=json.dumps(message)
        )

    def put_event(self, role_arn: str, event: Json) -> Any:
        """Put somebody else's event on the hub's bus as somebody's role, and return EventBridge's answer."""
        rehearsal = self._rehearsal
        entry = {
            "EventBusName": rehearsal.hub_bus,
            "Source": event["source"],
            "DetailType": event["detail-type"],
            "Resources": event["resources"],
            "Detail": json.dumps(event["detail"]),
        }
        session = RoleSession(role_arn, "forger")
        return rehearsal.gateway.client("events", session, rehearsal.zone.home_region).put_events(Entries=[entry])

    def send_message(self, role_arn: str, queue_url: str, event: Json) -> None:
        """Send an event to a queue as somebody's role.

        Raises:
            ClientError: the policies refuse it.
        """
        rehearsal = self._rehearsal
        rehearsal.gateway.client("sqs", RoleSession(role_arn, "forger"), rehearsal.zone.home_region).send_message(
            QueueUrl=queue_url, MessageBody=json.dumps(event)
        )

    def inject(self, message: Json) -> None:
        """Put a message into the registration topic past its policy, as if that had let it through."""
        self._rehearsal.topics.notify(self._rehearsal.registration_topic, json.dumps(message))

    def create_stack(self, role_arn: str, name: str, *, registers: str) -> Stack:
        """Deploy, in the role's account, a template with nothing but the registration of another account."""
        session = RoleSession(role_arn, "deployer")
        resource = {"Type": REGISTRATION, "Properties": self.properties(registers)}
        return self._rehearsal.stacks.create(
            name,
            account=session.account,
            region=self._rehearsal.zone.home_region,
            body={"Resources": {"Forged": resource}},
            parameters={},
            caller=session,
        )
