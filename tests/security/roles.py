"""The table of roles: who may assume each, and what it may then do. Whatever is not here is refused."""

from __future__ import annotations

from dataclasses import dataclass, field, replace


@dataclass(frozen=True, kw_only=True)
class Row:
    """A role.

    Attributes:
        assumed_by: Who may assume it: as in `callers`, or our roles by the ends of their names.
        may: What it may do, by the end of the name of what it may do it to.
        anywhere: What it may do to all that is in its own account; Alert Logic's own policy is as Alert Logic has it.
        at_home: What a resource's own policy lets everybody in its account do, of which the role's says nothing.
    """

    assumed_by: frozenset[str]
    may: dict[str, str] = field(default_factory=dict[str, str])
    anywhere: str = ""
    at_home: dict[str, str] = field(default_factory=dict[str, str])


_LAMBDA = frozenset({"Lambda"})
ANY_RULE = "EventBridge for any rule here"
_RULE = frozenset({ANY_RULE})
_ALERT_LOGIC = frozenset({"Alert Logic"})

_READ_SECRET = "secretsmanager:GetSecretValue secretsmanager:DescribeSecret"
_WRITE_LOG = "logs:CreateLogStream logs:PutLogEvents"
_TAKE = "sqs:ReceiveMessage sqs:DeleteMessage sqs:GetQueueAttributes sqs:ChangeMessageVisibility"
_LOOK_AT_ROLE = "iam:GetRole iam:GetRolePolicy iam:ListRolePolicies iam:ListAttachedRolePolicies"
_ACCOUNTS_IN = "organizations:ListAccountsForParent organizations:ListOrganizationalUnitsForParent"
_LOOK_INTO_STACK_SET = "cloudformation:ListStackInstances cloudformation:ListStackSetOperations"
_LOOK_INTO_OPERATIONS = "cloudformation:ListStackSetOperationResults"
# Of what is asked, the part of Alert Logic's policies: what is there, never what is in a secret, a queue or a table.
_DISCOVER = (
    f"{_LOOK_AT_ROLE} {_LOOK_INTO_STACK_SET} {_LOOK_INTO_OPERATIONS} cloudformation:DescribeStacks "
    "cloudformation:GetTemplate ec2:DescribeVpcs s3:ListBucket s3:GetBucketLocation s3:GetBucketTagging s3:GetObject "
    "sns:GetSubscriptionAttributes sns:GetTopicAttributes sns:ListSubscriptionsByTopic"
)

# What for, the key's own policy says.
_TRAIL_KEY = {"the trail's key": "kms:Decrypt kms:Decrypt/topic"}

