from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from aws_cdk import App, Duration, Environment, Stack
from aws_cdk.assertions import Match, Template

from alertlogic_constructs import (
    AlertLogic,
    ControlTowerIntegration,
    GuardDutyCoverage,
    LandingZone,
    OrganizationalUnits,
    ProtectionPolicy,
    ProtectionScope,
)

CUSTOMER = AlertLogic(customer_id="12345678")


def _integration(stack: Stack, landing_zone: LandingZone, **arguments: Any) -> Template:
    given = {"policy": ProtectionPolicy.PROFESSIONAL, **arguments}
    ControlTowerIntegration(stack, "ControlTower", landing_zone=landing_zone, alert_logic=CUSTOMER, **given)
    return Template.from_stack(stack)


def _member_template(template: Template) -> dict[str, Any]:
    [stack_set] = template.find_resources("AWS::CloudFormation::StackSet").values()
    body: dict[str, Any] = json.loads(stack_set["Properties"]["TemplateBody"])
    return body


def test_control_towers_events_reach_the_queue(management_stack: Stack, landing_zone: LandingZone) -> None:
    template = _integration(management_stack, landing_zone)

    template.has_resource_properties(
        "AWS::Events::Rule",
        {
            "EventPattern": {
                "source": ["aws.controltower"],
                "detail-type": ["AWS Service Event via CloudTrail"],
                "account": ["111111111111"],
                "detail": {"eventName": Match.array_with(["CreateManagedAccount", "UpdateManagedAccount"])},
            },
        },
    )
    rules = template.find_resources("AWS::Events::Rule").values()
    assert len(rules) == 5
    for rule in rules:
        [target] = rule["Properties"]["Targets"]
        assert "DeadLetterConfig" in target


def test_a_sweep_looks_at_everything_every_six_hours_and_after_each_deployment(
    management_stack: Stack, landing_zone: LandingZone
) -> None:
    template = _integration(management_stack, landing_zone)

    template.has_resource_properties("AWS::Events::Rule", {"ScheduleExpression": "rate(6 hours)"})
    template.has_resource_properties(
        "AWS::Events::Rule",
        {
            "EventPattern": {
                "source": ["aws.cloudformation"],
                "detail-type": ["CloudFormation Stack Status Change"],
                "detail": {
                    "stack-id": [{"Ref": "AWS::StackId"}],
                    "status-details": {"status": ["CREATE_COMPLETE", "UPDATE_COMPLETE"]},
                },
            }
        },
    )


def test_a_sweep_may_be_as_often_as_every_hour(management_stack: Stack, landing_zone: LandingZone) -> None:
    template = _integration(management_stack, landing_zone, sweep_interval=Duration.seconds(3600))

    template.has_resource_properties("AWS::Events::Rule", {"ScheduleExpression": "rate(1 hour)"})


def test_the_stack_set_is_emptied_before_it_goes_and_after_all_that_fills_it(
    management_stack: Stack, landing_zone: LandingZone
) -> None:
    template = _integration(management_stack, landing_zone)

    [(emptied, resource)] = template.find_resources("Custom::StackSetInstances").items()
    [stack_set] = template.find_resources("AWS::CloudFormation::StackSet")
    assert stack_set in resource["DependsOn"]
    assert all(r["DependsOn"] == [emptied] for r in template.find_resources("AWS::Events::Rule").values())
    mappings = template.find_resources("AWS::Lambda::EventSourceMapping")
    [enrollment] = [mapping for id_, mapping in mappings.items() if "AccountEnrollment" in id_]
    assert enrollment["DependsOn"] == [emptied]
    [own] = [id_ for id_ in mappings if "Emptier" in id_]
    assert own in resource["DependsOn"]


def test_removals_are_guarded(management_stack: Stack, landing_zone: LandingZone) -> None:
    template = _integration(management_stack, landing_zone, deletion_guard_percentage=25)

    assert _enrollment_variables(template)["DELETION_GUARD_PERCENTAGE"] == "25"
    template.has_resource_properties(
        "AWS::CloudWatch::Alarm",
        {"MetricName": "RemovalsHeldBack", "Namespace": "AlertLogic", "Threshold": 0},
    )


