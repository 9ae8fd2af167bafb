from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from aws_cdk.assertions import Match, Template

from alertlogic_constructs import AlertLogic, AlertLogicHub, LandingZone, Offboarding

if TYPE_CHECKING:
    from aws_cdk import Stack


def _hub(stack: Stack, alert_logic: AlertLogic, landing_zone: LandingZone) -> Template:
    AlertLogicHub(stack, "Hub", alert_logic=alert_logic, landing_zone=landing_zone, offboarding=Offboarding.RETAIN)
    return Template.from_stack(stack)


def test_only_control_towers_role_of_the_organization_may_ask(
    security_stack: Stack, alert_logic: AlertLogic, landing_zone: LandingZone
) -> None:
    template = _hub(security_stack, alert_logic, landing_zone)

    execution_role = {"Fn::Join": ["", ["arn:", Match.any_value(), ":iam::*:role/AWSControlTowerExecution"]]}
    registrants = {"aws:PrincipalArn": [execution_role]}
    template.has_resource_properties(
        "AWS::SNS::TopicPolicy",
        {
            "PolicyDocument": {
                "Statement": Match.array_with(
                    [
                        Match.object_like(
                            {
                                "Action": "sns:Publish",
                                "Effect": "Allow",
                                "Condition": {
                                    "StringEquals": {"aws:PrincipalOrgID": "o-exampleorg1"},
                                    "ArnLike": registrants,
                                },
                            }
                        )
                    ]
                )
            }
        },
    )
    template.has_resource_properties(
        "AWS::KMS::Key",
        {
            "EnableKeyRotation": True,
            "KeyPolicy": {
                "Statement": Match.array_with(
                    [
                        Match.object_like(
                            {
                                "Action": ["kms:Decrypt", "kms:GenerateDataKey*"],
                                "Condition": {
                                    "StringEquals": {
                                        "aws:PrincipalOrgID": "o-exampleorg1",
                                        "kms:ViaService": "sns.us-east-1.amazonaws.com",
                                    },
                                    "ArnLike": registrants,
                                },
                            }
                        )
                    ]
                )
            },
        },
    )


def test_registrants_can_be_named(security_stack: Stack, alert_logic: AlertLogic, landing_zone: LandingZone) -> None:
    deployer = "arn:aws:iam::*:role/deployer"

    AlertLogicHub(security_stack, "Hub", alert_logic=alert_logic, landing_zone=landing_zone, registrants=[deployer])

    policy = str(Template.from_stack(security_stack).find_resources("AWS::SNS::TopicPolicy"))
    assert f"{{'aws:PrincipalArn': ['{deployer}']}}" in policy
    assert "AWSControlTowerExecution" not in policy


def test_every_principal_of_the_organization_can_be_admitted(
    security_stack: Stack, alert_logic: AlertLogic, landing_zone: LandingZone
) -> None:
    AlertLogicHub(security_stack, "Hub", alert_logic=alert_logic, landing_zone=landing_zone, registrants=["*"])

    template = Template.from_stack(security_stack)
    for type_ in ("AWS::SNS::TopicPolicy", "AWS::KMS::Key"):
        policy = str(template.find_resources(type_))
        # A condition on the key, whatever its pattern, refuses a request that lacks it.
        assert "aws:PrincipalArn" not in policy
        assert "'aws:PrincipalOrgID': 'o-exampleorg1'" in policy


@pytest.mark.parametrize("registrants", ["arn:aws:iam::*:role/deployer", [], ["deployer"], [5], [{}]])
def test_fails_when_the_registrants_are_no_role_arns(
    security_stack: Stack, alert_logic: AlertLogic, landing_zone: LandingZone, registrants: Any
) -> None:
    with pytest.raises(ValueError, match="registrants is"):
        AlertLogicHub(
            security_stack, "Hub", alert_logic=alert_logic, landing_zone=landing_zone, registrants=registrants
        )


def test_the_bus_admits_the_organization_only(
    security_stack: Stack, alert_logic: AlertLogic, landing_zone: LandingZone
) -> None:
    template = _hub(security_stack, alert_logic, landing_zone)

    template.has_resource_properties("AWS::Events::EventBus", {"Name": "alertlogic-hub"})
    template.has_resource_properties(
        "AWS::Events::EventBusPolicy",
        {
            "Statement": {
                "Action": "events:PutEvents",
                "Effect": "Allow",
                "Condition": {"StringEquals": {"aws:PrincipalOrgID": "o-exampleorg1"}},
            }
        },
    )


