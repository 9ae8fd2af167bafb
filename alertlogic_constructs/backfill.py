"""Sends findings that were open before the collector was there: `python -m alertlogic_constructs.backfill`.

GuardDuty tells of a finding when it is made and when it recurs, and else never. This reads the findings that are not
archived, of the last 90 days and of each region, and puts them into the forwarder's queue as the events that they were.
It may be run again: the same state of a finding is the same event.

The credentials and the region of the environment are the forwarder's (the security account, the home region), those of
`--profile` are the GuardDuty administrator's, if that is another account.

Exit code: 0 if all findings are in the queue, 1 if some are not, and 2 if it cannot begin.
"""

from __future__ import annotations

import argparse
import sys
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from ._backfill_event import BackfillError
from ._tools import DEFAULT_STACK, FAILURES, add_settings_option, give_up
from .settings import CONTEXT_KEY, read_context, read_settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ._backfill_aws import Backfill

# GuardDuty keeps no finding for longer: https://docs.aws.amazon.com/guardduty/latest/ug/guardduty_findings.html
MOST_DAYS = 90

INCOMPLETE = 1


def main(arguments: Sequence[str] | None = None) -> int:
    """Send the findings; return the exit code."""
    options = _options(arguments)
    try:
        from ._backfill_aws import Backfill, Forwarder, GuardDuty  # noqa: PLC0415 - the constructs need no boto3

        regions = options.regions or (
            read_settings(read_context(options.settings).get(CONTEXT_KEY)).landing_zone.governed_regions
        )
        forwarder = Forwarder.of_stack(options.stack)
        guardduty = GuardDuty.of_profile(options.profile)
        forwarder.require(guardduty.account)
    except FAILURES as error:
        return give_up("the backfill cannot begin", error)
    backfill = Backfill(guardduty, forwarder, is_dry_run=options.dry_run)
    since = datetime.now(UTC) - timedelta(days=options.days)
    # One region must not cost the others their findings.
    outcomes = [_fill(backfill, region, since) for region in regions]
    return 0 if all(outcomes) else INCOMPLETE


def _fill(backfill: Backfill, region: str, since: datetime) -> bool:
    """Send a region's findings, and say how many; return whether all went well."""
    try:
        tally = backfill.fill(region, since=since)
    except BackfillError as error:
        sys.stderr.write(f"{region}: {error}\n")
        return False
    sys.stdout.write(
        f"{region}: {tally.found} open findings, {tally.sent} {'to send' if backfill.is_dry_run else 'sent'}, "
        f"{tally.unwanted} that the rule leaves out\n"
    )
    for finding_id in tally.too_large:
        sys.stderr.write(f"{region}: finding {finding_id} is too large for a queue\n")
    return not tally.too_large


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m alertlogic_constructs.backfill",
        description="Sends GuardDuty findings that were open before the collector was there.",
    )
    add_settings_option(parser)
    parser.add_argument(
        "--stack", default=DEFAULT_STACK, help="the stack that the forwarder is in (default: %(default)s)"
    )
    parser.add_argument(
        "--profile", help="an AWS profile of the GuardDuty administrator, if that is not the forwarder's account"
    )
    parser.add_argument(
        "--regions", nargs="+", metavar="REGION", help="where to look (default: the settings' governed regions)"
    )
    parser.add_argument(
        "--days",
        type=int,
        choices=range(1, MOST_DAYS + 1),
        default=MOST_DAYS,
        metavar=f"1-{MOST_DAYS}",
        help="leave out what changed last before so many days (default: %(default)s)",
    )
    parser.add_argument("--dry-run", action="store_true", help="count, and send nothing")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
