"""How calls, bytes and times grow with the number of accounts, from a hundred to the ten thousand of a landing zone."""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING, Final

from account_registration.case import PATIENCE_SECONDS

from .growth_aws import REGIONS
from .growth_lambda import TIMEOUT_SECONDS
from .growth_story import SWEEP_SECONDS, Story, tell
from .row import Row

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .growth_story import Phase

SIZES: Final = (100, 1_000, 10_000)
MOST_EXPONENT: Final = 1.1
MOST_SECONDS: Final = TIMEOUT_SECONDS / 2
# As long as CloudFormation's requests wait before they are answered as pending.
MOST_MINUTES_IN_QUEUE: Final = PATIENCE_SECONDS / 60
MOST_HOURS: Final = SWEEP_SECONDS / 3600


def measure() -> list[Row]:
    """Print what each size costs; return how that grows, and what the largest one takes."""
    stories: list[Story] = []
    for number in SIZES:
        stories.append(tell(number))
        _print(stories[-1])
    calls = exponent(stories, [it.calls for it in stories])
    number_of_bytes = exponent(stories, [it.bytes for it in stories])
    print(f"growth exponent calls={calls:.3f} bytes={number_of_bytes:.3f}")
    largest = stories[-1]
    of_all = f"of {largest.accounts:,} accounts"
    functions = sorted(largest.deployment.invocations)
    return [
        Row("growth exponent of calls", calls, MOST_EXPONENT, f"{largest.calls / largest.accounts:.1f} per account"),
        Row(
            "growth exponent of bytes",
            number_of_bytes,
            MOST_EXPONENT,
            f"{largest.bytes / largest.accounts / 1000:.1f} KB per account",
        ),
        *(
            Row(
                f"seconds of the longest invocation of {name}, {of_all}",
                largest.longest(name),
                MOST_SECONDS,
                f"it may take {TIMEOUT_SECONDS:.0f}",
            )
            for name in functions
        ),
        Row(
            f"minutes that a registration waited for its turn, {of_all}",
            largest.deployment.longest_wait["account_registration"] / 60,
            MOST_MINUTES_IN_QUEUE,
        ),
        *(
            Row(f"hours of the {name} {of_all}", largest.phases[name].seconds / 3600, MOST_HOURS)
            for name in ("deployment", "quiet sweep")
        ),
    ]


def exponent(stories: Sequence[Story], totals: Sequence[float]) -> float:
    """Return the power of the number of accounts with which totals grow: the least-squares slope of the logarithms."""
    points = [(math.log(story.accounts), math.log(total)) for story, total in zip(stories, totals, strict=True)]
    middle_x, middle_y = (sum(values) / len(points) for values in zip(*points, strict=True))
    covariance: float = sum((x - middle_x) * (y - middle_y) for x, y in points)
    variance: float = sum((x - middle_x) ** 2 for x, _ in points)
    return covariance / variance


def _print(story: Story) -> None:
    for name, phase in story.phases.items():
        print(f"{story.accounts:,} accounts x {len(REGIONS)} regions, {name}: {phase.seconds / 60:.1f} minutes")
        for api, (calls, number_of_bytes, throttled) in sorted(_by_api(phase).items()):
            refused = f", {throttled} of them throttled" if throttled else ""
            print(f"  {api:<28} {calls:>9,} calls {number_of_bytes / 1e6:>9.2f} MB{refused}")
        for function, seconds in sorted(phase.invocations.items()):
            if seconds:
                invocations = f"{len(seconds):>9,} invocations, the longest {max(seconds):.1f} s"
                print(f"  {function:<28} {invocations}; messages came back {phase.waits[function]} times")


def _by_api(phase: Phase) -> dict[str, tuple[int, int, int]]:
    traffic = phase.traffic
    totals: list[Counter[str]] = []
    for counted in (traffic.calls, traffic.bytes, traffic.throttled):
        total = Counter[str]()
        for (api, _), count in counted.items():
            total[api] += count
        totals.append(total)
    calls, number_of_bytes, throttled = totals
    return {api: (calls[api], number_of_bytes[api], throttled[api]) for api in calls}
