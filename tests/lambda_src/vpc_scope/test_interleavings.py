"""The loop, run by several workers at once: whatever happens between any two of their calls, the scope ends right."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from tests.lambda_src.vpc_scope.world import ACCOUNT, EAST, OTHER, WEST, Eyes, World, entry
from vpc_scope.convergence import EVENT_DELAY_SECONDS, Converged

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from aws.organizations import AwsAccountId

MOST_WORKERS = 3
# A call that never comes back is a bug of this test.
HANG_SECONDS = 10
Place = tuple["AwsAccountId", str]
PLACES: tuple[Place, ...] = ((ACCOUNT, EAST), (ACCOUNT, WEST), (OTHER, EAST))
# What the others ask for never changes here, so it does not matter when they do.
CALLS_THAT_MATTER = ("get", "vpcs", "update")

# Races need events of one place, and about one VPC, and workers that have just begun.
places = st.sampled_from((PLACES[0], PLACES[0], PLACES[0], *PLACES))
vpc_ids = st.sampled_from(("vpc-1", "vpc-1", "vpc-1", "vpc-2"))
changes = st.sampled_from(("flip", "flip", "flip", "flip", "delete", "other tag"))
indices = st.integers(0, 9)


class KilledError(BaseException):
    """Lambda ended the invocation; no code of the function catches that."""


@dataclass
class Worker:
    """An invocation in a thread of its own, which moves only when it is told to, one call at a time."""

    world: World
    batch: Collection[Place]
    outcomes: dict[Any, Any] = field(default_factory=dict[Any, Any])
    is_over: bool = False
    is_killed: bool = False

    def __post_init__(self) -> None:
        self._may_go = threading.Semaphore(0)
        self._stands = threading.Semaphore(0)
        threading.Thread(target=self._run, daemon=True).start()
        self._await_standstill()

    def step(self) -> None:
        """Let it make the call that it stands before, and run up to the next."""
        self._may_go.release()
        self._await_standstill()

    def kill(self) -> None:
        self.is_killed = True
        self.step()

    def undone(self) -> list[Place]:
        return [place for place in self.batch if not isinstance(self.outcomes.get(place[0]), Converged)]

    def _run(self) -> None:
        try:
            self.outcomes = Eyes(self.world, self._before).converge(touched(self.batch))
        except KilledError:
            pass
        finally:
            self.is_over = True
            self._stands.release()

    def _before(self, call: str) -> None:
        if not call.startswith(CALLS_THAT_MATTER):
            return
        self._stands.release()
        self._may_go.acquire()
        if self.is_killed:
            raise KilledError

    def _await_standstill(self) -> None:
        assert self._stands.acquire(timeout=HANG_SECONDS)


def touched(batch: Iterable[Place]) -> dict[AwsAccountId, set[str]]:
    regions: dict[AwsAccountId, set[str]] = {}
    for account_id, region in batch:
        regions.setdefault(account_id, set()).add(region)
    return regions


def handle_alone(world: World, batch: Iterable[Place]) -> None:
    """Handle a batch while nobody else does anything."""
    outcomes = Eyes(world).converge(touched(batch))
    assert all(isinstance(outcome, Converged) for outcome in outcomes.values())


class Interleavings(RuleBasedStateMachine):
    """Two accounts, their VPCs, a queue of events, users, and workers at any point of their work."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World()
        self.users_entries: dict[str, list[dict[str, Any]]] = {}
        self.users_exclusions: dict[str, list[dict[str, Any]]] = {}
        for account_id in (ACCOUNT, OTHER):
            # One that looks like ours, but is in a region that nobody governs.
            self.users_entries[account_id] = [entry("vpc-1", "eu-west-1")]
            document = self.world.register(account_id, *self.users_entries[account_id])
            self.users_exclusions[account_id] = list(document["scope"]["exclude"])
        # Each with the time before which the queue hands it over to nobody.
        self.queue: list[tuple[Place, float]] = []
        self.workers: list[Worker] = []
        # Where the last event was lost, so that nobody knows of the change.
        self.unnoticed: set[Place] = set()

    @rule(place=places, vpc_id=vpc_ids, change=changes, is_delivered_at_once=st.sampled_from((True, True, False)))
    def vpc_changes(self, place: Place, vpc_id: str, change: str, *, is_delivered_at_once: bool) -> None:
        """Make it first, if there is no such VPC."""
        vpcs = self.world.vpcs.setdefault(place, {})
        tags = vpcs.setdefault(vpc_id, {})
        match change:
            case "flip":
                vpcs[vpc_id] = {} if "alertlogic" in tags else {"alertlogic": "true"}
            case "delete":
                del vpcs[vpc_id]
            case _:
                vpcs[vpc_id] = {"alertlogic": "false"}
        event = (place, self.world.now + EVENT_DELAY_SECONDS)
        self.queue.append(event)
        self.unnoticed.discard(place)
        if is_delivered_at_once:
            self._deliver(event)

    @precondition(lambda self: self.queue)
    @rule(at=indices, fate=st.sampled_from(("delivery", "batch", "duplicate", "loss")))
    def queue_moves(self, at: int, fate: str) -> None:
        """Take an event from anywhere, since a queue keeps no order."""
        event = self.queue[at % len(self.queue)]
        if fate == "duplicate":
            self.queue.append(event)
        elif fate == "loss":
            self.queue.remove(event)
            self.unnoticed.add(event[0])
        elif fate == "batch":
            self._deliver(*self.queue)
        else:
            self._deliver(event)

    @precondition(lambda self: self.workers)
    @rule(at=indices, calls=st.integers(1, 2), dies=st.sampled_from((False, False, False, True)))
    def worker_goes_on(self, at: int, calls: int, *, dies: bool) -> None:
        worker = self.workers[at % len(self.workers)]
        for _ in range(calls):
            if not worker.is_over:
                worker.step()
        if dies and not worker.is_over:
            worker.kill()
        if worker.is_over:
            self._retire(worker)

    @rule(account_id=st.sampled_from((ACCOUNT, OTHER)), add=st.booleans())
    def user_edits(self, account_id: AwsAccountId, add: bool) -> None:  # noqa: FBT001 - drawn by name
        entries = self.users_entries[account_id]
        document = self.world.documents[f"d-{account_id}"]
        include = document["scope"]["include"]
        if add:
            host = {"type": "host", "key": f"/aws/us-east-1/host/i-{document['version']}"}
            entries.append(host)
            include.append(host)
        elif entries:
            include.remove(entries.pop())
        exclusion = {"type": "subnet", "key": f"/aws/us-east-1/subnet/{document['version']}"}
        self.users_exclusions[account_id].append(exclusion)
        document["scope"]["exclude"].append(exclusion)
        document["version"] += 1

    @invariant()
    def every_place_at_rest_is_right(self) -> None:
        busy = {place for worker in self.workers for place in worker.batch}
        for place in set(PLACES) - busy - {place for place, _ in self.queue} - self.unnoticed:
            self._assert_right(place)

    @invariant()
    def what_is_the_users_stays(self) -> None:
        for account_id, entries in self.users_entries.items():
            scope = self.world.documents[f"d-{account_id}"]["scope"]
            assert [it for it in scope["include"] if not _is_governed(it)] == entries
            assert scope["exclude"] == self.users_exclusions[account_id]

    def teardown(self) -> None:
        # Who began first ends last, which is when what it knows is oldest.
        while self.workers:
            self._finish(self.workers[-1])
        for place, _ in self.queue:
            handle_alone(self.world, [place])
        self.queue = []
        self.every_place_at_rest_is_right()
        # A sweep of everything heals what nobody was told of.
        handle_alone(self.world, PLACES)
        self.unnoticed = set()
        self.every_place_at_rest_is_right()
        self.what_is_the_users_stays()

    def _deliver(self, *events: tuple[Place, float]) -> None:
        if len(self.workers) < MOST_WORKERS:
            for event in events:
                self.queue.remove(event)
            # So much time passes for whoever is at work, too.
            self.world.now = max(self.world.now, *(visible_at for _, visible_at in events))
            self.workers.append(Worker(self.world, [place for place, _ in events]))

    def _finish(self, worker: Worker) -> None:
        while not worker.is_over:
            worker.step()
        self._retire(worker)

    def _retire(self, worker: Worker) -> None:
        self.workers.remove(worker)
        self.queue += [(place, self.world.now) for place in worker.undone()]

    def _assert_right(self, place: Place) -> None:
        account_id, region = place
        vpcs = self.world.vpcs.get(place, {})
        wanted = {f"/aws/{region}/vpc/{vpc_id}" for vpc_id, tags in vpcs.items() if tags.get("alertlogic") == "true"}
        there = [it["key"] for it in self.world.included(account_id) if it["key"].startswith(f"/aws/{region}/vpc/")]
        assert sorted(there) == sorted(wanted)


def _is_governed(entry: dict[str, Any]) -> bool:
    return entry["type"] == "vpc" and entry["key"].split("/")[2] in {EAST, WEST}


Interleavings.TestCase.settings = settings(max_examples=800, stateful_step_count=8)
TestInterleavings = Interleavings.TestCase