def test_the_function_may_tell_the_hub_and_nobody_else(management_stack: Stack, landing_zone: LandingZone) -> None:
    template = _integration(management_stack, landing_zone)

    bus = ":events:us-east-1:444444444444:event-bus/alertlogic-hub"
    assert bus in str(_enrollment_variables(template)["HUB_BUS_ARN"])
    [statement] = [
        statement
        for policy in template.find_resources("AWS::IAM::Policy").values()
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]
        if statement["Action"] == "events:PutEvents"
    ]
    assert bus in str(statement["Resource"])


def test_the_stack_set_goes_on_past_bad_accounts(management_stack: Stack, landing_zone: LandingZone) -> None:
    template = _integration(management_stack, landing_zone)

    template.has_resource_properties(
        "AWS::CloudFormation::StackSet",
        {
            "StackSetName": "alertlogic-member-account",
            "PermissionModel": "SELF_MANAGED",
            "ExecutionRoleName": "AWSControlTowerExecution",
            "Capabilities": ["CAPABILITY_NAMED_IAM"],
            "ManagedExecution": {"Active": True},
            "OperationPreferences": {
                "FailureTolerancePercentage": 100,
                "MaxConcurrentPercentage": 25,
                "RegionConcurrencyType": "PARALLEL",
                "ConcurrencyMode": "SOFT_FAILURE_TOLERANCE",
            },
        },
    )


def test_one_bad_event_does_not_hold_back_its_batch(management_stack: Stack, landing_zone: LandingZone) -> None:
    template = _integration(management_stack, landing_zone)

    template.has_resource_properties(
        "AWS::Lambda::EventSourceMapping", {"FunctionResponseTypes": ["ReportBatchItemFailures"], "BatchSize": 10}
    )


def test_the_function_may_do_this_and_no_more(management_stack: Stack, landing_zone: LandingZone) -> None:
    template = _integration(management_stack, landing_zone)

    allowed = {
        action
        for policy in template.find_resources("AWS::IAM::Policy").values()
        if "AccountEnrollmentRole" in str(policy["Properties"]["Roles"])
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]
        for action in _listed(statement["Action"])
    }
    assert allowed == {
        *(f"logs:{action}" for action in ("CreateLogStream", "PutLogEvents")),
        *(f"organizations:{action}" for action in ("DescribeAccount", "ListParents", "ListRoots")),
        *(f"organizations:List{listed}ForParent" for listed in ("Accounts", "OrganizationalUnits")),
        "events:PutEvents",
        *(f"cloudformation:{verb}StackInstances" for verb in ("List", "Create", "Update", "Delete")),
        *("cloudformation:ListStackSetOperations", "cloudformation:ListStackSetOperationResults"),
        *("iam:GetRole", "iam:PassRole"),
        *(f"sqs:{action}" for action in ("ReceiveMessage", "DeleteMessage", "GetQueueAttributes")),
        *(f"sqs:{action}" for action in ("ChangeMessageVisibility", "SendMessage")),
    }


