from __future__ import annotations

import pytest
from aws_cdk import App, Environment, Stack
from aws_cdk import aws_secretsmanager as secretsmanager

from alertlogic_constructs import AlertLogic, LandingZone


@pytest.fixture
def landing_zone() -> LandingZone:
    return LandingZone(
        organization_id="o-exampleorg1",
        management_account="111111111111",
        audit_account="222222222222",
        log_archive_account="333333333333",
        security_account="444444444444",
        home_region="us-east-1",
        governed_regions=("us-east-1", "eu-west-1"),
    )


@pytest.fixture
def app() -> App:
    # Templates are all that these tests look at: the asset is built by the tests that are about it.
    return App(context={"aws:cdk:bundling-stacks": []})


@pytest.fixture
def security_stack(app: App) -> Stack:
    return Stack(app, "Security", env=Environment(account="444444444444", region="us-east-1"))


@pytest.fixture
def management_stack(app: App) -> Stack:
    return Stack(app, "Management", env=Environment(account="111111111111", region="us-east-1"))


@pytest.fixture
def alert_logic(security_stack: Stack) -> AlertLogic:
    secret = secretsmanager.Secret.from_secret_complete_arn(
        security_stack, "Secret", "arn:aws:secretsmanager:us-east-1:444444444444:secret:alertlogic-AbCdEf"
    )
    return AlertLogic(customer_id="12345678", secret=secret)
