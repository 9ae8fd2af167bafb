"""The table of resources: whom their own policies let in. Whatever is not here is refused.

Who is in a resource's own account may do what that account's administrator allows, which `roles` is about.
"""

from __future__ import annotations

# Every role of an account of the organization.
EVERYBODY = "everybody in the organization"

_SEND = "sqs:SendMessage"


def _rules(*names: str, does: str) -> dict[str, str]:
    return {f"EventBridge for {name}": does for name in names}


def _target_of(*names: str) -> dict[str, str]:
    """What CDK lets a rule do to its target."""
    return _rules(*names, does=f"sqs:GetQueueAttributes sqs:GetQueueUrl {_SEND}")


_TOPIC = "SNS for RegistrationTopic"
_ENROLLMENT = (
    "ControlTowerLifecycleRule",
    "ControlTowerDriftRule",
    "ControlTowerOrganizationsRule",
    "ControlTowerDeploymentRule",
    "ControlTowerSweepRule",
)

# By the end of a resource's name: who may do what. The rules and topics are those of the resource's own stack.
RESOURCES: dict[str, dict[str, str]] = {
    "AccountRegistrationQueue": _target_of("HubAccountsRule", "HubDeploymentRule", "HubStatusSchedule")
    | {_TOPIC: _SEND},
    "AccountRegistrationDeadLetterQueue": _rules(
        "HubAccountsRule", "HubDeploymentRule", "HubStatusSchedule", does=_SEND
    )
    | {_TOPIC: _SEND},
    "VpcScopeQueue": _target_of("ScopeVpcTagRule", "ScopeVpcRule"),
    "VpcScopeDeadLetterQueue": _rules("ScopeVpcTagRule", "ScopeVpcRule", does=_SEND),
    "GuardDutyFindingsQueue": _target_of("FindingsRule"),
    "GuardDutyFindingsDeadLetterQueue": _rules("FindingsRule", does=_SEND),
    "AccountEnrollmentQueue": _target_of(*_ENROLLMENT),
    "AccountEnrollmentDeadLetterQueue": _rules(*_ENROLLMENT, does=_SEND),
    # The function alone sends to these.
    "StackSetEmptierQueue": {},
    "StackSetEmptierDeadLetterQueue": {},
    # What EventBridge could not bring to the hub.
    "/FindingsDeadLetterQueue": _rules("FindingsRule", does=_SEND),
    "/SpokeDeadLetterQueue": _rules("SpokeRule", does=_SEND),
    "/LogsQueue": {"SNS for the trail's topic": _SEND},
    "/LogsDeadLetterQueue": {},
    "RegistrationTopic": {"the execution role of a member account": "sns:Publish"},
    "RegistrationKey": {"the execution role of a member account": "kms:Decrypt/topic kms:GenerateDataKey/topic"},
    "HubBus": {EVERYBODY: "events:PutEvents"},
    "HubStatus": {
        "CustomS3AutoDeleteObjectsCustomResourceProviderRole": (
            "s3:ListBucket s3:GetBucketLocation s3:GetBucketTagging s3:ListBucketVersions s3:PutBucketPolicy "
            "s3:DeleteObject s3:DeleteObjectVersion"
        )
    },
    "CollectorCheckinFunction": _rules("FindingsSchedule", does="lambda:InvokeFunction"),
}
# Where a style is otherwise.
IN_STYLE: dict[str, dict[str, dict[str, str]]] = {
    "alone": {
        # There is no hub, and only the account itself registers.
        "AccountRegistrationQueue": {_TOPIC: _SEND},
        "AccountRegistrationDeadLetterQueue": {_TOPIC: _SEND},
        "RegistrationTopic": {},
        "RegistrationKey": {},
    },
}