def test_names_that_other_accounts_compute_are_physical(
    security_stack: Stack, alert_logic: AlertLogic, landing_zone: LandingZone
) -> None:
    AlertLogicHub(security_stack, "Hub", alert_logic=alert_logic, landing_zone=landing_zone, prefix="al2")

    template = Template.from_stack(security_stack)
    template.has_resource_properties("AWS::SNS::Topic", {"TopicName": "al2-registration"})
    template.has_resource_properties("AWS::IAM::Role", {"RoleName": "al2-registration"})
    template.has_resource_properties("AWS::Events::EventBus", {"Name": "al2-hub"})


def test_the_function_has_its_settings_and_no_secret(
    security_stack: Stack, alert_logic: AlertLogic, landing_zone: LandingZone
) -> None:
    template = _hub(security_stack, alert_logic, landing_zone)

    template.has_resource_properties(
        "AWS::Lambda::Function",
        {
            "Handler": "account_registration.handler.lambda_handler",
            "Runtime": "python3.13",
            "Architectures": ["arm64"],
            "Environment": {
                "Variables": {
                    "ALERTLOGIC_CUSTOMER_ID": "12345678",
                    "ALERTLOGIC_SECRET_ARN": "arn:aws:secretsmanager:us-east-1:444444444444:secret:alertlogic-AbCdEf",
                    "OFFBOARDING": "RETAIN",
                    "READER_ROLE_NAME": "alertlogic-hub-reader",
                }
            },
        },
    )


def test_the_queues_are_encrypted(security_stack: Stack, alert_logic: AlertLogic, landing_zone: LandingZone) -> None:
    queues = _hub(security_stack, alert_logic, landing_zone).find_resources("AWS::SQS::Queue")

    assert [queue["Properties"]["SqsManagedSseEnabled"] for queue in queues.values()] == [True, True]


def test_alarms_watch_what_waits_what_failed_and_the_function(
    security_stack: Stack, alert_logic: AlertLogic, landing_zone: LandingZone
) -> None:
    alarms = _hub(security_stack, alert_logic, landing_zone).find_resources("AWS::CloudWatch::Alarm").values()

    watched = {alarm["Properties"].get("MetricName", "age"): alarm["Properties"] for alarm in alarms}
    assert {name: alarm["Threshold"] for name, alarm in watched.items()} == {
        "age": 3600,
        "AccountsNotAsWanted": 0,
        "ApproximateNumberOfMessagesVisible": 0,
        "Errors": 0,
        "FailedInvocations": 0,
        "SecretUnusable": 0,
        "Throttles": 0,
    }
    seconds = {name: alarm["EvaluationPeriods"] * alarm.get("Period", 900) for name, alarm in watched.items()}
    assert seconds == dict.fromkeys(watched, 900) | {"Throttles": 3600, "AccountsNotAsWanted": 24 * 3600}


def test_fails_when_the_secret_is_missing(security_stack: Stack, landing_zone: LandingZone) -> None:
    with pytest.raises(ValueError, match=r"Security/Hub/.*\n- alert_logic\.secret is None.*placeholder"):
        AlertLogicHub(security_stack, "Hub", alert_logic=AlertLogic(customer_id="1"), landing_zone=landing_zone)


def test_fails_when_offboarding_is_no_choice(
    security_stack: Stack, alert_logic: AlertLogic, landing_zone: LandingZone
) -> None:
    offboarding: Any = "DELETE"

    with pytest.raises(ValueError, match=r"offboarding is 'DELETE'; allowed is one of Offboarding\.DISABLE"):
        AlertLogicHub(
            security_stack, "Hub", alert_logic=alert_logic, landing_zone=landing_zone, offboarding=offboarding
        )


def test_fails_in_another_accounts_stack(
    management_stack: Stack, alert_logic: AlertLogic, landing_zone: LandingZone
) -> None:
    with pytest.raises(ValueError, match=r"env\.account is '111111111111'; allowed is '444444444444'"):
        AlertLogicHub(management_stack, "Hub", alert_logic=alert_logic, landing_zone=landing_zone)


