"""What the settings of all functions have in common: whatever is missing or malformed is refused by its name."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.lambda_src.account_enrollment import test_settings as account_enrollment
from tests.lambda_src.account_registration import test_settings as account_registration
from tests.lambda_src.collector_checkin import test_settings as collector_checkin
from tests.lambda_src.guardduty_findings import test_settings as guardduty_findings
from tests.lambda_src.stackset_emptier import test_settings as stackset_emptier
from tests.lambda_src.trail_subscription import test_settings as trail_subscription
from tests.lambda_src.vpc_scope import test_settings as vpc_scope

if TYPE_CHECKING:
    from types import ModuleType

FUNCTIONS = {
    "account_enrollment": account_enrollment,
    "account_registration": account_registration,
    "collector_checkin": collector_checkin,
    "guardduty_findings": guardduty_findings,
    "stackset_emptier": stackset_emptier,
    "trail_subscription": trail_subscription,
    "vpc_scope": vpc_scope,
}


@pytest.mark.parametrize(
    ("function", "name"),
    [
        pytest.param(function, name, id=f"{function_name}-{name}")
        for function_name, function in FUNCTIONS.items()
        for name in function.ENVIRONMENT
    ],
)
def test_a_variable_that_is_missing(function: ModuleType, name: str) -> None:
    others = {key: value for key, value in function.ENVIRONMENT.items() if key != name}

    with pytest.raises(ValueError, match=f"^{name} is (not set$|''; it must be )"):
        function.Settings.from_environment(others)


@pytest.mark.parametrize(
    ("function", "name", "value"),
    [
        pytest.param(function, name, value, id=f"{function_name}-{name}-{value}")
        for function_name, function in FUNCTIONS.items()
        for name, value in function.MALFORMED
    ],
)
def test_a_variable_that_is_malformed(function: ModuleType, name: str, value: str) -> None:
    with pytest.raises(ValueError, match=f"^{name} (holds|is) .+; it must be "):
        function.Settings.from_environment(function.ENVIRONMENT | {name: value})
