"""What the commands share and the library does not need."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from ._naming import CONTROL_TOWER_EXECUTION
from .settings import CONTEXT_KEY

if TYPE_CHECKING:
    import argparse

DEFAULT_STACK = "AlertLogic-Security"
UNUSABLE = 2

# What the extra `tools` installs.
_TOOLS = frozenset({"boto3", "botocore", "requests", "urllib3"})


class CommandError(Exception):
    """A command cannot do what it is for; the message says why."""


# What makes a command give up.
FAILURES = (CommandError, ModuleNotFoundError, OSError, ValueError)


def give_up(what: str, error: Exception, *, code: int = UNUSABLE) -> int:
    """Say what a command cannot do, and why; return the exit code.

    Raises:
        ModuleNotFoundError: The error is one, and another module is missing than the extra `tools` installs.
    """
    why = how_to_install(error) if isinstance(error, ModuleNotFoundError) else error
    sys.stderr.write(f"{what}: {why}\n")
    return code


def how_to_install(error: ModuleNotFoundError) -> str:
    """Say how to install what an import found missing.

    Raises:
        ModuleNotFoundError: Something else is missing.
    """
    package = (error.name or "").split(".")[0]
    if package not in _TOOLS:
        raise error
    return f"{package} is missing; install the wheel with its extra, as in WHEEL[tools]"


def printable(text: str) -> str:
    """Return a text that does nothing to a terminal but print."""
    return "".join(letter if letter.isprintable() else " " for letter in text)


def add_settings_option(parser: argparse.ArgumentParser) -> None:
    """Add the option that says where the settings are."""
    parser.add_argument(
        "--settings",
        type=Path,
        default=Path("cdk.json"),
        metavar="FILE",
        help=f"the cdk.json whose context {CONTEXT_KEY} is read (default: %(default)s)",
    )


def add_access_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that say where the settings are, and how to get at the access key."""
    add_settings_option(parser)
    parser.add_argument(
        "--role-name",
        default=CONTROL_TOWER_EXECUTION,
        metavar="NAME",
        help="the role to assume in the other accounts, for reading only (default: %(default)s)",
    )
    parser.add_argument(
        "--stack",
        default=DEFAULT_STACK,
        metavar="NAME",
        help="the stack in the security account that holds the secret (default: %(default)s)",
    )
    parser.add_argument(
        "--key-file",
        type=Path,
        metavar="FILE",
        help="the access key, as the secret is to hold it, instead of the secret",
    )
