"""One value that outlasts the container: a parameter of the Systems Manager."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_ssm import SSMClient


class Parameter:
    """A String parameter, which somebody else made."""

    def __init__(self, ssm: SSMClient, *, name: str) -> None:
        self._ssm = ssm
        self._name = name

    def read(self) -> str:
        """Return what it holds."""
        return self._ssm.get_parameter(Name=self._name)["Parameter"].get("Value", "")

    def write(self, value: str) -> None:
        """Make it hold something else, which must not be empty."""
        self._ssm.put_parameter(Name=self._name, Value=value, Overwrite=True)