def test_an_administration_role_of_ours_deploys_this_stack_set_only(
    management_stack: Stack, landing_zone: LandingZone
) -> None:
    zone = replace(landing_zone, governed_regions=("us-east-1", "ap-east-1"))

    template = _integration(management_stack, zone)

    trust = {
        "Action": "sts:AssumeRole",
        "Effect": "Allow",
        "Principal": {"Service": ["cloudformation.amazonaws.com", "cloudformation.ap-east-1.amazonaws.com"]},
        "Condition": {
            "StringEquals": {"aws:SourceAccount": "111111111111"},
            "ArnLike": {
                "aws:SourceArn": {
                    "Fn::Join": [
                        "",
                        [
                            "arn:",
                            Match.any_value(),
                            ":cloudformation:us-east-1:111111111111:stackset/alertlogic-member-account:*",
                        ],
                    ]
                }
            },
        },
    }
    statements = [
        statement
        for role in template.find_resources("AWS::IAM::Role").values()
        for statement in role["Properties"]["AssumeRolePolicyDocument"]["Statement"]
        if "cloudformation" in str(statement)
    ]
    services = {service for s in statements for service in _listed(s["Principal"]["Service"])}
    assert services == set(trust["Principal"]["Service"])  # type: ignore[index]
    assert all(s["Condition"]["StringEquals"] == {"aws:SourceAccount": "111111111111"} for s in statements)
    assert all("stackset/alertlogic-member-account:*" in str(s["Condition"]["ArnLike"]) for s in statements)
    template.has_resource_properties(
        "AWS::IAM::Policy",
        {
            "PolicyDocument": {
                "Statement": [
                    Match.object_like(
                        {
                            "Action": "sts:AssumeRole",
                            "Condition": {"StringEquals": {"aws:ResourceOrgID": "o-exampleorg1"}},
                        }
                    )
                ]
            }
        },
    )


def test_the_function_knows_which_accounts_to_enroll(management_stack: Stack, landing_zone: LandingZone) -> None:
    units = OrganizationalUnits.only(
        "ou-abcd-11111111", excluding=["ou-abcd-22222222"], excluding_accounts=["555555555555"]
    )

    template = _integration(management_stack, landing_zone, organizational_units=units)

    template.has_resource_properties(
        "AWS::Lambda::Function",
        {
            "Environment": {
                "Variables": {
                    "STACK_SET_NAME": "alertlogic-member-account",
                    "REGIONS": "us-east-1",
                    "GUARDDUTY_ADMINISTRATOR": "",
                    "ADMINISTRATOR_REGIONS": "",
                    "MANAGEMENT_ACCOUNT_ID": "111111111111",
                    "ALWAYS_ENROLLED": "222222222222,333333333333,444444444444",
                    "INCLUDED_UNITS": "ou-abcd-11111111",
                    "EXCLUDED_UNITS": "ou-abcd-22222222",
                    "EXCLUDED_ACCOUNTS": "555555555555",
                }
            }
        },
    )


def test_the_member_template_holds_no_code_and_fits(management_stack: Stack, landing_zone: LandingZone) -> None:
    template = _integration(management_stack, landing_zone)

    body = _member_template(template)
    types = sorted({resource["Type"] for resource in body["Resources"].values()})
    assert types == ["AWS::IAM::Policy", "AWS::IAM::Role", "Custom::AlertLogicRegistration"]
    assert {resource["Condition"] for resource in body["Resources"].values()} == {"InHomeRegion"}
    assert "Parameters" not in body
    assert "aws:cdk:path" not in json.dumps(body)


def test_the_member_account_registers_at_the_hub_by_name(management_stack: Stack, landing_zone: LandingZone) -> None:
    body = _member_template(_integration(management_stack, landing_zone, prefix="al2"))

    [registration] = [r for r in body["Resources"].values() if r["Type"] == "Custom::AlertLogicRegistration"]
    properties = registration["Properties"]
    assert ":sns:us-east-1:444444444444:al2-registration" in str(properties.pop("ServiceToken"))
    assert "GetAtt" in str(properties.pop("RoleArn"))
    assert properties == {
        "ServiceTimeout": "3600",
        "AccountId": {"Ref": "AWS::AccountId"},
        "AccountName": "",
        "Mode": "manual",
        "Policy": "Professional",
        "ScopeRegions": ["us-east-1", "eu-west-1"],
        "GovernedRegions": ["us-east-1", "eu-west-1"],
        "VpcTags": [],
        "Prune": "false",
        "CentralLogs": "false",
        "OrganizationId": "o-exampleorg1",
        "HomeRegion": "us-east-1",
        "ManagementAccountId": "111111111111",
    }


