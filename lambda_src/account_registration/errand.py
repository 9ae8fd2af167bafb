"""What is to be done about one account on the management side's word: messages of our own in our own queue.

Nobody waits for an answer, as to a request that is continued.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from aws.custom_resource import StackId
from aws.json_text import object_of, text_in
from aws.organizations import AwsAccountId

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Reconcile:
    """Bring the account to what its stack stands for.

    Attributes:
        stack_id: The stack of its instance in the home region.
        rank: That of the word which says so.
        sweep: What made the management side look.
    """

    type: ClassVar = "Reconcile"
    is_continued: ClassVar = True

    stack_id: StackId
    rank: str
    sweep: str

    @property
    def id(self) -> str:
        """What every line of the log about it carries."""
        return self.sweep

    @property
    def account_id(self) -> AwsAccountId:
        """The account."""
        return self.stack_id.account_id

    @property
    def body(self) -> str:
        """The message."""
        return json.dumps({self.type: {"StackId": self.stack_id.arn, "Rank": self.rank, "Sweep": self.sweep}})


@dataclass(frozen=True, slots=True)
class Deregister:
    """Deregister an account in which no stack is left to ask for it.

    Attributes:
        account_id: The account.
        sweep: What made the management side look.
    """

    type: ClassVar = "Deregister"
    is_continued: ClassVar = True

    account_id: AwsAccountId
    sweep: str

    @property
    def id(self) -> str:
        """What every line of the log about it carries."""
        return self.sweep

    @property
    def body(self) -> str:
        """The message."""
        return json.dumps({self.type: {"AccountId": self.account_id, "Sweep": self.sweep}})


Errand = Reconcile | Deregister


def errand_in(message: Mapping[str, Any]) -> Errand | None:
    """Read a message; None if it is none of these.

    Raises:
        Refused: It names no stack.
        KeyError: Something is missing.
        TypeError: Something is of another type.
    """
    if Reconcile.type in message:
        content = object_of(message[Reconcile.type])
        stack_id = StackId.parse(text_in(content, "StackId"))
        return Reconcile(stack_id, text_in(content, "Rank"), text_in(content, "Sweep"))
    if Deregister.type in message:
        content = object_of(message[Deregister.type])
        return Deregister(AwsAccountId(text_in(content, "AccountId")), text_in(content, "Sweep"))
    return None
