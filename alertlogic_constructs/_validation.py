"""Checks of what a user says, reported together: one error lists everything that is wrong, each with its fix."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, cast

from aws_cdk import Stack, Token
from aws_cdk.region_info import RegionInfo

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from enum import Enum

    from constructs import Construct


class Checks:
    """Collects what is wrong with the arguments of one construct or value class."""

    def __init__(self, subject: str) -> None:
        self._subject = subject
        self._problems: list[str] = []

    def require(self, ok: bool, argument: str, value: object, allowed: str, change: str) -> None:  # noqa: FBT001
        """Note a problem unless `ok`."""
        if not ok:
            self._problems.append(f"{argument} is {value!r}; allowed is {allowed}; {change}")

    def matches(self, pattern: str, argument: str, value: object, allowed: str, change: str) -> None:
        """Require a string that matches `pattern` as a whole; a token, whose value is not known, never does."""
        known = isinstance(value, str) and not Token.is_unresolved(value)
        self.require(known and re.fullmatch(pattern, str(value)) is not None, argument, value, allowed, change)

    def strings(self, argument: str, values: object) -> tuple[str, ...]:
        """Require a list or tuple of strings, and return its strings: a single one would pass as its letters."""
        is_list = isinstance(values, (list, tuple))
        self.require(is_list, argument, values, "a list of strings", "put the value into brackets")
        listed = cast("Sequence[object]", values) if is_list else ()
        for value in listed:
            self.require(isinstance(value, str), argument, value, "a string in the list", "put it into quotes")
        return tuple(value for value in listed if isinstance(value, str))

    def boolean(self, argument: str, value: object) -> None:
        """Require `True` or `False`: a string such as `"false"` would pass as true."""
        self.require(isinstance(value, bool), argument, value, "True or False", "write it without quotes")

    def choice(self, argument: str, value: object, choices: type[Enum]) -> None:
        """Require a member of an enumeration: its name or value would pass as none of them."""
        names = ", ".join(str(one) for one in choices)
        self.require(isinstance(value, choices), argument, value, f"one of {names}", "pass it, not its name or value")

    def account(self, argument: str, value: object) -> None:
        """Require an AWS account id that is known at synthesis."""
        self.matches(
            r"[0-9]{12}",
            argument,
            value,
            "an AWS account id of 12 digits, known at synthesis",
            "copy it from AWS Organizations, as a string with its leading zeros",
        )

    def organization(self, argument: str, value: object) -> None:
        """Require the id of an organization that is known at synthesis."""
        self.matches(
            r"o-[a-z0-9]{10,32}",
            argument,
            value,
            "'o-' and 10 to 32 lower-case letters or digits",
            "run 'aws organizations describe-organization' and copy Id",
        )

    def region(self, argument: str, value: object) -> None:
        """Require an AWS region of the partition `aws`, where Alert Logic's own accounts are."""
        known = isinstance(value, str) and not Token.is_unresolved(value)
        self.require(
            known and RegionInfo.get(str(value)).partition == "aws",
            argument,
            value,
            "a region of the partition aws, known at synthesis, such as 'eu-west-1'",
            "Alert Logic's accounts are in the partition aws only: name one of its regions",
        )

    def unique(self, argument: str, values: Iterable[str]) -> None:
        """Require that nothing is named twice."""
        listed = list(values)
        twice = sorted({value for value in listed if listed.count(value) > 1})
        self.require(not twice, argument, listed, "each value once", f"name {', '.join(twice)} once")

    def raise_problems(self) -> None:
        """Raise one `ValueError` that lists every problem found.

        Raises:
            ValueError: if anything is wrong; each line names the argument, the value, what is allowed and the fix.
        """
        if self._problems:
            raise ValueError("\n".join([f"{self._subject} cannot be used:", *(f"- {p}" for p in self._problems)]))


class StackChecks(Checks):
    """Collects what is wrong with the arguments of a construct, and with the stack that it is put into."""

    def __init__(self, construct: Construct) -> None:
        """Check a construct."""
        self._stack = Stack.of(construct)
        super().__init__(f"{type(construct).__name__} in stack {self._stack.stack_name!r}")

    def environment(self, *, account: str | None = None, region: str | None = None) -> None:
        """Require that the stack, where its environment is known, is for this account and region."""
        for argument, actual, wanted in (
            ("env.account", self._stack.account, account),
            ("env.region", self._stack.region, region),
        ):
            self.require(
                wanted is None or Token.is_unresolved(actual) or actual == wanted,
                argument,
                actual,
                repr(wanted),
                f"put it into a stack with Environment({argument.removeprefix('env.')}={wanted!r})",
            )

    def partition(self) -> None:
        """Require that the stack, where its region is known, is in the partition of Alert Logic's accounts."""
        if not Token.is_unresolved(self._stack.region):
            self.region("env.region", self._stack.region)
