"""What the commands need and the library does not."""

from __future__ import annotations

# What the extra `tools` installs.
_TOOLS = frozenset({"boto3", "botocore", "requests", "urllib3"})


def how_to_install(error: ModuleNotFoundError) -> str:
    """Say how to install what an import found missing.

    Raises:
        ModuleNotFoundError: Something else is missing.
    """
    package = (error.name or "").split(".")[0]
    if package not in _TOOLS:
        raise error
    return f"{package} is missing; install alertlogic-constructs[tools]"
