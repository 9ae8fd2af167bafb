"""Values of which findings are made: the same for the same finding, different from finding to finding."""

from __future__ import annotations

import random
import string
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.rehearsal.templates import Json

# Names as people give them, in every script that a console takes.
WORDS = (
    "checkout",
    "Zahlungsverkehr",
    "größenprüfung",
    "entrepôt",
    "señales",
    "платежи",
    "決済",
    "주문",
    "طلبات",
    "naïve-bayes",
    "billing",
    "edge",
    "ledger",
    "search 🔍",
    'says "no"',
    "back\\slash",
    "a<b & c>d",
)
TAG_KEYS = ("Name", "CostCenter", "Team", "Owner", "Środowisko", "data-classification", "aws:autoscaling:groupName")
PLACES = (
    ("Reykjavík", "IS", "Iceland", "Fjarskipti hf", 25509),
    ("São Paulo", "BR", "Brazil", "Rede Exemplo", 28573),
    ("Łódź", "PL", "Poland", "Sieć Miejska", 12741),
    ("大阪市", "JP", "Japan", "Example Net KK", 17676),
    ("Lagos", "NG", "Nigeria", "Example Broadband", 37282),
    ("Zürich", "CH", "Switzerland", "Beispiel AG", 13030),
)


@dataclass
class Draft:
    """What one finding is about.

    Attributes:
        kind: GuardDuty's finding type.
        severities: From which one is chosen.
        resource: The finding's `resource`.
        service: The members of `service` that only some findings have, such as `action`.
        tags: The list in either that holds the tags of what it is about, if that can have any.
        pile: The list, in either, that grows with what was seen.
        another: Makes one thing more for it.
    """

    kind: str
    severities: tuple[float, ...]
    resource: Json
    service: Json
    tags: list[Json] | None
    pile: list[Json]
    another: Callable[[], Json]


@dataclass
class Values:
    """Where and when the finding is from, and a source of ids, addresses and names."""

    seed: str
    number: int
    account: str
    region: str
    at: float
    random: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)  # noqa: S311 - no secret

    def hex(self, length: int) -> str:
        return f"{self.random.getrandbits(4 * length):0{length}x}"

    def upper(self, prefix: str, length: int = 16) -> str:
        """An id such as an access key's."""
        return prefix + "".join(self.random.choices(string.ascii_uppercase + "234567", k=length))

    def shared(self, what: str) -> str:
        """32 hexadecimal digits that all findings of the account and region share, such as the detector's id."""
        return f"{random.Random(f'{what}/{self.account}/{self.region}').getrandbits(128):032x}"  # noqa: S311 - as above

    def uuid(self) -> str:
        text = self.hex(32)
        return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))

    def number_to(self, most: int) -> int:
        return self.random.randint(1, most)

    def one_of(self, choices: Sequence[Any]) -> Any:
        return self.random.choice(choices)

    def public_ip(self) -> str:
        """An address of the networks for documentation: https://www.rfc-editor.org/rfc/rfc5737."""
        network = self.one_of(("192.0.2", "198.51.100", "203.0.113"))
        return f"{network}.{self.number_to(254)}"

    def private_ip(self) -> str:
        return f"10.{self.number_to(254)}.{self.number_to(254)}.{self.number_to(254)}"

    def arn(self, service: str, resource: str, region: str | None = None) -> str:
        where = self.region if region is None else region
        return f"arn:aws:{service}:{where}:{self.account}:{resource}"

    def seconds_ago(self, seconds: float) -> str:
        """A time with milliseconds."""
        moment = datetime.fromtimestamp(self.at - seconds, UTC)
        return f"{moment:%Y-%m-%dT%H:%M:%S}.{self.number_to(999):03d}Z"

    def earlier(self) -> str:
        return self.seconds_ago(self.number_to(90 * 86400))

    def tag(self) -> Json:
        key = f"{self.one_of(TAG_KEYS)}-{self.hex(3)}"
        return {"key": key, "value": f"{self.one_of(WORDS)}/{self.hex(4)}"}

    def place(self) -> tuple[str, str, str, str, int]:
        """A city, its country's code and name, a network's owner, and its number."""
        return self.random.choice(PLACES)

    def coordinates(self) -> Json:
        return {"lat": round(self.random.uniform(-90, 90), 4), "lon": round(self.random.uniform(-180, 180), 4)}

    def remote_ip(self) -> Json:
        city, code, country, organization, asn = self.place()
        return {
            "ipAddressV4": self.public_ip(),
            "organization": {"asn": str(asn), "asnOrg": organization, "isp": organization, "org": organization},
            "country": {"countryName": country, "countryCode": code},
            "city": {"cityName": city},
            "geoLocation": self.coordinates(),
        }