# By the end of a role's name.
ROLES = {
    "AccountRegistrationRole": Row(
        assumed_by=_LAMBDA,
        may={
            "/ApiKey": _READ_SECRET,
            "AccountRegistrationLogs": _WRITE_LOG,
            "AccountRegistrationQueue": f"{_TAKE} sqs:SendMessage",
            "AccountRegistrationDeadLetterQueue": "sqs:SendMessage",
            "RegistrationAccounts": (
                "dynamodb:GetItem dynamodb:Query dynamodb:Scan dynamodb:PutItem dynamodb:UpdateItem "
                "dynamodb:DeleteItem dynamodb:BatchWriteItem"
            ),
            "HubStatus": "s3:ListBucket",
            "HubStatus/status.json": "s3:GetObject s3:PutObject",
            "/AccountReaderRole": "sts:AssumeRole",
        },
    ),
    "VpcScopeRole": Row(
        assumed_by=_LAMBDA,
        may={
            "/ApiKey": _READ_SECRET,
            "VpcScopeLogs": _WRITE_LOG,
            "VpcScopeQueue": _TAKE,
            "VpcScopeDeadLetterQueue": "sqs:SendMessage",
            "/AccountReaderRole": "sts:AssumeRole",
        },
    ),
    "GuardDutyFindingsRole": Row(
        assumed_by=_LAMBDA,
        may={
            "/ApiKey": _READ_SECRET,
            "GuardDutyFindingsLogs": _WRITE_LOG,
            "GuardDutyFindingsQueue": _TAKE,
            "GuardDutyFindingsDeadLetterQueue": "sqs:SendMessage",
        },
    ),
    "CollectorCheckinRole": Row(
        assumed_by=_LAMBDA,
        may={
            "/ApiKey": _READ_SECRET,
            "CollectorCheckinLogs": _WRITE_LOG,
            "CollectorId": "ssm:GetParameter ssm:PutParameter",
            "GuardDutyFindingsDeadLetterQueue": "sqs:GetQueueAttributes",
            "*": "cloudwatch:GetMetricData",
        },
    ),
    # CDK's own, which empties the bucket of the status when the stack goes; AWS's managed policy is about logs.
    "CustomS3AutoDeleteObjectsCustomResourceProviderRole": Row(
        assumed_by=_LAMBDA,
        may={},
        anywhere="logs:CreateLogGroup logs:CreateLogStream logs:PutLogEvents",
    ),
    "AccountEnrollmentRole": Row(
        assumed_by=_LAMBDA,
        may={
            "AccountEnrollmentLogs": _WRITE_LOG,
            "AccountEnrollmentQueue": f"{_TAKE} sqs:SendMessage",
            "AccountEnrollmentDeadLetterQueue": "sqs:SendMessage",
            "/HubBus": "events:PutEvents",
            "AdministrationRole": "iam:GetRole iam:PassRole/CloudFormation",
            "ControlTowerStackSet": (
                f"{_LOOK_INTO_STACK_SET} {_LOOK_INTO_OPERATIONS} cloudformation:CreateStackInstances "
                "cloudformation:UpdateStackInstances cloudformation:DeleteStackInstances"
            ),
            "our account": "organizations:DescribeAccount organizations:ListParents",
            "our unit": f"organizations:ListParents {_ACCOUNTS_IN}",
            "our root": _ACCOUNTS_IN,
            "*": "organizations:ListRoots",
        },
    ),
    "StackSetEmptierRole": Row(
        assumed_by=_LAMBDA,
        may={
            "StackSetEmptierLogs": _WRITE_LOG,
            "StackSetEmptierQueue": f"{_TAKE} sqs:SendMessage",
            "StackSetEmptierDeadLetterQueue": "sqs:SendMessage",
            "AdministrationRole": "iam:GetRole iam:PassRole/CloudFormation",
            "ControlTowerStackSet": f"{_LOOK_INTO_STACK_SET} cloudformation:DeleteStackInstances",
            "its own stack": "cloudformation:DescribeStacks",
        },
    ),
    "AdministrationRole": Row(
        assumed_by=frozenset({"CloudFormation for the StackSet"}),
        may={
            "AWSControlTowerExecution of a member": "sts:AssumeRole",
            "AWSControlTowerExecution of 444444444444": "sts:AssumeRole",
            # Control Tower makes none in the management account.
            "AWSControlTowerExecution of 111111111111": "sts:AssumeRole",
        },
    ),
    "TrailSubscriptionRole": Row(
        assumed_by=_LAMBDA,
        may={
            "TrailSubscriptionLogs": _WRITE_LOG,
            "the trail's topic": "sns:Subscribe sns:ConfirmSubscription sns:ListSubscriptionsByTopic",
            "TrailReaderRole": "sts:AssumeRole",
            # SNS has no resources for these; the account has few subscriptions but Control Tower's.
            "*": "sns:GetSubscriptionAttributes sns:Unsubscribe",
        },
    ),
    "TrailReaderRole": Row(
        assumed_by=frozenset({"TrailSubscriptionRole"}),
        may={"/LogsQueue": "sqs:ReceiveMessage sqs:DeleteMessage sqs:ChangeMessageVisibility"},
    ),
    "/LogsRole": Row(
        assumed_by=_ALERT_LOGIC,
        may={
            "/LogsQueue": "sqs:ReceiveMessage sqs:DeleteMessage sqs:GetQueueAttributes sqs:GetQueueUrl",
            "the trail's bucket": "s3:ListBucket s3:GetBucketLocation",
            "a log": "s3:GetObject",
            "/LogsRole": _LOOK_AT_ROLE,
            "*": "sqs:ListQueues",
        },
    ),
    "/AccountAlertLogicRole": Row(
        assumed_by=_ALERT_LOGIC,
        may={"*": "ec2:DescribeVpcs/another-region"},
        anywhere=_DISCOVER,
        # The bus admits the organization. No rule on it takes what anybody but AWS and the management account says.
        at_home={"/HubBus": "events:PutEvents"},
    ),
    "/AccountReaderRole": Row(
        assumed_by=frozenset({"AccountRegistrationRole", "VpcScopeRole"}),
        may={
            "its own stack": "cloudformation:DescribeStacks",
            "any account of its own": "account:GetAccountInformation",
            "*": "ec2:DescribeVpcs",
        },
    ),
    "VpcEventsDeliveryRole": Row(assumed_by=_RULE, may={"/HubBus": "events:PutEvents"}),
    "FindingsDeliveryRole": Row(assumed_by=_RULE, may={"/HubBus": "events:PutEvents"}),
    "OrganizationsDeliveryRole": Row(
        assumed_by=_RULE, may={"default bus of the management account": "events:PutEvents"}
    ),
    "SpokeDeliveryRole": Row(assumed_by=_RULE, may={"default bus of the security account": "events:PutEvents"}),
}

# Where a style is otherwise.
IN_STYLE = {
    "whole regions": {
        "AdministrationRole": replace(
            ROLES["AdministrationRole"],
            assumed_by=frozenset({"CloudFormation for the StackSet", "CloudFormation in the opt-in region"}),
        ),
        "/LogsRole": replace(ROLES["/LogsRole"], may=ROLES["/LogsRole"].may | _TRAIL_KEY),
        # Nobody looks for tags.
        "/AccountReaderRole": replace(
            ROLES["/AccountReaderRole"],
            may={name: words for name, words in ROLES["/AccountReaderRole"].may.items() if name != "*"},
        ),
    },
    "alone": {
        "/AccountReaderRole": replace(ROLES["/AccountReaderRole"], assumed_by=frozenset({"AccountRegistrationRole"})),
        "VpcScopeRole": replace(
            ROLES["VpcScopeRole"],
            may=ROLES["VpcScopeRole"].may | {"/AccountReaderRole": "", "*": "ec2:DescribeVpcs"},
        ),
        "/LogsRole": replace(
            ROLES["/LogsRole"],
            may=ROLES["/LogsRole"].may | _TRAIL_KEY | {"the trail's topic": "sns:GetTopicAttributes"},
        ),
        # It is in automatic mode, for which Alert Logic's policy lets it change more.
        "/AccountAlertLogicRole": replace(
            ROLES["/AccountAlertLogicRole"],
            may=ROLES["/AccountAlertLogicRole"].may
            | {"/LogsQueue": f"{ROLES['/LogsRole'].may['/LogsQueue']} sqs:SetQueueAttributes sqs:DeleteQueue"},
            anywhere=f"{_DISCOVER} sns:AddPermission sns:SetTopicAttributes sns:Subscribe "
            "sns:Subscribe/another-queue sns:Subscribe/web-server",
        ),
    },
}
