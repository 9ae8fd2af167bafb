"""The subscription that is wanted, and what is to be done about the one that is there."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from aws.environment import ACCOUNT_ID, REGION
from aws.json_text import decoded

if TYPE_CHECKING:
    from collections.abc import Mapping

_PLACE: Final = f"{REGION.pattern}:{ACCOUNT_ID.pattern}"
_TOPIC_ARN: Final = rf"arn:aws:sns:{_PLACE}:[A-Za-z0-9_-]{{1,256}}"
_QUEUE_ARN: Final = rf"arn:aws:sqs:{_PLACE}:[A-Za-z0-9_-]{{1,80}}"


class UnusablePropertyError(Exception):
    """A property of the custom resource is missing or malformed."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the custom resource asks for.

    Attributes:
        topic_arn: The topic.
        queue_arn: The queue that is to have its messages.
        attributes: The filter, as SNS wants it; empty for none.
    """

    topic_arn: str
    queue_arn: str
    attributes: Mapping[str, str]

    @classmethod
    def from_properties(cls, properties: Mapping[str, Any]) -> Wanted:
        """Read the properties of the custom resource.

        Raises:
            UnusablePropertyError: One is missing or malformed.
        """
        return cls(
            topic_arn=_matching(_TOPIC_ARN, properties, "TopicArn", "the ARN of an SNS topic"),
            queue_arn=_matching(_QUEUE_ARN, properties, "QueueArn", "the ARN of an SQS queue"),
            attributes=_filter(properties),
        )

    @property
    def queue_region(self) -> str:
        """Where the queue is."""
        return region_of(self.queue_arn)

    @property
    def queue_url(self) -> str:
        """What SQS knows the queue by."""
        _, _, _, region, account_id, name = self.queue_arn.split(":")
        return f"https://sqs.{region}.amazonaws.com/{account_id}/{name}"


@dataclass(frozen=True, slots=True)
class Subscription:
    """A subscription that is confirmed.

    Attributes:
        arn: Its ARN.
        attributes: Its filter, in the form of `Wanted.attributes`.
    """

    arn: str
    attributes: Mapping[str, str]

    @classmethod
    def from_attributes(cls, arn: str, attributes: Mapping[str, str]) -> Subscription:
        """Pick what matters from all that SNS says of a subscription."""
        policy = json.loads(attributes.get("FilterPolicy") or "{}")
        return cls(arn, _attributes(policy, attributes.get("FilterPolicyScope", "")) if policy else {})


@dataclass(frozen=True, slots=True)
class Keep:
    """All is as it should be."""

    arn: str


@dataclass(frozen=True, slots=True)
class Replace:
    """Its filter is another, and a control forbids changing it: unsubscribe, and subscribe anew."""

    arn: str


@dataclass(frozen=True, slots=True)
class Subscribe:
    """Nothing is confirmed: have SNS send a confirmation, again if it has sent one before."""


@dataclass(frozen=True, slots=True)
class Confirm:
    """The confirmation is on its way."""


Decision = Keep | Replace | Subscribe | Confirm


def decide(found: Subscription | None, wanted: Wanted, *, is_asked_for: bool) -> Decision:
    """Decide what to do next.

    Args:
        found: The confirmed subscription of the queue to the topic.
        wanted: What it should be.
        is_asked_for: Whether SNS was asked for a confirmation a moment ago.
    """
    if found is not None:
        return Keep(found.arn) if found.attributes == wanted.attributes else Replace(found.arn)
    return Confirm() if is_asked_for else Subscribe()


def is_subscription_of(topic_arn: str, physical_id: str) -> bool:
    """Whether a physical id is a subscription to this topic."""
    topic, _, _ = physical_id.rpartition(":")
    return topic == topic_arn and re.fullmatch(rf"{_TOPIC_ARN}:[0-9a-f-]+", physical_id) is not None


def region_of(arn: str) -> str:
    """Return the region that an ARN names."""
    return arn.split(":")[3]


def token_in(body: str, *, topic_arn: str) -> str | None:
    """Return the token of a message that asks to confirm a subscription to this topic; None for any other message."""
    try:
        message = decoded(body)
    except ValueError:
        return None
    match message:
        case {"Type": "SubscriptionConfirmation", "TopicArn": str(topic), "Token": str(token)} if topic == topic_arn:
            return token
        case _:
            return None


def _matching(pattern: str, properties: Mapping[str, Any], name: str, words: str) -> str:
    value = properties.get(name)
    if not isinstance(value, str) or not re.fullmatch(pattern, value):
        raise UnusablePropertyError(f"{name} is {value!r}; it must be {words}")
    return value


def _filter(properties: Mapping[str, Any]) -> dict[str, str]:
    text = properties.get("FilterPolicy")
    if text == "":
        return {}
    try:
        policy = decoded(text) if isinstance(text, str) else None
    except ValueError:
        policy = None
    if not policy or not isinstance(policy, dict):
        raise UnusablePropertyError(f"FilterPolicy is {text!r}; it must be a JSON object that is not empty, or nothing")
    return _attributes(policy, "MessageBody")


def _attributes(policy: object, scope: str) -> dict[str, str]:
    # One spelling, whatever SNS makes of the one that it was given.
    return {"FilterPolicy": json.dumps(policy, sort_keys=True), "FilterPolicyScope": scope}
