"""Refreshes the pinned policy of Alert Logic's role: `python -m alertlogic_constructs.policies`.

It fetches the policy that Alert Logic asks for today, shows how it differs from the pinned one, and writes it into a
file, from which `AlertLogicRole`, `ProtectedAccount` and `ControlTowerIntegration` take it as `policy_document=`.

Exit code: 0 if it is done, or with `--check` if nothing differs; 1 if something does with `--check`; 2 if it cannot be
fetched.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ._role_policy import Difference, packaged_pin, read_pin
from ._tools import FAILURES, add_access_options, give_up
from .alertlogic_role import role_type_of
from .settings import CONTEXT_KEY, read_context, read_settings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

DIFFERENT = 1

_ROLE_TYPES = ("ci_essentials", "ci_full", "ci_manual")
# Of all inline policies of a role together, white space not counted:
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
_LONGEST_POLICY = 10_240


def main(arguments: Sequence[str] | None = None) -> int:
    """Fetch, show and write; return the exit code."""
    options = _options(arguments)
    try:
        from ._preflight.latest_policy import fetch  # noqa: PLC0415 - the constructs need no boto3

        settings = read_settings(read_context(options.settings).get(CONTEXT_KEY))
        role_type = options.role_type or role_type_of(settings.mode, settings.policy)
        file = options.output or Path(f"{role_type}.json")
        pinned = read_pin(file) if file.exists() else packaged_pin(role_type)
        latest = fetch(
            settings,
            role_type,
            role_name=options.role_name,
            stack=options.stack,
            key_text=options.key_file.read_text("utf-8") if options.key_file else None,
        )
        difference = Difference.between(pinned, latest.policy_document)
        sys.stdout.write(_report(role_type, latest.version, difference, "in " + str(file) if file.exists() else "here"))
        if options.check:
            return DIFFERENT if difference.lacking or difference.surplus else 0
        _write(file, latest.policy_document)
    except FAILURES as error:
        return give_up("the policy cannot be refreshed", error)
    sys.stdout.write(f"{file} is written.\n")
    return 0


def _report(role_type: str, version: str, difference: Difference, where: str) -> str:
    if not (difference.lacking or difference.surplus):
        return f"{role_type} of {version} is what is pinned {where}.\n"
    return f"{role_type} of {version}, and what is pinned {where}:\n{difference.as_text()}\n"


def _write(file: Path, document: Mapping[str, Any]) -> None:
    """Write a policy, sorted and indented, so that a later one shows what changed."""
    size = len(json.dumps(document, separators=(",", ":")))
    if size > _LONGEST_POLICY:
        raise ValueError(f"it has {size} characters, and the inline policies of a role {_LONGEST_POLICY} at most")
    file.write_text(json.dumps(document, indent=2) + "\n", "utf-8")


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m alertlogic_constructs.policies",
        description="Fetches the policy of Alert Logic's role, shows the difference to the pinned one and pins it.",
    )
    add_access_options(parser)
    parser.add_argument(
        "--role-type", choices=_ROLE_TYPES, help="which role; by default, that of the settings' mode and policy"
    )
    parser.add_argument(
        "--output", type=Path, metavar="FILE", help="where it is pinned (default: <role type>.json, in this folder)"
    )
    parser.add_argument("--check", action="store_true", help="write nothing; exit with 1 if something differs")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