def test_an_opt_in_home_region_works(app: App, landing_zone: LandingZone) -> None:
    zone = replace(landing_zone, home_region="eu-south-1", governed_regions=("eu-south-1",))
    stack = Stack(app, "Milan", env=Environment(account="111111111111", region="eu-south-1"))

    template = _integration(stack, zone)

    assert "cloudformation.eu-south-1.amazonaws.com" in str(template.find_resources("AWS::IAM::Role"))


def test_a_stack_without_environment_is_accepted(app: App, landing_zone: LandingZone) -> None:
    template = _integration(Stack(app, "Agnostic"), landing_zone)

    assert len(template.find_resources("AWS::CloudFormation::StackSet")) == 1


def test_with_whole_regions_accounts_have_instances_in_the_home_region_only(
    management_stack: Stack, landing_zone: LandingZone
) -> None:
    template = _integration(management_stack, landing_zone)

    assert _enrollment_regions(template) == "us-east-1"
    assert [r for r in _member_template(template)["Resources"].values() if r["Type"] == "AWS::Events::Rule"] == []


def test_where_tags_decide_every_governed_region_sends_its_vpc_events(
    management_stack: Stack, landing_zone: LandingZone
) -> None:
    template = _integration(
        management_stack, landing_zone, protection_scope=ProtectionScope.vpc_tags({"alertlogic": "true"})
    )

    assert _enrollment_regions(template) == "us-east-1,eu-west-1"
    resources: dict[str, Any] = _member_template(template)["Resources"]
    everywhere = sorted(r["Type"] for r in resources.values() if "Condition" not in r)
    assert everywhere == ["AWS::Events::Rule", "AWS::Events::Rule", "AWS::IAM::Policy", "AWS::IAM::Role"]
    [registration] = [r for r in resources.values() if r["Type"] == "Custom::AlertLogicRegistration"]
    rules = {id_ for id_, r in resources.items() if r["Type"] == "AWS::Events::Rule"}
    # What changes after the registration has listed the VPCs must be told.
    assert rules <= set(registration["DependsOn"])


def test_every_account_that_forwards_findings_does_so_in_every_governed_region(
    management_stack: Stack, landing_zone: LandingZone
) -> None:
    template = _integration(management_stack, landing_zone, guardduty_coverage=GuardDutyCoverage.every_account())

    assert _enrollment_regions(template) == "us-east-1,eu-west-1"
    resources = _member_template(template)["Resources"].values()
    everywhere = sorted(resource["Type"] for resource in resources if "Condition" not in resource)
    queue = ["AWS::SQS::Queue", "AWS::SQS::QueuePolicy"]
    assert everywhere == ["AWS::Events::Rule", "AWS::IAM::Policy", "AWS::IAM::Role", *queue]


def test_only_the_administrator_forwards_findings_in_every_governed_region(
    management_stack: Stack, landing_zone: LandingZone
) -> None:
    coverage = GuardDutyCoverage.administrator("222222222222")

    template = _integration(management_stack, landing_zone, guardduty_coverage=coverage)

    assert _enrollment_regions(template) == "us-east-1"
    assert _enrollment_variables(template)["GUARDDUTY_ADMINISTRATOR"] == "222222222222"
    assert _enrollment_variables(template)["ADMINISTRATOR_REGIONS"] == "us-east-1,eu-west-1"
    body = _member_template(template)
    assert body["Conditions"]["IsGuardDutyAdministrator"] == {"Fn::Equals": [{"Ref": "AWS::AccountId"}, "222222222222"]}
    [rule] = [resource for resource in body["Resources"].values() if resource["Type"] == "AWS::Events::Rule"]
    assert rule["Condition"] == "IsGuardDutyAdministrator"
    assert rule["Properties"]["EventPattern"]["source"] == ["aws.guardduty"]


def test_fails_when_the_administrator_is_excluded(management_stack: Stack, landing_zone: LandingZone) -> None:
    with pytest.raises(ValueError, match="other than the GuardDuty administrator"):
        _integration(
            management_stack,
            landing_zone,
            guardduty_coverage=GuardDutyCoverage.administrator("555555555555"),
            organizational_units=OrganizationalUnits.all(excluding_accounts=["555555555555"]),
        )


