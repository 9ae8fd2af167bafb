from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from aws_cdk.assertions import Match, Template

from alertlogic_constructs import AlertLogic, DataCenter, ProtectionScope

if TYPE_CHECKING:
    from aws_cdk import Stack


def test_a_placeholder_is_a_secret_without_a_value(security_stack: Stack) -> None:
    alert_logic = AlertLogic.placeholder(security_stack, "ApiKey", customer_id="12345678", data_center=DataCenter.EU)

    template = Template.from_stack(security_stack)
    template.has_resource_properties(
        "AWS::SecretsManager::Secret", {"SecretString": Match.absent(), "GenerateSecretString": Match.absent()}
    )
    assert alert_logic.data_center is DataCenter.EU
    [command] = template.find_outputs("FillSecret").values()
    assert "put-secret-value" in str(command)
    assert "file://" in str(command)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"customer_id": "acme"}, "decimal digits"),
        ({"customer_id": 12345678}, "decimal digits"),
        ({"customer_id": "\u0661"}, "decimal digits"),
        (
            {"customer_id": "1", "data_center": "US"},
            "data_center is 'US'; allowed is one of DataCenter.US, DataCenter.EU",
        ),
        ({"customer_id": "1", "residency": "us"}, "residency is 'us'; allowed is one of Residency.DEFAULT"),
        ({"customer_id": "1", "endpoint": "http://api.example.com"}, "https://"),
        ({"customer_id": "1", "endpoint": "https://api.example.com/path"}, "without a path"),
        ({"customer_id": "1", "endpoint": "http://127.0.0.1.example.com"}, "https://"),
    ],
)
def test_fails_when_the_customer_or_endpoint_is_wrong(arguments: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=re.escape(words)):
        AlertLogic(**arguments)


@pytest.mark.parametrize("regions", [("nowhere",), ("cn-north-1",), ("eu-west-1", "eu-west-1")])
def test_fails_when_a_scope_names_no_region_of_aws(regions: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="names is"):
        ProtectionScope.regions(*regions)
