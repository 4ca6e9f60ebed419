"""The queue: one hand-out per key, earliest due time, priorities, one worker per key."""

import threading

from operator_core.runtime.queues import CHANGED, RECHECK, Key, Queue

A = Key("FlinkDeployment", "jobs", "a")
B = Key("FlinkDeployment", "jobs", "b")


class ManualClock:
    def __init__(self) -> None:
        self.time = 100.0

    def monotonic(self) -> float:
        return self.time

    def now(self) -> object:
        raise AssertionError("the queue must not read wall time")


def queue() -> tuple[Queue, ManualClock]:
    clock = ManualClock()
    return Queue(clock), clock  # type: ignore[arg-type]


def test_a_key_added_twice_is_handed_out_once() -> None:
    keys, _ = queue()
    keys.add(A)
    keys.add(A)
    assert keys.get(0) == A
    keys.done(A)
    assert keys.get(0) is None


def test_the_earliest_due_time_wins() -> None:
    keys, clock = queue()
    keys.add(A, after=60)
    keys.add(A, after=5)
    keys.add(A, after=30)
    assert keys.get(0) is None
    clock.time += 5
    assert keys.get(0) == A
    keys.done(A)
    clock.time += 100
    assert keys.get(0) is None


def test_changed_keys_are_served_before_rechecks() -> None:
    keys, clock = queue()
    keys.add(A, priority=RECHECK)
    clock.time += 1
    keys.add(B, priority=CHANGED)
    assert [keys.get(0), keys.get(0)] == [B, A]


def test_a_recheck_becomes_urgent_when_the_object_changes() -> None:
    keys, _ = queue()
    keys.add(B, priority=RECHECK)
    keys.add(A, priority=RECHECK)
    keys.add(A, priority=CHANGED)
    assert keys.get(0) == A


def test_a_key_under_way_waits_for_done() -> None:
    keys, _ = queue()
    keys.add(A)
    assert keys.get(0) == A
    keys.add(A)
    assert keys.get(0) is None
    assert keys.depth() == 1
    keys.done(A)
    assert keys.get(0) == A


def test_lag_counts_the_most_overdue_key() -> None:
    keys, clock = queue()
    keys.add(A)
    keys.add(B, after=10)
    clock.time += 4
    assert keys.lag() == 4


def test_close_wakes_a_waiting_worker() -> None:
    keys, _ = queue()
    taken: list[Key | None] = []
    worker = threading.Thread(target=lambda: taken.append(keys.get()))
    worker.start()
    keys.close()
    worker.join(5)
    assert taken == [None]
