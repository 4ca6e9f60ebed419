"""What was read or computed lately, by key, up to a total weight. Safe to share between threads."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

_T = TypeVar("_T")


def _one(_: object) -> int:
    return 1


class Memo(Generic[_T]):
    """The most recently used answers; `weigh` says how much one counts of `capacity`."""

    def __init__(self, capacity: int, weigh: Callable[[_T], int] = _one) -> None:
        self._capacity = capacity
        self._weigh = weigh
        self._lock = threading.Lock()
        self._size = 0
        self._answers: OrderedDict[Hashable, _T] = OrderedDict()

    def get(self, key: Hashable) -> _T | None:
        """The answer, or None when it is not remembered."""
        with self._lock:
            known = self._answers.get(key)
            if known is not None:
                self._answers.move_to_end(key)
            return known

    def put(self, key: Hashable, answer: _T) -> None:
        """Remember an answer, and forget the oldest ones beyond the capacity; one that is too heavy is not kept."""
        weight = self._weigh(answer)
        with self._lock:
            if key in self._answers or weight > self._capacity:
                return
            self._answers[key] = answer
            self._size += weight
            while self._size > self._capacity:
                _, dropped = self._answers.popitem(last=False)
                self._size -= self._weigh(dropped)

    def drop(self, key: Hashable) -> None:
        """Forget one answer."""
        with self._lock:
            known = self._answers.pop(key, None)
            if known is not None:
                self._size -= self._weigh(known)

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._answers.clear()
            self._size = 0