def test_fails_in_another_region(security_stack: Stack, alert_logic: AlertLogic, landing_zone: LandingZone) -> None:
    with pytest.raises(ValueError, match=r"env\.region is 'us-east-1'; allowed is 'eu-west-1'"):
        AlertLogicHub(
            security_stack, "Hub", alert_logic=alert_logic, landing_zone=replace(landing_zone, home_region="eu-west-1")
        )


@pytest.mark.parametrize("prefix", ["", "A", "aws-controltower-al", "stacksets-exec-x", "x" * 21, "al_1", "al-"])
def test_fails_when_the_prefix_is_no_prefix(
    security_stack: Stack, alert_logic: AlertLogic, landing_zone: LandingZone, prefix: str
) -> None:
    with pytest.raises(ValueError, match="prefix is"):
        AlertLogicHub(security_stack, "Hub", alert_logic=alert_logic, landing_zone=landing_zone, prefix=prefix)


def test_only_the_management_account_says_which_accounts_are_to_be_protected(
    security_stack: Stack, alert_logic: AlertLogic, landing_zone: LandingZone
) -> None:
    AlertLogicHub(security_stack, "Hub", alert_logic=alert_logic, landing_zone=landing_zone)

    Template.from_stack(security_stack).has_resource_properties(
        "AWS::Events::Rule",
        {
            "EventPattern": {
                "account": ["111111111111"],
                "source": ["alertlogic.accounts"],
                "detail-type": ["Accounts"],
            },
            "EventBusName": Match.any_value(),
        },
    )


def test_the_rules_of_the_default_bus_can_be_extended(
    security_stack: Stack, alert_logic: AlertLogic, landing_zone: LandingZone
) -> None:
    hub = AlertLogicHub(security_stack, "Hub", alert_logic=alert_logic, landing_zone=landing_zone)

    template = Template.from_stack(security_stack)
    rules = template.find_resources("AWS::Events::Rule")
    ids = [security_stack.resolve(rule.rule_name)["Ref"] for rule in (hub.deployment_rule, hub.status_schedule)]
    assert [set(rules[id_]["Properties"]) & {"EventPattern", "ScheduleExpression"} for id_ in ids] == [
        {"EventPattern"},
        {"ScheduleExpression"},
    ]


def test_nothing_of_it_stays(security_stack: Stack, alert_logic: AlertLogic, landing_zone: LandingZone) -> None:
    template = _hub(security_stack, alert_logic, landing_zone)

    # A key that stays costs money.
    template.has_resource("AWS::KMS::Key", {"DeletionPolicy": "Delete", "UpdateReplacePolicy": "Delete"})


def test_the_status_is_kept_encrypted_versioned_and_private(
    security_stack: Stack, alert_logic: AlertLogic, landing_zone: LandingZone
) -> None:
    AlertLogicHub(security_stack, "Hub", alert_logic=alert_logic, landing_zone=landing_zone)

    template = Template.from_stack(security_stack)
    template.has_resource_properties(
        "AWS::S3::Bucket",
        {
            "VersioningConfiguration": {"Status": "Enabled"},
            "BucketEncryption": Match.any_value(),
            "PublicAccessBlockConfiguration": {
                "BlockPublicAcls": True,
                "BlockPublicPolicy": True,
                "IgnorePublicAcls": True,
                "RestrictPublicBuckets": True,
            },
        },
    )
    template.has_output("StatusBucket", {})
    template.has_resource_properties("AWS::Events::Rule", {"ScheduleExpression": "rate(15 minutes)"})


def test_all_accounts_are_looked_at_after_each_deployment(
    security_stack: Stack, alert_logic: AlertLogic, landing_zone: LandingZone
) -> None:
    AlertLogicHub(security_stack, "Hub", alert_logic=alert_logic, landing_zone=landing_zone)

    Template.from_stack(security_stack).has_resource_properties(
        "AWS::Events::Rule",
        {
            "EventPattern": {
                "source": ["aws.cloudformation"],
                "detail-type": ["CloudFormation Stack Status Change"],
                "detail": Match.object_like({"stack-id": [{"Ref": "AWS::StackId"}]}),
            }
        },
    )
