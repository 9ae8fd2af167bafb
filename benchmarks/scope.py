"""What a burst of tag changes in one account costs: calls to Alert Logic and to EC2."""

from __future__ import annotations

from collections import Counter

from tests.rehearsal import Rehearsal

from .row import Row

FUNCTION = "vpc_scope"
EVENTS = 100
REGIONS = ("us-west-2", "eu-west-1")
# Asked for once in a container, whatever happens later: the token, the hosts, the policy, and which deployment it is.
LOOKUPS = ("/authenticate", "/endpoints", "/policies", "/deployments")


def measure() -> list[Row]:
    """Calls for a burst of events of one account that arrive in one batch."""
    with Rehearsal() as rehearsal:
        rehearsal.deploy()
        rehearsal.put_secret_value()
        account = rehearsal.vend_account("Burst", "Workloads/Prod")
        rehearsal.settle(within_minutes=30)
        with rehearsal.vpcs.held_events():
            vpcs = [rehearsal.vpcs.create(account, REGIONS[number % len(REGIONS)]) for number in range(EVENTS)]
        with rehearsal.pollers.paused(FUNCTION):
            for vpc in vpcs:
                rehearsal.vpcs.tag(vpc, alertlogic="true")
            rehearsal.settle(within_minutes=5)
            rehearsal.advance(minutes=1)
        asked, listed = len(rehearsal.alert_logic.requests), len(_listings(rehearsal))
        rehearsal.settle(within_minutes=5)
        missing = {vpc.key for vpc in vpcs}.difference(rehearsal.included(account))
        if missing:
            raise RuntimeError(f"not in scope: {sorted(missing)}")
        calls = Counter(
            request.method for request in rehearsal.alert_logic.requests[asked:] if not request.path.endswith(LOOKUPS)
        )
        return [
            Row(f"Alert Logic reads for {EVENTS} events of one account", calls["GET"], 1),
            Row(f"Alert Logic writes for {EVENTS} events of one account", calls["PUT"], 1),
            Row("DescribeVpcs listings per region touched", len(_listings(rehearsal)[listed:]) / len(REGIONS), 1),
        ]


def _listings(rehearsal: Rehearsal) -> list[str]:
    return [call.resource for call in rehearsal.calls if call.action == "ec2:DescribeVpcs"]
