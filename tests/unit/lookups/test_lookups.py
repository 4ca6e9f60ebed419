"""When repositories are looked at: pauses that were asked for, a lane for slow ones, places in the interval."""

import pytest

from gitsync.desired.lookups import Lookups
from operator_core.errors import Reason, Retry
from operator_core.outcomes import After, Done, Outcome
from operator_core.runtime.queues import Key, Queue

KEYS = [Key("Repository", "", f"https://h/{number}") for number in range(12)]


class Clock:
    def __init__(self) -> None:
        self.at = 0.0

    def monotonic(self) -> float:
        return self.at


def made(clock: Clock, look: object, interval: float = 60.0) -> tuple[Lookups, Queue]:
    queue = Queue(clock)  # type: ignore[arg-type]
    return Lookups(clock, queue, look, interval), queue  # type: ignore[arg-type]


def test_a_host_that_asks_for_a_pause_gets_it_whoever_wants_a_look() -> None:
    clock, looked = Clock(), []

    def look(key: Key) -> Outcome:
        looked.append(key)
        if len(looked) == 1:
            raise Retry(Reason.RepositoryUnreachable, "busy", after=600.0)
        return Done()

    lookups, _ = made(clock, look)
    with pytest.raises(Retry):
        lookups.reconcile(KEYS[0])
    clock.at = 100.0
    assert lookups.reconcile(KEYS[0]) == After(500.0)
    assert lookups.reconcile(KEYS[1]) == Done()
    assert looked == KEYS[:2]
    clock.at = 600.0
    assert lookups.reconcile(KEYS[0]) == Done()


def test_slow_ones_leave_workers_for_those_that_answered_quickly() -> None:
    clock = Clock()
    inside: list[Key] = []
    refused: list[Key] = []
    quick = KEYS[11]

    def look(key: Key) -> Outcome:
        """While one lookup runs, the next begins, as other workers would."""
        if key == quick:
            return Done()
        inside.append(key)
        following = KEYS[len(inside) + len(refused)]
        if following != quick:
            before = len(inside)
            lookups.reconcile(following)
            if len(inside) == before:
                refused.append(following)
        assert lookups.reconcile(quick) == Done()
        return Done()

    lookups, queue = made(clock, look)
    lookups.reconcile(quick)
    lookups.reconcile(KEYS[0])
    assert inside == KEYS[:4] and refused == [KEYS[4]]
    assert queue.get(0) == KEYS[4], "whoever found no room is woken when there is"


def test_polls_are_spread_over_a_part_of_the_interval() -> None:
    clock = Clock()
    lookups, queue = made(clock, lambda _: Done(), interval=60.0)
    lookups.poll("Repository", lambda: [key.name for key in KEYS])
    taken = []
    while clock.at <= 10.0:
        key = queue.get(0)
        if key is None:
            clock.at += 0.1
            continue
        taken.append((key, round(clock.at, 1)))
    assert {key for key, _ in taken} == set(KEYS)
    assert len({at for _, at in taken}) > 6
    lookups.poll("Repository", list)