def _enrollment_regions(template: Template) -> str:
    return _enrollment_variables(template)["REGIONS"]


def _enrollment_variables(template: Template) -> dict[str, str]:
    functions = template.find_resources("AWS::Lambda::Function").values()
    [function] = [f for f in functions if f["Properties"]["Handler"].startswith("account_enrollment.")]
    variables: dict[str, str] = function["Properties"]["Environment"]["Variables"]
    return variables


def test_fails_in_another_accounts_stack(security_stack: Stack, landing_zone: LandingZone) -> None:
    with pytest.raises(ValueError, match=r"env\.account is '444444444444'; allowed is '111111111111'"):
        _integration(security_stack, landing_zone)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            {"deletion_guard_percentage": 101},
            "deletion_guard_percentage is 101; allowed is a whole number from 0",
        ),
        ({"deletion_guard_percentage": True}, "deletion_guard_percentage is True"),
        ({"deletion_guard_percentage": "10"}, "deletion_guard_percentage is '10'"),
        ({"sweep_interval": Duration.minutes(5)}, r"sweep_interval is .*whole minutes, 60 or more"),
        ({"sweep_interval": Duration.seconds(5000)}, r"sweep_interval is .*whole minutes, 60 or more"),
        ({"sweep_interval": Duration.millis(3_600_001)}, r"sweep_interval is .*whole minutes, 60 or more"),
        (
            {"mode": "AUTOMATIC"},
            "mode is 'AUTOMATIC'; allowed is one of DeploymentMode.AUTOMATIC, DeploymentMode.MANUAL",
        ),
        ({"policy": "Professional"}, "policy is 'Professional'; allowed is one of ProtectionPolicy.ESSENTIALS"),
        ({"central_logs": "false"}, "central_logs is 'false'; allowed is True or False"),
    ],
)
def test_fails_with_what_cannot_be(
    management_stack: Stack, landing_zone: LandingZone, arguments: dict[str, Any], words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        _integration(management_stack, landing_zone, **arguments)


@pytest.mark.parametrize(
    ("account", "words"),
    [("222222222222", "always protected"), ("111111111111", "never enrolled")],
)
def test_fails_when_an_exclusion_cannot_hold(
    management_stack: Stack, landing_zone: LandingZone, account: str, words: str
) -> None:
    units = OrganizationalUnits.all(excluding_accounts=[account])

    with pytest.raises(ValueError, match=words):
        _integration(management_stack, landing_zone, organizational_units=units)


def test_one_error_lists_everything_that_is_wrong(security_stack: Stack, landing_zone: LandingZone) -> None:
    with pytest.raises(
        ValueError, match=r"(?s)ControlTowerIntegration in stack 'Security'.*env\.account is.*mode is.*percentage is"
    ):
        _integration(security_stack, landing_zone, mode=None, deletion_guard_percentage=-1)


def test_fails_when_the_scope_names_a_region_that_is_not_governed(
    management_stack: Stack, landing_zone: LandingZone
) -> None:
    with pytest.raises(ValueError, match=r"protection_scope is 'us-west-2'; allowed is a governed region"):
        _integration(management_stack, landing_zone, protection_scope=ProtectionScope.regions("us-west-2"))


def test_fails_when_the_template_is_too_large(management_stack: Stack, landing_zone: LandingZone) -> None:
    from aws_cdk import aws_iam as iam  # noqa: PLC0415 - used here alone

    document = iam.PolicyDocument(
        statements=[
            iam.PolicyStatement(sid=f"S{n}", actions=["s3:GetObject"], resources=[f"arn:aws:s3:::{n:0500}"])
            for n in range(100)
        ]
    )

    with pytest.raises(ValueError, match=r"has \d+ bytes; allowed are 51200"):
        _integration(management_stack, landing_zone, policy_document=document)


def _listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value
