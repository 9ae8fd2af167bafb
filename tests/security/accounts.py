"""The accounts of the landing zone, as `tests/rehearsal/context.json` has them."""

from __future__ import annotations

ORGANIZATION = "o-exampleorg1"
MANAGEMENT = "111111111111"
AUDIT = "222222222222"
LOG_ARCHIVE = "333333333333"
SECURITY = "444444444444"
MEMBER = "555555555555"
# Not in the organization.
STRANGER = "999999999999"
# https://docs.alertlogic.com: where Alert Logic itself is, for customers in the United States.
ALERT_LOGIC = "733251395267"

MEMBERS = frozenset({MANAGEMENT, AUDIT, LOG_ARCHIVE, SECURITY, MEMBER})
CUSTOMER_ID = "12345678"
