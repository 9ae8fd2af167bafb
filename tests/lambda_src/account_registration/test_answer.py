from __future__ import annotations

import pytest

from account_registration import answer
from tests.lambda_src.account_registration.cloudformation_requests import MEMBER, REGISTRATION_ID, request

ECHOED = {
    "StackId": request().stack_id.arn,
    "RequestId": request().id,
    "LogicalResourceId": "Registration",
}


class TestWhatIsAnswered:
    def test_to_a_create_that_succeeded(self) -> None:
        assert answer.succeeded(request(), "registered", deployment_id="d1") == {
            "Status": "SUCCESS",
            "PhysicalResourceId": REGISTRATION_ID,
            "Data": {"Status": "registered", "DeploymentId": "d1"},
            **ECHOED,
        }

    def test_to_a_create_that_is_refused_with_an_id_whose_delete_does_nothing(self) -> None:
        assert answer.failed(request(), "not entitled") == {
            "Status": "FAILED",
            "Reason": "not entitled",
            "PhysicalResourceId": f"unregistered/{MEMBER}",
            **ECHOED,
        }

    def test_to_an_update_that_is_refused_with_the_id_that_it_has(self) -> None:
        update = request("Update", changes={"PhysicalResourceId": "unregistered/x"})

        assert answer.succeeded(update, "refused")["PhysicalResourceId"] == "unregistered/x"
        assert answer.succeeded(update, "registered")["PhysicalResourceId"] == REGISTRATION_ID

    @pytest.mark.parametrize("physical_id", [REGISTRATION_ID, f"unregistered/{MEMBER}", "foreign"])
    def test_to_a_delete_with_the_id_that_it_named(self, physical_id: str) -> None:
        delete = request("Delete", changes={"PhysicalResourceId": physical_id})

        assert answer.succeeded(delete, "retained")["PhysicalResourceId"] == physical_id
