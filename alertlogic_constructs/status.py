"""Shows how every account stands: `python -m alertlogic_constructs.status`. It reads, and changes nothing.

Exit code: 0 if every account that should be protected is, 1 if one is not, 2 if there is no status yet, and 3 if it
cannot be read, or its page not be written.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from ._status_page import page
from ._status_report import Status
from ._tools import DEFAULT_STACK, FAILURES, give_up

if TYPE_CHECKING:
    from collections.abc import Sequence

UNPROTECTED = 1
NO_STATUS = 2
UNSHOWN = 3


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        # Its own exit code would say that there is no status yet.
        self.print_usage(sys.stderr)
        self.exit(UNSHOWN, f"{self.prog}: {message}\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Show the status; return the exit code."""
    options = _options(arguments)
    try:
        content = options.file.read_bytes() if options.file else _fetched(options.bucket, options.stack)
        status = None if content is None else Status.parse(content)
        if status is None or not status.accounts:
            sys.stderr.write("there is no status yet: the first sweep has not told of any account\n")
            return NO_STATUS
        if options.html:
            options.html.write_text(page(status), "utf-8")
    except FAILURES as error:
        return give_up("the status cannot be shown", error, code=UNSHOWN)
    if options.html:
        sys.stdout.write(f"{status.headline} The page is {options.html}.\n")
    else:
        sys.stdout.write((status.as_json() if options.json else status.as_table()) + "\n")
    return UNPROTECTED if status.coverage.unprotected else 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = _Parser(prog="python -m alertlogic_constructs.status", description="Shows how every account stands.")
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--bucket", help="the bucket that the status is in, if you know it")
    source.add_argument(
        "--stack",
        default=DEFAULT_STACK,
        help="the stack in the security account whose output names the bucket (default: %(default)s)",
    )
    source.add_argument("--file", type=Path, help="a copy of the status, instead of the bucket's")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="write it as JSON, not as a table")
    form.add_argument("--html", type=Path, metavar="FILE", help="write it into a file as a page for a browser")
    return parser.parse_args(arguments)


def _fetched(bucket: str | None, stack: str) -> bytes | None:
    from ._status_bucket import fetch  # noqa: PLC0415 - the constructs need no boto3

    return fetch(bucket, stack=stack)


if __name__ == "__main__":
    sys.exit(main())
