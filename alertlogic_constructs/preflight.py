"""Checks what has to hold before and after `cdk deploy`: `python -m alertlogic_constructs.preflight`. It only reads.

Exit code: 0 if all is well, 1 if anything is wrong or could not be looked at, and 2 if the checks cannot begin.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from aws_cdk import DefaultStackSynthesizer

from ._role_policy import packaged_pin, read_pin
from ._tools import FAILURES, add_access_options, give_up
from .alertlogic_role import role_type_of
from .settings import CONTEXT_KEY, read_context, read_settings

if TYPE_CHECKING:
    from collections.abc import Sequence

BAD = 1

_QUALIFIER_KEY = "@aws-cdk/core:bootstrapQualifier"


def main(arguments: Sequence[str] | None = None) -> int:
    """Show what was found; return the exit code."""
    options = _options(arguments)
    try:
        from ._preflight.findings import as_json, as_text  # noqa: PLC0415 - the constructs need no boto3
        from ._preflight.run import run  # noqa: PLC0415 - as above

        context = read_context(options.settings)
        settings = read_settings(context.get(CONTEXT_KEY))
        findings = list(
            run(
                settings,
                role_name=options.role_name,
                stack=options.stack,
                qualifier=context.get(_QUALIFIER_KEY, DefaultStackSynthesizer.DEFAULT_QUALIFIER),
                key_text=options.key_file.read_text("utf-8") if options.key_file else None,
                pinned=read_pin(options.pin)
                if options.pin
                else packaged_pin(role_type_of(settings.mode, settings.policy)),
            )
        )
    except FAILURES as error:
        return give_up("the checks cannot begin", error)
    sys.stdout.write((as_json(findings) if options.json else as_text(findings)) + "\n")
    return BAD if any(finding.is_bad for finding in findings) else 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m alertlogic_constructs.preflight",
        description="Checks the landing zone, and Alert Logic, with the AWS credentials of the management account.",
    )
    add_access_options(parser)
    parser.add_argument(
        "--pin", type=Path, metavar="FILE", help="the policy that you pass as policy_document=, if you do"
    )
    parser.add_argument("--json", action="store_true", help="write it as JSON, not as text")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
