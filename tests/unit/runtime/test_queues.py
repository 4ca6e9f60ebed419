"""The queue: one hand-out per key, earliest due time, priorities, one worker per key."""

import queue as queues
import threading

from operator_core.runtime.clock import SystemClock
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


class CountingClock(SystemClock):
    """Counts how often somebody looks."""

    def __init__(self) -> None:
        self.looks = 0

    def monotonic(self) -> float:
        self.looks += 1
        return super().monotonic()


def test_many_waiting_workers_miss_no_key_whatever_the_order_of_due_times() -> None:
    keys = Queue(SystemClock())
    names = [Key("FlinkDeployment", "jobs", f"job-{number}") for number in range(200)]
    taken: queues.Queue[Key] = queues.Queue()

    def work() -> None:
        while (key := keys.get()) is not None:
            taken.put(key)
            keys.done(key)

    workers = [threading.Thread(target=work, daemon=True) for _ in range(8)]
    for worker in workers:
        worker.start()
    for number, key in enumerate(names):  # later keys are often due before earlier ones
        keys.add(key, after=(number * 37 % 100) / 200)
    assert sorted(taken.get(timeout=60) for _ in names) == sorted(names)
    keys.close()
    for worker in workers:
        worker.join(60)
        assert not worker.is_alive()


def test_one_waiting_worker_watches_the_clock_for_all() -> None:
    clock = CountingClock()
    keys = Queue(clock)
    got: queues.Queue[Key | None] = queues.Queue()
    workers = [threading.Thread(target=lambda: got.put(keys.get()), daemon=True) for _ in range(30)]
    for worker in workers:
        worker.start()
    keys.add(A, after=0.2)
    keys.add(B, after=0.1)
    assert {got.get(timeout=60), got.get(timeout=60)} == {A, B}
    keys.close()
    for worker in workers:
        worker.join(60)
    assert clock.looks < 30 + 2 + 20, "thirty begin to wait, two keys are added, and few look again"
