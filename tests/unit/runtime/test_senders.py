"""Threads that send what others hand over: at once, at its moment, and the rest when they end."""

import threading
from collections.abc import Callable

from operator_core.runtime.senders import Senders

DEADLINE = 60.0


class Owner:
    """Hands numbers over; one at a time may be sent."""

    def __init__(self, workers: int = 2) -> None:
        self.waiting: list[int] = []
        self.sent: list[int] = []
        self.held = threading.Event()
        self.held.set()
        self.senders = Senders("test", workers, self._take)

    def _take(self) -> tuple[Callable[[], None] | None, float | None]:
        if not self.waiting:
            return None, None
        number = self.waiting.pop(0)
        return lambda: self._send(number), None

    def _send(self, number: int) -> None:
        assert self.held.wait(DEADLINE)
        with self.senders.changed:
            self.sent.append(number)
            self.senders.changed.notify_all()

    def hand_over(self, *numbers: int) -> None:
        with self.senders.changed:
            self.waiting.extend(numbers)
            self.senders.changed.notify_all()

    def wait_sent(self, count: int) -> None:
        with self.senders.changed:
            assert self.senders.changed.wait_for(lambda: len(self.sent) >= count, DEADLINE)


def test_what_is_handed_over_is_sent() -> None:
    owner = Owner()
    owner.senders.start()
    owner.held.clear()
    owner.hand_over(1, 2, 3)
    owner.held.set()
    owner.wait_sent(3)
    owner.hand_over(4)
    owner.wait_sent(4)
    owner.senders.stop(DEADLINE)
    assert sorted(owner.sent) == [1, 2, 3, 4]


def test_the_end_sends_what_is_left() -> None:
    owner = Owner(workers=1)
    owner.waiting = [1, 2, 3]
    owner.senders.start()
    owner.senders.stop(DEADLINE)
    assert owner.sent == [1, 2, 3]


def test_senders_that_never_began_end_at_once() -> None:
    owner = Owner()
    owner.senders.stop(DEADLINE)
    assert owner.senders.stopping and owner.sent == []


def test_a_moment_that_comes_is_noticed_without_a_word() -> None:
    asked: list[float] = []
    done = threading.Event()

    def take() -> tuple[Callable[[], None] | None, float | None]:
        asked.append(0.01)
        return (None, 0.01) if len(asked) == 1 else (done.set, None) if len(asked) == 2 else (None, None)

    senders = Senders("test", 1, take)
    senders.start()
    assert done.wait(DEADLINE)
    senders.stop(DEADLINE)
